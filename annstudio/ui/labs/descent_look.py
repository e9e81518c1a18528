"""How descent looks: the colours of heights, and how ways are told apart by colour, mark and dashes at once."""

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
from PySide6.QtCore import QRectF, Qt
from PySide6.QtGui import QColor, QLinearGradient, QPainter, QPaintEvent
from PySide6.QtWidgets import QSizePolicy, QWidget

from annstudio.engine.op import Array
from annstudio.engine.optimizers import OPTIMIZERS
from annstudio.layers.base import Family
from annstudio.training.landscape import Plane, Surface
from annstudio.training.minibatches import Comparison
from annstudio.training.trace import Track
from annstudio.ui.numbers import number_text
from annstudio.ui.theme import GRID, SMALL, mixed, mono_font, theme, ui_font

LEVELS = 12
"""How many lines of one height are drawn."""
MOST_DRAWN = 400
"""Of longer ways evenly spaced points are drawn."""
DEEPEST = 0.78
"""How far the colour of the largest loss is from that of the ground."""
RUN = "The run"
DIGITS = 5


@dataclass(frozen=True)
class Look:
    """A line's colour (a number of the theme's; none for the colour of what is now), mark and dashes."""

    colour: int | None
    mark: str
    sign: str
    """The mark as a letter, for legends."""
    dashed: bool = False

    @property
    def ink(self) -> QColor:
        return theme().now if self.colour is None else theme().plot_lines[self.colour]


LOOKS: dict[str, Look] = {
    **{
        kind.title: Look(colour, mark, sign, dashed)
        for kind, (colour, mark, sign, dashed) in zip(
            OPTIMIZERS,
            (
                (0, "o", "●", False), (1, "s", "■", False), (2, "t1", "▲", False), (3, "d", "◆", False),
                (4, "t", "▼", False), (5, "p", "⬟", False), (0, "star", "★", True),
            ),
            strict=True,
        )
    },
    RUN: Look(None, "h", "⬢", True),
}  # fmt: skip


@dataclass(frozen=True, eq=False)
class DrawnWay:
    """A way with its name, thinned to be drawn; `steps` says after how many updates each point comes."""

    name: str
    track: Track

    @property
    def look(self) -> Look:
        return LOOKS[self.name]

    def thinned(self) -> Array:
        """At most MOST_DRAWN points (n, 2), the last among them."""
        points = self.track.points
        if len(points) <= MOST_DRAWN:
            return points
        return points[np.unique(np.linspace(0, len(points) - 1, MOST_DRAWN).round().astype(int))]


@dataclass(frozen=True, eq=False)
class Scene:
    """All that is to be seen: the plane, the surface over it as soon as something is known of it, the axes' names, the
    weights of now, the start, ways and gradients."""

    plane: Plane | None = None
    surface: Surface | None = None
    names: tuple[str, str] = ("", "")
    here: tuple[float, float] | None = None
    start: tuple[float, float] | None = None
    ways: tuple[DrawnWay, ...] = ()
    gradients: Comparison | None = None
    at: tuple[float, float] = (0.0, 0.0)
    """Where the gradients were taken."""
    scale: "Scale" = field(default_factory=lambda: Scale(0.0, 1.0))


@dataclass(frozen=True)
class Scale:
    """Heights as shares of the way from the least to the largest loss. The root brings out what is near the bottom."""

    low: float
    high: float

    @classmethod
    def of(cls, surface: Surface) -> "Scale":
        known = surface.losses[np.isfinite(surface.losses)]
        return cls(float(known.min()), float(known.max())) if len(known) else cls(0.0, 1.0)

    def shares(self, losses: Array) -> Array:
        span = (self.high - self.low) or 1.0
        return np.sqrt(np.clip((losses - self.low) / span, 0, 1))

    def loss(self, share: float) -> float:
        """The height that has this share."""
        return self.low + share**2 * (self.high - self.low)

    @property
    def levels(self) -> list[float]:
        return [self.loss((k + 1) / (LEVELS + 1)) for k in range(LEVELS)] if self.high > self.low else []


def shade(share: float) -> QColor:
    """The colour of a height: the larger the loss, the further from the ground's. One hue, told by lightness alone."""
    t = theme()
    return mixed(t.panel, t.families[Family.CORE], 0.04 + DEEPEST * share)


def shades(shares: Array) -> Array:
    """Colours in bytes (…, 4); what is no number is not painted."""
    table = np.array([[c.red(), c.green(), c.blue(), 255] for c in (shade(i / 255) for i in range(256))], np.uint8)
    known = np.isfinite(shares)
    colours = table[np.rint(255 * np.where(known, shares, 0)).astype(int)]
    colours[~known] = 0
    return colours


def legend(names: Sequence[str]) -> str:
    """The marks and names of ways, as rich text."""
    parts = [f'<span style="color:{LOOKS[name].ink.name()}">{LOOKS[name].sign}</span>&nbsp;{name}' for name in names]
    return f'<span style="color:{theme().dim.name()}">{"&nbsp; ".join(parts)}</span>'


def told(number: float, digits: int = DIGITS) -> str:
    """A number as it is shown here; "none" where there is none."""
    return number_text(number, digits).replace("-", "−") if np.isfinite(number) else "none"


class ScaleBar(QWidget):
    """Which colour is which loss."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.scale = Scale(0.0, 1.0)
        self.setSizePolicy(QSizePolicy.Policy.Fixed, QSizePolicy.Policy.Expanding)
        self.setFixedWidth(18 * GRID)
        self.setAccessibleName("Colours of the loss")

    def show_scale(self, scale: Scale) -> None:
        self.scale = scale
        self.setAccessibleDescription(f"From {told(scale.low)} to {told(scale.high)}")
        self.update()

    def paintEvent(self, event: QPaintEvent) -> None:
        painter = QPainter(self)
        painter.setFont(mono_font(SMALL))
        line = painter.fontMetrics().height()
        bar = QRectF(2 * GRID, 1.5 * line, 3 * GRID, max(self.height() - 4.5 * line, 1))
        gradient = QLinearGradient(bar.bottomLeft(), bar.topLeft())
        for k in range(9):
            gradient.setColorAt(k / 8, shade(k / 8))
        painter.setPen(theme().card_border)
        painter.setBrush(gradient)
        painter.drawRect(bar)
        painter.setPen(theme().dim)
        painter.setFont(ui_font(SMALL))
        painter.drawText(QRectF(bar.left(), 0, self.width(), line), Qt.AlignmentFlag.AlignLeft, "loss")
        painter.setFont(mono_font(SMALL))
        for share in (0.0, 0.25, 0.5, 0.75, 1.0):
            y = bar.bottom() - share * bar.height()
            painter.drawLine(round(bar.right()), round(y), round(bar.right() + GRID), round(y))
            place = QRectF(bar.right() + 1.5 * GRID, y - line / 2, self.width(), line)
            painter.drawText(place, Qt.AlignmentFlag.AlignLeft | Qt.AlignmentFlag.AlignVCenter,
                             told(self.scale.loss(share), 3))  # fmt: skip
        painter.end()
