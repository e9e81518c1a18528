"""All moments of the batch in one line, what the one at hand is, how far one step goes, and playing."""

from collections.abc import Callable
from itertools import pairwise

from PySide6.QtCore import QRectF, QSize, Qt, QTimer
from PySide6.QtGui import QPainter, QPaintEvent, QPen, QResizeEvent, QValidator
from PySide6.QtWidgets import (
    QButtonGroup,
    QComboBox,
    QHBoxLayout,
    QLabel,
    QSizePolicy,
    QSpinBox,
    QToolButton,
    QVBoxLayout,
    QWidget,
)

from annstudio.explain.moments import Grain
from annstudio.ordinals import ordinal
from annstudio.ui.actions import by_id
from annstudio.ui.explain.elided import ElidedLabel
from annstudio.ui.explain.player import SPEEDS, Player
from annstudio.ui.explain.tour import Tour
from annstudio.ui.explain.track import Track
from annstudio.ui.numbers import count_text, number_text
from annstudio.ui.theme import CARD_RADIUS, GRID, TEXT, theme, ui_font, wear

_BUTTONS = 44
"""What a number's field needs beside its text."""
_ROOMY = 700
"""In less width the caption has a line of its own."""
_CAPTION = 2
"""The caption's place in the upper line."""
_FRAME = 16
"""While the track is dragged the network follows at most every so many milliseconds."""
GRAINS = {Grain.LAYER: ("Layer", "by_layer"), Grain.OP: ("Operation", "by_operation"),
          Grain.NUMBER: ("Element", "by_element")}  # fmt: skip


class PlaceField(QSpinBox):
    """How many moments have passed, to be typed in: Step 1 234 of 56 789."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setPrefix("Step ")
        self.setKeyboardTracking(False)
        self.setAccessibleName("Step")
        self.setToolTip("Type a step to go there")
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)

    def show_place(self, place: int, n: int) -> None:
        """A place among so many, without a sound."""
        before = self.blockSignals(True)
        if self.maximum() != n or not self.suffix():
            self.setRange(0, n)
            self.setSuffix(f" of {count_text(n)}")
            self.updateGeometry()
        self.setValue(place)
        self.blockSignals(before)

    def sizeHint(self) -> QSize:
        """No wider than its longest text needs."""
        longest = f"{self.prefix()}{count_text(self.maximum())}{self.suffix()}"
        return QSize(self.fontMetrics().horizontalAdvance(longest) + _BUTTONS, super().sizeHint().height())

    def minimumSizeHint(self) -> QSize:
        return self.sizeHint()

    def textFromValue(self, value: int) -> str:
        return count_text(value)

    def valueFromText(self, text: str) -> int:
        return min(int(self._bare(text) or 0), self.maximum())

    def validate(self, text: str, at: int) -> tuple[QValidator.State, str, int]:
        bare = self._bare(text)
        state = QValidator.State
        found = state.Acceptable if bare.isdecimal() else state.Invalid if bare else state.Intermediate
        return found, text, at

    def _bare(self, text: str) -> str:
        text = text.removeprefix(self.prefix()).removesuffix(self.suffix())
        return "".join(sign for sign in text if not sign.isspace() and sign not in ".,'")


class Timeline(QWidget):
    """The track, and above it: play, where we are, what the moment at hand is, and how far one step goes."""

    def __init__(self, tour: Tour, player: Player, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.tour, self.player = tour, player
        self.play = self._button("play_steps")
        self.play_on = self._button("play_on")
        self.play_on.setCheckable(True)
        self.speed = QComboBox(self)
        self.batch = QLabel(self)
        self.batch.setFont(ui_font(TEXT, bold=True))
        self.batch.setSizePolicy(QSizePolicy.Policy.Maximum, QSizePolicy.Policy.Preferred)
        self.number = PlaceField(self)
        self.caption = ElidedLabel(self)
        self.caption.setFont(ui_font(TEXT, bold=True))
        self.track = Track(self)
        self.grains = QButtonGroup(self)
        self._wanted: int | None = None
        self._follow = QTimer(self)
        self._follow.setSingleShot(True)
        self._follow.setInterval(_FRAME)
        self._follow.timeout.connect(self._catch_up)
        self._fill_speeds()
        self._arrange()
        self.play.clicked.connect(lambda: player.toggle())
        self.play_on.clicked.connect(lambda: player.toggle_on())
        self.speed.activated.connect(lambda at: player.choose_speed(SPEEDS[at]))
        self.number.valueChanged.connect(tour.to)
        self.number.lineEdit().returnPressed.connect(self.track.setFocus)
        self.track.valueChanged.connect(self._go)
        self.track.sliderReleased.connect(self._catch_up)
        self.track.turned.connect(self._turn)
        self.track.painted.connect(player.seen)
        self.grains.idClicked.connect(self._choose_grain)
        player.changed.connect(self._show_player)
        tour.begun.connect(self.begin)
        tour.marked.connect(self.begin)
        tour.moved.connect(self.refresh)
        self._show_player()
        self.begin()

    def _arrange(self) -> None:
        self._top = QHBoxLayout()
        self._top.setSpacing(2 * GRID)
        self._top.addWidget(self.batch)
        self._top.addWidget(self.number)
        self._top.addWidget(self.caption, 1)
        self._top.addStretch()
        self._top.addLayout(self._grain_buttons())
        line = QHBoxLayout()
        line.setSpacing(2 * GRID)
        for widget in (self.play, self.speed, self.play_on):
            line.addWidget(widget, 0, Qt.AlignmentFlag.AlignTop)
        line.addWidget(self.track, 1)
        self._rows = QVBoxLayout(self)
        self._rows.setContentsMargins(4 * GRID, 2 * GRID, 4 * GRID, GRID)
        self._rows.setSpacing(GRID)
        self._rows.addLayout(self._top)
        self._rows.addLayout(line)
        # As it is read: the upper line, then the lower one.
        order = [self.number, *self.grains.buttons(), self.play, self.speed, self.play_on, self.track]
        for before, after in pairwise(order):
            QWidget.setTabOrder(before, after)

    def _button(self, id: str) -> QToolButton:
        command, button = by_id(id), QToolButton(self)
        button.setToolTip(command.help)
        button.setAccessibleName(command.text)
        button.setFocusPolicy(Qt.FocusPolicy.TabFocus)
        if command.icon:
            wear(button, command.icon)
        return button

    def _grain_buttons(self) -> QHBoxLayout:
        row = QHBoxLayout()
        row.setSpacing(0)
        for i, (text, id) in enumerate(GRAINS.values()):
            button = self._button(id)
            button.setText(text)
            button.setCheckable(True)
            self.grains.addButton(button, i)
            row.addWidget(button)
        return row

    def _fill_speeds(self) -> None:
        self.speed.setAccessibleName("Speed of playing")
        self.speed.setToolTip("Steps a second while playing (faster +, slower −)")
        self.speed.setFocusPolicy(Qt.FocusPolicy.TabFocus)
        self.speed.addItems([f"{number_text(speed)}/s" for speed in SPEEDS])

    # Following -------------------------------------------------------------------------------------------------------

    def begin(self) -> None:
        """Another batch, another grain, or other breakpoints."""
        walk = self.tour.walk
        self._quietly(lambda: self.track.show_walk(walk, walk.stops(self.tour.breakpoints) if walk is not None else []))
        self.setEnabled(walk is not None)
        if walk is not None:
            self.grains.button(list(GRAINS).index(walk.grain)).setChecked(True)
        self.refresh()

    def refresh(self) -> None:
        """Another moment: what was wanted before is not wanted any more."""
        self._wanted = None
        if self.tour.walk is not None:
            self._show(self.tour.walk.place)
        else:
            self.batch.setText("")
            self.caption.setText("")

    def _show(self, place: int) -> None:
        """Say where we are, or are about to be."""
        walk = self.tour.walk
        assert walk is not None
        self._quietly(lambda: self.track.setValue(place))
        self.batch.setText(f"Batch {count_text(ordinal(walk.stepper.batch_number))}")
        self.number.show_place(place, len(walk))
        self.caption.setText(walk.caption(place))
        self.track.setAccessibleDescription(f"{self.number.text()}: {self.caption.text()}")
        self.track.update()

    def _show_player(self) -> None:
        playing = self.player.playing
        self.speed.setCurrentIndex(SPEEDS.index(self.player.speed))
        self.play_on.setChecked(self.player.runs_on)
        self.play.setAccessibleName("Pause" if playing else by_id("play_steps").text)
        wear(self.play, "pause" if playing else by_id("play_steps").icon)

    def _quietly(self, do: Callable[[], None]) -> None:
        before = self.track.blockSignals(True)
        do()
        self.track.blockSignals(before)

    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        roomy = self.width() >= _ROOMY
        if roomy != (self._rows.indexOf(self.caption) < 0):
            (self._rows if roomy else self._top).removeWidget(self.caption)
            if roomy:
                self._top.insertWidget(_CAPTION, self.caption, 1)
            else:
                self._rows.insertWidget(0, self.caption)

    def paintEvent(self, event: QPaintEvent) -> None:
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        painter.setPen(QPen(theme().card_border, 1))
        painter.setBrush(theme().panel)
        painter.drawRoundedRect(QRectF(self.rect()).adjusted(0.5, 0.5, -0.5, -0.5), CARD_RADIUS, CARD_RADIUS)
        painter.end()

    # Going -----------------------------------------------------------------------------------------------------------

    def _go(self, value: int) -> None:
        """Go where the track was dragged to: at once, or when the frame that is under way is over."""
        if self._follow.isActive():
            self._wanted = value
            self._show(value)
        else:
            self.tour.to(value)
            self._follow.start()

    def _catch_up(self) -> None:
        if self._wanted is not None:
            place, self._wanted = self._wanted, None
            self.tour.to(place)
            self._follow.start()

    def _turn(self, steps: int, layers: bool) -> None:
        walk = self.tour.walk
        if walk is not None and not layers:
            self.tour.to(max(0, min(walk.place + steps, len(walk))))
            return
        for _ in range(abs(steps)):
            (self.tour.next_layer if steps > 0 else self.tour.previous_layer)()

    def _choose_grain(self, which: int) -> None:
        self.tour.set_grain(list(GRAINS)[which])
