"""A canvas on a desk, and a hand that works on it as a user does: with mouse, keys and drags."""

from collections.abc import Callable, Iterator

import pytest
import shiboken6
from PySide6.QtCore import QEvent, QMimeData, QPoint, QPointF, Qt
from PySide6.QtGui import QDragEnterEvent, QDragLeaveEvent, QDragMoveEvent, QDropEvent, QMouseEvent, QWheelEvent
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication

from annstudio.data.base import parse_source
from annstudio.document.project import Project
from annstudio.layers.base import make
from annstudio.layers.graph import Graph, Node
from annstudio.session import Session
from annstudio.ui.canvas.geometry import CARD
from annstudio.ui.canvas.node import port_of
from annstudio.ui.canvas.scene import CanvasScene
from annstudio.ui.canvas.search import Chooser
from annstudio.ui.canvas.view import CanvasView
from annstudio.ui.theme import apply_theme

LEFT, MIDDLE, NO_BUTTON = Qt.MouseButton.LeftButton, Qt.MouseButton.MiddleButton, Qt.MouseButton.NoButton
PLAIN = Qt.KeyboardModifier.NoModifier


def chain(*layers: tuple[str, str, dict], data: dict | None = None, pitch: float = 200) -> Project:
    """Layers (name, kind, settings) in a row, each feeding the next."""
    graph = Graph()
    for i, (id, kind, settings) in enumerate(layers):
        graph = graph.with_node(Node(id, make(kind, settings), i * pitch, 0.0))
        if i:
            graph = graph.connect(layers[i - 1][0], id)
    return Project(graph=graph, data=parse_source(data) if data else None)


def small(units: int = 4) -> Project:
    """Input → hidden → output → loss on the xor data."""
    return chain(
        ("input", "Input", {"shape": (2,)}),
        ("hidden", "Dense", {"units": units, "activation": "tanh"}),
        ("output", "Dense", {"units": 1, "activation": "sigmoid"}),
        ("loss", "Loss", {"function": "half_squared_error"}),
        data={"kind": "xor"},
    )


class Hand:
    """Moves the mouse over a canvas and types into it."""

    def __init__(self, project: Project, size: tuple[int, int] = (1200, 700)) -> None:
        self.session = Session(project)
        self.told: list[str] = []
        self.session.told.connect(self._hear)
        self.scene = CanvasScene(self.session)
        self.view = CanvasView(self.scene)
        self.view.resize(*size)
        self.view.show()
        self.view.fit()
        QApplication.processEvents()

    def _hear(self, level: str, words: str) -> None:
        self.told.append(words)

    @property
    def graph(self) -> Graph:
        return self.session.graph

    # Places --------------------------------------------------------------------------------------------------------

    def at(self, place: QPointF | QPoint | str) -> QPoint:
        """A point of the viewport: given as such, as a place of the scene, or as the body of a card."""
        if isinstance(place, QPoint):
            return place
        if isinstance(place, str):
            place = self.scene.nodes[place].pos() + QPointF(CARD.width() / 2, 70)
        return self.view.mapFromScene(place)

    def output(self, id: str, out: int = 0) -> QPointF:
        return self.scene.nodes[id].port_place(port_of(out))

    def input(self, id: str, port: int = 0) -> QPointF:
        return self.scene.nodes[id].port_place(port)

    def middle_of(self, source: str, target: str) -> QPointF:
        link = next(k for k in self.graph.links if (k.source, k.target) == (source, target))
        return self.scene.wires[link].path().pointAtPercent(0.5)

    # Mouse ---------------------------------------------------------------------------------------------------------

    def _mouse(self, kind: QEvent.Type, place, button, buttons, modifiers) -> None:
        port = self.view.viewport()
        local = QPointF(self.at(place))
        QApplication.sendEvent(
            port, QMouseEvent(kind, local, QPointF(port.mapToGlobal(local.toPoint())), button, buttons, modifiers)
        )

    def press(self, place, modifiers=PLAIN, button=LEFT) -> None:
        self.hover(place)
        self._mouse(QEvent.Type.MouseButtonPress, place, button, button, modifiers)

    def move(self, place, modifiers=PLAIN, button=LEFT) -> None:
        self._mouse(QEvent.Type.MouseMove, place, NO_BUTTON, button, modifiers)

    def release(self, place, modifiers=PLAIN, button=LEFT) -> None:
        self._mouse(QEvent.Type.MouseButtonRelease, place, button, NO_BUTTON, modifiers)
        QApplication.processEvents()

    def hover(self, place) -> None:
        self._mouse(QEvent.Type.MouseMove, place, NO_BUTTON, NO_BUTTON, PLAIN)

    def click(self, place, modifiers=PLAIN, button=LEFT) -> None:
        self.press(place, modifiers, button)
        self.release(place, modifiers, button)

    def double_click(self, place) -> None:
        place = self.at(place)
        self.click(place)
        self._mouse(QEvent.Type.MouseButtonDblClick, place, LEFT, LEFT, PLAIN)
        self.release(place)

    def drag(self, start, end, modifiers=PLAIN, button=LEFT, *, let_go: bool = True) -> None:
        """Press, move in small steps, let go."""
        a, b = self.at(start), self.at(end)
        self.press(a, modifiers, button)
        for share in (0.1, 0.4, 0.7, 1.0):
            self.move(
                QPoint(round(a.x() + (b.x() - a.x()) * share), round(a.y() + (b.y() - a.y()) * share)),
                modifiers,
                button,
            )
        if let_go:
            self.release(b, modifiers, button)

    def wheel(self, place, clicks: int) -> None:
        port, local = self.view.viewport(), QPointF(self.at(place))
        QApplication.sendEvent(
            port,
            QWheelEvent(
                local, QPointF(port.mapToGlobal(local.toPoint())), QPoint(), QPoint(0, 120 * clicks), NO_BUTTON, PLAIN,
                Qt.ScrollPhase.NoScrollPhase, False,
            ),
        )  # fmt: skip

    # A drag from elsewhere -----------------------------------------------------------------------------------------

    def drag_in(self, data: QMimeData, place, *, drop: bool = True, leave: bool = False) -> bool:
        """Carry something over the canvas; whether it was taken."""
        port, point = self.view.viewport(), self.at(place)
        copy = Qt.DropAction.CopyAction
        enter = QDragEnterEvent(QPoint(5, 5), copy, data, LEFT, PLAIN)
        QApplication.sendEvent(port, enter)
        move = QDragMoveEvent(point, copy, data, LEFT, PLAIN)
        QApplication.sendEvent(port, move)
        if leave:
            QApplication.sendEvent(port, QDragLeaveEvent())
        elif drop:
            event = QDropEvent(QPointF(point), copy, data, LEFT, PLAIN)
            QApplication.sendEvent(port, event)
            return event.isAccepted() and enter.isAccepted()
        return enter.isAccepted() and move.isAccepted()

    # Keys ----------------------------------------------------------------------------------------------------------

    def key(self, key: Qt.Key, modifiers=PLAIN) -> None:
        QTest.keyClick(self.view, key, modifiers)

    def chooser(self) -> Chooser:
        """The box that is open."""
        return next(box for box in self.view.findChildren(Chooser) if box.isVisible())

    def choose(self, text: str) -> None:
        """Type into the box that is open and take the first line."""
        line = self.chooser().line
        QTest.keyClicks(line, text)
        QTest.keyClick(line, Qt.Key.Key_Return)

    # Seeing --------------------------------------------------------------------------------------------------------

    def colours(self) -> set[str]:
        """The colours on the screen."""
        image = self.view.grab().toImage()
        return {image.pixelColor(x, y).name() for x in range(0, image.width(), 2) for y in range(0, image.height(), 2)}

    def agree(self) -> None:
        """The scene shows the graph, no more and no less."""
        assert set(self.scene.nodes) == set(self.graph.nodes)
        assert set(self.scene.wires) == set(self.graph.links)
        for id, node in self.graph.nodes.items():
            item = self.scene.nodes[id]
            assert (item.x(), item.y(), item.layer, item.n_ports) == (
                node.x,
                node.y,
                node.layer,
                self.graph.n_ports(id),
            )
        for link, wire in self.scene.wires.items():
            assert wire.path().pointAtPercent(0) == self.output(link.source, link.out)
            assert wire.path().pointAtPercent(1) == self.input(link.target, link.port)
            assert wire.isVisible()

    def close(self) -> None:
        if not shiboken6.isValid(self.view):
            return
        self.session.close()
        self.view.close()
        self.view.deleteLater()
        self.scene.deleteLater()
        QApplication.sendPostedEvents(None, QEvent.Type.DeferredDelete)


@pytest.fixture
def opened(qapp) -> Iterator[Callable[..., Hand]]:
    """Makes canvases and puts them away after the test."""
    apply_theme(qapp, "light")
    hands: list[Hand] = []

    def make_hand(project: Project | None = None, **given) -> Hand:
        hands.append(Hand(project or small(), **given))
        return hands[-1]

    yield make_hand
    for hand in hands:
        hand.close()


@pytest.fixture
def hand(opened) -> Hand:
    return opened()


@pytest.fixture
def making() -> Callable[..., Project]:
    """`chain`, for tests that draw their own networks."""
    return chain
