"""The drawing on the canvas: follows the session's graph by what changed, and shows checks, values and steps."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from PySide6.QtCore import QPointF, QRectF, Qt, Signal
from PySide6.QtGui import QPainter
from PySide6.QtWidgets import QGraphicsItem, QGraphicsScene

from annstudio.document.compile import Checked
from annstudio.document.diff import Diff, diff
from annstudio.document.project import Project
from annstudio.layers.graph import Graph, Link
from annstudio.layers.lowering import Problem
from annstudio.layers.names import node_of
from annstudio.session import Session
from annstudio.training.record import Record
from annstudio.training.snapshot import Views
from annstudio.ui import theme as look
from annstudio.ui.canvas.geometry import CARD, bounds, card_rect
from annstudio.ui.canvas.live import picture_for, value_of
from annstudio.ui.canvas.node import NodeItem
from annstudio.ui.canvas.notice import Notice
from annstudio.ui.canvas.overview import Overview
from annstudio.ui.canvas.routing import Router
from annstudio.ui.canvas.wire import WireItem
from annstudio.ui.panels.base import follow
from annstudio.ui.stop_mark import stop_words

_MARGIN = 3000.0


@dataclass(frozen=True)
class Spot:
    """What is at a place: a port (with its node), a node, a wire, a button of a notice; all None on empty canvas."""

    node: NodeItem | None = None
    port: int | None = None
    wire: WireItem | None = None
    notice: Notice | None = None
    button: int | None = None


class CanvasScene(QGraphicsScene):
    """Shows a session's graph. What is chosen is known here; everything else is the session's."""

    chosen_changed = Signal()
    synced = Signal(bool)
    """After following an edit; True where everything is new, as after opening a file."""

    def __init__(self, session: Session) -> None:
        super().__init__()
        self.session = session
        self.nodes: dict[str, NodeItem] = {}
        self.wires: dict[Link, WireItem] = {}
        self.notices: dict[str, Notice] = {}
        self.offer: Notice | None = None
        """A refusal that was just told, with its mends, until the next click."""
        self._live: frozenset[str] = frozenset()
        self._chosen: set[str] = set()
        self._chosen_links: set[Link] = set()
        self._whole = Graph(), QRectF()
        self.overview = Overview()
        self.router = Router(self)
        self._shown = Graph()
        follow(self, session.changed, self._follow)
        follow(self, session.opened, self._open)
        follow(self, session.rechecked, self._show_checks)
        follow(self, session.breakpoints.changed, self._show_stops)
        follow(self, look.changed, self._repaint)
        self._show(session.graph)
        self._show_checks(session.checked)

    @property
    def graph(self) -> Graph:
        return self.session.graph

    # Following -------------------------------------------------------------------------------------------------------

    def _follow(self, before: Project, after: Project) -> None:
        if self._shown is self.graph:
            return
        self.withdraw_offer()
        shown = self._shown
        found = self._show(self.graph)
        if not found.structural:
            # No check will follow a mere move, but the notices move along.
            for id in found.moved:
                self.place_notice(id)
        fresh = not any(shown.nodes.get(id) is node for id, node in self.graph.nodes.items())
        self.synced.emit(fresh and len(found.added) > 1)

    def _open(self, path: str) -> None:
        """Another drawing is to be seen: nothing of the one before stays, even where names are the same."""
        self.withdraw_offer()
        self._show(Graph())
        self._show(self.graph)
        self._live = frozenset()
        self._show_checks(self.session.checked)
        self.synced.emit(True)

    def _show(self, graph: Graph) -> Diff:
        found, self._shown = diff(self._shown, graph), graph
        self._sync(found, graph)
        return found

    def _sync(self, found: Diff, graph: Graph) -> None:
        for link in found.links_removed:
            self.removeItem(self.wires.pop(link))
        for id in found.removed:
            self.removeItem(self.nodes.pop(id))
            self._drop_notice(id)
        self._grow(graph.nodes[id] for id in (*found.added, *found.moved))
        for id in found.added:
            self.nodes[id] = NodeItem(graph.nodes[id], graph.n_ports(id))
            self.addItem(self.nodes[id])
        self._show_stops()
        touched = {*found.moved, *found.changed, *(k.target for k in (*found.links_added, *found.links_removed))}
        for id in touched & graph.nodes.keys():
            self.nodes[id].show_node(graph.nodes[id], graph.n_ports(id))
        for link in found.links_added:
            self.wires[link] = WireItem(link, self.router.path(link))
            self.addItem(self.wires[link])
        if touched:
            self.router.reroute(touched)
        self._forget_chosen(graph)
        self.overview.forget()

    def _grow(self, nodes: Iterable[object]) -> None:
        """Keep the scene's rectangle around everything; growing it is rare, since it costs a new index."""
        rect = self.sceneRect()
        for node in nodes:
            own = card_rect(node)  # type: ignore[arg-type]
            if not rect.contains(own):
                rect = rect.united(own.adjusted(-_MARGIN, -_MARGIN, _MARGIN, _MARGIN))
        if rect != self.sceneRect():
            self.setSceneRect(rect)

    def _show_stops(self) -> None:
        """Mark the layers at which Explain stops."""
        nodes = self.session.breakpoints.nodes
        for id, item in self.nodes.items():
            item.show_stop(stop_words(self.session.path_of(id), nodes) if nodes else "")

    def _repaint(self, *_: object) -> None:
        for node in self.nodes.values():
            node.refresh()
        for wire in self.wires.values():
            wire.dress()
        for notice in self.notices.values():
            notice.update()
        self.overview.forget()
        self.update()

    # Problems --------------------------------------------------------------------------------------------------------

    def _show_checks(self, checked: Checked) -> None:
        here = self.session.here
        problems = {node_of(problem.node): problem for problem in reversed(here.problems)}
        for id, item in self.nodes.items():
            item.show_check(here.facts.get(id), problems.get(id))
            self._show_notice(id, problems.get(id))
        self.overview.forget()

    def _show_notice(self, id: str, problem: Problem | None) -> None:
        shown = self.notices.get(id)
        if problem is None or (problem.open and not problem.remedies):
            if shown is not None:
                self._drop_notice(id)
        elif shown is None or shown.problem != problem:
            self._drop_notice(id)
            self.notices[id] = Notice(problem)
            self.addItem(self.notices[id])
        self.place_notice(id)

    def _drop_notice(self, id: str) -> None:
        notice = self.notices.pop(id, None)
        if notice is not None:
            self.removeItem(notice)

    def place_notice(self, id: str) -> None:
        notice, item = self.notices.get(id), self.nodes.get(id)
        if notice is None or item is None:
            return
        size = notice.area
        x, y = item.x(), item.y()
        places = [
            QPointF(x, y + CARD.height() + 12),
            QPointF(x, y - size.height() - 12),
            QPointF(x + CARD.width() - size.width(), y + CARD.height() + 12),
            QPointF(x + CARD.width() + 24, y),
            QPointF(x - size.width() - 24, y),
        ]
        free = [p for p in places if not any(self._cards_in(size.translated(p), {id}))]
        inside = (p for p in free if self._is_seen(size.translated(p)))
        notice.setPos(next(inside, free[0] if free else places[0]))

    def _is_seen(self, area: QRectF) -> bool:
        """Whether all of a place can be seen as the canvas is now."""
        return any(v.mapToScene(v.viewport().rect()).boundingRect().contains(area) for v in self.views())

    def _cards_in(self, area: QRectF, besides: set[str]) -> Iterable[NodeItem]:
        mode = Qt.ItemSelectionMode.IntersectsItemBoundingRect
        for item in self.items(area, mode):
            if isinstance(item, NodeItem) and item.id not in besides and area.intersects(CARD.translated(item.pos())):
                yield item

    def show_offer(self, problem: Problem, place: QPointF) -> Notice:
        """Tell a refusal at a place, with its mends as buttons."""
        self.withdraw_offer()
        self.offer = Notice(problem)
        self.offer.setPos(place)
        self.offer.setZValue(5)
        self.addItem(self.offer)
        return self.offer

    def withdraw_offer(self) -> None:
        if self.offer is not None:
            self.removeItem(self.offer)
            self.offer = None

    # Values and steps ------------------------------------------------------------------------------------------------

    def show_views(self, views: Views | None, record: Record | None) -> None:
        """Show the newest values on the cards; pictures are made when and if a card is painted."""
        activations: Mapping[str, object] = views.activations if views is not None else {}
        live = frozenset(
            id for id in self.nodes if self.session.path_of(id) in activations or self._has_record(id, record)
        )
        for id in self._live - live:
            if id in self.nodes:
                self.nodes[id].show_live(None)
        self._live = live
        for id in live:
            value = value_of(self.graph, id, views, record)
            self.nodes[id].show_live(picture_for(self.session, id, views, record), value)

    def _has_record(self, id: str, record: Record | None) -> bool:
        return record is not None and len(record.blocks) > 0 and not self.nodes[id].layer.gives

    # Choosing --------------------------------------------------------------------------------------------------------

    @property
    def chosen(self) -> list[str]:
        """The chosen nodes, in the graph's order."""
        return [id for id in self.graph.nodes if id in self._chosen]

    def chosen_links(self) -> list[Link]:
        return [link for link in self.graph.links if link in self._chosen_links]

    def choose(self, ids: Iterable[str], links: Iterable[Link] = ()) -> None:
        """Choose exactly these nodes and wires."""
        nodes, wires = set(ids) & self.nodes.keys(), set(links) & self.wires.keys()
        if (nodes, wires) == (self._chosen, self._chosen_links):
            return
        for id in (self._chosen ^ nodes) & self.nodes.keys():
            self.nodes[id].set_state(chosen=id in nodes)
        for link in (self._chosen_links ^ wires) & self.wires.keys():
            self.wires[link].set_state(chosen=link in wires)
        self._chosen, self._chosen_links = nodes, wires
        self.overview.forget()
        self.chosen_changed.emit()

    def _forget_chosen(self, graph: Graph) -> None:
        """What is gone is no longer chosen; a renamed node that was chosen is chosen anew by whoever renamed it."""
        nodes, links = self._chosen & graph.nodes.keys(), self._chosen_links & self.wires.keys()
        if (nodes, links) != (self._chosen, self._chosen_links):
            self._chosen, self._chosen_links = nodes, links
            self.chosen_changed.emit()

    # Finding ---------------------------------------------------------------------------------------------------------

    def spot(self, place: QPointF, reach: float) -> Spot:
        """What is at a place of the scene; ports and wires are found within `reach`."""
        area = QRectF(place.x() - reach, place.y() - reach, 2 * reach, 2 * reach)
        mode, order = Qt.ItemSelectionMode.IntersectsItemBoundingRect, Qt.SortOrder.DescendingOrder
        found = self.items(area, mode, order)
        notice = next((i for i in found if isinstance(i, Notice) and i.mapRectToScene(i.area).contains(place)), None)
        if notice is not None:
            return Spot(notice=notice, button=notice.button_at(place))
        cards = [item for item in found if isinstance(item, NodeItem)]
        near = [(d, i, p) for i in cards for p in i.ports() if (d := _distance(i.port_place(p), place)) <= reach]
        if near:
            _, item, port = min(near, key=lambda entry: entry[0])
            return Spot(node=item, port=port)
        for item in cards:
            if CARD.translated(item.pos()).contains(place):
                return Spot(node=item)
        return Spot(wire=_wire_in(found, place, reach))

    def wire_at(self, place: QPointF, reach: float) -> WireItem | None:
        """The wire at a place, whatever else is there."""
        area = QRectF(place.x() - reach, place.y() - reach, 2 * reach, 2 * reach)
        return _wire_in(self.items(area, Qt.ItemSelectionMode.IntersectsItemBoundingRect), place, reach)

    @property
    def whole(self) -> QRectF:
        """The rectangle around all cards; null on an empty canvas."""
        if self._whole[0] is not self.graph:
            self._whole = self.graph, bounds(self.graph)
        return self._whole[1]

    def inside(self, area: QRectF) -> list[str]:
        """The nodes whose cards a rectangle touches."""
        return [item.id for item in self._cards_in(area, set())]

    def link_at_port(self, id: str, port: int) -> Link | None:
        """The wire that ends at an input."""
        return next((k for k in self.graph.into(id) if k.port == port), None)

    # Painting from far -----------------------------------------------------------------------------------------------

    def paint_overview(self, painter: QPainter) -> None:
        """Everything as plain boxes and lines, in one pass."""
        self.overview.paint(painter, self.nodes, self.wires)


def _wire_in(found: Iterable[QGraphicsItem], place: QPointF, reach: float) -> WireItem | None:
    return next((item for item in found if isinstance(item, WireItem) and item.is_near(place, reach * 0.7)), None)


def _distance(a: QPointF, b: QPointF) -> float:
    return float(((a.x() - b.x()) ** 2 + (a.y() - b.y()) ** 2) ** 0.5)
