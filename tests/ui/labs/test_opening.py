"""Laboratories as commands and as panels: found by name, a tab of their own, closed at it, remembered or not."""

from collections.abc import Iterator

import pytest
from PySide6.QtCore import QEvent, Qt
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication, QScrollArea, QTabBar, QToolButton
from pytestqt.qtbot import QtBot

from annstudio import places
from annstudio.document.project import Project
from annstudio.formats import studio
from annstudio.session import Session
from annstudio.ui import memory
from annstudio.ui.actions import COMMANDS
from annstudio.ui.app import application
from annstudio.ui.command_search import CommandSearch
from annstudio.ui.docks import LABS
from annstudio.ui.panels.base import Panel
from annstudio.ui.window import Window


@pytest.fixture
def window(qtbot: QtBot) -> Iterator[Window]:
    application("light")
    window = Window(Session(studio.load(places.SAMPLES / "xor.annstudio")))
    window.resize(1500, 900)
    window.show()
    qtbot.waitExposed(window)
    yield window
    window.session.document.mark_saved()
    shut(window)


def shut(window: Window) -> None:
    window.close()
    QApplication.sendPostedEvents(None, QEvent.Type.DeferredDelete)


def tabs(window: Window) -> dict[str, tuple[QTabBar, int]]:
    bars = window.findChildren(QTabBar, options=Qt.FindChildOption.FindDirectChildrenOnly)
    return {bar.tabText(i): (bar, i) for bar in bars if bar.isVisible() for i in range(bar.count())}


def test_each_laboratory_is_a_command(window: Window) -> None:
    assert [c.id for c in COMMANDS if c.menu == "Labs"] == [*LABS]
    menu = next(a.menu() for a in window.menuBar().actions() if a.text() == "Labs")
    assert [a.text() for a in menu.actions()] == [kind.title for kind in LABS.values()]
    assert all(len(a.toolTip()) > 20 for a in menu.actions())


@pytest.mark.parametrize("id", LABS)
def test_it_is_found_by_name_and_gets_half_of_the_height(window: Window, qtbot: QtBot, id: str) -> None:
    kind = LABS[id]
    window.search_commands()
    box = next(w for w in QApplication.topLevelWidgets() if isinstance(w, CommandSearch))
    QTest.keyClicks(box._field, kind.title.lower())
    QTest.keyClick(box._field, Qt.Key.Key_Return)
    dock = window.docks.docks[kind.title]
    qtbot.waitUntil(lambda: window.docks.panels[kind].seen and dock.height() > window.height() // 3)


def test_the_search_finds_all_of_them_by_their_menu(window: Window) -> None:
    window.search_commands()
    box = next(w for w in QApplication.topLevelWidgets() if isinstance(w, CommandSearch))
    QTest.keyClicks(box._field, "labs")
    assert {box._list.item(i).text() for i in range(box._list.count())} == {kind.title for kind in LABS.values()}
    box.close()


def test_its_tab_is_its_only_title_and_closes_it(window: Window, qtbot: QtBot) -> None:
    for id, kind in LABS.items():
        window.actions_by_id[id].trigger()
        dock = window.docks.docks[kind.title]
        assert dock.titleBarWidget() is not None
        right = QTabBar.ButtonPosition.RightSide
        qtbot.waitUntil(lambda kind=kind, right=right: tabs(window)[kind.title][0].tabButton(
            tabs(window)[kind.title][1], right) is not None)  # fmt: skip
    bar, i = tabs(window)["Descent"]
    button = bar.tabButton(i, QTabBar.ButtonPosition.RightSide)
    assert isinstance(button, QToolButton)
    QTest.mouseClick(button, Qt.MouseButton.LeftButton)
    qtbot.waitUntil(lambda: "Descent" not in tabs(window))
    assert not window.docks.docks["Descent"].isVisible()
    assert "Worksheet" in tabs(window)
    window.docks.docks["Worksheet"].setFloating(True)
    assert window.docks.docks["Worksheet"].titleBarWidget() is None


def test_names_of_tabs_are_never_cut(window: Window, qtbot: QtBot) -> None:
    window.resize(1000, 650)
    for id in LABS:
        window.actions_by_id[id].trigger()
    qtbot.waitUntil(lambda: "Take away" in tabs(window))
    bar, i = tabs(window)["Take away"]
    assert bar.elideMode() is Qt.TextElideMode.ElideNone
    qtbot.waitUntil(lambda: bar.rect().contains(bar.tabRect(i).center()))


def test_an_arrangement_of_an_older_version_shows_none(window: Window, monkeypatch: pytest.MonkeyPatch) -> None:
    for id in LABS:
        window.actions_by_id[id].trigger()
    monkeypatch.setattr(memory, "LAYOUT_VERSION", 1)
    window.memory.keep_window(window.saveGeometry(), window.saveState())
    monkeypatch.undo()
    again = Window(Session(Project()))
    again.show()
    assert not any(again.docks.docks[kind.title].isVisible() for kind in LABS.values())
    shut(again)


def test_from_explain_one_comes_back_to_it(window: Window) -> None:
    window.explain()
    window.actions_by_id["activation_curves"].trigger()
    assert window.session.activity != "explain"
    assert window.docks.docks["Activation curves"].isVisible()


@pytest.mark.parametrize("id", [id for id in LABS if id != "activation_curves"])
def test_without_a_network_it_says_what_to_do_in_one_way(qtbot: QtBot, id: str) -> None:
    application("light")
    window = Window(Session(Project()))
    window.resize(1000, 650)
    window.show()
    window.actions_by_id[id].trigger()
    panel = window.docks.panels[LABS[id]]
    assert isinstance(panel, Panel)
    qtbot.waitUntil(lambda: panel.empty.isVisible())
    assert panel.empty.text().startswith("Draw a network and choose data: here ")
    area = panel.parentWidget().parentWidget()
    assert isinstance(area, QScrollArea)
    qtbot.waitUntil(lambda: not area.verticalScrollBar().isVisible())
    shut(window)


@pytest.mark.parametrize("sample", ["xor", "worked-example-worksheet"])
def test_a_worksheet_needs_no_scrolling_sideways_in_a_narrow_window(qtbot: QtBot, sample: str) -> None:
    application("light")
    window = Window(Session(studio.load(places.SAMPLES / f"{sample}.annstudio")))
    window.resize(1000, 650)
    window.show()
    qtbot.waitExposed(window)
    window.actions_by_id["worksheet"].trigger()
    panel = window.docks.panels[LABS["worksheet"]]
    area = panel.parentWidget().parentWidget()
    assert isinstance(area, QScrollArea)
    assert isinstance(panel, Panel)
    qtbot.waitUntil(lambda: panel.seen)
    qtbot.wait(100)
    assert not area.horizontalScrollBar().isVisible(), (panel.minimumSizeHint(), area.width())
    shut(window)


def test_a_drawing_that_was_seen_whole_stays_so(window: Window, qtbot: QtBot) -> None:
    window.resize(1000, 650)
    QApplication.processEvents()
    window.canvas.fit()
    assert window.canvas.shows_all
    before = window.canvas.height()
    window.actions_by_id["descent"].trigger()
    qtbot.waitUntil(lambda: window.canvas.height() < before and window.canvas.shows_all)
