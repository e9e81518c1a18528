"""The worksheet as a user works with it: numbers are ticked, answers typed and judged, hints taken."""

import re
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from PySide6.QtCore import QEvent, QLocale, QPoint, Qt
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication, QLabel
from pytestqt.qtbot import QtBot

from annstudio.document.network import Network
from annstudio.explain.catalogue import Catalogue
from annstudio.explain.derivation import Explainer
from annstudio.explain.worksheet import Answer, Help, Worksheet
from annstudio.formats import studio
from annstudio.session import Session
from annstudio.ui.labs.worksheet_lab import WorksheetLab
from annstudio.ui.labs.worksheet_page import NumbersView
from tests.builders import small_project, worked_example
from tests.explain.sheets import all_names
from tests.ui.labs.worksheets import G5, H1, Key, answer, button, click, hints, opening, shown, told, with_sheet


@pytest.fixture
def lab(qtbot: QtBot) -> Iterator[WorksheetLab]:
    with opening(worked_example()) as lab:
        yield lab


# Making --------------------------------------------------------------------------------------------------------------


def test_a_sheet_is_made_from_a_preset_and_can_be_undone(lab: WorksheetLab):
    click(button(lab.maker, "Gradients"))
    assert "8 numbers hidden, of at most 100." in lab.maker.words.text()
    click(lab.maker.make)
    sheet = lab.session.project.worksheet
    assert len(sheet.asked) == 8
    assert all(name.startswith("d ") for name in sheet.asked)
    assert list(lab.page.blanks) == list(sheet.asked)
    assert lab.session.document.undo_label == "Make worksheet"
    lab.session.undo()
    QApplication.processEvents()
    assert lab.pages.currentWidget() is lab.maker


def test_presets_can_be_of_one_layer_and_single_numbers_are_ticked(lab: WorksheetLab):
    lab.maker.layer.choose("hidden")
    click(button(lab.maker, "New weights"))
    assert set(lab.maker.model.names) == {f"new hidden.W[{i},{j}]" for i in range(2) for j in range(2)}
    tree, model = lab.maker.tree, lab.maker.model
    row = next(i for i, group in enumerate(model.groups) if group.name == "output.net")
    tree.setExpanded(model.index(row, 0), True)
    QApplication.processEvents()
    at = model.index(1, 0, model.index(row, 0))
    assert model.data(at) == "net_o2"
    assert model.data(at, Qt.ItemDataRole.ToolTipRole) == "<code>output.net[1]</code>"
    tree.setCurrentIndex(at)
    QTest.keyClick(tree, Key.Key_Space)
    assert "output.net[1]" in model.names
    assert model.data(model.index(row, 0)) == "net of output · 1 of 2"
    assert model.data(model.index(row, 0), Qt.ItemDataRole.CheckStateRole) == Qt.CheckState.PartiallyChecked
    QTest.keyClick(tree, Key.Key_Space)
    assert "output.net[1]" not in model.names
    click(button(lab.maker, "None"))
    assert not lab.maker.make.isEnabled()


def test_of_too_many_numbers_some_are_drawn(qtbot: QtBot):
    with opening(studio.load(Path("samples/digits-mlp.annstudio"))) as lab:
        click(button(lab.maker, "Gradients"))
        assert "Drawn: 20 of 2\u202f410 numbers. A sheet holds at most 100." in lab.maker.words.text()
        click(lab.maker.make)
        assert len(lab.page.blanks) == 20


def test_a_mini_batch_asks_for_every_example(qtbot: QtBot):
    with opening(small_project()) as lab:
        click(button(lab.maker, "Loss"))
        lab.maker.count.setFocus()
        lab.maker.count.lineEdit().selectAll()
        QTest.keyClicks(lab.maker.count.lineEdit(), "3")
        QTest.keyClick(lab.maker.count, Key.Key_Return)
        click(button(lab.maker, "Forward pass"))
        click(lab.maker.make)
        sheet = lab.session.project.worksheet
        assert sheet.examples == (0, 1, 2)
        assert {"hidden.net[0] of example 1", "hidden.net[0] of example 3", "loss"} <= set(sheet.asked)
        assert "Example 3" in shown(lab)


# Answering -----------------------------------------------------------------------------------------------------------


def test_enter_judges_an_answer_and_goes_on_to_the_next_after_a_right_one(qtbot: QtBot):
    with opening(with_sheet("hidden.net[0]", "hidden.out[0]", "d output.W[0,0]")) as lab:
        answer(lab, "hidden.net[0]", "0,3775")
        assert told(lab, "hidden.net[0]") == "✓ Right."
        assert lab.page.blanks["hidden.out[0]"].field.hasFocus()
        answer(lab, "hidden.out[0]", "0.3775")
        assert told(lab, "hidden.out[0]") == (
            "✗ Not right. This is what comes out with net of hidden in place of out: the activation was forgotten."
        )
        assert lab.page.blanks["hidden.out[0]"].field.hasFocus()
        answer(lab, "d output.W[0,0]", f"{-G5:.9f}")
        assert "The sign is wrong." in told(lab, "d output.W[0,0]")
        assert lab.score.text() == "1 of 3 right"
        answer(lab, "d output.W[0,0]", "two")
        assert told(lab, "d output.W[0,0]").startswith("? No number. “two” is no number.")
        assert lab.session.project.worksheet.answer("d output.W[0,0]").tries == 2
        assert lab.session.document.undo_label == "Answer ∂E/∂w₅"


def test_leaving_a_field_keeps_the_answer_and_check_all_judges(qtbot: QtBot):
    with opening(with_sheet("hidden.net[0]", "hidden.net[1]")) as lab:
        answer(lab, "hidden.net[0]", "0.3775", Key.Key_Tab)
        assert lab.session.project.worksheet.answer("hidden.net[0]").text == "0.3775"
        assert told(lab, "hidden.net[0]") == "Not checked yet."
        assert lab.score.text() == "0 of 2 right"
        click(lab.check)
        assert told(lab, "hidden.net[0]") == "✓ Right."
        assert lab.score.text() == "1 of 2 right"
        click(lab.again)
        assert lab.page.blanks["hidden.net[0]"].field.text() == ""
        lab.session.undo()
        QApplication.processEvents()
        assert lab.page.blanks["hidden.net[0]"].field.text() == "0.3775"


def test_hints_come_step_by_step_and_do_not_tell_other_asked_numbers(qtbot: QtBot):
    names = ("hidden.net[0]", "hidden.out[0]", "d output.W[0,0]", "new output.W[0,0]")
    with opening(with_sheet(*names)) as lab:
        blank = lab.page.blanks["hidden.out[0]"]
        click(blank.hint)
        assert hints(lab, "hidden.out[0]")[0] == "out_h1 = 1/(1 + e^(-net_h1))"
        assert blank.hint.text() == "With numbers"
        click(blank.hint)
        assert hints(lab, "hidden.out[0]")[1] == "out_h1 = 1/(1 + e^(-net_h1))"
        answer(lab, "hidden.net[0]", "0.3775")
        assert "0.3775" in hints(lab, "hidden.out[0]")[1]
        new = lab.page.blanks["new output.W[0,0]"]
        click(new.hint)
        click(new.hint)
        assert "0.082167" not in shown(lab)
        assert H1 not in shown(lab)
        click(blank.hint)
        assert H1 in shown(lab)
        assert not blank.hint.isEnabled()
        answer(lab, "hidden.out[0]", H1)
        assert lab.score.text() == "1 of 2 right, 1 more after the solution was shown".replace("of 2", "of 4")


def test_no_asked_number_can_be_read_anywhere_in_the_panel(qtbot: QtBot):
    names = all_names(Network(worked_example()).stepper(0))
    with opening(with_sheet(*names)) as lab:
        text = shown(lab)
        for name in names:
            assert f"{lab.marker.solution(name):.5f}"[:7] not in text, name
        # What is given can.
        assert "0.55" in text


def test_numbers_that_are_not_asked_are_shown_as_the_way_there_unless_told_otherwise(qtbot: QtBot):
    for rest in (True, False):
        with opening(with_sheet("d output.W[0,0]", rest=rest)) as lab:
            given = " ".join(re.sub("<[^>]*>", "", v.text()) for v in lab.page.right.findChildren(NumbersView))
            assert ("0.593269992" in given, "1.10590597" in given) == (True, rest)
            assert "0.3589" not in given


@pytest.mark.parametrize("helps", list(Help))
def test_a_sheet_tells_no_more_than_it_should(qtbot: QtBot, helps: Help):
    with opening(with_sheet("hidden.net[0]", "hidden.net[1]", help=helps)) as lab:
        blank = lab.page.blanks["hidden.net[0]"]
        assert blank.hint.isVisibleTo(lab) == helps.allows(Help.HINTS)
        assert blank.lead.isVisibleTo(lab) == helps.allows(Help.SOLUTIONS)
        answer(lab, "hidden.net[0]", "7")
        judged = "✗ Not right." in told(lab, "hidden.net[0]")
        assert judged == helps.allows(Help.JUDGED)
        if not judged:
            assert told(lab, "hidden.net[0]") == "Noted."
            assert lab.score.text() == "1 of 2 answered"
            assert lab.page.blanks["hidden.net[1]"].field.hasFocus()
        if helps is Help.HINTS:
            click(blank.hint)
            click(blank.hint)
            assert not blank.hint.isEnabled()
            assert "0.3775" not in shown(lab)


def test_a_changed_weight_changes_what_is_right(qtbot: QtBot):
    with opening(with_sheet("hidden.net[0]")) as lab:
        answer(lab, "hidden.net[0]", "0.3775")
        lab.session.set_weight("hidden/b", (0,), 0.0)
        qtbot.waitUntil(lambda: "✓" not in told(lab, "hidden.net[0]"))
        assert "without the bias" not in told(lab, "hidden.net[0]")
        assert told(lab, "hidden.net[0]").startswith("✗ Not right")
        answer(lab, "hidden.net[0]", "0.0275")
        assert told(lab, "hidden.net[0]") == "✓ Right."


def test_numbers_have_the_users_decimal_sign_and_answers_either(qtbot: QtBot):
    before = QLocale()
    QLocale.setDefault(QLocale("de_DE"))
    try:
        with opening(with_sheet("hidden.net[0]", "hidden.out[0]")) as lab:
            assert "0,55" in shown(lab)
            assert "0.55" not in shown(lab)
            answer(lab, "hidden.net[0]", "0.3775")
            answer(lab, "hidden.out[0]", "0,593270")
            assert lab.score.text() == "2 of 2 right"
            for _ in range(3):
                click(lab.page.blanks["hidden.out[0]"].hint)
            assert "= 0,593269992" in shown(lab)
    finally:
        QLocale.setDefault(before)


def test_names_of_layers_are_never_rich_text(qtbot: QtBot):
    renamed = with_sheet("hidden.net[0]").renamed("hidden", "<b>h", {})
    with opening(renamed) as lab:
        assert list(lab.page.blanks) == ["<b>h.net[0]"]
        titles = [label for label in lab.page.right.findChildren(QLabel) if label.text() == "Forward · <b>h"]
        assert [label.textFormat() for label in titles] == [Qt.TextFormat.PlainText]


def test_numbers_that_the_network_lost_are_told(qtbot: QtBot):
    with opening(with_sheet("hidden.net[0]", "gone.net[3]")) as lab:
        assert "1 number of this sheet is not in the network any more: gone.net[3]." in lab.missing.text()
        assert list(lab.page.blanks) == ["hidden.net[0]"]
        click(lab.change)
        click(lab.maker.make)
        assert lab.session.project.worksheet.asked == ("hidden.net[0]",)
        assert not lab.missing.isVisibleTo(lab)


def test_a_sheet_spelled_otherwise_keeps_its_answers_when_it_is_changed(qtbot: QtBot):
    with opening(with_sheet("hidden.net[0]", "loss.E", "d output/W[0,0]")) as lab:
        assert not lab.missing.isVisibleTo(lab)
        answer(lab, "d output/W[0,0]", f"{G5:.9f}")
        assert told(lab, "d output/W[0,0]").startswith("✓")
        click(lab.change)
        assert lab.maker.words.text() == "3 numbers hidden, of at most 100."
        click(lab.maker.make)
        sheet = lab.session.project.worksheet
        assert sheet.asked == ("hidden.net[0]", "loss", "d output.W[0,0]")
        assert sheet.answer("d output.W[0,0]").text == f"{G5:.9f}"


def test_a_sheet_of_a_batch_becomes_one_of_an_example(qtbot: QtBot):
    asked = ("hidden.net[0] of example 1", "hidden.net[0] of example 3", "d output.W[0,0]")
    start = replace(small_project(), worksheet=Worksheet(examples=(0, 1, 2), asked=asked))
    with opening(start) as lab:
        click(lab.change)
        lab.maker.count.setFocus()
        lab.maker.count.lineEdit().selectAll()
        QTest.keyClicks(lab.maker.count.lineEdit(), "1")
        QTest.keyClick(lab.maker.count, Key.Key_Return)
        click(lab.maker.make)
        sheet = lab.session.project.worksheet
        assert (sheet.examples, sheet.asked) == ((0,), ("hidden.net[0]", "d output.W[0,0]"))


def test_without_a_whole_network_the_panel_says_what_it_needs(qtbot: QtBot):
    with opening(replace(worked_example(), data=None)) as lab:
        assert lab.empty.text().startswith("A worksheet needs a network with its data.")
        assert lab.empty.isVisibleTo(lab)


def test_where_one_reads_and_types_stays_when_a_weight_changes(qtbot: QtBot):
    names = [f"{layer}.{what}[{i}]" for layer in ("hidden", "output") for what in ("net", "out") for i in (0, 1)]
    with opening(with_sheet(*names)) as lab:
        lab.resize(900, 260)
        QApplication.processEvents()
        last = lab.page.blanks[names[-1]]
        last.field.setFocus()
        QTest.keyClicks(last.field, "0.12")
        bar = lab.page.right.verticalScrollBar()
        at = bar.value()
        assert at > 0
        before = shown(lab)
        lab.session.set_weight("hidden/W", (0, 0), 0.75)
        qtbot.waitUntil(lambda: shown(lab) != before)
        assert "w1 = 0.75" in re.sub("<[^>]*>", "", shown(lab)).replace("\xa0", " ").replace("&nbsp;", " ")
        assert (bar.value(), last.field.text()) == (at, "0.12")
        assert last.field.hasFocus()


def test_nothing_is_worked_out_while_qt_is_still_showing_the_window(qapp, monkeypatch):
    """Waiting lets events go on, and widgets that Qt has yet to show may be deleted meanwhile: it would crash."""
    lab = WorksheetLab(Session(worked_example()))
    done: list[str] = []
    monkeypatch.setattr(lab, "refresh", lambda: done.append("refreshed"))
    lab.show()
    assert done == []
    QApplication.processEvents()
    assert done == ["refreshed"]
    lab.close()
    lab.deleteLater()
    QApplication.sendPostedEvents(None, QEvent.Type.DeferredDelete)


def test_a_long_sheet_comes_row_by_row_and_what_was_answered_stands_in_it(qtbot: QtBot):
    project = small_project()
    catalogue = Catalogue(Explainer(Network(project).stepper(0)))
    names = catalogue.ordered(one.name for one in catalogue.drawn(catalogue.groups, 60, 1))
    answers = (Answer(name=names[0], text="1"), Answer(name=names[-1], text="2"))
    sheet = Worksheet(asked=names, answers=answers)
    with opening(replace(project, worksheet=sheet), at_once=False) as lab:
        qtbot.waitUntil(lambda: bool(lab.page.blanks))
        assert len(lab.page.blanks) < 60
        first = list(lab.page.blanks)
        qtbot.waitUntil(lambda: len(lab.page.blanks) == 60, timeout=5000)
        assert list(lab.page.blanks)[: len(first)] == first
        assert {name: blank.field.text() for name, blank in lab.page.blanks.items() if blank.field.text()} == {
            names[0]: "1", names[-1]: "2",
        }  # fmt: skip
        fields = [blank.field for blank in lab.page.blanks.values()]
        tops = [field.mapTo(lab, QPoint()).y() for field in fields]
        assert tops == sorted(tops)
        assert all(field.isVisibleTo(lab) for field in fields)
