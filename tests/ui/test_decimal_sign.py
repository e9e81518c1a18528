"""Numbers on the screen with the decimal sign of the user's locale, or the one chosen in the menu."""

import re
from collections.abc import Iterator

import pytest
from PySide6.QtCore import QEvent, QLocale
from PySide6.QtWidgets import QApplication, QWidget
from pytestqt.qtbot import QtBot

from annstudio.layers.dense import Dense
from annstudio.layers.ends import Input
from annstudio.layers.losses import Loss
from annstudio.session import Session
from annstudio.ui.app import application
from annstudio.ui.axes import bare_plot
from annstudio.ui.explain.blocks import LinesView, PageTable
from annstudio.ui.explain.formula import FormulaView, Piece
from annstudio.ui.explain.rich import one_line, rich
from annstudio.ui.fields import NumberField, NumbersField
from annstudio.ui.numbers import Limits, localised, localised_latex, use_decimal_sign
from annstudio.ui.window import Window
from tests.builders import chain, project, some_table, trained, worked_example
from tests.ui.explaining import explaining


@pytest.fixture(autouse=True)
def locale() -> Iterator[None]:
    before = QLocale()
    yield
    QLocale.setDefault(before)


def test_points_between_digits_become_the_sign_and_names_stay():
    latex = r"\text{conv 1.2}_{3} = 0.5 \cdot 1.25 + \dots"
    assert localised(latex, ",") == r"\text{conv 1.2}_{3} = 0,5 \cdot 1,25 + \dots"
    use_decimal_sign("comma")
    assert localised_latex("0.5") == "0{,}5"
    assert one_line(r"-0.5 \cdot 10^{-5}") == "−0,5 · 10⁻⁵"
    assert rich("0.5") == "0,5"
    use_decimal_sign("point")
    assert rich("0.5") == "0.5", "what was kept for one sign is not shown with another"
    assert localised_latex("0.5") == "0.5"


def test_a_comma_is_set_without_a_gap(qtbot: QtBot):
    application("light")
    use_decimal_sign("point")
    widths = []
    for sign in ("point", "comma"):
        use_decimal_sign(sign)
        view = FormulaView((Piece("10.25"),))
        qtbot.addWidget(view)
        view.resize(400, 60)
        view.heightForWidth(400)
        widths.append(view._spots[0].told.width)
        assert view.text == {"point": "10.25", "comma": "10,25"}[sign]
    assert widths[1] == pytest.approx(widths[0], abs=1.0)


@pytest.mark.parametrize("example", ["worked", "everything"])
def test_every_page_is_written_with_a_comma(qtbot: QtBot, example: str):
    application("light")
    use_decimal_sign("comma")
    layer = Dense(units=2, activation="leaky_relu", l1=0.01, l2=0.02, max_norm=0.3)
    graph = chain(input=Input(shape=(3,)), hidden=layer, out=Dense(units=2, activation="sigmoid"), loss=Loss())
    rules = {"optimizer": {"kind": "adamw"}, "clip_norm": 0.01, "schedule": {"kind": "cosine"}}
    everything = trained(project(graph, some_table(), batch_size=4, epochs=5, **rules), 3)
    with explaining(worked_example() if example == "worked" else everything) as desk:
        for place in range(0, len(desk.tour.walk) + 1, 3 if example == "worked" else 17):
            desk.tour.to(place)
            QApplication.processEvents()
            assert_no_points(desk.shown())
            body = desk.panel.area.widget()
            for table in body.findChildren(PageTable):
                for row in table.table.rows[:12]:
                    assert_no_points(" ".join(cell.text for cell in row))
            for view in [*body.findChildren(FormulaView), *body.findChildren(LinesView)]:
                assert_no_points(view.latex)


def assert_no_points(text: str) -> None:
    assert re.search(r"\d\.\d", text) is None, re.search(r".*\d\.\d.*", text)


def test_the_sign_is_chosen_in_the_menu_and_what_is_shown_follows(qtbot: QtBot):
    application("light")
    window = Window(Session(worked_example()))
    window.show()
    qtbot.waitExposed(window)
    window.session.explain(0)
    window.explain_view.tour.to(20)
    QApplication.processEvents()
    for sign, number in (("comma", "0,741365070"), ("point", "0.741365070")):
        window.actions_by_id[f"decimal_{sign}"].trigger()
        QApplication.processEvents()
        assert window.memory.decimal_sign == sign
        assert window.actions_by_id[f"decimal_{sign}"].isChecked()
        window.explain_panel.finish()
        assert number in window.explain_panel.text
    window.actions_by_id["decimal_system"].trigger()
    assert QLocale().decimalPoint() == QLocale.system().decimalPoint()
    window.session.leave_explain()
    window.session.document.mark_saved()
    window.close()
    QApplication.sendPostedEvents(None, QEvent.Type.DeferredDelete)


def test_lists_of_numbers_are_apart_from_decimal_commas(qtbot: QtBot):
    field = NumbersField()
    qtbot.addWidget(field)
    use_decimal_sign("comma")
    assert field.write((-1.6, 2.4)) == "-1,6; 2,4"
    for typed in ("-1,6; 2,4", "-1,6 2,4", "-1,6, 2,4", "-1.6; 2.4"):
        assert field.read(typed) == (-1.6, 2.4), typed
    with pytest.raises(ValueError, match="semicolons"):
        field.read("a; b")
    use_decimal_sign("point")
    assert field.read("-1.6, 2.4") == (-1.6, 2.4)
    assert field.write((-1.6, 2.4)) == "-1.6, 2.4"


def test_axes_have_the_sign_and_a_true_minus(qtbot: QtBot):
    parent = QWidget()
    qtbot.addWidget(parent)
    axis = bare_plot(parent).getAxis("left")
    use_decimal_sign("comma")
    assert axis.tickStrings([-0.5, 0.0, 0.5], 1.0, 0.5) == ["−0,5", "0", "0,5"]


def test_a_field_follows_another_sign(qtbot: QtBot):
    use_decimal_sign("point")
    field = NumberField(Limits(0, 10))
    qtbot.addWidget(field)
    field.set_value(0.5)
    for sign, text in (("comma", "0,5"), ("point", "0.5")):
        use_decimal_sign(sign)
        field.set_value(0.5)
        assert field.text() == text
