"""The inspector's pictures and boxes: an activation's curve, a layer's weights at a glance, a problem with its mend."""

import math
from collections.abc import Callable, Sequence

import numpy as np
from PySide6.QtCore import QPointF, QRectF, QSize, Qt, Signal
from PySide6.QtGui import QColor, QPainter, QPainterPath, QPaintEvent, QPalette, QPen
from PySide6.QtWidgets import QFrame, QHBoxLayout, QLabel, QPushButton, QSizePolicy, QVBoxLayout, QWidget

from annstudio.engine.arena import Weights
from annstudio.engine.op import Array, Op, signature
from annstudio.errors import Remedy
from annstudio.layers.activation import ACTIVATIONS, label
from annstudio.layers.lowering import Problem
from annstudio.ordinals import nth
from annstudio.ui.numbers import count_text, number_text
from annstudio.ui.panels.base import quiet_label
from annstudio.ui.panels.hovered import HoveredCurve
from annstudio.ui.panels.pictures import ColourBar, Mosaic, Scale
from annstudio.ui.theme import GRID, SMALL, mono_font, theme, ui_font

REACH = 4.0
"""Curves are drawn from −4 to 4."""
PLACES = 161
MAX_KERNELS = 64
MAX_SIDE = 96


def curve_of(name: str, x: Array) -> tuple[Array, Array]:
    """An activation and its slope at the places `x`, as its op works them out.

    Softmax is shown for one score while the other of two stays 0.
    """
    if name not in ACTIVATIONS:
        return x.copy(), np.ones_like(x)
    op: Op = ACTIVATIONS[name]
    values = np.stack([x, np.zeros_like(x)]) if name == "softmax" else x[None, :].copy()
    y, dx, dy = np.empty_like(values), np.empty_like(values), np.zeros_like(values)
    dy[0] = 1
    op.forward(y, values)
    known = {"dx": dx, "dy": dy, "x": values, "y": y}
    op.backward(*(known[argument] for argument in signature(op).backward))
    return y[0], dx[0]


class CurvePreview(HoveredCurve):
    """f and f′ of an activation, with exact values under the pointer."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(PLACES, 22 * GRID, parent)
        self.name = ""
        self.places = np.linspace(-REACH, REACH, PLACES)
        self.values = self.slope = self.places
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)

    def show_activation(self, name: str) -> None:
        if name != self.name:
            self.name = name
            self.values, self.slope = curve_of(name, self.places)
            self.setAccessibleName(f"Curve of {label(name)} and its slope")
            self.update()

    def value_text(self) -> str:
        """What is said about the place under the pointer."""
        if self.at is None:
            return ""
        x, y, slope = (
            number_text(float(a[self.at]), 3).replace("-", "−") for a in (self.places, self.values, self.slope)
        )
        return f"x {x}   f {y}   f′ {slope}"

    def paintEvent(self, event: QPaintEvent) -> None:
        t = theme()
        painter = QPainter(self)
        self.paint_ground(painter)
        inner = self.inner()
        low, high = self._range()
        painter.setPen(QPen(t.card_border, 1))
        zero = self._point(0.0, 0.0, inner, low, high)
        painter.drawLine(QPointF(inner.left(), zero.y()), QPointF(inner.right(), zero.y()))
        painter.drawLine(QPointF(zero.x(), inner.top()), QPointF(zero.x(), inner.bottom()))
        lines = (
            (self.slope, t.plot_lines[1], Qt.PenStyle.DashLine),
            (self.values, t.plot_lines[0], Qt.PenStyle.SolidLine),
        )
        for values, colour, style in lines:
            self._draw_curve(painter, values, QPen(colour, 1.6, style), inner, low, high)
        painter.setFont(mono_font(SMALL) if self.at is not None else ui_font(SMALL))
        painter.setPen(t.dim)
        words = self.value_text() or "f(x) — f′(x) - -"
        if self.name == "softmax" and self.at is None:
            words = "one of two scores: f(x) — f′(x) - -"
        corner = self.rect().adjusted(0, 0, -2 * GRID, -GRID)
        painter.drawText(corner, Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignBottom, words)
        painter.end()

    def _draw_curve(
        self, painter: QPainter, values: Array, pen: QPen, inner: QRectF, low: float, high: float
    ) -> None:  # fmt: skip
        path = QPainterPath()
        for i, (x, y) in enumerate(zip(self.places, values, strict=True)):
            point = self._point(float(x), float(y), inner, low, high)
            path.lineTo(point) if i else path.moveTo(point)
        painter.setBrush(Qt.BrushStyle.NoBrush)
        painter.setPen(pen)
        painter.drawPath(path)
        if self.at is not None:
            painter.setBrush(pen.color())
            place = self._point(float(self.places[self.at]), float(values[self.at]), inner, low, high)
            painter.drawEllipse(place, 2.5, 2.5)

    def inner(self) -> QRectF:
        return QRectF(self.rect()).adjusted(2 * GRID, 2 * GRID, -2 * GRID, -4.5 * GRID)

    def _range(self) -> tuple[float, float]:
        low = min(float(self.values.min()), float(self.slope.min()), 0.0)
        return low, max(float(self.values.max()), float(self.slope.max()), 1.0)

    def _point(self, x: float, y: float, inner: QRectF, low: float, high: float) -> QPointF:
        across = (x + REACH) / (2 * REACH)
        up = (y - low) / (high - low)
        return QPointF(inner.left() + across * inner.width(), inner.bottom() - up * inner.height())


class WeightsGlance(QWidget):
    """A layer's weights in small, with their scale, their sizes and the share that is positive."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        column = QVBoxLayout(self)
        column.setContentsMargins(0, GRID, 0, 0)
        column.setSpacing(GRID)
        self.picture = Mosaic(self, largest_cell=10, tallest=26 * GRID)
        self.bar = ColourBar(self)
        self.words = quiet_label("", self, SMALL + 1)
        self._summary = ""
        self.picture.hovered.connect(self._hovered)
        for part in (self.picture, self.bar, self.words):
            column.addWidget(part)

    def show_weights(self, weights: Weights) -> None:
        """Views of one node by their own names (W, b, …); hidden where there are none."""
        self.setVisible(bool(weights))
        if not weights:
            return
        first = next(iter(weights.values()))
        scale = Scale.of([first], signed=True)
        maps, names, every = small_maps(first)
        self.picture.show_maps(maps, scale, names, every=every)
        self.bar.show_scale(scale)
        self._summary = weights_text(weights)
        self._hovered("")

    def _hovered(self, place: str) -> None:
        self.words.setText(place or self._summary)

    def redress(self) -> None:
        self.picture.redress()
        self.bar.update()


def small_maps(array: Array) -> tuple[Array, Sequence[str], tuple[int, int]]:
    """An array as a few small maps: kernels of the first filters, or one matrix, thinned where it is large; with their
    names, and the how many-th row and column each is that is left."""
    if array.ndim == 4:
        filters, channels, height, width = array.shape
        maps = array.reshape(filters * channels, height, width)[:MAX_KERNELS]
        return maps, kernel_names(channels, len(maps)), (1, 1)
    if array.ndim == 3:
        return array[:MAX_KERNELS], [nth("filter", i) for i in range(len(array))], (1, 1)
    matrix = array.reshape(len(array), -1) if array.ndim != 1 else array[None, :]
    rows, columns = (max(1, math.ceil(size / MAX_SIDE)) for size in matrix.shape)
    return matrix[None, ::rows, ::columns], [""], (rows, columns)


def kernel_names(channels: int, n: int) -> list[str]:
    """Which filter's kernel for which channel each of the first `n` maps is."""
    return [f"{nth('filter', i // channels)}, {nth('channel', i % channels)}" for i in range(n)]


def weights_text(weights: Weights) -> str:
    """32×16×3×3 and 32 biases · 4 640 · 51 % positive."""
    names = list(weights)
    first = weights[names[0]]
    sizes = "×".join(map(str, first.shape))
    n = sum(array.size for array in weights.values())
    biases = weights.get("b") if len(names) > 1 else None
    more = f" and {count_text(biases.size)} bias{'es' if biases.size != 1 else ''}" if biases is not None else ""
    share = 100 * np.count_nonzero(first > 0) / max(first.size, 1)
    return f"{sizes}{more} · {count_text(n)} · {share:.0f}\u2009% positive"


class ProblemBox(QFrame):
    """What does not fit, in words, with buttons that mend it."""

    mended = Signal(object)

    def __init__(self, problem: Problem, parent: QWidget | None = None, *, with_node: bool = False) -> None:
        super().__init__(parent)
        self.problem = problem
        column = QVBoxLayout(self)
        column.setContentsMargins(3 * GRID, 2 * GRID, 3 * GRID, 2 * GRID)
        column.setSpacing(GRID)
        words = f"{problem.message} {problem.hint}".strip()
        self.words = QLabel(f"{problem.node}: {words}" if with_node and problem.node not in words else words, self)
        self.words.setWordWrap(True)
        self.words.setFont(ui_font(SMALL + 1))
        column.addWidget(self.words)
        row = QHBoxLayout()
        row.setSpacing(GRID)
        self.buttons = [self._button(remedy) for remedy in problem.remedies]
        for button in self.buttons:
            row.addWidget(button)
        row.addStretch(1)
        if self.buttons:
            column.addLayout(row)
        self.redress()

    def redress(self) -> None:
        colour = theme().hint if self.problem.mild else theme().problem
        for widget in (self.words, *self.buttons):
            palette = widget.palette()
            palette.setColor(QPalette.ColorRole.WindowText, colour)
            palette.setColor(QPalette.ColorRole.ButtonText, colour)
            widget.setPalette(palette)

    def paintEvent(self, event: QPaintEvent) -> None:
        t, problem = theme(), self.problem
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        painter.setPen(QPen(t.hint_border if problem.mild else t.problem_border, 1))
        painter.setBrush(t.hint_fill if problem.mild else t.problem_fill)
        painter.drawRoundedRect(QRectF(self.rect()).adjusted(0.5, 0.5, -0.5, -0.5), 6, 6)
        painter.end()

    def _button(self, remedy: Remedy) -> QPushButton:
        button = QPushButton(remedy.label, self)
        button.clicked.connect(lambda: self.mended.emit(remedy))
        return button


class Dot(QWidget):
    """A small square in a family's colour."""

    def __init__(self, colour: Callable[[], QColor], parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.colour = colour
        self.setFixedSize(QSize(2 * GRID, 2 * GRID))

    def paintEvent(self, event: QPaintEvent) -> None:
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        painter.setPen(Qt.PenStyle.NoPen)
        painter.setBrush(self.colour())
        painter.drawRoundedRect(QRectF(self.rect()), 2, 2)
        painter.end()
