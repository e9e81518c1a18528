"""Colours, fonts, measures and icons: the one place that says how ANN Studio looks, in light and in dark."""

from dataclasses import dataclass, fields
from functools import cache
from typing import Any

from psygnal import SignalInstance
from PySide6.QtCore import QByteArray, QDir, QRectF, QSize, Qt
from PySide6.QtGui import QColor, QFont, QFontDatabase, QFontInfo, QIcon, QPainter, QPalette, QPixmap
from PySide6.QtSvg import QSvgRenderer
from PySide6.QtWidgets import QApplication

from annstudio.layers.base import Family
from annstudio.places import RESOURCES

GRID = 4
"""Distances between things are multiples of this."""
CARD_WIDTH, CARD_HEIGHT = 156, 140
CARD_RADIUS = 8
CARD_PADDING = 10
STRIPE = 4
"""The height of the family's stripe on top of a card."""
PORT_DIAMETER, PORT_HIT = 12, 24
SNAP = 10
DOTS = 20
"""The distance of the canvas' dots."""
DETAIL_SCALE = 0.35
"""Below this zoom cards are drawn as plain boxes."""
ICON_SIZE = 18
SMALL, TEXT, TITLE = 11, 13, 15
"""Sizes of text in pixels; nothing is written smaller."""


@dataclass(frozen=True)
class Theme:
    """The colours of one appearance. `faint` is for lines and ornaments, never for text."""

    name: str
    window: QColor
    panel: QColor
    canvas: QColor
    grid: QColor
    card: QColor
    card_border: QColor
    field: QColor
    hover: QColor
    text: QColor
    dim: QColor
    faint: QColor
    accent: QColor
    on_accent: QColor
    link: QColor
    """Accent where it is text."""
    halo: QColor
    now: QColor
    positive: QColor
    negative: QColor
    positive_text: QColor
    negative_text: QColor
    zero: QColor
    gradient: QColor
    gradient_text: QColor
    forward: QColor
    problem: QColor
    problem_fill: QColor
    problem_border: QColor
    hint: QColor
    """What is merely unfinished: text, and with `hint_fill` and `hint_border` its box."""
    hint_fill: QColor
    hint_border: QColor
    ok: QColor
    wire: QColor
    picture: QColor
    """Behind images and feature maps."""
    shadow: QColor
    plot_lines: tuple[QColor, ...]
    factors: tuple[QColor, ...]
    """What tells the factors of a chain rule apart, as text."""
    families: dict[Family, QColor]

    @property
    def dark(self) -> bool:
        return self.name == "dark"


def _colours(**given: str) -> dict[str, Any]:
    return {name: QColor(value) for name, value in given.items()}


def _plot_lines(*values: str) -> tuple[QColor, ...]:
    return tuple(QColor(value) for value in values)


_FAMILIES = {
    Family.DATA: QColor("#64748B"),
    Family.CORE: QColor("#4F5BD5"),
    Family.CONVOLUTION: QColor("#0E9488"),
    Family.RECURRENT: QColor("#8B4FD9"),
    Family.REGULARISE: QColor("#C98A0B"),
    Family.SHAPE: QColor("#7A8494"),
    Family.OUTPUT: QColor("#D1476B"),
}

LIGHT = Theme(
    name="light",
    **_colours(
        window="#FFFFFF",
        panel="#FFFFFF",
        canvas="#F7F8FA",
        grid="#D8DCE4",
        card="#FFFFFF",
        card_border="#D5DAE3",
        field="#FFFFFF",
        hover="#F1F3F7",
        text="#1B2028",
        dim="#5D6778",
        faint="#DFE3EA",
        accent="#2F6FE4",
        on_accent="#FFFFFF",
        link="#2262D8",
        halo="#2F6FE4",
        now="#1B2028",
        positive="#2F6FE4",
        negative="#F08A24",
        positive_text="#2262D8",
        negative_text="#A85400",
        zero="#FFFFFF",
        gradient="#9B5DE5",
        gradient_text="#7A3FC7",
        forward="#2F6FE4",
        problem="#A02A1C",
        problem_fill="#FFF4F2",
        problem_border="#F2B3AB",
        hint="#6B5410",
        hint_fill="#FFFAEB",
        hint_border="#E9D59A",
        ok="#17795E",
        wire="#8A94A6",
        picture="#121417",
        shadow="#14101828",
    ),
    plot_lines=_plot_lines("#2F6FE4", "#D9730D", "#0E9488", "#8B4FD9", "#D1476B", "#64748B"),
    factors=_plot_lines("#2262D8", "#7A3FC7", "#0B7458", "#A8326E", "#5D6778"),
    families=_FAMILIES,
)

DARK = Theme(
    name="dark",
    **_colours(
        window="#1E2127",
        panel="#1E2127",
        canvas="#181B20",
        grid="#2B3038",
        card="#23272F",
        card_border="#3A414D",
        field="#23272F",
        hover="#2C313A",
        text="#E4E7EC",
        dim="#9BA5B5",
        faint="#353B46",
        accent="#2F6FE4",
        on_accent="#FFFFFF",
        link="#82AEF8",
        halo="#5B93F5",
        now="#FFFFFF",
        positive="#2F6FE4",
        negative="#F08A24",
        positive_text="#82AEF8",
        negative_text="#F5A455",
        zero="#2C313A",
        gradient="#9B5DE5",
        gradient_text="#C4A1F5",
        forward="#5B93F5",
        problem="#F5A097",
        problem_fill="#33211F",
        problem_border="#7A3B34",
        hint="#E6CB7B",
        hint_fill="#2C281B",
        hint_border="#62552B",
        ok="#5CC9A7",
        wire="#737E90",
        picture="#0C0E11",
        shadow="#50000000",
    ),
    plot_lines=_plot_lines("#5B93F5", "#F5A455", "#2FB5A8", "#B78BF0", "#EE7C98", "#9BA5B5"),
    factors=_plot_lines("#82AEF8", "#C4A1F5", "#6ED7B4", "#F092BC", "#9BA5B5"),
    families={
        **_FAMILIES,
        Family.DATA: QColor("#7C8CA4"),
        Family.CORE: QColor("#6B76EA"),
        Family.SHAPE: QColor("#8E98A8"),
    },
)

changed = SignalInstance((Theme,))
"""Emitted with the new theme after a switch; bound methods are held weakly."""

_now: list[Theme] = [LIGHT]
_mode: list[str] = ["system"]


def theme() -> Theme:
    """The colours that are now in use."""
    return _now[0]


def apply_theme(app: QApplication, mode: str = "system") -> None:
    """Dress the whole program: `light`, `dark`, or as the system is now and becomes later."""
    if not app.property("followsSystem"):
        app.setProperty("followsSystem", True)
        app.styleHints().colorSchemeChanged.connect(_system_changed)
        app.setFont(_interface_font(app))
    _mode[0] = mode
    system_dark = app.styleHints().colorScheme() == Qt.ColorScheme.Dark
    _now[0] = DARK if mode == "dark" or (mode == "system" and system_dark) else LIGHT
    app.setStyle("Fusion")
    app.setPalette(_palette(theme()))
    app.setStyleSheet(_stylesheet(theme()))
    _dress_anew(app)
    changed.emit(theme())


def _system_changed() -> None:
    app = QApplication.instance()
    if isinstance(app, QApplication) and _mode[0] == "system":
        apply_theme(app, "system")


def _palette(t: Theme) -> QPalette:
    role, group = QPalette.ColorRole, QPalette.ColorGroup
    palette = QPalette()
    for which, colour in {
        role.Window: t.window, role.WindowText: t.text, role.Base: t.field, role.AlternateBase: t.hover,
        role.Text: t.text, role.Button: t.panel, role.ButtonText: t.text, role.BrightText: t.problem,
        role.ToolTipBase: t.card, role.ToolTipText: t.text, role.PlaceholderText: t.dim, role.Link: t.link,
        role.LinkVisited: t.gradient, role.Highlight: t.accent, role.HighlightedText: t.on_accent,
        role.Light: t.hover, role.Midlight: t.faint, role.Mid: t.faint, role.Dark: t.dim, role.Shadow: t.text,
        role.Accent: t.accent,
    }.items():  # fmt: skip
        palette.setColor(which, colour)
    for which in (role.WindowText, role.Text, role.ButtonText):
        palette.setColor(group.Disabled, which, mixed(t.dim, t.window, 0.4))
    return palette


def _stylesheet(t: Theme) -> str:
    """The widgets' dress, with the theme's colours put in where the text says {name}."""
    QDir.setSearchPaths("icons", [str(RESOURCES / "icons")])
    text = (RESOURCES / "studio.qss").read_text(encoding="utf-8")
    for one in fields(t):
        value = getattr(t, one.name)
        if isinstance(value, QColor):
            text = text.replace(f"{{{one.name}}}", value.name(QColor.NameFormat.HexArgb))
    text = text.replace("{near}", t.accent.darker(112).name()).replace("{down}", t.accent.darker(130).name())
    return text.replace("{disabled}", mixed(t.dim, t.window, 0.4).name())


# Colours of numbers --------------------------------------------------------------------------------------------------


def mixed(a: QColor, b: QColor, share: float) -> QColor:
    """A colour between two: `a` for share 0, `b` for 1."""
    pairs = (a.red(), b.red()), (a.green(), b.green()), (a.blue(), b.blue()), (a.alpha(), b.alpha())
    return QColor(*(round(x + (y - x) * share) for x, y in pairs))


def signed_colour(value: float, largest: float) -> QColor:
    """Blue for positive, orange for negative, the zero colour between; full at ±`largest`."""
    t = theme()
    share = min(abs(value) / largest, 1.0) if largest > 0 else 0.0
    return mixed(t.zero, t.positive if value > 0 else t.negative, share)


def signed_table() -> list[int]:
    """Colours for an Indexed8 image of signed numbers: index 128 + 127 · value / largest."""
    return _signed_table(theme().name)


@cache
def _signed_table(name: str) -> list[int]:
    return [signed_colour(i - 128, 127).rgb() for i in range(256)]


@cache
def grey_table() -> list[int]:
    """Colours for an Indexed8 image: black to white, the same in light and in dark."""
    return [0xFF000000 | i << 16 | i << 8 | i for i in range(256)]


# Fonts ---------------------------------------------------------------------------------------------------------------


def ui_font(size: int = TEXT, bold: bool = False) -> QFont:
    """The interface's font in pixels."""
    font = QFont(QApplication.font())
    font.setPixelSize(size)
    font.setWeight(QFont.Weight.DemiBold if bold else QFont.Weight.Normal)
    return font


def mono_font(size: int = TEXT) -> QFont:
    """The font of numbers and shapes in pixels."""
    font = QFontDatabase.systemFont(QFontDatabase.SystemFont.FixedFont)
    font.setPixelSize(size)
    return font


def _interface_font(app: QApplication) -> QFont:
    font = QFont(app.font())
    font.setPixelSize(min(max(QFontInfo(font).pixelSize(), TEXT), 2 * TEXT))
    return font


# Icons ---------------------------------------------------------------------------------------------------------------


def icon(name: str, colour: QColor | None = None) -> QIcon:
    """An own icon in the text's colour of the theme that is now (`wear` also follows later switches)."""
    t = theme()
    return _rendered(name, (colour or t.text).name(), mixed(t.dim, t.window, 0.5).name(), t.on_accent.name())


def wear(target: Any, name: str, colour: str = "") -> None:
    """Give an action or a button an icon that follows the theme; `colour` names a colour of the theme."""
    target.setProperty("iconName", name)
    target.setProperty("iconColour", colour)
    _dress(target)


@cache
def _rendered(name: str, colour: str, disabled: str, checked: str) -> QIcon:
    made = QIcon()
    for size in (16, ICON_SIZE):
        for ratio in (1, 2):
            for mode, ink in ((QIcon.Mode.Normal, colour), (QIcon.Mode.Disabled, disabled)):
                made.addPixmap(pixmap(name, QColor(ink), size, ratio), mode)
            made.addPixmap(pixmap(name, QColor(checked), size, ratio), QIcon.Mode.Selected)
    return made


@cache
def _source(name: str) -> str:
    return (RESOURCES / "icons" / f"{name}.svg").read_text(encoding="utf-8")


def pixmap(name: str, colour: QColor, size: int, ratio: float = 1.0) -> QPixmap:
    """An icon as a picture of `size` logical pixels. Qt draws currentColor black, so it is put in beforehand."""
    drawn = QPixmap(QSize(round(size * ratio), round(size * ratio)))
    drawn.fill(Qt.GlobalColor.transparent)
    painter = QPainter(drawn)
    svg = _source(name).replace("currentColor", colour.name())
    QSvgRenderer(QByteArray(svg.encode())).render(painter, QRectF(drawn.rect()))
    painter.end()
    drawn.setDevicePixelRatio(ratio)
    return drawn


def app_icon() -> QIcon:
    """The program's own icon."""
    made = QIcon()
    for size in (16, 24, 32, 48, 64, 128, 256):
        made.addPixmap(pixmap("annstudio", theme().accent, size))
    return made


def _dress(target: Any) -> None:
    colour = target.property("iconColour")
    target.setIcon(icon(target.property("iconName"), getattr(theme(), colour) if colour else None))


def _dress_anew(app: QApplication) -> None:
    """Draw the icons of all actions and buttons that wear one in the new colours."""
    seen: set[int] = set()
    for widget in app.allWidgets():
        for target in (widget, *widget.actions()):
            if id(target) not in seen and target.property("iconName"):
                seen.add(id(target))
                _dress(target)


__all__ = [
    "DARK",
    "LIGHT",
    "Theme",
    "app_icon",
    "apply_theme",
    "changed",
    "grey_table",
    "icon",
    "mixed",
    "mono_font",
    "pixmap",
    "signed_colour",
    "signed_table",
    "theme",
    "ui_font",
    "wear",
]
