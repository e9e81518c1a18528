"""What the tests of Explain begin with: a view and its panel on a project, and hands that click on the drawing."""

import math
from collections.abc import Iterator
from contextlib import contextmanager

from PySide6.QtCore import QEvent, QPoint, QPointF, Qt
from PySide6.QtGui import QContextMenuEvent
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication, QGraphicsItem, QGraphicsView, QMenu, QSplitter, QWidget

from annstudio.document.project import Project
from annstudio.explain.told import Quantity
from annstudio.explain.weight import ask
from annstudio.formats import studio
from annstudio.places import SAMPLES
from annstudio.session import Session
from annstudio.ui.explain.bar import ExplainBar
from annstudio.ui.explain.blocks import PageTable
from annstudio.ui.explain.panel import ExplainPanel
from annstudio.ui.explain.view import ExplainView
from annstudio.ui.explain.wire_items import WireItem


class Desk:
    """A session that explains, with everything that shows it. `at_once`: the panel's pages are not made piece by piece:
    a test reads them as soon as it has asked."""

    def __init__(self, project: Project, width: int = 1600, height: int = 1000, *, at_once: bool = True) -> None:
        self.session = Session(project)
        self.view = ExplainView(self.session)
        self.panel = ExplainPanel(self.view)
        self.bar = ExplainBar(self.view)
        if at_once:
            self.panel.turn_seconds = math.inf
            tour = self.view.tour
            for signal in (tour.begun, tour.asked, tour.digits_changed, tour.checker.found, tour.turner.found):
                signal.connect(self.panel.finish)
        self.window = QSplitter()
        for widget in (self.view, self.panel, self.bar):
            self.window.addWidget(widget)
        self.window.setSizes([width * 2 // 3, width // 3, 10])
        self.window.resize(width, height)
        self.window.show()
        self.session.explain(0)
        # Cards are put in rows once the size has come to rest.
        QTest.qWait(0 if self.view.shows_neurons else 100)
        while self.view.layers._replan.isActive():
            QTest.qWait(20)
        QApplication.processEvents()

    @property
    def tour(self):
        return self.view.tour

    def key(self, *keys: Qt.Key, control: bool = False) -> None:
        modifier = Qt.KeyboardModifier.ControlModifier if control else Qt.KeyboardModifier.NoModifier
        for key in keys:
            QTest.keyClick(self.view, key, modifier)
        QApplication.processEvents()

    def weight(self, key: str, *index: int) -> Quantity:
        """A weight as an element of its stored array."""
        question = ask(self.tour.program, key, index)
        return Quantity(question.parameter.slot, question.stored)

    def wire(self, quantity: Quantity) -> WireItem:
        return next(w for w in self.view.scene.wires if w.quantity == quantity)

    def unit(self, node: str, unit: int):
        return next(item for item in self.view.scene.units if item.key == (node, unit))

    def shown(self) -> str:
        """Every word and number that can be seen: on the drawing, on the timeline, in the panel."""
        scene = self.view.scene
        words: list[str] = []
        for unit in scene.units:
            words += [unit.name, unit.state.value, unit.state.word, *unit.state.above, unit.state.below]
        for pill in scene.pills.values():
            if pill.isVisible():
                words += [pill.state.name, pill.state.number, pill.state.second]
        for item in [*(error for _, _, error in scene.errors), *([scene.total] if scene.total else [])]:
            words += [f"{text}" for text in item.state if isinstance(text, str)]
        words += [flow.text for flow in scene.flow.state] if scene.flow else []
        words += [self.view.timeline.number.text(), self.view.timeline.caption.text(), self.panel.text]
        return "\n".join(words)


@contextmanager
def explaining(project: Project, **how: int) -> Iterator[Desk]:
    """A desk that is cleared away at the end."""
    desk = Desk(project, **how)
    try:
        yield desk
    finally:
        desk.session.leave_explain()
        desk.window.close()
        desk.window.deleteLater()
        QApplication.sendPostedEvents(None, QEvent.Type.DeferredDelete)


def click(view: QGraphicsView, at: QPointF) -> None:
    """A real click on a point of a view's scene."""
    QTest.mouseClick(view.viewport(), Qt.MouseButton.LeftButton, pos=view.mapFromScene(at))


def click_item(view: QGraphicsView, item: QGraphicsItem) -> None:
    """A click where an item is, wherever nothing else lies on it."""
    shape = item.mapToScene(item.shape())
    for share in (0.5, 0.3, 0.7, 0.2, 0.8, 0.15, 0.85, 0.1, 0.9):
        at = shape.boundingRect().center() if not isinstance(item, WireItem) else item.line.pointAt(share)
        if view.itemAt(view.mapFromScene(at)) is item:
            click(view, at)
            return
    raise AssertionError(f"{item} cannot be reached")


def click_widget(widget, at: QPointF | QPoint) -> None:
    QTest.mouseClick(widget, Qt.MouseButton.LeftButton, pos=QPointF(at).toPoint())


def table_of(desk: Desk, heading: str) -> PageTable:
    """The one table whose heading begins so."""
    found = desk.panel.area.widget().findChildren(PageTable)
    return next(table for table in found if table.table.heading[0].startswith(heading))


def cells(table: PageTable) -> list[list[str]]:
    model = table.model()
    return [[model.index(r, c).data() for c in range(model.columnCount())] for r in range(model.rowCount())]


def click_row(table: PageTable, row: int) -> None:
    at = table.visualRect(table.model().index(row, 0)).center()
    QTest.mouseClick(table.viewport(), Qt.MouseButton.LeftButton, pos=at)
    QApplication.processEvents()


def sample(name: str) -> Project:
    return studio.load(SAMPLES / f"{name}.annstudio")


def press(desk: Desk, key: Qt.Key, modifier: Qt.KeyboardModifier = Qt.KeyboardModifier.NoModifier) -> None:
    QTest.keyClick(desk.view, key, modifier)
    QApplication.processEvents()


def caption(desk: Desk) -> str:
    return desk.view.timeline.caption.text()


def menu_at(widget: QWidget, at: QPoint) -> QMenu:
    """The menu that a right click opens."""
    event = QContextMenuEvent(QContextMenuEvent.Reason.Mouse, at, widget.mapToGlobal(at))
    QApplication.sendEvent(widget, event)
    menu = QApplication.activePopupWidget()
    assert isinstance(menu, QMenu)
    return menu
