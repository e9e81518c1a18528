"""The canvas' context menus: the view's own commands for what is under the pointer."""

from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING

from PySide6.QtCore import QPointF
from PySide6.QtGui import QKeySequence
from PySide6.QtWidgets import QMenu

from annstudio.layers.graph import Link
from annstudio.ui.canvas.scene import Spot
from annstudio.ui.theme import icon

if TYPE_CHECKING:
    from annstudio.ui.canvas.view import CanvasView

_KEYS: dict[str, QKeySequence | QKeySequence.StandardKey | str] = {
    "Copy": QKeySequence.StandardKey.Copy,
    "Cut": QKeySequence.StandardKey.Cut,
    "Paste": QKeySequence.StandardKey.Paste,
    "Delete": QKeySequence.StandardKey.Delete,
    "Select all": QKeySequence.StandardKey.SelectAll,
    "Duplicate": "Ctrl+D",
    "Rename …": "F2",
    "Connect to …": "C",
    "Add layer …": "/",
    "Fit": "F",
    "Stop here in Explain": "F9",
    "Do not stop here in Explain": "F9",
    "Make block": "Ctrl+G",
    "Unpack block": "Ctrl+Shift+G",
    "Open block": "Return",
    "Leave block": "Alt+Up",
}


def menu_for(view: "CanvasView", spot: Spot, place: QPointF) -> QMenu:
    """The menu for a node, a wire or the empty canvas; it deletes itself when closed."""
    menu = QMenu(view)
    if spot.node is not None:
        _node_menu(view, menu, spot.node.id)
    elif spot.wire is not None:
        _wire_menu(view, menu, spot.wire.link)
    else:
        _canvas_menu(view, menu, place)
    menu.aboutToHide.connect(menu.deleteLater)
    return menu


def _node_menu(view: "CanvasView", menu: QMenu, id: str) -> None:
    problem = view.canvas.nodes[id].problem
    for remedy in problem.remedies if problem is not None else ():
        _item(menu, remedy.label, "ok", partial(view.canvas.session.mend, remedy))
    if problem is not None and problem.remedies:
        menu.addSeparator()
    if view.chosen_block:
        _item(menu, "Open block", "layer-block", view.open_block)
        _item(menu, "Unpack block", "", view.unpack_block)
    _item(menu, "Make block", "layer-block", view.make_block)
    session = view.canvas.session
    stops = session.path_of(id) in session.breakpoints.nodes
    words = "Do not stop here in Explain" if stops else "Stop here in Explain"
    _item(menu, words, "breakpoint", lambda: session.breakpoints.toggle(session.path_of(id)))
    menu.addSeparator()
    _item(menu, "Rename …", "rename", view.rename_selected)
    if view.canvas.nodes[id].layer.gives:
        _item(menu, "Connect to …", "connect", view.start_keyboard_connect)
        _item(menu, "Add layer behind …", "add", view.open_search)
    menu.addSeparator()
    _item(menu, "Cut", "cut", view.cut)
    _item(menu, "Copy", "copy", view.copy)
    _item(menu, "Duplicate", "duplicate", view.duplicate)
    _item(menu, "Delete", "delete", view.delete_selection)


def _wire_menu(view: "CanvasView", menu: QMenu, link: Link) -> None:
    _item(menu, "Insert layer …", "add", lambda: view.open_insert(link))
    _item(menu, "Delete", "delete", view.delete_selection)


def _canvas_menu(view: "CanvasView", menu: QMenu, place: QPointF) -> None:
    _item(menu, "Add layer …", "add", lambda: view.open_search_at(place))
    _item(menu, "Paste", "paste", lambda: view.paste_at(place))
    menu.addSeparator()
    _item(menu, "Select all", "", view.select_all)
    _item(menu, "Fit", "fit", view.fit)
    if view.canvas.session.path:
        menu.addSeparator()
        _item(menu, "Leave block", "", view.leave_block)


def _item(menu: QMenu, words: str, glyph: str, run: Callable[[], object]) -> None:
    action = menu.addAction(words)
    if glyph:
        action.setIcon(icon(glyph))
    if words in _KEYS:
        # Told, not bound: the keys themselves are the window's commands.
        action.setText(f"{words}\t{QKeySequence(_KEYS[words]).toString(QKeySequence.SequenceFormat.NativeText)}")
    action.triggered.connect(lambda: run())
