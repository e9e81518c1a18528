"""The bar above the Explain view: go on and back, choose the batch and the digits, leave."""

from collections.abc import Callable

from PySide6.QtCore import QSize, Qt
from PySide6.QtGui import QResizeEvent
from PySide6.QtWidgets import QHBoxLayout, QSizePolicy, QSpinBox, QToolButton, QWidget

from annstudio.explain.numbers import MAX_DIGITS, MIN_DIGITS
from annstudio.ui.explain.batch_chooser import BatchChooser
from annstudio.ui.explain.elided import ElidedLabel
from annstudio.ui.explain.view import ExplainView
from annstudio.ui.theme import GRID, TITLE, ui_font, wear


class ExplainBar(QWidget):
    """Buttons for the view's commands. Everything here is reached by the view's keys as well."""

    def __init__(self, view: ExplainView, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.view = view
        self.setAccessibleName("Explain commands")
        self._worded: list[QToolButton] = []
        self.title = ElidedLabel(self)
        self.title.setFont(ui_font(TITLE, bold=True))
        self.title.setContentsMargins(GRID, 0, 3 * GRID, 0)
        self.title.setTextInteractionFlags(Qt.TextInteractionFlag.NoTextInteraction)
        row = QHBoxLayout(self)
        row.setContentsMargins(0, 0, 0, 0)
        row.setSpacing(GRID + 2)
        row.addWidget(self.title)
        self.start = self._button("to-start", "", "To the start (Home)", view.to_start)
        self.back = self._button("back", "Step back", "One step back (Left)", view.step_back)
        self.on = self._button("forward-step", "Step", "One step on (Right)", view.step, primary=True)
        self.layer = self._button(
            "next-layer", "Next layer", "On to the end of this layer (Ctrl+Right)", view.next_layer
        )
        self.loss = self._button("to-loss", "Run to loss", "To where the error is known (L)", view.to_loss)
        self.update_all = self._button("to-update", "To update", "To the end of the update (U)", view.to_update)
        row.addSpacing(2 * GRID)
        self.batch = BatchChooser(view, self)
        row.addWidget(self.batch)
        self.digits = self._spin("Precision ", "How many digits numbers are written with")
        self.digits.setRange(MIN_DIGITS, MAX_DIGITS)
        stretch = QWidget(self)
        stretch.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Preferred)
        row.addWidget(stretch, 1)
        self.leave = self._button("leave", "Leave explain", "Back to the drawing", view.leave)
        self.digits.valueChanged.connect(view.set_digits)
        view.tour.begun.connect(self.refresh)
        view.tour.moved.connect(self.refresh)
        view.tour.digits_changed.connect(self.refresh)
        self.refresh()

    def _button(
        self, icon: str, text: str, tip: str, command: Callable[[], None], *, primary: bool = False
    ) -> QToolButton:
        button = QToolButton(self)
        button.setText(text)
        button.setToolTip(tip)
        button.setAccessibleName(text or tip.partition(" (")[0])
        style = Qt.ToolButtonStyle.ToolButtonTextBesideIcon if text else Qt.ToolButtonStyle.ToolButtonIconOnly
        button.setToolButtonStyle(style)
        if text:
            self._worded.append(button)
        button.setProperty("primary", primary)
        wear(button, icon, "on_accent" if primary else "")
        # The keys go on stepping after a click.
        button.setFocusPolicy(Qt.FocusPolicy.TabFocus)
        button.clicked.connect(lambda: command())
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
        return QSize(self._width(words=False) - max(title, 0), super().minimumSizeHint().height())

    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        words = event.size().width() >= self._width(words=True)
        style = Qt.ToolButtonStyle.ToolButtonTextBesideIcon if words else Qt.ToolButtonStyle.ToolButtonIconOnly
        for button in self._worded:
            button.setToolButtonStyle(style)
        self.batch.show_words(words)

    def _width(self, *, words: bool) -> int:
        """How wide it is with or without the buttons' words."""
        change = self.batch.width_change(words=words)
        for button in self._worded:
            has_words = button.toolButtonStyle() is Qt.ToolButtonStyle.ToolButtonTextBesideIcon
            text = button.fontMetrics().horizontalAdvance(button.text()) + GRID
            change += text * (int(words) - int(has_words))
        return super().sizeHint().width() + change

    def refresh(self, *_: object) -> None:
        """Say where we are, without a sound."""
        tour, session = self.view.tour, self.view.session
        walk = tour.walk
        self.setEnabled(walk is not None)
        if walk is None:
            return
        self.title.setText(session.title)
        self._show(self.digits, tour.digits, (MIN_DIGITS, MAX_DIGITS), "")
        for button, can in (
            (self.start, walk.place > 0), (self.back, tour.can_step_back), (self.on, tour.can_go_on),
            (self.layer, tour.can_go_on), (self.update_all, walk.place < len(walk)),
            (self.loss, walk.program.loss is not None),
        ):  # fmt: skip
            button.setEnabled(can)

    def _show(self, spin: QSpinBox, value: int, limits: tuple[int, int], suffix: str) -> None:
        before = spin.blockSignals(True)
        spin.setRange(*limits)
        spin.setSuffix(suffix)
        spin.setValue(value)
        spin.blockSignals(before)
