"""All moments of the batch in one line, coloured by phase; a click or a drag goes there."""

from PySide6.QtCore import QRectF, QSize, Qt
from PySide6.QtGui import QColor, QKeyEvent, QMouseEvent, QPainter, QPaintEvent, QPalette, QPen
from PySide6.QtWidgets import QAbstractSlider, QButtonGroup, QHBoxLayout, QLabel, QToolButton, QVBoxLayout, QWidget

from annstudio.engine.program import Phase
from annstudio.explain.walk import Grain, Walk
from annstudio.ui.explain.elided import ElidedLabel
from annstudio.ui.explain.tour import Tour
from annstudio.ui.numbers import count_text
from annstudio.ui.theme import CARD_RADIUS, GRID, SMALL, TEXT, mixed, theme, ui_font

NARROWEST = 5.0
"""Moments narrower than this many pixels are not drawn as blocks of their own."""
_TRACK, _LABELS = 22, 20
GRAINS = {Grain.NUMBER: "Number", Grain.OP: "Operation", Grain.LAYER: "Layer"}
_HINTS = {
    Grain.NUMBER: "One step is one number; only where there are few of them",
    Grain.OP: "One step is one operation of a layer",
    Grain.LAYER: "One step is one layer, on its way forward, back, or updated",
}


class Track(QAbstractSlider):
    """The blocks. Its value is how many moments have passed."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.phases: list[Phase] = []
        self.setOrientation(Qt.Orientation.Horizontal)
        self.setAccessibleName("Moment of the batch")
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self.setFixedHeight(_TRACK + _LABELS)
        self.setMouseTracking(True)

    def show_walk(self, walk: Walk | None) -> None:
        """The moments of a walk."""
        steps = walk.program.steps if walk is not None else ()
        self.phases = [steps[moment.position - 1].phase for moment in walk.moments] if walk is not None else []
        self.setRange(0, len(self.phases))
        self.update()

    def sizeHint(self) -> QSize:
        return QSize(100 * GRID, _TRACK + _LABELS)

    def spans(self) -> list[tuple[Phase, int, int]]:
        """The phases in order, with the moments that they begin at and end before."""
        found: list[tuple[Phase, int, int]] = []
        for i, phase in enumerate(self.phases):
            if found and found[-1][0] is phase:
                found[-1] = (phase, found[-1][1], i + 1)
            else:
                found.append((phase, i, i + 1))
        return found

    def rect_of(self, moment: int) -> QRectF:
        """Where a moment's block is."""
        pitch = self._pitch
        gap = min(2.0, pitch / 4) if pitch >= NARROWEST else 0.0
        return QRectF(2 + moment * pitch + gap / 2, 2, pitch - gap, _TRACK - 4)

    @property
    def _pitch(self) -> float:
        return (self.width() - 4) / max(len(self.phases), 1)

    def moment_at(self, x: float) -> int:
        """The value that a point stands for: the moment under it has passed."""
        return max(0, min(int((x - 2) / self._pitch) + 1, len(self.phases))) if self.phases else 0

    def paintEvent(self, event: QPaintEvent) -> None:
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        for phase, start, end in self.spans():
            self._paint_phase(painter, phase, start, end)
        if 0 < self.value() <= len(self.phases):
            t = theme()
            rect = self.rect_of(self.value() - 1)
            least = NARROWEST + 1
            if rect.width() < least:
                rect = QRectF(rect.center().x() - least / 2, rect.top(), least, rect.height())
            painter.setBrush(mixed(phase_colour(self.phases[self.value() - 1]), t.text, 0.35))
            painter.setPen(QPen(t.now, 2))
            painter.drawRoundedRect(rect.adjusted(0, -1, 0, 1), 3, 3)
        if self.hasFocus():
            painter.setPen(QPen(theme().accent, 1))
            painter.setBrush(Qt.BrushStyle.NoBrush)
            painter.drawRoundedRect(QRectF(0.5, 0.5, self.width() - 1, _TRACK - 1), 4, 4)
        painter.end()

    def _paint_phase(self, painter: QPainter, phase: Phase, start: int, end: int) -> None:
        t, colour = theme(), phase_colour(phase)
        coming = QColor(colour)
        coming.setAlpha(56)
        outline = QColor(colour)
        outline.setAlpha(120)
        done = max(start, min(self.value(), end))
        if self._pitch < NARROWEST:
            # Too many for blocks: one bar for what is done and one for what is to come.
            parts = [(start, done, True), (done, end, False)]
            rects = [(self.rect_of(a).united(self.rect_of(b - 1)), past) for a, b, past in parts if b > a]
        else:
            rects = [(self.rect_of(i), i < done) for i in range(start, end)]
        for rect, past in rects:
            painter.setPen(Qt.PenStyle.NoPen if past else QPen(outline, 1, Qt.PenStyle.DotLine))
            painter.setBrush(colour if past else coming)
            painter.drawRoundedRect(rect, 3, 3)
        painter.setPen(t.dim)
        painter.setFont(ui_font(SMALL + 1))
        whole = self.rect_of(start).united(self.rect_of(end - 1))
        label = QRectF(whole.left(), _TRACK, max(whole.width(), 70), _LABELS)
        if whole.width() >= painter.fontMetrics().horizontalAdvance(phase.value):
            painter.drawText(label, Qt.AlignmentFlag.AlignVCenter, phase.value)

    def mousePressEvent(self, event: QMouseEvent) -> None:
        if event.button() == Qt.MouseButton.LeftButton:
            self.setSliderDown(True)
            self.setValue(self.moment_at(event.position().x()))

    def mouseMoveEvent(self, event: QMouseEvent) -> None:
        if self.isSliderDown():
            self.setValue(self.moment_at(event.position().x()))

    def mouseReleaseEvent(self, event: QMouseEvent) -> None:
        self.setSliderDown(False)

    def keyPressEvent(self, event: QKeyEvent) -> None:
        # The view's own keys do the same and more.
        event.ignore()


class Timeline(QWidget):
    """The track with what the moment at hand is, and how far one step goes."""

    def __init__(self, tour: Tour, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.tour = tour
        self.batch = QLabel(self)
        self.batch.setFont(ui_font(TEXT, bold=True))
        self.number = QLabel(self)
        self.number.setForegroundRole(QPalette.ColorRole.PlaceholderText)
        self.caption = ElidedLabel(self)
        self.caption.setFont(ui_font(TEXT, bold=True))
        self.track = Track(self)
        self.grains = QButtonGroup(self)
        top = QHBoxLayout()
        top.setSpacing(3 * GRID)
        top.addWidget(self.batch)
        top.addWidget(self.number)
        top.addWidget(self.caption, 1)
        word = QLabel("Step by", self)
        word.setForegroundRole(QPalette.ColorRole.PlaceholderText)
        top.addWidget(word)
        top.addLayout(self._grain_buttons())
        layout = QVBoxLayout(self)
        layout.setContentsMargins(4 * GRID, 2 * GRID, 4 * GRID, GRID)
        layout.setSpacing(GRID)
        layout.addLayout(top)
        layout.addWidget(self.track)
        self.track.valueChanged.connect(self._go)
        self.grains.idClicked.connect(self._choose_grain)
        tour.begun.connect(self.begin)
        tour.moved.connect(self.refresh)
        self.begin()

    def _grain_buttons(self) -> QHBoxLayout:
        row = QHBoxLayout()
        row.setSpacing(0)
        for i, (grain, text) in enumerate(GRAINS.items()):
            button = QToolButton(self)
            button.setText(text)
            button.setCheckable(True)
            button.setToolTip(_HINTS[grain])
            button.setAccessibleName(f"Step by {text.lower()}")
            self.grains.addButton(button, i)
            row.addWidget(button)
        return row

    def begin(self) -> None:
        """Another batch, or another grain."""
        walk = self.tour.walk
        before = self.track.blockSignals(True)
        self.track.show_walk(walk)
        self.track.blockSignals(before)
        self.setEnabled(walk is not None)
        if walk is not None:
            self.grains.button(0).setEnabled(Walk.has_numbers(walk.stepper))
            self.grains.button(list(GRAINS).index(walk.grain)).setChecked(True)
        self.refresh()

    def refresh(self) -> None:
        """Another moment."""
        walk = self.tour.walk
        if walk is None:
            self.batch.setText("")
            self.number.setText("")
            self.caption.setText("")
            return
        before = self.track.blockSignals(True)
        self.track.setValue(walk.place)
        self.track.blockSignals(before)
        self.batch.setText(f"Batch {count_text(walk.stepper.batch_number + 1)}")
        self.number.setText(f"Step {walk.place} of {len(walk)}")
        self.caption.setText(walk.caption())
        self.track.setAccessibleDescription(f"{self.number.text()}: {self.caption.text()}")
        self.track.update()

    def paintEvent(self, event: QPaintEvent) -> None:
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        painter.setPen(QPen(theme().card_border, 1))
        painter.setBrush(theme().panel)
        painter.drawRoundedRect(QRectF(self.rect()).adjusted(0.5, 0.5, -0.5, -0.5), CARD_RADIUS, CARD_RADIUS)
        painter.end()

    def _go(self, value: int) -> None:
        self.tour.to(value)

    def _choose_grain(self, which: int) -> None:
        self.tour.set_grain(list(GRAINS)[which])


def phase_colour(phase: Phase) -> QColor:
    """What tells the phases apart, with their names below."""
    t = theme()
    return {
        Phase.FORWARD: t.forward, Phase.LOSS: t.plot_lines[4], Phase.BACKWARD: t.gradient, Phase.UPDATE: t.ok,
    }[phase]  # fmt: skip
