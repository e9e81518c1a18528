"""The bar above the Explain view: go on and back, choose the batch and the digits, leave."""

from functools import partial

from PySide6.QtCore import QEvent, QPoint, QSize, Qt
from PySide6.QtGui import QKeyEvent, QResizeEvent
from PySide6.QtWidgets import QHBoxLayout, QMenu, QToolButton, QWidget

from annstudio.explain.numbers import MAX_DIGITS, MIN_DIGITS
from annstudio.ui.actions import Command, by_id
from annstudio.ui.explain.batch_chooser import BatchChooser, NarrowSpin
from annstudio.ui.explain.elided import ElidedLabel
from annstudio.ui.explain.view import ExplainView
from annstudio.ui.theme import GRID, TITLE, ui_font, wear
from annstudio.ui.toolbar import show_words

_MOST_USED = ("step_forward", "step_back", "leave_explain", "next_layer", "to_loss", "to_update")
"""Which buttons keep their words longest where there is little room."""
_BATCH_RANK = 2.5
"""The words of the batch, and of the precision, go after those of the buttons behind the third."""
_SPARED = ("previous_breakpoint", "next_breakpoint", "breakpoint", "to_start", "to_update", "to_loss")
"""Which buttons give way to a menu where there is no room even for icons, in this order."""


class ExplainBar(QWidget):
    """Buttons for the view's commands. Everything here is reached by the view's keys as well."""

    def __init__(self, view: ExplainView, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.view = view
        self.setAccessibleName("Explain commands")
        self._worded: dict[QToolButton, int] = {}
        self._commands: list[tuple[QToolButton, Command]] = []
        self._hidden: set[QWidget] = set()
        self._widths: dict[tuple[QToolButton, bool], int] = {}
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
        self.digits = NarrowSpin(self)
        self.digits.word = "Precision "
        self.digits.setToolTip("How many digits numbers are written with")
        self.digits.setAccessibleName("Precision")
        self.digits.show_number(MIN_DIGITS, (MIN_DIGITS, MAX_DIGITS))
        row.addWidget(self.digits)
        self.more = self._menu_button()
        row.addWidget(self.more)
        row.addStretch(1)
        self.leave = self._button("leave_explain")
        buttons = {command.id: button for button, command in self._commands}
        self._spared = [buttons[id] for id in _SPARED]
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

    def _menu_button(self) -> QToolButton:
        """A button whose menu has the commands that there is no room for."""
        button = QToolButton(self)
        button.setText("More")
        button.setToolTip("More commands")
        button.setAccessibleName("More commands")
        button.setToolButtonStyle(Qt.ToolButtonStyle.ToolButtonIconOnly)
        button.setFocusPolicy(Qt.FocusPolicy.TabFocus)
        wear(button, "more")
        menu = QMenu(button)
        menu.setToolTipsVisible(True)
        menu.aboutToShow.connect(lambda: self._fill_menu(menu))
        button.clicked.connect(lambda: menu.popup(button.mapToGlobal(QPoint(0, button.height()))))
        return button

    def _fill_menu(self, menu: QMenu) -> None:
        menu.clear()
        for button, command in self._commands:
            if button in self._hidden:
                action = menu.addAction(button.icon(), command.text)
                action.setToolTip(command.help)
                action.setEnabled(button.isEnabled())
                action.triggered.connect(partial(self.view.do, command))

    # Room ------------------------------------------------------------------------------------------------------------

    def minimumSizeHint(self) -> QSize:
        """As narrow as it gets with the least of words, buttons and title."""
        title = self.title.sizeHint().width() - self.title.minimumSizeHint().width()
        return QSize(self._width(set(), set(self._spared)) - max(title, 0), super().minimumSizeHint().height())

    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        self._share_room()

    def _share_room(self) -> None:
        """Words for as much as there is room for, what is used most first; without room for icons, a menu."""
        ranks: dict[QWidget, float] = {self.batch: _BATCH_RANK, self.digits: _BATCH_RANK}
        ranks.update({button: at for button, at in self._worded.items()})
        worded, hidden = set(ranks), set[QWidget]()
        for widget in sorted(ranks, key=lambda one: -ranks[one]):
            if self._width(worded, hidden) <= self.width():
                break
            worded.discard(widget)
        title = self.title.sizeHint().width() - self.title.minimumSizeHint().width()
        for button in self._spared:
            if self._width(worded, hidden) - max(title, 0) <= self.width():
                break
            hidden.add(button)
        for button in self._worded:
            show_words(button, button in worded)
        self.batch.show_words(self.batch in worded)
        self.digits.show_word(self.digits in worded)
        self._hidden = hidden
        for button in self._spared:
            button.setVisible(button not in hidden)
        self.more.setVisible(bool(hidden))

    def _width(self, worded: set[QWidget], hidden: set[QWidget]) -> int:
        """How wide it is with words on these, and without those."""
        row = self.layout()
        assert row is not None
        margins = row.contentsMargins()
        items = [item for i in range(row.count()) if (item := row.itemAt(i)) is not None]
        width = margins.left() + margins.right() + row.spacing() * (len(items) - 1)
        for item in items:
            widget = item.widget()
            away = hidden if widget is not self.more else set() if hidden else {self.more}
            if widget in away or (widget in self.boxes and widget.isHidden()):
                width -= row.spacing()
            elif widget is not None:
                width += self._width_of(widget, words=widget in worded)
            else:
                width += item.sizeHint().width()
        return width

    def _width_of(self, widget: QWidget, *, words: bool) -> int:
        now = widget.sizeHint().width()
        if widget is self.batch:
            return now + self.batch.width_change(words=words)
        if widget is self.digits:
            return self.digits.width_with(self.digits.word if words else "")
        if isinstance(widget, QToolButton) and widget in self._worded:
            return self._width_of_button(widget, words=words)
        return now

    def _width_of_button(self, button: QToolButton, *, words: bool) -> int:
        """What Qt says when it is asked, which is asked once: the dress of a button without words is another."""
        key = button, words
        if key not in self._widths:
            before = button.toolButtonStyle() is Qt.ToolButtonStyle.ToolButtonTextBesideIcon
            show_words(button, words)
            self._widths[key] = button.sizeHint().width()
            show_words(button, before)
        return self._widths[key]

    def changeEvent(self, event: QEvent) -> None:
        super().changeEvent(event)
        if event.type() in (QEvent.Type.FontChange, QEvent.Type.StyleChange):
            self._widths = {}

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
        self.digits.show_number(tour.digits, (MIN_DIGITS, MAX_DIGITS))
        for button, command in self._commands:
            button.setEnabled(command.can_go is not None and command.can_go(self.view))
        for button in self.boxes:
            button.setVisible(walk.boxes.any)
        self._share_room()
