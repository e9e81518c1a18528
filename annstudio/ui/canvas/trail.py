"""The way into the open block, above the canvas: the network, the blocks on the way, each to be gone back to."""

from functools import partial
from typing import TYPE_CHECKING

from PySide6.QtWidgets import QHBoxLayout

from annstudio.ui.canvas.overlays import FlatButton, Plate
from annstudio.ui.panels.base import follow
from annstudio.ui.theme import GRID

if TYPE_CHECKING:
    from annstudio.ui.canvas.commands import Commands

NETWORK = "Network"


class Trail(Plate):
    """Network › block_1 › block_2. Hidden while the network itself is open; Escape and Alt+Up do the same."""

    def __init__(self, view: "Commands") -> None:
        super().__init__(view)
        self._view = view
        self.setAccessibleName("Way into the open block")
        self.buttons: list[FlatButton] = []
        self._row = QHBoxLayout(self)
        self._row.setContentsMargins(GRID, 0, GRID, 0)
        self._row.setSpacing(0)
        self.move(3 * GRID, 3 * GRID)
        follow(self, view.canvas.session.opened, self._show)
        self._show(view.canvas.session.path)

    def _show(self, path: str) -> None:
        for button in self.buttons:
            self._row.removeWidget(button)
            button.hide()
            button.deleteLater()
        names = path.split("/") if path else []
        self.buttons = [self._button(NETWORK, "", last=not names)]
        self.buttons += [
            self._button(f"›  {name}", "/".join(names[: i + 1]), last=i == len(names) - 1)
            for i, name in enumerate(names)
        ]
        self.adjustSize()
        self.setVisible(bool(names))

    def _button(self, words: str, path: str, *, last: bool) -> FlatButton:
        width = self.fontMetrics().horizontalAdvance(words) + 2 * GRID
        button = FlatButton(words, "This is what is shown" if last else f"Back to {words.lstrip('› ')}", width)
        button.setEnabled(not last)
        button.clicked.connect(partial(self._open, path))
        self._row.addWidget(button)
        # The layout would show it in a while, and counts no room for it until then.
        button.show()
        return button

    def _open(self, path: str, checked: bool = False) -> None:
        self._view.attempt(lambda: self._view.canvas.session.open_block(path))
