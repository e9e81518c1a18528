"""Every command of the canvas as a method, for menus, keys and the command search; none needs a mouse."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

from PySide6.QtCore import QMimeData, QPoint, QPointF, QRectF, Signal
from PySide6.QtGui import QCursor, QGuiApplication

from annstudio.errors import Remedy, StudioError
from annstudio.layers.block.node import Block
from annstudio.layers.graph import Link
from annstudio.layers.lowering import Problem
from annstudio.ordinals import nth
from annstudio.ui.canvas import clipboard, edits
from annstudio.ui.canvas.connecting import Ends
from annstudio.ui.canvas.entries import Entry, search
from annstudio.ui.canvas.geometry import CARD, TITLE
from annstudio.ui.canvas.navigation import Navigation
from annstudio.ui.canvas.node import out_of
from annstudio.ui.canvas.notice import Notice
from annstudio.ui.canvas.overlays import Tag
from annstudio.ui.canvas.renaming import Renaming
from annstudio.ui.canvas.scene import CanvasScene
from annstudio.ui.canvas.search import Choice, Chooser, layer_choices
from annstudio.ui.canvas.tools import Pointer
from annstudio.ui.theme import GRID, SNAP


class Commands(Navigation):
    """What can be done to the drawing; each is one edit of the session, told in the status bar where it cannot be."""

    selection_changed = Signal(list)
    """The names of the chosen nodes."""

    def __init__(self, scene: CanvasScene) -> None:
        super().__init__(scene)
        self.tag = Tag(self)
        self._offered: Callable[[Remedy], None] | None = None
        scene.chosen_changed.connect(self._tell_chosen)

    # Choosing --------------------------------------------------------------------------------------------------------

    @property
    def selection(self) -> list[str]:
        return self.canvas.chosen

    def select(self, ids: Iterable[str], links: Iterable[Link] = ()) -> None:
        self.canvas.choose(ids, links)

    def select_all(self) -> None:
        self.canvas.choose(self.canvas.graph.nodes, self.canvas.graph.links)

    def clear_selection(self) -> None:
        self.canvas.choose(())

    def walk(self, right: int, down: int) -> None:
        """Choose the next node in a direction: along a wire where one leads there, else the nearest."""
        graph, chosen = self.canvas.graph, self.selection
        if not graph.nodes:
            return
        if not chosen:
            self.select([next(iter(graph.nodes))])
        else:
            here = graph.nodes[chosen[-1]]
            links = graph.out_of(here.id) if right > 0 else graph.into(here.id) if right < 0 else []
            ways = [link.target if right > 0 else link.source for link in links]
            there = [n for n in graph.nodes.values() if (n.x - here.x) * right + (n.y - here.y) * down > SNAP]
            there.sort(key=lambda n: abs(n.x - here.x) * (3 if down else 1) + abs(n.y - here.y) * (3 if right else 1))
            self.select([*ways, *(node.id for node in there), here.id][:1])
        self.show_node(self.selection[0])

    def _tell_chosen(self) -> None:
        self.selection_changed.emit(self.canvas.chosen)

    # Changing --------------------------------------------------------------------------------------------------------

    def delete_selection(self) -> None:
        """Delete what is chosen; the gap is bridged where shapes allow."""
        edits.delete(self.canvas.session, self.selection, self.canvas.chosen_links())

    def nudge(self, right: int, down: int) -> None:
        """Move what is chosen by steps of the grid; nudges in a row are one entry of undo."""
        nodes, ids = self.canvas.graph.nodes, self.selection
        places = {id: (nodes[id].x + right * SNAP, nodes[id].y + down * SNAP) for id in ids}
        if places:
            edits.move(self.canvas.session, places, merge=("nudge", tuple(ids)))

    def append_layer(self, kind: str, settings: Mapping[str, Any] | None = None, at: QPointF | None = None) -> None:
        """Put a new layer behind the chosen one and connect them; without one, at a place or in the middle."""
        nodes = self.canvas.graph.nodes
        after = next((id for id in reversed(self.selection) if nodes[id].layer.gives), None)
        corner = (at or self.seen().center()) - CARD.center()
        if at is not None:
            after = None

        def change() -> None:
            id = edits.append(self.canvas.session, after, kind, settings or {}, corner.x(), corner.y())
            self.select([id])
            self.show_node(id)

        self.attempt(change)

    def rename_selected(self) -> None:
        """Rename the chosen node where it stands."""
        if len(self.selection) != 1:
            self._tell("Choose one layer to rename.")
            return
        (id,) = self.selection
        self.show_node(id)
        area = self.mapFromScene(TITLE.translated(self.canvas.nodes[id].pos())).boundingRect()
        session = self.canvas.session

        def rename(name: str) -> None:
            session.rename(id, name)
            self.select([name.strip()])

        Renaming(self, id, area, rename, lambda words: self.tag.tell(words, area.bottomLeft(), wrong=True))

    # Blocks ----------------------------------------------------------------------------------------------------------

    @property
    def chosen_block(self) -> str:
        """The one chosen node if it is a block, else empty."""
        ids = self.selection
        return ids[0] if len(ids) == 1 and isinstance(self.canvas.graph.nodes[ids[0]].layer, Block) else ""

    def open_block(self) -> None:
        """Show what the chosen block holds."""
        if self.chosen_block:
            self.canvas.session.open_block(self.canvas.session.path_of(self.chosen_block))

    def leave_block(self) -> None:
        """Back to the drawing that the open block stands in; the block is chosen there."""
        session = self.canvas.session
        if session.path:
            left = session.path.rpartition("/")[2]
            session.leave_block()
            self.select([left])

    def make_block(self) -> None:
        """Put what is chosen into a block."""
        self.attempt(lambda: self.select([self.canvas.session.make_block(self.selection)]))

    def unpack_block(self) -> None:
        """Put what the chosen block holds in its place."""
        self.attempt(lambda: self.select(self.canvas.session.unpack_block(self.chosen_block)))

    # Attempting ------------------------------------------------------------------------------------------------------

    def attempt(self, change: Callable[[], object]) -> None:
        """Do something; what goes wrong is told in the status bar."""
        try:
            change()
        except StudioError as error:
            self.canvas.session.told.emit("error", str(error))

    def _tell(self, words: str) -> None:
        self.canvas.session.told.emit("info", words)

    # Copying ---------------------------------------------------------------------------------------------------------

    def copy(self) -> None:
        """Put what is chosen on the clipboard, weights included."""
        if not self.selection:
            return
        text = clipboard.copied(self.canvas.session, self.selection)
        data = QMimeData()
        data.setData(clipboard.MIME, text.encode())
        data.setText(text)
        QGuiApplication.clipboard().setMimeData(data)

    def cut(self) -> None:
        """Copy, then delete."""
        if self.selection:
            self.copy()
            self.delete_selection()

    def paste(self) -> None:
        self._paste(None)

    def paste_at(self, place: QPointF) -> None:
        """Paste with the upper left corner at a place of the scene."""
        self._paste(place)

    def duplicate(self) -> None:
        if self.selection:
            self.select(clipboard.duplicate(self.canvas.session, self.selection))

    def _paste(self, place: QPointF | None) -> None:
        data: QMimeData | None = QGuiApplication.clipboard().mimeData()
        if data is None:  # Where the clipboard is empty, on some systems.
            data = QMimeData()
        text = bytes(data.data(clipboard.MIME).data()).decode("utf-8", "replace") or data.text()
        x, y = (None, None) if place is None else (place.x(), place.y())

        def change() -> None:
            ids = clipboard.paste(self.canvas.session, text, x, y)
            self.select(ids)
            self.show_node(ids[0])

        self.attempt(change)

    # Boxes to choose from --------------------------------------------------------------------------------------------

    def open_search(self) -> None:
        """Search for a layer; it goes behind the chosen one, else to where the pointer is."""
        place = self._pointed()
        self._choose_layer("Search layers", search, lambda e: self._add(e, None if self.selection else place), place)

    def open_search_at(self, place: QPointF) -> None:
        """Search for a layer to put at a place of the scene."""
        self._choose_layer("Search layers", search, lambda entry: self._add(entry, place), place)

    def open_insert(self, link: Link) -> None:
        """Search for a layer to put on a wire."""
        ends = [self.canvas.nodes[id].sceneBoundingRect().center() for id in (link.source, link.target)]
        place = (ends[0] + ends[1]) / 2
        corner = place - CARD.center()
        session = self.canvas.session

        def insert(entry: Entry) -> None:
            id = edits.insert(session, link, entry.kind, entry.settings, corner.x(), corner.y())
            self.select([id])

        def offered(text: str) -> list[Entry]:
            found = search(text, inside=bool(session.path))
            return [e for e in found if (layer := e.make()).gives and layer.takes[1] != 0]

        self._choose_layer("Insert layer", offered, insert, place)

    def start_keyboard_connect(self) -> None:
        """Connect the chosen node to another one picked from a list."""
        if len(self.selection) != 1 or not self.canvas.graph.nodes[self.selection[0]].layer.gives:
            self._tell("Choose one layer with an output to connect.")
            return
        (source,) = self.selection
        session = self.canvas.session
        targets = [Choice(self._wire_words(link), link) for link in edits.wires_from(session, source)]

        def offered(text: str) -> list[Choice]:
            return [choice for choice in targets if text.strip().lower() in choice.title.lower()]

        def connect(value: object) -> None:
            if isinstance(value, Link):
                self.attempt(lambda: edits.connect(session, value))

        item = self.canvas.nodes[source]
        self._open(f"Connect {source} to", offered, connect, item.pos() + CARD.topRight())

    def offer_layers(self, fixed: Ends, pointer: Pointer) -> None:
        """A wire was dropped on empty canvas: offer the layers that would fit at its loose end."""
        session, place = self.canvas.session, pointer.place
        out = out_of(fixed.port)
        if fixed.is_output:
            fitting, corner = edits.fitting_behind(session, fixed.node, out), place - QPointF(0, CARD.height() / 2)
        else:
            fitting = edits.fitting_before(session, fixed.node, fixed.port)
            corner = place - QPointF(CARD.width(), CARD.height() / 2)

        def add(entry: Entry) -> None:
            node = (entry.kind, entry.settings, corner.x(), corner.y())
            if fixed.is_output:
                id = edits.add_behind(session, fixed.node, out, *node)
            else:
                id = edits.add_before(session, fixed.node, fixed.port, *node)
            self.select([id])

        def offered(text: str) -> list[Entry]:
            return [entry for entry in search(text, inside=bool(session.path)) if entry in fitting]

        self._choose_layer("Layers that fit", offered, add, place)

    def _add(self, entry: Entry, at: QPointF | None) -> None:
        self.append_layer(entry.kind, entry.settings, at)

    def _choose_layer(
        self, heading: str, found: Callable[[str], Sequence[Entry]], use: Callable[[Entry], object], place: QPointF
    ) -> None:
        def choose(value: object) -> None:
            if isinstance(value, Entry):
                self.attempt(lambda: use(value))

        self._open(heading, lambda text: layer_choices(found(text)), choose, place)

    def _open(
        self, heading: str, offered: Callable[[str], Sequence[Choice]], choose: Callable[[object], None], place: QPointF
    ) -> None:
        Chooser(self, heading, offered, choose).open_at(self.mapFromScene(place) + QPoint(GRID, GRID))

    def _pointed(self) -> QPointF:
        """The place under the pointer, or the middle where it is elsewhere."""
        at = self.viewport().mapFromGlobal(QCursor.pos())
        inside = self.viewport().rect().contains(at)
        return QPointF(self.mapToScene(at)) if inside else self.seen().center()

    def _wire_words(self, link: Link) -> str:
        """Where a wire would lead, and from which output where there are several."""
        nodes = self.canvas.nodes
        to = f"{link.target} · {nth('input', link.port)}" if nodes[link.target].n_ports > 1 else link.target
        return f"{nth('output', link.out)} → {to}" if nodes[link.source].layer.gives > 1 else to

    # Mends -----------------------------------------------------------------------------------------------------------

    def take_remedy(self, notice: Notice, remedy: Remedy) -> None:
        """A button of a notice was pressed: of a refused wire it draws the wire too."""
        offered = self._offered
        if notice is self.canvas.offer and offered is not None:
            self.attempt(lambda: offered(remedy))
        else:
            self.attempt(lambda: self.canvas.session.mend(remedy))

    def offer_mends(self, problem: Problem, place: QPointF, link: Link, instead: Link | None) -> None:
        """A wire was refused: say why where it was let go, with the mends that would make it fit."""
        session = self.canvas.session
        self._offered = lambda remedy: edits.connect_with(session, link, remedy, instead)
        notice = self.canvas.show_offer(problem, place + QPointF(12, 12))
        self.ensure_inside(notice)

    def ensure_inside(self, notice: Notice) -> None:
        """Move a notice so that all of it can be seen."""
        seen, rect = self.seen(), QRectF(notice.mapRectToScene(notice.area))
        x = min(rect.x(), seen.right() - rect.width() - GRID)
        y = min(rect.y(), seen.bottom() - rect.height() - GRID)
        notice.setPos(max(x, seen.x() + GRID), max(y, seen.y() + GRID))
