"""Blocks in the window and in Explain: commands, panels that follow inside, steps of what is inside."""

from collections.abc import Iterator

import numpy as np
import pytest
from PySide6.QtCore import QEvent, Qt
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication
from pytestqt.qtbot import QtBot

from annstudio.data.base import parse_source
from annstudio.document.project import Project
from annstudio.engine.program import Phase
from annstudio.formats import studio
from annstudio.layers.block.node import Block, box_of
from annstudio.layers.conv import Conv2D
from annstudio.layers.dense import Dense
from annstudio.layers.ends import Input
from annstudio.layers.losses import Loss
from annstudio.layers.recurrent.simple import SimpleRNN
from annstudio.layers.shaping import Flatten
from annstudio.places import SAMPLES
from annstudio.session import Session
from annstudio.ui.app import application
from annstudio.ui.docks import BOTTOM
from annstudio.ui.panels.activations import ActivationsPanel
from annstudio.ui.panels.inspector import InspectorPanel
from annstudio.ui.panels.maps import MapsPanel
from annstudio.ui.panels.problems import ProblemsPanel
from annstudio.ui.panels.weights import WeightsPanel
from annstudio.ui.window import Window
from tests.builders import chain, project
from tests.ui.explaining import explaining


@pytest.fixture(params=["block-of-blocks"])
def window(qtbot: QtBot, request) -> Iterator[Window]:
    application("light")
    window = Window(Session(studio.load(SAMPLES / f"{request.param}.annstudio")))
    window.show()
    qtbot.waitExposed(window)
    yield window
    window.session.document.mark_saved()
    window.close()
    QApplication.sendPostedEvents(None, QEvent.Type.DeferredDelete)


def panel(window: Window, kind):
    window.docks.show_panel(kind)
    QApplication.processEvents()
    return next(one for one in window.findChildren(kind))


def keys(window: Window, key: Qt.Key, *, shift: bool = False) -> None:
    held = Qt.KeyboardModifier.ControlModifier
    QTest.keyClick(window.canvas, key, held | Qt.KeyboardModifier.ShiftModifier if shift else held)


def test_keys_make_open_leave_and_unpack(window):
    window.canvas.setFocus()
    window.canvas.select(["hidden", "trunk"])
    keys(window, Qt.Key.Key_G)
    assert window.canvas.selection == ["block_1"]
    QTest.keyClick(window.canvas, Qt.Key.Key_Return)
    assert window.session.path == "block_1"
    assert window.actions_by_id["leave_block"].isEnabled()
    QTest.keyClick(window.canvas, Qt.Key.Key_Escape)
    assert window.session.path == ""
    assert not window.actions_by_id["leave_block"].isEnabled()
    keys(window, Qt.Key.Key_G, shift=True)
    assert set(window.session.graph.nodes) == {"input", "hidden", "trunk", "output", "loss"}


def test_the_inspector_shows_the_block_and_what_is_inside(window):
    inspector = panel(window, InspectorPanel)
    window.canvas.select(["trunk"])
    QApplication.processEvents()
    assert inspector.kind.text() == "Block"
    assert "out 16" in inspector.shape.text()
    window.canvas.open_block()
    window.canvas.select(["block_3"])
    window.canvas.open_block()
    window.canvas.select(["dense"])
    QApplication.processEvents()
    assert inspector.name.value() == "dense"
    assert "272 parameters" in inspector.shape.text()
    form = inspector._forms[type(window.session.graph.nodes["dense"].layer), False]
    field = form.field("activation")
    field.edited.emit("relu")
    assert (
        window.session.project.graph.nodes["trunk"]
        .layer.inside.nodes["block_3"]
        .layer.inside.nodes["dense"]
        .layer.activation
        == "relu"
    )


def test_whose_weights_a_block_uses_is_chosen_among_the_blocks_beside_it(window):
    trunk = next(id for id, node in window.session.graph.nodes.items() if isinstance(node.layer, Block))
    window.session.open_block(trunk)
    window.canvas.select(["block_2"])
    inspector = panel(window, InspectorPanel)
    field = inspector._form(Block, False).field("weights_of")
    assert [field.itemText(i) for i in range(field.count())] == ["its own", "block_1", "block_3"]
    assert field.currentText() == "block_1"
    field.setFocus()
    QTest.keyClick(field, Qt.Key.Key_Up)
    assert window.session.graph.nodes["block_2"].layer.weights_of == ""
    window.session.undo()
    assert field.currentText() == "block_1"
    window.session.edit_graph(window.session.graph.without(["block_3"]), "Delete")
    assert [field.itemText(i) for i in range(field.count())] == ["its own", "block_1"]


def test_weights_inside_are_shown_edited_and_frozen(window):
    weights = panel(window, WeightsPanel)
    window.canvas.select(["trunk"])
    QApplication.processEvents()
    assert weights.node.currentText() == "trunk/block_1/dense"
    assert weights.array.shape == (16, 16)
    window.canvas.open_block()
    window.canvas.select(["block_2"])
    QApplication.processEvents()
    # It uses the weights of the first.
    assert weights.node.currentText() == "trunk/block_1/dense"
    window.canvas.select(["block_3"])
    QApplication.processEvents()
    assert weights.key == "trunk/block_3/dense/W"
    window.session.set_weight("trunk/block_3/dense/W", (0, 0), 7.0)
    QApplication.processEvents()
    assert weights.array[0, 0] == 7.0
    weights.frozen.click()
    inner = window.session.project.graph.nodes["trunk"].layer.inside.nodes["block_3"].layer.inside
    assert inner.nodes["dense"].layer.trainable is False


def test_panels_follow_into_the_block(window):
    activations = panel(window, ActivationsPanel)
    assert list(activations.columns) == ["input", "hidden", "trunk", "output"]
    window.canvas.select(["trunk"])
    window.canvas.open_block()
    QApplication.processEvents()
    assert list(activations.columns) == ["in_1", "block_1", "block_2", "block_3"]
    panel(window, MapsPanel)


def test_a_problem_inside_is_found_from_the_list(window):
    window.canvas.select(["trunk"])
    window.canvas.open_block()
    window.session.edit_graph(window.session.graph.disconnect(window.session.graph.into("block_3")[0]), "Disconnect")
    window.session.open_block("")
    problems = panel(window, ProblemsPanel)
    assert problems.boxes[0].problem.node == "trunk/block_3"
    problems.boxes[0].opened.emit("trunk/block_3")
    assert window.session.path == "trunk"
    assert window.canvas.selection == ["block_3"]


def test_training_while_a_block_is_open(window):
    window.canvas.select(["trunk"])
    window.canvas.open_block()
    window.session.step_batch()
    window.session.wait()
    QApplication.processEvents()
    assert window.session.path == "trunk"
    assert window.session.project.progress.step == 1


# Pictures one after the other ------------------------------------------------------------------------------------


@pytest.fixture
def film(tmp_path) -> Project:
    """Films of four pictures, a convolution for each of them, a recurrent layer over all."""
    rng = np.random.default_rng(0)
    np.savez(tmp_path / "film.npz", x=rng.normal(size=(20, 4, 6, 6, 1)), y=rng.integers(0, 2, 20))
    graph = chain(
        input=Input(shape=(4, 6, 6, 1)),
        each=Block(inside=box_of(Conv2D(filters=2), Flatten()), apply="each step"),
        rnn=SimpleRNN(units=3),
        output=Dense(units=2, activation="softmax"),
        loss=Loss(function="cross_entropy"),
    )
    return project(graph, parse_source({"kind": "npz", "path": f"{tmp_path / 'film.npz'}"}), epochs=1)


def test_films_are_shown_trained_and_explained(qtbot, film):
    application("light")
    window = Window(Session(film))
    window.show()
    qtbot.waitExposed(window)
    for kind in BOTTOM:
        panel(window, kind)
        for id in film.graph.nodes:
            window.canvas.select([id])
            QApplication.processEvents()
    window.canvas.grab()
    assert window.scene.nodes["input"].picture is not None
    window.session.train()
    window.session.wait()
    QApplication.processEvents()
    assert window.session.project.progress.epoch == 1
    window.session.explain()
    for _ in range(12):
        window.explain_view.tour.step()
        QApplication.processEvents()
    assert "t = 3" in window.explain_view.timeline.caption.text()
    window.session.leave_explain()
    window.session.document.mark_saved()
    window.close()
    QApplication.sendPostedEvents(None, QEvent.Type.DeferredDelete)


# Explain ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["block-of-blocks", "rnn-over-rnn"])
def test_explaining_steps_through_what_is_inside(qapp, name):
    application("light")
    with explaining(studio.load(SAMPLES / f"{name}.annstudio")) as desk:
        inside = "trunk/block_1/dense" if name == "block-of-blocks" else "rows/rnn_1"
        block = inside.partition("/")[0]
        desk.view.show_neurons(False)
        layers = desk.view.layers
        seen, marked = set(), set()
        while desk.tour.walk.place < min(len(desk.tour.stepper), 40):
            desk.tour.step()
            seen.add(desk.view.timeline.caption.text())
            marked |= {id for id, card in layers.scene.cards.items() if card.state.status == "now"}
        assert any(inside in words for words in seen)
        assert block in marked
        assert any("row = 1, t = 2" in words for words in seen) == (name == "rnn-over-rnn")
        desk.tour.to_phase_end(Phase.UPDATE)
        layers.scene.select(block)
        told = [layers.pane.steps.item(row).text() for row in range(layers.pane.steps.count())]
        assert any(inside.removeprefix(f"{block}/") in words for words in told)
        desk.view.ask(desk.weight(f"{inside}/W", 0, 0))
        assert "∂E" in desk.shown()
        assert np.isfinite(desk.session.stepper.run.loss)


def test_the_palette_lists_what_has_a_meaning_where_one_is(window: Window) -> None:
    listed = window.docks.palette.list
    titles = {entry.title for entry in listed.entries()}
    assert "Input" in titles
    assert "BlockInput" not in titles
    nodes = window.session.graph.nodes.values()
    window.session.open_block(next(node.id for node in nodes if isinstance(node.layer, Block)))
    titles = {entry.title for entry in listed.entries()}
    assert {"BlockInput", "BlockOutput", "Dense"} <= titles
    assert not {"Input", "Loss"} & titles
    window.session.leave_block()
    assert "BlockOutput" not in {entry.title for entry in listed.entries()}
