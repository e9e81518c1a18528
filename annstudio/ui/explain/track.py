"""The track of the timeline: every moment a block where there are few, a bar of layers where there are many."""

from bisect import bisect_right
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import accumulate

from PySide6.QtCore import QEvent, QPointF, QRectF, QSize, Qt, Signal
from PySide6.QtGui import (
    QBrush,
    QColor,
    QHelpEvent,
    QKeyEvent,
    QMouseEvent,
    QPainter,
    QPaintEvent,
    QPen,
    QPolygonF,
    QWheelEvent,
)
from PySide6.QtWidgets import QAbstractSlider, QToolTip, QWidget

from annstudio.engine.program import Phase
from annstudio.explain.stretches import Stretch
from annstudio.explain.walk import Walk
from annstudio.ordinals import ordinal
from annstudio.ui.numbers import count_text
from annstudio.ui.theme import GRID, SMALL, mixed, theme, ui_font

NARROWEST = 5.0
"""Moments narrower than this many pixels are not drawn as blocks of their own."""
_LEAST = 7.0
"""Every layer's part of the bar is at least so wide, where there is room."""
_MARKS, _TRACK, _LABELS = 9, 22, 20
_FURTHEST = 48
"""So far from where a phase begins its name may stand."""
_NOTCH = 120
"""What one notch of a mouse wheel turns."""


@dataclass(frozen=True)
class Part:
    """The moments of one stretch, from `first` up to `end` (left out), counted from 0."""

    stretch: Stretch
    first: int
    end: int


class Scale:
    """Where moments stand on a line: in proportion to how many there are, but no part narrower than `least`."""

    def __init__(self, counts: Sequence[int], left: float, width: float, least: float) -> None:
        least = min(least, width / (2 * max(len(counts), 1)))
        share = (width - least * len(counts)) / max(sum(counts), 1)
        self._moments = [0, *accumulate(counts)]
        self._edges = list(accumulate((least + share * count for count in counts), initial=left))
        self.right = left + width

    def edge(self, moment: int) -> float:
        """The left edge of a moment; for how many there are, the right edge of the last."""
        part = min(bisect_right(self._moments, moment), len(self._moments) - 1) - 1
        if part < 0:
            return self._edges[0]
        first, end = self._moments[part], self._moments[part + 1]
        left, right = self._edges[part], self._edges[part + 1]
        return left + (right - left) * (moment - first) / (end - first)

    def moment_at(self, x: float) -> int:
        """The moment under a point."""
        if len(self._moments) < 2:
            return 0
        part = max(0, min(bisect_right(self._edges, x), len(self._edges) - 1) - 1)
        first, end = self._moments[part], self._moments[part + 1]
        left, right = self._edges[part], self._edges[part + 1]
        return max(first, min(first + int((x - left) / (right - left) * (end - first)), end - 1))


class Track(QAbstractSlider):
    """Its value is how many moments have passed. `painted`: what is now is on the screen. `turned(steps, layers)`: the
    wheel was turned, with Ctrl or without."""

    painted = Signal()
    turned = Signal(int, bool)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.walk: Walk | None = None
        self.parts: list[Part] = []
        self.stops: list[int] = []
        self._scale = Scale((), 2, 1, 0)
        self._wheel = 0
        self.setOrientation(Qt.Orientation.Horizontal)
        self.setAccessibleName("Moment of the batch")
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self.setFixedHeight(_MARKS + _TRACK + _LABELS)
        self.setMouseTracking(True)

    def show_walk(self, walk: Walk | None, stops: list[int]) -> None:
        """The moments of a walk, and at which of them it stops."""
        self.walk = walk
        self.parts = []
        for stretch in walk.stretches if walk is not None else ():
            assert walk is not None
            first, end = walk.moments.passed(stretch.start), walk.moments.passed(stretch.end)
            if first < end:
                self.parts.append(Part(stretch, first, end))
        self.stops = stops
        self.setRange(0, len(walk) if walk is not None else 0)
        self._measure()
        self.update()

    def sizeHint(self) -> QSize:
        return QSize(100 * GRID, self.height())

    def spans(self) -> list[tuple[Phase, int, int]]:
        """The phases in order, with the moments that they begin at and end before."""
        found: list[tuple[Phase, int, int]] = []
        for part in self.parts:
            phase = part.stretch.phase
            if found and found[-1][0] is phase:
                found[-1] = (phase, found[-1][1], part.end)
            else:
                found.append((phase, part.first, part.end))
        return found

    # Where things are ------------------------------------------------------------------------------------------------

    @property
    def in_blocks(self) -> bool:
        """Whether every moment has a block of its own."""
        return self.maximum() > 0 and (self.width() - 4) / self.maximum() >= NARROWEST

    def _measure(self) -> None:
        counts = [part.end - part.first for part in self.parts]
        self._scale = Scale(counts, 2, self.width() - 4, 0 if self.in_blocks else _LEAST)

    def rect_of(self, moment: int) -> QRectF:
        """Where a moment is."""
        left, right = self._scale.edge(moment), self._scale.edge(moment + 1)
        gap = min(2.0, (right - left) / 4) if self.in_blocks else 0.0
        return QRectF(left + gap / 2, _MARKS + 2, right - left - gap, _TRACK - 4)

    def moment_at(self, x: float) -> int:
        """The value that a point stands for: the moment under it has passed."""
        return self._scale.moment_at(x) + 1 if self.parts and x >= 2 else 0

    def part_at(self, moment: int) -> Part | None:
        """The stretch that a moment belongs to."""
        at = bisect_right(self.parts, moment, key=lambda part: part.first) - 1
        return self.parts[at] if at >= 0 else None

    def told_at(self, x: float) -> str:
        """What is said about a point: the moment, or of many at once the layer."""
        value = self.moment_at(x)
        part = self.part_at(value - 1) if value else None
        if self.walk is None or part is None:
            return ""
        stop = "\nStops here" if part.first + 1 in self.stops else ""
        if self.in_blocks:
            return f"Step {value}: {self.walk.caption(value)}{stop}"
        steps = f"Steps {count_text(ordinal(part.first))} to {count_text(part.end)}"
        return f"{part.stretch.phase.value.capitalize()} · {part.stretch.box.words}\n{steps}{stop}"

    # Painting --------------------------------------------------------------------------------------------------------

    def paintEvent(self, event: QPaintEvent) -> None:
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        for part in self.parts:
            self._paint_part(painter, part)
        self._paint_labels(painter)
        self._paint_now(painter)
        self._paint_stops(painter)
        if self.hasFocus():
            painter.setPen(QPen(theme().accent, 1))
            painter.setBrush(Qt.BrushStyle.NoBrush)
            painter.drawRoundedRect(QRectF(0.5, _MARKS + 0.5, self.width() - 1, _TRACK - 1), 4, 4)
        painter.end()
        self.painted.emit()

    def _paint_part(self, painter: QPainter, part: Part) -> None:
        colour = phase_colour(part.stretch.phase)
        done = max(part.first, min(self.value(), part.end))
        if self.in_blocks:
            rects = [(self.rect_of(i), i < done) for i in range(part.first, part.end)]
        else:
            pieces = [(part.first, done, True), (done, part.end, False)]
            rects = [(self._bar(part, first, end), past) for first, end, past in pieces if end > first]
        outline = QColor(colour)
        outline.setAlpha(150)
        hatch = QColor(colour)
        hatch.setAlpha(100)
        for rect, past in rects:
            # Filled is done, hatched is to come: not by colour alone.
            painter.setPen(Qt.PenStyle.NoPen if past else QPen(outline, 1))
            painter.setBrush(QBrush(colour) if past else QBrush(hatch, Qt.BrushStyle.BDiagPattern))
            painter.drawRoundedRect(rect if past else rect.adjusted(0.5, 0.5, -0.5, -0.5), 3, 3)

    def _bar(self, part: Part, first: int, end: int) -> QRectF:
        """The part of the bar from one moment to another, with a gap where the layer ends."""
        left, right = self._scale.edge(first), self._scale.edge(end)
        gap = 1.0 if end == part.end else 0.0
        return QRectF(left, _MARKS + 2, max(right - left - gap, 0.5), _TRACK - 4)

    def _paint_labels(self, painter: QPainter) -> None:
        painter.setPen(theme().dim)
        painter.setFont(ui_font(SMALL + 1))
        free = 0.0
        for phase, first, _ in self.spans():
            left, wide = self._scale.edge(first), painter.fontMetrics().horizontalAdvance(phase.value)
            # Behind a short phase the next name moves a little to the right.
            at = max(left, free)
            if at - left <= _FURTHEST and at + wide <= self.width():
                painter.drawText(QRectF(at, _MARKS + _TRACK, wide + 2, _LABELS), Qt.AlignmentFlag.AlignVCenter, phase)
                free = at + wide + 2 * GRID

    def _paint_now(self, painter: QPainter) -> None:
        part = self.part_at(self.value() - 1) if self.value() else None
        if part is None:
            return
        t, rect, least = theme(), self.rect_of(self.value() - 1), NARROWEST + 1
        if rect.width() < least:
            rect = QRectF(rect.center().x() - least / 2, rect.top(), least, rect.height())
        painter.setBrush(mixed(phase_colour(part.stretch.phase), t.text, 0.35))
        painter.setPen(QPen(t.now, 2))
        painter.drawRoundedRect(rect.adjusted(0, -1, 0, 1), 3, 3)

    def _paint_stops(self, painter: QPainter) -> None:
        """A wedge above every moment that is stopped at."""
        painter.setPen(QPen(theme().panel, 1))
        painter.setBrush(theme().text)
        for place in self.stops:
            x = self._scale.edge(place - 1) + (self.rect_of(place - 1).width() / 2 if self.in_blocks else 1.0)
            painter.drawPolygon(QPolygonF([QPointF(x - 5, 0.5), QPointF(x + 5, 0.5), QPointF(x, _MARKS)]))

    # Events ----------------------------------------------------------------------------------------------------------

    def resizeEvent(self, event: object) -> None:
        self._measure()

    def event(self, event: QEvent) -> bool:
        if isinstance(event, QHelpEvent) and event.type() == QEvent.Type.ToolTip:
            QToolTip.showText(event.globalPos(), self.told_at(event.pos().x()), self)
            return True
        return super().event(event)

    def mousePressEvent(self, event: QMouseEvent) -> None:
        if event.button() == Qt.MouseButton.LeftButton:
            self.setSliderDown(True)
            self.setValue(self.moment_at(event.position().x()))

    def mouseMoveEvent(self, event: QMouseEvent) -> None:
        if self.isSliderDown():
            self.setValue(self.moment_at(event.position().x()))

    def mouseReleaseEvent(self, event: QMouseEvent) -> None:
        self.setSliderDown(False)

    def wheelEvent(self, event: QWheelEvent) -> None:
        self._wheel -= event.angleDelta().y() or event.angleDelta().x()
        notches = int(self._wheel / _NOTCH)
        self._wheel -= notches * _NOTCH
        if notches:
            self.turned.emit(notches, bool(event.modifiers() & Qt.KeyboardModifier.ControlModifier))
        event.accept()

    def keyPressEvent(self, event: QKeyEvent) -> None:
        # The view's own keys do the same and more.
        event.ignore()


def phase_colour(phase: Phase) -> QColor:
    """What tells the phases apart, with their names below."""
    t = theme()
    return {
        Phase.FORWARD: t.forward, Phase.LOSS: t.plot_lines[4], Phase.BACKWARD: t.gradient, Phase.UPDATE: t.ok,
    }[phase]  # fmt: skip
