"""A worksheet in files and in the window: reports, exercises to hand out, the way into Explain and back."""

import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import pytest
from PySide6.QtCore import QEvent, QPoint, Qt
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication, QFileDialog
from pytestqt.qtbot import QtBot

from annstudio.document.project import Project
from annstudio.explain.worksheet import Help, Worksheet
from annstudio.formats import studio
from annstudio.session import Session
from annstudio.ui.app import application
from annstudio.ui.labs.worksheet_lab import WorksheetLab
from annstudio.ui.window import Window
from tests.builders import small_project
from tests.ui.labs.worksheets import Key, answer, click, opening, told, with_sheet

# Files ---------------------------------------------------------------------------------------------------------------


def test_a_teachers_file_is_a_project_that_opens_with_the_sheet(qtbot: QtBot, tmp_path: Path):
    with opening(with_sheet("hidden.net[0]", title="Week 3", help=Help.JUDGED)) as lab:
        lab.student.setFocus()
        QTest.keyClicks(lab.student, "Ada")
        QTest.keyClick(lab.student, Key.Key_Return)
        answer(lab, "hidden.net[0]", "0.3775")
        studio.save(lab.session.project, tmp_path / "a.annstudio", lab.session.weights())
    with opening(studio.load(tmp_path / "a.annstudio")) as again:
        assert again.name.text() == "Week 3"
        assert again.student.text() == "Ada"
        assert again.page.blanks["hidden.net[0]"].field.text() == "0.3775"
        click(again.check)
        assert told(again, "hidden.net[0]") == "✓ Right."


def test_everything_is_saved_under_a_name_that_the_user_chooses(
    qtbot: QtBot, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    said: list[str] = []
    with opening(with_sheet("hidden.net[0]", "hidden.out[0]")) as lab:
        answer(lab, "hidden.net[0]", "0.3775")
        for action in lab.save.menu().actions()[:5]:
            path = tmp_path / re.sub(r"\W", "", action.text())
            monkeypatch.setattr(QFileDialog, "getSaveFileName", lambda *_, path=path, **__: (str(path), ""))
            action.trigger()
        files = {p.name: p.read_text(encoding="utf-8") for p in tmp_path.iterdir()}
        assert set(files) == {
            "Reportasapage.html", "Reportasatable.csv", "Reportastext.txt", "Sheettoprint.html",
            "Solutionstoprint.html",
        }  # fmt: skip
        assert "0.5932" not in files["Sheettoprint.html"]
        assert "0.5932" in files["Solutionstoprint.html"]
        lab.session.told.connect(lambda kind, words: said.append(words))
        monkeypatch.setattr(QFileDialog, "getSaveFileName", lambda *_, **__: (str(tmp_path / "no" / "x.csv"), ""))
        lab.save.menu().actions()[1].trigger()
        assert said == ["x.csv could not be written: No such file or directory."]


def test_the_exercise_to_hand_out_is_the_project_with_the_empty_sheet(
    qtbot: QtBot, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    with opening(with_sheet("hidden.net[0]", student="Teacher", help=Help.HINTS)) as lab:
        answer(lab, "hidden.net[0]", "0.3775")
        monkeypatch.setattr(QFileDialog, "getSaveFileName", lambda *_, **__: (str(tmp_path / "week-3"), ""))
        lab.save.menu().actions()[-1].trigger()
        handed_out = studio.load(tmp_path / "week-3.annstudio")
        assert handed_out.worksheet == lab.sheet.begun_again().changed(student="")
        assert handed_out.worksheet.help is Help.HINTS
        assert lab.session.project.worksheet.answer("hidden.net[0]").text == "0.3775"


def test_what_is_typed_stays_when_the_panel_is_shown_anew(qtbot: QtBot):
    with opening(with_sheet("hidden.net[0]", "hidden.net[1]")) as lab:
        field = lab.page.blanks["hidden.net[0]"].field
        field.setFocus()
        QTest.keyClicks(field, "0.37")
        lab.touch(0)
        QApplication.processEvents()
        assert field is lab.page.blanks["hidden.net[0]"].field
        assert field.text() == "0.37"


def test_another_theme_shows_the_same_answers(qtbot: QtBot):
    with opening(with_sheet("hidden.net[0]")) as lab:
        answer(lab, "hidden.net[0]", "0.3775")
        light = lab.page.blanks["hidden.net[0]"].verdict.palette().windowText().color()
        application("dark")
        QApplication.processEvents()
        blank = lab.page.blanks["hidden.net[0]"]
        assert (blank.field.text(), told(lab, "hidden.net[0]")) == ("0.3775", "✓ Right.")
        assert blank.verdict.palette().windowText().color() != light
        application("light")


# In the window -------------------------------------------------------------------------------------------------------


@contextmanager
def in_window(qtbot: QtBot, project: Project) -> Iterator[tuple[Window, WorksheetLab]]:
    application("light")
    window = Window(Session(project))
    window.show()
    qtbot.waitExposed(window)
    qtbot.waitUntil(lambda: window.docks.panels[WorksheetLab].isVisible())
    QApplication.processEvents()
    try:
        yield window, window.docks.panels[WorksheetLab]
    finally:
        window.session.leave_explain()
        window.session.document.mark_saved()
        window.close()
        QApplication.sendPostedEvents(None, QEvent.Type.DeferredDelete)


def test_show_me_leads_to_the_number_in_explain_and_back(qtbot: QtBot):
    with in_window(qtbot, with_sheet("d output.W[0,0]", "hidden.out[1]")) as (window, lab):
        assert lab.seen, "a project with a sheet opens with it"
        QTest.mouseClick(lab.page.blanks["hidden.out[1]"].lead, Qt.MouseButton.LeftButton, pos=QPoint(9, 9))
        assert window.session.activity == "explain"
        window.explain_panel.finish()
        assert "0.596884378" in window.explain_panel.text
        window.session.leave_explain()
        QApplication.processEvents()
        assert lab.isVisible()
        assert window.session.project.worksheet.answer("hidden.out[1]").hints == 3


def test_show_me_leads_to_the_example_of_the_batch_that_is_meant(qtbot: QtBot):
    sheet = Worksheet(examples=(4, 1, 7), asked=("hidden.out[1] of example 3", "d output.W[0,0]"))
    with in_window(qtbot, replace(small_project(), worksheet=sheet)) as (window, lab):
        for name in sheet.asked:
            click(lab.page.blanks[name].lead)
            assert window.session.examples.tolist() == [4, 1, 7]
            asked = lab.marker.asked[name]
            tour = window.explain_view.tour
            assert tour.explainer.value(tour.question) == lab.marker.solution(name)
            assert asked.quantity.example in (None, tour.example)
            window.session.leave_explain()
            QApplication.processEvents()
