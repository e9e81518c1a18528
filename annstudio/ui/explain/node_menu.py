"""The menu of one layer on the drawing."""

from functools import partial
from typing import TYPE_CHECKING

from PySide6.QtWidgets import QMenu

from annstudio.engine.program import Phase
from annstudio.ui.actions import by_id
from annstudio.ui.theme import icon

if TYPE_CHECKING:
    from annstudio.ui.explain.view import ExplainView


def node_menu(view: "ExplainView", node: str) -> QMenu:
    """What can be done with a layer; the menu deletes itself when closed."""
    menu = QMenu(view)
    stops = menu.addAction("Stop here\tF9" if node == view.node_at_hand else "Stop here")
    stops.setIcon(icon("breakpoint"))
    stops.setCheckable(True)
    stops.setChecked(node in view.session.breakpoints.nodes)
    stops.setToolTip(by_id("breakpoint").tip)
    stops.triggered.connect(lambda: view.session.breakpoints.toggle(node))
    menu.addSeparator()
    walk = view.tour.walk
    met: set[Phase] = set()
    for place in walk.stops(frozenset({node})) if walk is not None else ():
        assert walk is not None
        phase = walk.program.steps[walk.moments[place - 1].position - 1].phase
        if phase not in met:
            met.add(phase)
            menu.addAction(f"Go to its turn: {phase.value}").triggered.connect(partial(_go, view, place))
    menu.aboutToHide.connect(menu.deleteLater)
    return menu


def _go(view: "ExplainView", place: int, checked: bool = False) -> None:
    view.tour.to(place)
