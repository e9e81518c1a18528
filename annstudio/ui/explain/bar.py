"""The bar above the Explain view: go on and back, choose the batch and the digits, leave."""

from PySide6.QtCore import QSize, Qt
from PySide6.QtGui import QKeyEvent, QResizeEvent
from PySide6.QtWidgets import QHBoxLayout, QSizePolicy, QSpinBox, QToolButton, QWidget

from annstudio.explain.numbers import MAX_DIGITS, MIN_DIGITS
from annstudio.ui.actions import Command, by_id
from annstudio.ui.explain.batch_chooser import BatchChooser
from annstudio.ui.explain.elided import ElidedLabel
from annstudio.ui.explain.view import ExplainView
from annstudio.ui.theme import GRID, TITLE, ui_font, wear

_MOST_USED = ("step_forward", "step_back", "leave_explain", "next_layer", "to_loss", "to_update")
"""Which buttons keep their words longest where there is little room."""
_BATCH_RANK = 2.5
"""The words of the batch go after those of the buttons behind the third."""


class ExplainBar(QWidget):
    """Buttons for the view's commands. Everything here is reached by the view's keys as well."""

    def __init__(self, view: ExplainView, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.view = view
        self.setAccessibleName("Explain commands")
        self._worded: dict[QToolButton, int] = {}
        self._commands: list[tuple[QToolButton, Command]] = []
        self.title = ElidedLabel(self)
        self.title.setFont(ui_font(TITLE, bold=True))
        self.title.setContentsMargins(GRID, 0, 3 * GRID, 0)
        self.title.setTextInteractionFlags(Qt.TextInteractionFlag.NoTextInteraction)
        row = QHBoxLayout(self)
        row.setContentsMargins(0, 0, 0, 0)
        row.setSpacing(GRID + 2)
        row.addWidget(self.title)
        self.start = self._button("to_start", words=False)
        self.back = self._button("step_back")
        self.on = self._button("step_forward", primary=True)
        self.layer = self._button("next_layer")
        self.boxes = [self._button(id, words=False) for id in ("step_over", "step_into", "step_out")]
        self.loss = self._button("to_loss")
        self.update_all = self._button("to_update", "To update")
        self.breakpoints = [
            self._button(id, words=False) for id in ("breakpoint", "previous_breakpoint", "next_breakpoint")
        ]
        row.addSpacing(2 * GRID)
        self.batch = BatchChooser(view, self)
        row.addWidget(self.batch)
        self.digits = self._spin("Precision ", "How many digits numbers are written with")
        self.digits.setRange(MIN_DIGITS, MAX_DIGITS)
        stretch = QWidget(self)
        stretch.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Preferred)
        row.addWidget(stretch, 1)
        self.leave = self._button("leave_explain")
        self.digits.valueChanged.connect(view.set_digits)
        view.tour.digits_changed.connect(self.refresh)
        view.commands_changed.connect(self.refresh)
        self.refresh()

    def _button(self, id: str, text: str = "", *, words: bool = True, primary: bool = False) -> QToolButton:
        """A button for a command, with its words or `text`, or without."""
        command, button = by_id(id), QToolButton(self)
        button.setText(text or command.text)
        button.setToolTip(command.help)
        button.setAccessibleName(command.text)
        style = Qt.ToolButtonStyle.ToolButtonTextBesideIcon if words else Qt.ToolButtonStyle.ToolButtonIconOnly
        button.setToolButtonStyle(style)
        if words:
            self._worded[button] = _MOST_USED.index(id)
        button.setProperty("primary", primary)
        wear(button, command.icon, "on_accent" if primary else "")
        # The keys go on stepping after a click.
        button.setFocusPolicy(Qt.FocusPolicy.TabFocus)
        button.clicked.connect(lambda: self.view.do(command))
        self._commands.append((button, command))
        layout = self.layout()
        assert layout is not None
        layout.addWidget(button)
        return button

    def _spin(self, prefix: str, tip: str) -> QSpinBox:
        spin = QSpinBox(self)
        spin.setPrefix(prefix)
        spin.setToolTip(tip)
        spin.setAccessibleName(prefix.strip())
        spin.setKeyboardTracking(False)
        layout = self.layout()
        assert layout is not None
        layout.addWidget(spin)
        return spin

    # Room ------------------------------------------------------------------------------------------------------------

    def minimumSizeHint(self) -> QSize:
        """As narrow as it gets without the words, and with as little as can be of the title."""
        title = self.title.sizeHint().width() - self.title.minimumSizeHint().width()
        return QSize(self._width(set()) - max(title, 0), super().minimumSizeHint().height())

    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        self._give_words()

    def _give_words(self) -> None:
        """Words for as much as there is room for, what is used most first."""
        ranks: dict[QWidget, float] = {self.batch: _BATCH_RANK, **{button: at for button, at in self._worded.items()}}
        worded = set(ranks)
        for widget in sorted(ranks, key=lambda one: -ranks[one]):
            if self._width(worded) <= self.width():
                break
            worded.discard(widget)
        for button in self._worded:
            words = button in worded
            style = Qt.ToolButtonStyle.ToolButtonTextBesideIcon if words else Qt.ToolButtonStyle.ToolButtonIconOnly
            if button.toolButtonStyle() is not style:
                button.setToolButtonStyle(style)
        self.batch.show_words(self.batch in worded)

    def _width(self, worded: set[QWidget]) -> int:
        """How wide it is with words on these."""
        change = self.batch.width_change(words=self.batch in worded)
        for button in self._worded:
            has_words = button.toolButtonStyle() is Qt.ToolButtonStyle.ToolButtonTextBesideIcon
            text = button.fontMetrics().horizontalAdvance(button.text()) + GRID
            change += text * (int(button in worded) - int(has_words))
        return super().sizeHint().width() + change

    def keyPressEvent(self, event: QKeyEvent) -> None:
        # The view's keys go on after a sample was chosen.
        if not self.view.take_key(event):
            super().keyPressEvent(event)

    def refresh(self, *_: object) -> None:
        """Say where we are, without a sound."""
        tour, session = self.view.tour, self.view.session
        walk = tour.walk
        self.setEnabled(walk is not None)
        if walk is None:
            return
        self.title.setText(session.title)
        self._show(self.digits, tour.digits, (MIN_DIGITS, MAX_DIGITS), "")
        for button, command in self._commands:
            button.setEnabled(command.can_go is not None and command.can_go(self.view))
        for button in self.boxes:
            button.setVisible(walk.boxes.any)
        self._give_words()

    def _show(self, spin: QSpinBox, value: int, limits: tuple[int, int], suffix: str) -> None:
        before = spin.blockSignals(True)
        spin.setRange(*limits)
        spin.setSuffix(suffix)
        spin.setValue(value)
        spin.blockSignals(before)
