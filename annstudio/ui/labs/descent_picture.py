"""The loss over two weights, from above or in space, with what is said of it and how far the work has come."""

from collections.abc import Callable

from PySide6.QtCore import Qt, Signal
from PySide6.QtWidgets import (
    QButtonGroup,
    QHBoxLayout,
    QLabel,
    QProgressBar,
    QPushButton,
    QStackedWidget,
    QToolButton,
    QVBoxLayout,
    QWidget,
)

from annstudio.ui.labs.descent_look import Scene, legend
from annstudio.ui.labs.descent_plane import DescentPlane
from annstudio.ui.labs.descent_relief import DescentRelief
from annstudio.ui.panels.base import number_label, quiet_label
from annstudio.ui.plots import SaveButton
from annstudio.ui.theme import GRID, SMALL, ui_font, wear

LOOKS = (("Contours", "Seen from above, with lines of one height"), ("Surface", "Seen in space; drag to turn it"))


class DescentPicture(QWidget):
    """Two looks at one scene. `cancelled` when the user does not want to wait for the rest."""

    cancelled = Signal()

    def __init__(self, tell: Callable[[str, str], object], parent: QWidget | None = None) -> None:
        super().__init__(parent)
        # What is saved as a picture: with its legend, without buttons and words.
        self.kept = QWidget(self)
        self.plane = DescentPlane(self.kept)
        self.relief = DescentRelief(self.kept)
        self.looks = QStackedWidget(self.kept)
        self.looks.addWidget(self.plane)
        self.looks.addWidget(self.relief)
        self.legend = QLabel(self.kept)
        self.legend.setTextFormat(Qt.TextFormat.RichText)
        self.legend.setFont(ui_font(SMALL))
        self.legend.setWordWrap(True)
        inside = QVBoxLayout(self.kept)
        inside.setContentsMargins(0, 0, 0, 0)
        inside.setSpacing(0)
        inside.addWidget(self.looks, 1)
        inside.addWidget(self.legend)
        self.words = quiet_label("", self, SMALL)
        self.place = number_label("", self, SMALL)
        self.place.setWordWrap(True)
        # Room for long names, so that nothing jumps while the pointer moves.
        self.place.setFixedHeight(2 * self.place.fontMetrics().lineSpacing())
        self.place.setAlignment(Qt.AlignmentFlag.AlignTop | Qt.AlignmentFlag.AlignLeft)
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(GRID)
        column.addLayout(self._head(tell))
        column.addWidget(self.kept, 1)
        column.addWidget(self.words)
        column.addLayout(self._foot())
        self.plane.hovered.connect(self.place.setText)
        self.relief.hovered.connect(self.place.setText)

    def show_scene(self, scene: Scene, words: str) -> None:
        """Show this, and what is to be said of it."""
        self.plane.show_scene(scene)
        self.relief.show_scene(scene)
        self.legend.setText(legend([way.name for way in scene.ways]))
        self.legend.setVisible(bool(scene.ways))
        self.words.setText(words)

    def show_progress(self, busy: bool, share: float | None) -> None:
        """Whether something is worked out, and which share of it is done, where that is known."""
        self.progress.setRange(0, 0 if busy and share is None else 100)
        if share is not None:
            self.progress.setValue(round(100 * share))
        self.progress.setVisible(busy)
        self.cancel.setVisible(busy)

    def redress(self) -> None:
        self.plane.redress()
        self.relief.update()

    def _head(self, tell: Callable[[str, str], object]) -> QHBoxLayout:
        head = QHBoxLayout()
        head.setSpacing(2 * GRID)
        self.choice = QButtonGroup(self)
        for k, (words, tip) in enumerate(LOOKS):
            button = QToolButton(self)
            button.setText(words)
            button.setToolTip(tip)
            button.setCheckable(True)
            button.setChecked(k == 0)
            self.choice.addButton(button, k)
            head.addWidget(button)
        self.choice.idClicked.connect(self.looks.setCurrentIndex)
        self.fit = QToolButton(self)
        wear(self.fit, "fit", "dim")
        self.fit.setToolTip("Choose the ranges so that every way is seen whole")
        self.fit.setAccessibleName("Fit the ranges to the ways")
        head.addStretch(1)
        head.addWidget(self.fit)
        head.addWidget(SaveButton(self.kept, "Loss over two weights", self.plane.table, tell))
        return head

    def _foot(self) -> QHBoxLayout:
        self.progress = QProgressBar(self)
        self.progress.setFixedWidth(30 * GRID)
        self.progress.setAccessibleName("How much is worked out")
        self.cancel = QPushButton("Cancel", self)
        self.cancel.setToolTip("Stop what is being worked out; what is there stays")
        self.cancel.clicked.connect(self.cancelled)
        self.show_progress(False, None)
        foot = QHBoxLayout()
        foot.addWidget(self.place, 1)
        foot.addWidget(self.progress)
        foot.addWidget(self.cancel)
        return foot
