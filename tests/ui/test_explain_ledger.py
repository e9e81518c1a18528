"""Why a weight changes, and where it was used: read, clicked and copied in the panel."""

import numpy as np
import pytest
from PySide6.QtCore import QPoint, Qt, QTimer
from PySide6.QtGui import QContextMenuEvent, QGuiApplication
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication, QMenu
from pytestqt.qtbot import QtBot

from annstudio.explain.derivation import Explainer
from annstudio.explain.told import Quantity
from annstudio.explain.walk import Grain
from annstudio.layers.conv import Conv2D
from annstudio.layers.dense import Dense
from annstudio.layers.ends import Input
from annstudio.layers.losses import Loss
from annstudio.layers.recurrent.lstm import LSTM
from annstudio.layers.shaping import Flatten, Reshape
from annstudio.ui.app import application
from annstudio.ui.explain.blocks import PageTable
from annstudio.ui.explain.formula import FormulaView
from tests.builders import chain, project, small_project, some_table, trained, worked_example
from tests.ui.explaining import cells, click_row, explaining, table_of

Key = Qt.Key


def number(text: str) -> float:
    return float(text.replace("−", "-"))


# The account ----------------------------------------------------------------------------------------------------------


def test_a_mini_batch_is_told_example_by_example_down_to_the_new_weight(qtbot: QtBot):
    application("light")
    rules = {"optimizer": {"kind": "adamw", "weight_decay": 0.1}, "clip_norm": 0.05}
    with explaining(trained(small_project(**rules), 4)) as desk:
        desk.session.explain(whole_batch=True)
        desk.key(Key.Key_End)
        desk.view.ask(desk.weight("hidden/W", 2, 1))
        rows = cells(table_of(desk, "what moves it"))
        names = [row[0].partition("\n")[0] for row in rows]
        assert names[0] == "before"
        assert sorted(names[1:7]) == [f"example {i}" for i in range(1, 7)]
        assert names[7:] == ["clipped norm", "weight decay", "mean gradient so far"]
        sizes = [abs(number(row[1])) for row in rows[1:7]]
        assert sizes == sorted(sizes, reverse=True)
        totals = [number(row[2]) for row in rows]
        for before, after, row in zip(totals, totals[1:], rows[1:], strict=False):
            assert after == pytest.approx(before + number(row[1]), abs=2e-9)
        digits = desk.tour.digits
        assert rows[-1][2] == desk.tour.text(float(desk.tour.stepper.arena.view("hidden/W")[2, 1]))
        assert "p = −η/(√(v̂) + ε)" in desk.panel.text
        assert digits == 9


def test_an_example_of_the_account_is_asked_about_by_a_click(qtbot: QtBot):
    application("light")
    with explaining(small_project()) as desk:
        desk.session.explain(whole_batch=True)
        desk.key(Key.Key_End)
        desk.view.ask(desk.weight("hidden/W", 2, 1))
        table = table_of(desk, "what moves it")
        example = int(cells(table)[1][0].partition("\n")[0].removeprefix("example ")) - 1
        click_row(table, 1)
        assert desk.tour.example == example
        assert "change the error?" in desk.panel.title.text()
        assert "net<sub>h3</sub>" in desk.panel.title.text()


def test_a_rule_of_one_line_needs_no_account(qtbot: QtBot):
    application("light")
    with explaining(worked_example()) as desk:
        desk.view.ask(desk.weight("output/W", 0, 0))
        assert "w_5 ← 0.400000000 − 0.5 × 0.082167041 = 0.358916480" in desk.panel.text
        assert [t.table.heading[0] for t in desk.panel.area.widget().findChildren(PageTable)] == ["weight"]


def test_the_schedule_is_told_with_its_numbers(qtbot: QtBot):
    application("light")
    start = trained(small_project(schedule={"kind": "exponential"}, optimizer={"kind": "sgd", "learning_rate": 0.5}), 4)
    with explaining(start) as desk:
        desk.view.ask(desk.weight("hidden/W", 2, 1))
        assert "The schedule exponential makes the rate of this batch." in desk.panel.text
        line = next(line for line in desk.panel.text.splitlines() if line.startswith("η = "))
        assert number(line.rpartition("= ")[2]) == pytest.approx(desk.tour.stepper.rate, abs=1e-9)


# Places ---------------------------------------------------------------------------------------------------------------


def test_every_place_of_a_kernels_weight_is_listed_and_leads_there(qtbot: QtBot):
    application("light")
    graph = chain(
        input=Input(shape=(16,)), fold=Reshape(target=(4, 4, 1)), conv=Conv2D(filters=2, activation="tanh"),
        flat=Flatten(), out=Dense(units=2), loss=Loss(),
    )  # fmt: skip
    with explaining(project(graph, some_table(6, 16, 2))) as desk:
        desk.key(Key.Key_End)
        w = desk.weight("conv/W", 1, 0, 1, 2)
        desk.view.ask(w)
        table = table_of(desk, "used for")
        rows = cells(table)
        assert len(rows) == 16
        shares = [number(row[2]) for row in rows]
        assert [abs(s) for s in shares] == sorted(map(abs, shares), reverse=True)
        gradient = desk.tour.stepper.array(desk.tour.program.gradients[w.slot])[w.index]
        assert sum(shares) == pytest.approx(gradient, abs=1e-3)
        place = rows[0][0]
        click_row(table, 0)
        assert place.removeprefix("net_c") in desk.panel.text.partition("\n")[0]


def test_every_time_steps_share_is_listed_with_its_own_page_and_check(qtbot: QtBot):
    application("light")
    memory = LSTM(units=2)
    out = Dense(units=2, activation="sigmoid")
    graph = chain(input=Input(shape=(12,)), fold=Reshape(target=(4, 3)), memory=memory, out=out, loss=Loss())
    with explaining(project(graph, some_table(6, 12, 2))) as desk:
        desk.key(Key.Key_End)
        desk.view.ask(desk.weight("memory/U", 1, 0))
        table = table_of(desk, "used in")
        rows = cells(table)
        assert sorted(row[0] for row in rows) == ["t = 1", "t = 2", "t = 3", "t = 4"]
        gradient = number(next(r for r in desk.panel.text.splitlines() if r.startswith("∂E/∂u")).rpartition("= ")[2])
        assert sum(number(row[1]) for row in rows) == pytest.approx(gradient, abs=3e-4)
        click_row(table, 0)
        text = desk.panel.text
        assert f"change the error by its use in memory, {rows[0][0]}?" in text.partition("\n")[0]
        assert "✓ agrees in" in text, text
        assert "in this place alone" in text
        desk.panel.back.click()
        assert "Where it was used" in desk.panel.text


def test_a_penalty_is_one_of_the_uses(qtbot: QtBot):
    application("light")
    graph = chain(input=Input(shape=(3,)), out=Dense(units=2, l1=0.01, l2=0.1), loss=Loss())
    with explaining(project(graph, some_table())) as desk:
        desk.key(Key.Key_End)
        desk.view.ask(desk.weight("out/W", 0, 1))
        rows = cells(table_of(desk, "used in"))
        assert sorted(row[0] for row in rows) == ["out", "penalty"]
        names = [row[0].partition("\n")[0] for row in cells(table_of(desk, "what moves it"))]
        assert names == ["before", "gradient", "L1 penalty", "L2 penalty"]
        desk.view.ask(desk.weight("out/b", 0))
        tables = [t.table.heading[0] for t in desk.panel.area.widget().findChildren(PageTable)]
        assert tables == ["weight"], "a penalty leaves biases alone"


# Taking along ---------------------------------------------------------------------------------------------------------


def test_a_table_is_copied_whole(qtbot: QtBot):
    application("light")
    with explaining(worked_example()) as desk:
        desk.view.ask(desk.weight("output/W", 0, 0))
        table = table_of(desk, "weight")
        table.setFocus()
        QTest.keyClick(table, Key.Key_C, Qt.KeyboardModifier.ControlModifier)
        lines = QGuiApplication.clipboard().text().splitlines()
        assert lines[0] == "weight\tnow\t∂E/∂w\tafter update"
        assert lines[1] == "w₅ h₁→o₁\t0.400000000\t+0.082167041\t0.358916480"
        assert len(lines) == 7
        assert latex_of(table).splitlines()[:3] == [
            r"\begin{tabular}{lrrr}",
            r"$\text{weight}$ & $\text{now}$ & $\partial E/\partial w$ & $\text{after update}$ \\",
            r"\hline",
        ]


def latex_of(table: PageTable) -> str:
    """What the context menu's second entry copies."""

    def choose() -> None:
        menu = next(w for w in QApplication.topLevelWidgets() if isinstance(w, QMenu) and w.isVisible())
        menu.actions()[1].trigger()
        menu.close()

    QTimer.singleShot(0, choose)
    middle = QPoint(5, 5)
    event = QContextMenuEvent(QContextMenuEvent.Reason.Keyboard, middle, table.mapToGlobal(middle))
    QApplication.sendEvent(table, event)
    return QGuiApplication.clipboard().text()


# Long layers ----------------------------------------------------------------------------------------------------------


def test_a_unit_of_a_gated_layer_is_told_by_what_leads_straight_to_it(qtbot: QtBot):
    application("light")
    graph = chain(input=Input(shape=(30,)), fold=Reshape(target=(10, 3)), memory=LSTM(units=2), out=Dense(units=2),
                  loss=Loss())  # fmt: skip
    with explaining(project(graph, some_table(6, 30, 2))) as desk:
        desk.key(Key.Key_End)
        program = desk.tour.program
        desk.view.ask(Quantity(program.outputs["memory"], (1,)))
        assert len(desk.panel.page.sections) <= 7
        gate = next(s.index for s in program.slots if (s.name, s.scope) == ("net f", "t = 4"))
        desk.view.ask(Quantity(gate, (1,)))
        titles = [section.title for section in desk.panel.page.sections]
        assert "Activation" in titles, "the gate's sum and what the sigmoid makes of it"
        assert len(titles) <= 8


def test_a_limit_is_told_by_what_it_made_of_the_weights(qtbot: QtBot):
    application("light")
    graph = chain(input=Input(shape=(3,)), out=Dense(units=2, max_norm=0.1), loss=Loss())
    with explaining(project(graph, some_table())) as desk:
        desk.view.set_grain(Grain.OP)
        desk.key(Key.Key_End)
        assert "Before and after" in desk.panel.text
        rows = cells(table_of(desk, ""))
        assert [row[0] for row in rows] == ["W", "b"]
        assert rows[1][3] == "within the limit"
        assert rows[0][1] != rows[0][2]
        desk.view.ask(desk.weight("out/W", 0, 1))
        names = [row[0].partition("\n")[0] for row in cells(table_of(desk, "what moves it"))]
        assert names == ["before", "gradient", "largest norm"]


def test_only_rows_that_are_seen_are_written_out(qtbot: QtBot, monkeypatch: pytest.MonkeyPatch):
    application("light")
    graph = chain(input=Input(shape=(784,)), hidden=Dense(units=3), out=Dense(units=2), loss=Loss())
    with explaining(project(graph, some_table(3, 784, 2))) as desk:
        desk.key(Key.Key_End)
        made: list[object] = []
        row = Explainer._row
        monkeypatch.setattr(Explainer, "_row", lambda *a: made.append(1) or row(*a))
        desk.view.ask(Quantity(desk.tour.program.outputs["hidden"], (1,)))
        QApplication.processEvents()
        table = table_of(desk, "term, largest first")
        assert table.model().rowCount() == 785
        assert len(made) < 100
        table.scrollToBottom()
        QApplication.processEvents()
        assert len(made) < 200
        assert number(cells(table)[784][1]) == pytest.approx(0, abs=1e-3), "the smallest stands last"


# Without a mouse ------------------------------------------------------------------------------------------------------


def test_the_links_of_a_formula_are_reached_by_tab_and_followed_by_return(qtbot: QtBot):
    application("light")
    with explaining(worked_example()) as desk:
        desk.view.ask(desk.weight("output/W", 0, 0))
        desk.window.activateWindow()
        formula = desk.panel.area.widget().findChildren(FormulaView)[0]
        formula.setFocus(Qt.FocusReason.TabFocusReason)
        QTest.keyClick(formula, Key.Key_C, Qt.KeyboardModifier.ControlModifier)
        assert QGuiApplication.clipboard().text() == "∂E/∂w₅ = ∂E/∂out_o1 · ∂out_o1/∂net_o1 · ∂net_o1/∂w₅"
        QTest.keyClick(formula, Key.Key_Tab)
        QTest.keyClick(formula, Key.Key_Return)
        QApplication.processEvents()
        assert desk.panel.text.startswith("How much does o_1 change the error?")


@pytest.mark.parametrize("size", [1e160, 1e308])
def test_numbers_that_run_away_are_told_like_any_others(qtbot: QtBot, size: float):
    application("light")
    graph = chain(
        input=Input(shape=(3,)), hidden=Dense(units=2, activation="linear", l2=0.1, max_norm=2.0), out=Dense(units=2),
        loss=Loss(function="mean_squared_error"),
    )  # fmt: skip
    weights = {"hidden/W": np.full((2, 3), size), "out/W": np.array([[size, -size], [size, size]])}
    rules = {"optimizer": {"kind": "adam"}, "clip_norm": 1.0, "batch_size": 4}
    with explaining(project(graph, some_table(), weights, **rules)) as desk:
        desk.session.explain(whole_batch=True)
        desk.key(Key.Key_End)
        for key in ("hidden/W", "out/W"):
            desk.view.ask(desk.weight(key, 0, 1))
            assert "Update (Adam" in desk.panel.text
        for slot in desk.tour.program.slots:
            if slot.shown:
                desk.view.ask(Quantity(slot.index, (0,) * len(slot.shape)))
                assert desk.panel.page.sections
