"""The theme: readable in light and dark, icons in the text's colour, signs in colours, followed by what is open."""

import re

import pytest
from PySide6.QtCore import Qt
from PySide6.QtGui import QColor, QImage
from PySide6.QtWidgets import QApplication, QPushButton, QToolBar, QToolButton, QWidget

from annstudio.layers.base import Family, catalogue
from annstudio.places import RESOURCES
from annstudio.ui import theme as look
from annstudio.ui.canvas.node import icon_of
from annstudio.ui.theme import DARK, LIGHT, Theme

ICONS = sorted(path.stem for path in (RESOURCES / "icons").glob("*.svg"))


def contrast(a: QColor, b: QColor) -> float:
    """The ratio of WCAG 2, from 1 to 21."""
    bright, dim = sorted((luminance(a), luminance(b)), reverse=True)
    return (bright + 0.05) / (dim + 0.05)


def luminance(colour: QColor) -> float:
    parts = [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in colour.getRgbF()[:3]]
    return 0.2126 * parts[0] + 0.7152 * parts[1] + 0.0722 * parts[2]


@pytest.mark.parametrize("theme", [LIGHT, DARK], ids=lambda t: t.name)
def test_text_can_be_read(theme: Theme):
    grounds = [theme.window, theme.panel, theme.card, theme.field, theme.canvas]
    inks = [theme.text, theme.dim, theme.link, theme.positive_text, theme.negative_text, theme.ok]
    poor = {(i.name(), g.name()): contrast(i, g) for i in inks for g in grounds if contrast(i, g) < 4.5}
    assert poor == {}
    assert contrast(theme.on_accent, theme.accent) >= 4.5
    assert contrast(theme.problem, theme.problem_fill) >= 4.5
    assert contrast(theme.hint, theme.hint_fill) >= 4.5
    assert contrast(theme.text, theme.hover) >= 4.5


@pytest.mark.parametrize("theme", [LIGHT, DARK], ids=lambda t: t.name)
def test_shapes_can_be_told_from_their_ground(theme: Theme):
    assert set(theme.families) == set(Family)
    for colour in (*theme.families.values(), theme.wire, theme.halo, theme.gradient, theme.positive):
        assert contrast(colour, theme.card) >= 2.7


def test_signs_have_colours(qapp):
    look.apply_theme(qapp, "light")
    assert look.signed_colour(2.0, 2.0) == LIGHT.positive
    assert look.signed_colour(-9.0, 2.0) == LIGHT.negative
    assert look.signed_colour(0.0, 2.0) == LIGHT.zero
    assert look.signed_colour(1.0, 0.0) == LIGHT.zero
    table = look.signed_table()
    assert len(table) == 256
    assert QColor(table[255]) == LIGHT.positive
    assert QColor(table[128]) == LIGHT.zero
    assert [look.grey_table()[i] for i in (0, 255)] == [0xFF000000, 0xFFFFFFFF]


def test_the_whole_program_is_dressed_and_told(qapp):
    told: list[str] = []

    def hear(theme: Theme) -> None:
        told.append(theme.name)

    look.changed.connect(hear)
    try:
        look.apply_theme(qapp, "dark")
        assert QApplication.palette().window().color() == DARK.window
        assert look.theme() is DARK
        look.apply_theme(qapp, "light")
        assert QApplication.palette().window().color() == LIGHT.window
    finally:
        look.changed.disconnect(hear)
    assert told == ["dark", "light"]


def test_the_stylesheet_has_no_name_left_over(qapp):
    look.apply_theme(qapp, "light")
    assert re.findall(r"\{[a-z_]+\}", qapp.styleSheet()) == []
    written = (RESOURCES / "studio.qss").read_text(encoding="utf-8")
    assert re.findall(r"#[0-9A-Fa-f]{6}\b", written) == []


@pytest.mark.parametrize("mode", ["light", "dark"])
def test_the_main_button_can_be_read_under_the_pointer(qtbot, qapp, mode: str):
    look.apply_theme(qapp, mode)
    bar = QToolBar()
    qtbot.addWidget(bar)
    bar.addAction("Train")
    button = next(b for b in bar.findChildren(QToolButton) if b.text() == "Train")
    button.setProperty("primary", True)
    button.setAttribute(Qt.WidgetAttribute.WA_UnderMouse, True)
    bar.show()
    ground = button.grab().toImage().pixelColor(5, button.height() // 2)
    look.apply_theme(qapp, "light")
    assert contrast(look.theme().on_accent, ground) >= 4.5


@pytest.mark.parametrize("mode", ["light", "dark"])
def test_a_button_with_the_keys_is_told_from_one_without_and_from_one_that_is_chosen(qtbot, qapp, mode: str):
    look.apply_theme(qapp, mode)
    bar = QToolBar()
    qtbot.addWidget(bar)
    for words in ("Layer", "Element", "Step"):
        bar.addAction(words).setCheckable(words == "Element")
    plain, chosen, main = (b for b in bar.findChildren(QToolButton) if b.text())
    main.setProperty("primary", True)
    chosen.setChecked(True)
    bar.show()
    bar.activateWindow()
    qtbot.waitUntil(bar.isActiveWindow)
    without = main.grab().toImage()
    main.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
    main.setFocus()
    edge, ground = (main.grab().toImage().pixelColor(x, main.height() // 2) for x in (0, 4))
    assert without.pixelColor(0, main.height() // 2) == without.pixelColor(4, main.height() // 2)
    assert contrast(edge, ground) >= 3
    assert _ink(chosen.grab().toImage(), look.theme().link)
    plain.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
    plain.setFocus()
    assert not _ink(plain.grab().toImage().copy(4, 4, plain.width() - 8, plain.height() - 8), look.theme().link)
    look.apply_theme(qapp, "light")


def _ink(image: QImage, colour: QColor) -> bool:
    """Whether anything is drawn in this very colour."""
    return any(image.pixelColor(x, y) == colour for x in range(image.width()) for y in range(image.height()))


def test_icons_are_drawn_in_the_colour_asked_for(qapp):
    look.apply_theme(qapp, "light")
    for name in ICONS:
        image = look.pixmap(name, QColor("#ff0000"), 24, 2).toImage()
        assert image.width() == 48
        assert inked(image), name


def test_every_layer_has_an_icon_of_its_own():
    assert {kind: icon_of(kind) for kind in catalogue() if icon_of(kind) == "layer"} == {}


def test_icons_follow_the_theme(qtbot, qapp):
    look.apply_theme(qapp, "light")
    window = QWidget()
    button = QPushButton(window)
    qtbot.addWidget(window)
    look.wear(button, "play")
    assert LIGHT.text.name() in inked(button.icon().pixmap(18).toImage())
    look.apply_theme(qapp, "dark")
    assert DARK.text.name() in inked(button.icon().pixmap(18).toImage())
    look.apply_theme(qapp, "light")


def test_fonts_are_never_tiny(qapp):
    look.apply_theme(qapp, "light")
    assert qapp.font().pixelSize() >= look.SMALL
    assert look.mono_font(look.SMALL).pixelSize() == look.SMALL
    assert look.ui_font(bold=True).weight() > look.ui_font().weight()


def inked(image: QImage) -> set[str]:
    """The colours of what is not transparent."""
    pixels = (image.pixelColor(x, y) for x in range(image.width()) for y in range(image.height()))
    return {pixel.name() for pixel in pixels if pixel.alpha() == 255}
