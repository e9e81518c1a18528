"""The palette: every layer and preset, searched, and picked with mouse, keys or a drag."""

import json

import pytest
from PySide6.QtCore import QPoint, Qt
from PySide6.QtGui import QDrag
from PySide6.QtTest import QTest

from annstudio.layers.base import catalogue, make
from annstudio.ui.canvas.entries import MIME, dragged
from annstudio.ui.panels.palette import PalettePanel
from annstudio.ui.theme import LIGHT, apply_theme


@pytest.fixture
def palette(qtbot, qapp):
    apply_theme(qapp, "light")
    panel = PalettePanel()
    qtbot.addWidget(panel)
    panel.resize(220, 900)
    panel.show()
    return panel


def test_every_layer_and_preset_is_there_with_its_text(palette):
    entries = palette.list.entries()
    here = {kind: layer for kind, layer in catalogue().items() if layer.stands != "inside"}
    assert {entry.kind for entry in entries} == set(here)
    for kind, layer in here.items():
        for title, settings in layer.presets.items():
            assert any(e.title == title and e.kind == kind and e.settings == settings for e in entries)
        found = [e for e in entries if e.kind == kind]
        assert any(make(e.kind, e.settings) == layer() for e in found) or kind == "Loss"
    assert "weighted sum" in palette.list.item_of("Dense").toolTip()


def test_families_are_headings_that_cannot_be_picked(palette):
    rows = [palette.list.item(row) for row in range(palette.list.count())]
    headings = [item.text() for item in rows if item.flags() == Qt.ItemFlag.NoItemFlags]
    assert headings[:3] == ["Data", "Core", "Convolution"]
    palette.list.setMinimumHeight(sum(palette.list.sizeHintForRow(row) for row in range(palette.list.count())) + 40)
    palette.resize(palette.width(), palette.list.minimumHeight() + 100)
    picture = palette.grab().toImage()
    seen = {picture.pixelColor(x, y).name() for x in range(0, 60) for y in range(0, picture.height(), 2)}
    assert {colour.name() for family, colour in LIGHT.families.items() if family in headings} <= seen


def test_typing_finds_and_enter_picks(palette, qtbot):
    QTest.keyClicks(palette.line, "conv2")
    assert palette.list.entries()[0].title == "Conv2D"
    with qtbot.waitSignal(palette.chosen) as picked:
        QTest.keyClick(palette.line, Qt.Key.Key_Return)
    assert picked.args == ["Conv2D", {}]
    QTest.keyClick(palette.line, Qt.Key.Key_Escape)
    assert palette.line.text() == ""
    assert len(palette.list.entries()) > 10


def test_words_of_the_explanation_are_found_too(palette):
    QTest.keyClicks(palette.line, "filters slide over")
    assert [entry.title for entry in palette.list.entries()] == ["Conv2D"]


def test_what_no_layer_is_called_is_found_among_the_settings(palette):
    for words, titles in {
        "bidirectional": ["SimpleRNN", "LSTM", "GRU"],
        "masking": ["Input", "Embedding"],
        "softsign": ["Dense", "Activation", "Conv1D", "Conv2D", "DepthwiseConv2D", "Conv2DTranspose"],
        "softmax": ["Softmax"],
    }.items():
        palette.line.setText(words)
        assert [entry.title for entry in palette.list.entries()] == titles


def test_nothing_found_says_so_and_picks_nothing(palette, qtbot):
    QTest.keyClicks(palette.line, "qqq")
    assert palette.list.item(0).text() == "No layer matches."
    with qtbot.assertNotEmitted(palette.chosen):
        QTest.keyClick(palette.line, Qt.Key.Key_Return)


def test_arrows_in_the_search_field_go_through_the_entries(palette, qtbot):
    QTest.keyClick(palette.line, Qt.Key.Key_Down)
    QTest.keyClick(palette.line, Qt.Key.Key_Down)
    with qtbot.waitSignal(palette.chosen) as picked:
        QTest.keyClick(palette.line, Qt.Key.Key_Enter)
    assert picked.args[0] == palette.list.entries()[1].kind


def test_keys_in_the_list_skip_the_headings(palette, qtbot):
    palette.list.setFocus()
    palette.list.setCurrentItem(palette.list.item_of("Input"))
    QTest.keyClick(palette.list, Qt.Key.Key_Down)
    with qtbot.waitSignal(palette.chosen) as picked:
        QTest.keyClick(palette.list, Qt.Key.Key_Return)
    assert picked.args == ["Dense", {}]


def test_double_click_picks_with_the_presets_settings(palette, qtbot):
    place = palette.list.visualItemRect(palette.list.item_of("Softmax")).center()
    QTest.mouseClick(palette.list.viewport(), Qt.MouseButton.LeftButton, pos=place)
    with qtbot.waitSignal(palette.chosen) as picked:
        QTest.mouseDClick(palette.list.viewport(), Qt.MouseButton.LeftButton, pos=place)
    assert picked.args == ["Activation", {"function": "softmax"}]


def test_a_drag_carries_kind_and_settings(palette, monkeypatch):
    carried = []
    monkeypatch.setattr(QDrag, "exec", lambda drag, actions: carried.append((drag.mimeData(), drag.pixmap())))
    viewport = palette.list.viewport()
    place = palette.list.visualItemRect(palette.list.item_of("Softmax")).center()
    QTest.mousePress(viewport, Qt.MouseButton.LeftButton, pos=place)
    for step in (5, 20, 40, 60):
        QTest.mouseMove(viewport, place + QPoint(step, 0))
    QTest.mouseRelease(viewport, Qt.MouseButton.LeftButton, pos=place + QPoint(60, 0))
    if not carried:  # Offscreen the moves may carry no button: the same function, called as Qt calls it.
        palette.list.startDrag(Qt.DropAction.CopyAction)
    data, picture = carried[0]
    assert json.loads(bytes(data.data(MIME).data())) == {"kind": "Activation", "settings": {"function": "softmax"}}
    assert dragged(data).make().function == "softmax"
    assert not picture.isNull()
