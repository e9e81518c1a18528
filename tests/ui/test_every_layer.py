"""Every layer of the palette as a user meets it: dragged, wired, set, trained, looked at, stepped on and back."""

import re
from collections.abc import Iterator

import numpy as np
import pytest
from PySide6.QtCore import QEvent, QPointF, Qt
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication, QComboBox, QLineEdit, QWidget
from pytestqt.qtbot import QtBot

from annstudio.session import Session
from annstudio.training.snapshot import Finished
from annstudio.ui.app import application
from annstudio.ui.canvas.entries import Entry, entries
from annstudio.ui.canvas.geometry import CARD
from annstudio.ui.canvas.node import icon_of
from annstudio.ui.choices import CheckField, ChoiceField
from annstudio.ui.docks import BOTTOM
from annstudio.ui.window import Window
from tests.ui.canvas.conftest import Hand
from tests.ui.small_networks import Recipe, fits, recipe

Key = Qt.Key
INSIDE_BLOCKS = ("BlockInput", "BlockOutput")
"""They have a meaning inside a block alone (tests/ui/canvas/test_blocks.py)."""
every = pytest.mark.parametrize(
    "entry", [entry for entry in entries() if entry.kind not in INSIDE_BLOCKS], ids=lambda entry: entry.title
)
NUMBER = re.compile(r"\d")


class Desk(Hand):
    """A whole window, and a hand on its canvas."""

    def __init__(self, window: Window) -> None:
        self.window, self.session = window, window.session
        self.scene, self.view = window.scene, window.canvas
        self.told: list[tuple[str, str]] = []
        self.ends: list[Finished] = []
        self.session.told.connect(self._hear_all)
        self.session.finished.connect(self.ends.append)

    def _hear_all(self, level: str, words: str) -> None:
        self.told.append((level, words))

    def do(self, command: str) -> None:
        action = self.window.actions_by_id[command]
        assert action.isEnabled(), f"{command} cannot be used now"
        action.trigger()
        QApplication.processEvents()


@pytest.fixture
def made(entry: Entry) -> Recipe:
    return recipe(entry)


@pytest.fixture
def desk(qtbot: QtBot, made: Recipe) -> Iterator[Desk]:
    application("light")
    window = Window(Session(made.project))
    window.resize(1500, 950)
    window.show()
    qtbot.waitExposed(window)
    desk = Desk(window)
    # The first look fits the canvas, once the docks stand where they are to.
    QTest.qWait(20)
    yield desk
    desk.session.told.disconnect(desk._hear_all)
    desk.session.finished.disconnect(desk.ends.append)
    window.session.document.mark_saved()
    window.close()
    QApplication.sendPostedEvents(None, QEvent.Type.DeferredDelete)


@every
def test_it_describes_itself(entry: Entry) -> None:
    first, *_ = entry.note.splitlines()
    assert 20 <= len(first) <= 120
    assert first.endswith(".")
    assert first[0].isupper()
    assert icon_of(entry.kind) != "layer"


@every
def test_it_is_dragged_set_trained_and_stepped(entry: Entry, made: Recipe, desk: Desk, qtbot: QtBot) -> None:
    id = _drag_in(desk, entry, made)
    _wire(desk, made, id)
    if made.edit:
        _edit(desk, id, *made.edit)
    assert fits(desk.graph, made.project.data), desk.session.checked.problems
    _train_two_batches(desk, qtbot, id)
    _look_at_every_panel(desk)
    _step_through(desk, id)
    assert [words for level, words in desk.told if level == "error"] == []


def _drag_in(desk: Desk, entry: Entry, made: Recipe) -> str:
    """Carry the palette's entry onto free ground; the name of the node that it became."""
    before = set(desk.graph.nodes)
    item = desk.window.docks.palette.list.item_of(entry.title)
    place = QPointF(400, 250)
    desk.drag_in(desk.window.docks.palette.list.mimeData([item]), place)
    (id,) = set(desk.graph.nodes) - before
    desk.view.fit()
    if made.needed:
        desk.session.set_layer(id, **made.needed)
    return id


def _wire(desk: Desk, made: Recipe, id: str) -> None:
    """Pull wires from port to port."""
    for port, source in enumerate(made.into):
        desk.drag(desk.output(source), desk.input(id, port))
    if made.out:
        desk.drag(desk.output(id), desk.input(made.out))
    wires = {(link.source, link.target) for link in desk.graph.links}
    assert {(source, id) for source in made.into} <= wires
    assert not made.out or (id, made.out) in wires


def _edit(desk: Desk, id: str, name: str, value: object) -> None:
    """Choose the card, and change the setting in the inspector as a user does."""
    desk.click(desk.scene.nodes[id].pos() + QPointF(CARD.width() / 2, 20))
    inspector = desk.window.docks.inspector
    form = next(form for form in inspector._forms.values() if name in form.names and not form.isHidden())
    field = form.field(name)
    if isinstance(field, CheckField):
        field.click()
    elif isinstance(field, ChoiceField):
        field.choose(value)
    else:
        _type(field, value)
    QApplication.processEvents()
    assert getattr(desk.graph.nodes[id].layer, name) == value
    assert form.cells[name].words.text() == ""


def _type(field: QWidget, value: object) -> None:
    lines = [field] if isinstance(field, QLineEdit) else field.findChildren(QLineEdit)
    texts = [str(value)] if len(lines) == 1 and not isinstance(value, tuple) else [str(part) for part in value]
    texts = ["×".join(texts)] if len(lines) == 1 else texts
    for line, text in zip(lines, texts, strict=True):
        line.setFocus()
        line.selectAll()
        QTest.keyClicks(line, text)
        QTest.keyClick(line, Key.Key_Return)


def _train_two_batches(desk: Desk, qtbot: QtBot, id: str) -> None:
    before = desk.session.weights()
    for n in (1, 2):
        desk.do("step_batch")
        qtbot.waitUntil(lambda n=n: len(desk.ends) == n, timeout=30_000)
    end = desk.ends[-1]
    assert (end.reason, end.trouble, end.progress.step) == ("limit", "", 2)
    assert np.isfinite(end.progress.record.blocks).all()
    moved = [key for key, array in desk.session.weights().items() if not np.array_equal(array, before[key])]
    own = [key for key in before if key.startswith(f"{id}/")]
    layer = desk.graph.nodes[id].layer
    if own and getattr(layer, "affine", True):
        assert set(own) & set(moved), f"nothing of {own} was learned"
    desk.view.grab()
    picture = desk.scene.nodes[id].picture
    assert picture is not None
    assert NUMBER.search(picture.told)


def _look_at_every_panel(desk: Desk) -> None:
    """Bring every panel to the front, and look at it."""
    for kind in BOTTOM:
        desk.window.docks.show_panel(kind)
        QTest.qWait(0)
        panel = desk.window.docks.panels[kind]
        panel._refresh_if_seen()
        for chooser in panel.findChildren(QComboBox):
            if chooser.accessibleName() == "Layer":
                for i in range(chooser.count()):
                    chooser.setCurrentIndex(i)
                    chooser.activated.emit(i)
                    QApplication.processEvents()
        assert not panel.grab().isNull()


def _step_through(desk: Desk, id: str) -> None:
    """Forward to the loss, back to the gradients, to the end, and all the way back; every step is told."""
    desk.do("explain")
    view = desk.window.explain_view
    QTest.qWait(120)
    walk = view.tour.walk
    assert walk is not None
    captions = []
    for key in (Key.Key_L, Key.Key_G, Key.Key_U, Key.Key_End):
        QTest.keyClick(view, key)
        QApplication.processEvents()
        captions.append(view.timeline.caption.text())
        view.grab()
        assert NUMBER.search(_words(desk.window))
    assert len(set(captions)) > 2
    _ask_every_step_of(desk, id)
    QTest.keyClick(view, Key.Key_Home)
    steps = 0
    while walk.place < len(walk) and steps < 40:
        QTest.keyClick(view, Key.Key_Right)
        steps += 1
    for _ in range(steps):
        QTest.keyClick(view, Key.Key_Left)
    assert walk.place == 0
    desk.do("leave_explain")
    assert desk.session.activity == "edit"


def _ask_every_step_of(desk: Desk, id: str) -> None:
    """Show the layer's card, go to each of its operations, and ask about the first number that it wrote."""
    view = desk.window.explain_view
    view.show_neurons(False)
    QApplication.processEvents()
    card = view.layers.scene.cards[id]
    assert card.state.values is not None
    assert NUMBER.search(card.state.values.told)
    view.layers.scene.select(id)
    pane = view.layers.pane
    for row in range(pane.steps.count()):
        pane.steps.itemActivated.emit(pane.steps.item(row))
        QApplication.processEvents()
        frame = pane.left
        if frame.mosaic.isVisible() and frame.mosaic.maps.size:
            QTest.mouseClick(frame.mosaic, Qt.MouseButton.LeftButton, pos=frame.mosaic.rect_of(0).center().toPoint())
        QApplication.processEvents()
        assert NUMBER.search(_words(desk.window)), pane.steps.item(row).text()
        view.grab()


def _words(window: Window) -> str:
    """What is written of the moment at hand: in the panel, on the drawing of units, at the scale of the arrays."""
    view, pane = window.explain_view, window.explain_view.layers.pane
    window.explain_panel.finish()
    told = [window.explain_panel.text]
    if view.shows_neurons:
        told += [unit.state.below for unit in view.scene.units]
    else:
        told += [frame.bar.accessibleName() for frame in (pane.left, pane.right) if frame.bar.isVisible()]
    return "\n".join(told)
