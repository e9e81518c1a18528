"""The panel beside the Explain view: pages about weights, units, errors and steps; links, history, copying."""

import gc
import weakref

import pytest
from PySide6.QtCore import QEvent, QPointF, Qt
from PySide6.QtGui import QGuiApplication, QImage
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication
from pytestqt.qtbot import QtBot

from annstudio.data.base import parse_source
from annstudio.engine.optimizers import Adam
from annstudio.explain.moments import Grain
from annstudio.explain.told import Quantity
from annstudio.explain.trial import Trial
from annstudio.layers.dense import Dense, WeightedSum
from annstudio.layers.ends import Input
from annstudio.layers.losses import Loss
from annstudio.layers.recurrent.simple import SimpleRNN
from annstudio.ui.app import application
from annstudio.ui.explain.blocks import LinesView, PageTable
from annstudio.ui.explain.copying import copy_menu
from annstudio.ui.explain.formula import FormulaView, Piece
from annstudio.ui.explain.rich import address, quantity_at, rich, times
from annstudio.ui.explain.source_view import SourceView
from annstudio.ui.explain.typeset import typeset
from tests.builders import chain, project, small_project, table, trained, worked_example
from tests.ui.explaining import Desk, cells, click_widget, explaining

Key = Qt.Key


def formulas(desk: Desk) -> list[FormulaView]:
    return desk.panel.area.widget().findChildren(FormulaView)


def tables(desk: Desk) -> list[PageTable]:
    return desk.panel.area.widget().findChildren(PageTable)


# Weights -------------------------------------------------------------------------------------------------------------


def test_a_weight_is_answered_in_symbols_numbers_and_result(desk: Desk):
    desk.view.ask(desk.weight("output/W", 0, 0))
    text = desk.panel.text
    for line in (
        "How much does w_5 change the error?",
        "−(target_o1 − out_o1) = −(0.010000000 − 0.751365070) = 0.741365070",
        "out_o1 (1 − out_o1) = 0.751365070 × (1 − 0.751365070) = 0.186815602",
        "out_h1 = 0.593269992",
        "∂E/∂w_5 = 0.741365070 × 0.186815602 × 0.593269992",
        "= 0.082167041",
        "Update (SGD, η = 0.5)",
        "w_5 ← 0.400000000 − 0.5 × 0.082167041 = 0.358916480",
    ):
        assert line in text
    assert formulas(desk)[0].text == "∂E/∂w₅ = ∂E/∂out_o1 · ∂out_o1/∂net_o1 · ∂net_o1/∂w₅"


def test_the_loss_really_runs_again_for_the_check(desk: Desk, monkeypatch: pytest.MonkeyPatch):
    tried: list[float] = []
    loss_with = Trial.loss_with
    monkeypatch.setattr(Trial, "loss_with", lambda *a: tried.append(a[3]) or loss_with(*a))
    desk.view.ask(desk.weight("output/W", 0, 0))
    assert len(tried) == 2
    assert min(tried) < 0.4 < max(tried)
    assert "✓ agrees in" in desk.panel.text
    assert "0.082167041" in next(line for line in desk.panel.text.splitlines() if "finite difference" in line)


def test_all_weights_of_the_layer_stand_in_a_table_and_a_click_asks(desk: Desk):
    desk.view.ask(desk.weight("output/W", 0, 0))
    (table,) = tables(desk)
    rows = cells(table)
    assert rows[0] == ["w₅ h₁→o₁", "0.400000000", "+0.082167041", "0.358916480"]
    assert rows[2] == ["w₇ h₁→o₂", "0.500000000", "−0.022602540", "0.511301270"]
    assert rows[4] == ["b 1→o₁", "0.600000000", "+0.138498562", "0.600000000"]
    assert table.table.chosen == 0
    rect = table.visualRect(table.model().index(3, 0))
    click_widget(table.viewport(), rect.center())
    assert desk.tour.question == desk.weight("output/W", 1, 1)
    assert tables(desk)[0].table.chosen == 3


def test_a_hidden_weight_shows_both_paths(desk: Desk):
    desk.view.ask(desk.weight("hidden/W", 0, 0))
    text = desk.panel.text
    assert "Every path to the error" in text
    assert "= +0.000668396" in text
    assert "= −0.000229828" in text
    assert "w_1 ← 0.150000000 − 0.5 × 0.000438568 = 0.149780716" in text


def test_a_frozen_bias_says_that_it_stays(desk: Desk):
    desk.view.ask(desk.weight("output/b", 0))
    assert "It stays as it is: b of output is not trained." in desk.panel.text
    assert "b_o1 = 0.600000000 → 0.600000000" in desk.panel.text


@pytest.mark.parametrize(("kind", "told"), [("momentum", "v^+ = 0.9 × "), ("adam", "m^+ = 0.9 × ")])
def test_other_optimisers_show_the_numbers_of_their_vectors(qtbot: QtBot, kind: str, told: str):
    application("light")
    with explaining(trained(small_project(optimizer={"kind": kind}), 5)) as desk:
        desk.view.ask(desk.weight("hidden/W", 1, 2))
        line = next(line for line in desk.panel.text.splitlines() if line.startswith(told))
        vector = float(line.partition("×")[2].split()[0].strip("()").replace("−", "-"))
        assert vector != 0


def test_the_source_is_that_of_the_operation_that_ran(desk: Desk):
    import inspect

    desk.view.ask(desk.weight("output/W", 0, 0))
    shown = desk.panel.area.widget().findChildren(SourceView)[0].toPlainText()
    body = "".join(inspect.getsource(WeightedSum.backward).split())
    assert shown.startswith("# WeightedSum.backward\n")
    assert "".join(shown.split("\n", 1)[1].split()) == body


# Units, errors, steps ------------------------------------------------------------------------------------------------


def test_a_unit_is_answered_term_by_term_then_by_its_activation(desk: Desk):
    desk.key(Key.Key_End)
    desk.view.ask(desk.unit("hidden", 0).quantity)
    text = desk.panel.text
    for line in (
        "How does h_1 get its value?",
        "w_1 · i_1 = 0.150000000 × 0.050000000 = +0.007500000",
        "w_2 · i_2 = 0.200000000 × 0.100000000 = +0.020000000",
        "b_h1 = +0.350000000",
        "net_h1 = 0.377500000",
        "out_h1 = 1/(1 + e^−0.377500000)",
        "= 0.593269992",
        "w_5 · ∂E/∂net_o1 = 0.400000000 × 0.138498562 = +0.055399425",
        "w_7 · ∂E/∂net_o2 = 0.500000000 × (−0.038098237) = −0.019049118",
        "∂E/∂out_h1 = 0.036350306",
        "∂E/∂net_h1 = 0.036350306 × 0.241300709",
    ):
        assert line in text, line
    assert text.count("Every path to the error") == 1
    (table,) = tables(desk)
    assert cells(table)[1] == ["h₂", "0.392500000", "0.596884378", "0.041370323", "0.009954255"]


def test_what_was_not_computed_yet_has_symbols_but_no_numbers_and_leads_there(desk: Desk):
    desk.view.ask(desk.unit("output", 0).quantity)
    assert "1.105905967" not in desk.panel.text
    assert "Not computed yet: that is step 5 of 43." in desk.panel.text
    note = next(n for n in desk.panel.area.widget().findChildren(type(desk.panel.title)) if "step 5 of" in n.text())
    note.linkActivated.emit(address(Quantity(desk.tour.program.slots[5].index, (0,))))
    assert desk.view.timeline.number.text() == "Step 5 of 43"
    assert desk.view.timeline.caption.text() == "Forward · output · net_o1"
    assert "1.105905967" in desk.panel.text


def test_the_error_is_told_output_by_output(desk: Desk):
    desk.key(Key.Key_L)
    desk.view.ask(desk.view.scene.total.quantity)
    assert "E = 0.298371109" in desk.panel.text
    share = desk.view.scene.errors[1][2].quantity
    desk.view.ask(share)
    assert desk.panel.text.startswith("How large is E_o2?")
    (table,) = tables(desk)
    assert cells(table) == [
        ["o₁", "0.751365070", "0.01", "0.274811083"],
        ["o₂", "0.772928465", "0.99", "0.023560026"],
    ]


def test_without_a_question_the_step_is_explained(desk: Desk):
    assert desk.panel.text.startswith("Start")
    assert cells(tables(desk)[0])[0][:2] == ["input", "x"]
    desk.view.set_grain(Grain.OP)
    desk.key(Key.Key_Right)
    text = desk.panel.text
    assert text.startswith("Forward · hidden · net")
    assert "= 0.150000000 × 0.050000000 + 0.200000000 × 0.100000000 + 0.350000000 = 0.377500000" in text
    for _ in range(len(desk.tour.walk) - 1):
        desk.key(Key.Key_Right)
        assert len(desk.panel.page.sections) >= 1
    assert desk.panel.text.startswith("Update · hidden · W")


# Links, history, keys ------------------------------------------------------------------------------------------------


def test_a_factor_leads_to_the_step_where_it_was_computed_and_back(desk: Desk):
    w5 = desk.weight("output/W", 0, 0)
    desk.view.ask(w5)
    assert not desk.panel.back.isHidden()
    view = formulas(desk)[0]
    spot = next(s for s in view._spots if s.piece.latex.startswith(r"\frac{\partial E}{\partial \text{out}"))
    click_widget(view, spot.rect.center())
    assert desk.view.timeline.caption.text() == "Backward · loss · ∂E/∂out_o1"
    assert desk.panel.text.startswith("How much does o_1 change the error?")
    QTest.mouseClick(desk.panel.back, Qt.MouseButton.LeftButton)
    assert desk.tour.question == w5
    assert desk.tour.walk.place == 0
    QTest.keyClick(desk.view, Key.Key_Left, Qt.KeyboardModifier.AltModifier)
    assert desk.tour.question is None
    assert desk.panel.back.isHidden()


def test_links_in_lines_lead_too(desk: Desk):
    desk.key(Key.Key_End)
    desk.view.ask(desk.weight("output/W", 0, 0))
    lines = desk.panel.area.widget().findChildren(LinesView)[0]
    h1 = desk.unit("hidden", 0).quantity
    assert address(h1) in lines.text()
    lines.linkActivated.emit(address(h1))
    assert desk.tour.question == h1
    assert desk.view.timeline.caption.text() == "Forward · hidden · out_h1"


def test_letting_go_explains_the_step_again(desk: Desk):
    desk.view.ask(desk.weight("output/W", 0, 0))
    QTest.mouseClick(desk.panel.release, Qt.MouseButton.LeftButton)
    assert desk.panel.text.startswith("Start")
    assert desk.panel.release.isHidden()


def test_digits_are_those_that_were_chosen(desk: Desk):
    desk.view.ask(desk.weight("output/W", 0, 0))
    desk.view.set_digits(4)
    assert "w_5 ← 0.4000 − 0.5 × 0.0822 = 0.3589" in desk.panel.text
    desk.view.set_digits(17)
    assert "0.35891647971788" in desk.panel.text
    desk.view.set_digits(1)
    assert desk.tour.digits == 2


def test_nothing_is_built_anew_where_nothing_changed(desk: Desk):
    desk.view.ask(desk.weight("output/W", 0, 0))
    body = desk.panel.area.widget()
    desk.view.scene.hover(desk.view.scene.wires[0])
    desk.panel.refresh()
    assert desk.panel.area.widget() is body


# Formulas ------------------------------------------------------------------------------------------------------------


def test_formulas_are_copied_as_text_and_as_latex(desk: Desk):
    desk.view.ask(desk.weight("output/W", 0, 0))
    view = formulas(desk)[0]
    menu = copy_menu(view, view.text, view.latex)
    as_text, as_latex = menu.actions()
    as_text.trigger()
    assert QGuiApplication.clipboard().text() == view.text
    as_latex.trigger()
    assert QGuiApplication.clipboard().text().startswith(r"\frac{\partial E}{\partial w_{5}} = ")
    assert view.accessibleName() == view.text == view.toolTip()
    menu.deleteLater()


def test_formulas_are_drawn_in_their_colours_and_wrap(qtbot: QtBot):
    application("light")
    pieces = [Piece(rf"w_{{{i}}} \cdot x_{{{i}}}", colour=i % 3) for i in range(12)]
    view = FormulaView(pieces)
    qtbot.addWidget(view)
    one, many = view.heightForWidth(2000), view.heightForWidth(200)
    assert many > 3 * one
    view.resize(2000, one)
    image = view.grab().toImage()
    assert len({image.pixel(x, one // 2) for x in range(image.width())}) > 10


def test_a_formula_wider_than_the_room_is_made_smaller(qtbot: QtBot):
    application("light")
    view = FormulaView([Piece(r"a + b + c + d + e + f + g + h + i + j + k + l + m + n")])
    qtbot.addWidget(view)
    view.heightForWidth(300)
    (spot,) = view._spots
    assert spot.rect.right() <= 300


def test_setting_is_done_once_and_inks_anything(qtbot: QtBot):
    application("light")
    first = typeset(r"\frac{\partial E}{\partial \text{net}_{\text{dense\_1 3}}}", 17, "#102030")
    assert typeset(r"\frac{\partial E}{\partial \text{net}_{\text{dense\_1 3}}}", 17, "#102030") is first
    assert first.width > 40
    assert first.above > first.below > 5
    image = QImage(200, 80, QImage.Format.Format_ARGB32)
    image.fill(Qt.GlobalColor.white)
    from PySide6.QtGui import QColor, QPainter

    painter = QPainter(image)
    first.draw(painter, QPointF(5, 5), QColor("#102030"))
    painter.end()
    dark = sum(QColor(image.pixel(x, y)).lightness() < 90 for x in range(200) for y in range(80))
    assert dark > 100


def test_rich_text_says_what_the_latex_says():
    assert rich(r"\text{net}_{h1}") == "net<sub>h1</sub>"
    assert rich(r"\frac{1}{1 + e^{-0.5}}") == "1/(1 + e<sup>−0.5</sup>)"
    assert rich(r"[\,x > 0\,]") == "[ x &gt; 0 ]"
    assert rich(r"\text{net}_{\text{dense\_1 3}}") == "net<sub>dense_1\xa03</sub>"
    assert rich(times(r"[\,(-3) \geq 0\,] - 0 \cdot 2\,(4)")) == "[ (−3) ≥ 0 ] − 0 × 2 × (4)"


def test_addresses_lead_back_to_their_numbers():
    for quantity in (Quantity(3, (1, 2)), Quantity(8, ()), Quantity(8, (), 0, 1)):
        assert quantity_at(address(quantity)) == quantity
    assert quantity_at("https://example.org") is None


def test_every_number_of_a_batch_can_be_asked_about(qtbot: QtBot):
    application("dark")
    with explaining(small_project()) as desk:
        desk.key(Key.Key_End)
        for slot in desk.tour.program.slots:
            if slot.shown:
                desk.view.ask(Quantity(slot.index, (0,) * len(slot.shape)))
                assert desk.panel.page.title
                assert desk.panel.page.sections
        QApplication.processEvents()


def test_a_network_without_a_loss_can_be_explained_forward(qtbot: QtBot):
    application("light")
    graph = chain(input=Input(shape=(2,)), hidden=Dense(units=2, activation="tanh"))
    with explaining(project(graph, table([(0.1, 0.2)], [(0.5,)]))) as desk:
        desk.key(Key.Key_L, Key.Key_End)
        desk.view.ask(desk.weight("hidden/W", 0, 0))
        assert "no loss yet" in desk.panel.text
        desk.view.ask(desk.unit("hidden", 1).quantity)
        assert "out_h2 = tanh(" in desk.panel.text


def test_held_keys_make_one_page(desk: Desk, monkeypatch: pytest.MonkeyPatch):
    made: list[object] = []
    begin = desk.panel._begin
    monkeypatch.setattr(desk.panel, "_begin", lambda body, parts: made.append(body) or begin(body, parts))
    desk.key(*[Key.Key_Right] * 12)
    assert desk.tour.walk.place == 12
    assert len(made) == 1


def test_all_that_explains_is_gone_when_it_is_closed(qtbot: QtBot):
    application("light")
    with explaining(worked_example()) as desk:
        desk.key(Key.Key_End)
        desk.view.ask(desk.weight("output/W", 0, 0))
        desk.view.show_neurons(False)
        held = [weakref.ref(thing) for thing in (desk.view, desk.panel, desk.bar, desk.view.scene, desk.tour)]
    del desk
    gc.collect()
    QApplication.sendPostedEvents(None, QEvent.Type.DeferredDelete)
    gc.collect()
    assert [ref() for ref in held] == [None] * 5


def test_a_long_formula_has_the_height_it_needs(qtbot: QtBot):
    application("light")
    with explaining(small_project(optimizer=Adam())) as desk:
        desk.view.set_grain(Grain.LAYER)
        desk.key(Key.Key_End)
        rule = Adam.formula.split(r", \quad ")
        assert [view.pieces[0].latex for view in formulas(desk)[: len(rule)]] == rule
        for view in formulas(desk):
            assert view.height() >= view.heightForWidth(view.width())


def test_long_words_in_a_table_give_way_to_its_numbers(qtbot: QtBot):
    application("light")
    graph = chain(input=Input(shape=(6, 1)), a_recurrent_memory=SimpleRNN(units=3), output=Dense(units=1), loss=Loss())
    with explaining(project(graph, parse_source({"kind": "sunspots", "window": 6}))) as desk:
        desk.view.set_grain(Grain.OP)
        for _ in range(4):
            desk.key(Key.Key_Right)
        assert "t = 1 · net" in desk.panel.text
        (reads,) = (t for t in tables(desk) if t.table.heading[-1] == "from … to")
        reads.resize(500, reads.height())
        wide = [reads.columnWidth(i) for i in range(5)]
        assert sum(wide) <= reads.viewport().width()
        for column in (0, 1, 3, 4):
            assert wide[column] >= reads.sizeHintForColumn(column), column
