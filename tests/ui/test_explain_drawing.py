"""What the drawing shows of the moment: values ahead, gradients that add where paths meet, and large networks."""

import numpy as np
from PySide6.QtCore import Qt
from pytestqt.qtbot import QtBot

from annstudio.data.base import parse_source
from annstudio.engine.differentiate import AddGradients
from annstudio.explain.told import Quantity
from annstudio.explain.walk import Grain
from annstudio.layers.dense import Dense
from annstudio.layers.ends import Input
from annstudio.layers.losses import Loss
from annstudio.layers.merge import Add
from annstudio.layers.recurrent.lstm import LSTM
from annstudio.ui.app import application
from annstudio.ui.explain.meetings import ShareItem
from annstudio.ui.explain.operations import places_of
from tests.builders import chain, project, some_table, with_branch, worked_example
from tests.ui.explaining import Desk, explaining

Key = Qt.Key


# Where paths meet ----------------------------------------------------------------------------------------------------


def forked():
    """Two branches of one input that meet again."""
    graph = chain(
        input=Input(shape=(3,)), start=Dense(units=4, activation="tanh"), left=Dense(units=4), both=Add(),
        output=Dense(units=2), loss=Loss(),
    )  # fmt: skip
    return project(with_branch(graph, "start", "both", right=Dense(units=4)), some_table(4, 3, 2))


def adding(desk: Desk) -> int:
    """Go to where the gradients of `start` are added; gives back the slot of the sum."""
    program = desk.tour.program
    at = next(i for i, s in enumerate(program.steps) if isinstance(getattr(s, "op", None), AddGradients))
    desk.tour.to_position(at + 1)
    return program.steps[at].output


def test_gradients_are_added_on_the_drawing_where_their_paths_meet(qtbot: QtBot):
    application("light")
    with explaining(forked()) as desk:
        desk.view.show_neurons(False)
        desk.view.set_grain(Grain.OP)
        adding(desk)
        scene = desk.view.layers.scene
        plus, *shares = scene.meeting
        assert plus.toolTip().startswith("2 paths meet here")
        assert [type(share) for share in shares] == [ShareItem, ShareItem]
        lit = {(link.source, link.target) for link, wire in scene.wires.items() if wire.state == "gradient"}
        assert lit == {("start", "left"), ("start", "right")}
        frame = desk.view.layers.pane
        parts = []
        for i in range(2):
            frame.which.setCurrentIndex(i)
            parts.append(frame.left.table.model().array.copy())
        assert "by left" in frame.which.itemText(0) + frame.which.itemText(1)
        np.testing.assert_allclose(parts[0] + parts[1], frame.right.table.model().array)
        desk.key(Key.Key_Right)
        assert not scene.meeting


def test_a_unit_adds_what_comes_from_the_units_behind_it(qtbot: QtBot):
    application("dark")
    with explaining(worked_example()) as desk:
        program = desk.tour.program
        desk.tour.go_and_ask(Quantity(program.gradients[program.outputs["hidden"]], (0,)))
        scene = desk.view.scene
        (plus,) = scene.meetings
        assert plus.toolTip().startswith("2 paths meet here")
        assert {flow.text for flow in scene.flow.state} == {"w·δ = 0.055399425", "w·δ = −0.019049118"}
        assert "∂E/∂out 0.036350306" in desk.shown()
        desk.key(Key.Key_Home)
        assert not scene.meetings


def test_values_run_ahead_along_the_wires_into_the_unit_at_hand(qtbot: QtBot):
    application("light")
    with explaining(worked_example()) as desk:
        desk.key(Key.Key_Right)
        ahead = [wire.wire.target for wire in desk.view.scene.wires if wire.state.ahead]
        assert ahead == [("hidden", 0)] * 3
        desk.key(Key.Key_G)
        assert not any(wire.state.ahead for wire in desk.view.scene.wires)


# Large networks ------------------------------------------------------------------------------------------------------


def test_a_long_network_is_shown_at_a_size_that_can_be_read_and_follows_the_moment(qtbot: QtBot):
    application("light")
    layers = {f"layer_{i}": Dense(units=20) for i in range(9)}
    graph = chain(input=Input(shape=(30,)), **layers, both=Add(), output=Dense(units=2), loss=Loss())
    graph = with_branch(graph, "layer_0", "both", side=Dense(units=20))
    with explaining(project(graph, some_table(4, 30, 2))) as desk:
        stage, scene = desk.view.layers.stage, desk.view.layers.scene
        assert stage.zoom >= 0.65
        for key in (Key.Key_L, Key.Key_G):
            desk.key(key)
            card = scene.card_of_now()
            assert stage.viewport().rect().contains(stage.mapFromScene(card.sceneBoundingRect()).boundingRect())
        desk.key(Key.Key_F)
        assert not stage.clipped


def test_a_memory_of_many_steps_is_listed_folded(qtbot: QtBot):
    application("light")
    graph = chain(input=Input(shape=(30, 1)), memory=LSTM(units=4), output=Dense(units=1), loss=Loss())
    with explaining(project(graph, parse_source({"kind": "sunspots", "window": 30}))) as desk:
        steps = desk.view.layers.pane.steps
        desk.key(Key.Key_Right)
        n = len(places_of(desk.tour.walk, "memory"))
        assert n > 400
        assert steps.count() < n // 5
        folded = next(i for i in range(steps.count()) if steps.item(i).text().endswith(" …"))
        before = steps.count()
        steps.setCurrentRow(folded)
        assert steps.count() > before
        assert desk.view.layers.pane.which.count() > 0
        steps.itemActivated.emit(steps.currentItem())
        assert desk.tour.walk.stepper.position > 1


def test_inside_a_memory_its_card_shows_the_gate_at_hand_and_the_moment_is_lit_in_the_sequence(qtbot: QtBot):
    application("light")
    graph = chain(input=Input(shape=(6, 1)), memory=LSTM(units=4), output=Dense(units=1), loss=Loss())
    with explaining(project(graph, parse_source({"kind": "sunspots", "window": 6}))) as desk:
        program, cards = desk.tour.program, desk.view.layers.scene.cards
        at = next(i for i, s in enumerate(program.steps) if s.scope == "t = 4" and program.slots[s.output].name == "f")
        desk.tour.to_position(at + 1)
        assert cards["memory"].state.doing == "t = 4 · f"
        assert cards["memory"].state.values.told.startswith("4 values from 0.")
        assert np.flatnonzero(cards["input"].state.values.marks.lit).tolist() == [3]
        back = next(i for i, s in enumerate(program.steps) if s.scope == "t = 4" and getattr(s, "backward", False))
        desk.tour.to_position(back + 1)
        assert cards["memory"].state.doing.startswith("t = 4 · ∂E/∂")
        desk.key(Key.Key_End)
        assert cards["memory"].state.doing == ""


def test_nothing_is_kept_of_the_moments_that_were_walked_through(qtbot: QtBot):
    application("light")
    graph = chain(input=Input(shape=(20, 1)), memory=LSTM(units=4), output=Dense(units=1), loss=Loss())
    with explaining(project(graph, parse_source({"kind": "sunspots", "window": 20}))) as desk:
        scene = desk.view.layers.scene
        for _ in range(200):
            desk.tour.step()
        few = len(scene._pictures), len(scene.items())
        for _ in range(200):
            desk.tour.back()
        assert (len(scene._pictures), len(scene.items())) == few
