"""Boxes while stepping: a block or a recurrent layer is one stretch until it is gone into; and where to stop."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from annstudio.explain.moments import Grain
from annstudio.explain.stretches import Box, Boxes
from annstudio.explain.walk import Walk
from tests.explain.test_walk_grains import sample


def captions(w: Walk) -> list[str]:
    return [w.caption(place) for place in range(1, len(w) + 1)]


def forward(w: Walk) -> list[str]:
    return [caption.removeprefix("Forward · ") for caption in captions(w) if caption.startswith("Forward")]


def test_boxes_are_closed_at_first():
    assert forward(sample("block-of-blocks", Grain.LAYER)) == ["hidden", "trunk", "output"]
    assert forward(sample("vowels-lstm", Grain.LAYER)) == ["memory", "output"]
    assert forward(sample("rnn-over-rnn", Grain.LAYER)) == ["rows", "picture", "output"]


def test_into_goes_level_by_level_into_blocks():
    w = sample("block-of-blocks", Grain.LAYER)
    w.step()
    w.into()
    assert w.caption() == "Forward · trunk/block_1"
    assert forward(w) == ["hidden", "trunk/block_1", "trunk/block_2", "trunk/block_3", "output"]
    w.into()
    assert w.caption() == "Forward · trunk/block_1/dense"
    w.step()
    w.step()
    assert w.caption() == "Forward · trunk/block_2"
    assert "Backward · trunk/block_1/dense" in captions(w)
    assert w.enterable.box == Box("trunk/block_2")


def test_into_means_what_is_at_hand_before_what_comes_next():
    w = sample("vowels-lstm", Grain.LAYER)
    w.step()
    assert w.caption() == "Forward · memory"
    w.into()
    assert w.caption() == "Forward · memory"
    assert w.stepper.position == 2  # what is done before the first time step
    w.step()
    assert w.caption() == "Forward · memory · t = 1"
    assert forward(w)[1:30] == [f"memory · t = {t}" for t in range(1, 30)]
    assert w.enterable is None


def test_layer_by_layer_a_closed_block_is_what_the_moment_is_about():
    w = sample("block-of-blocks", Grain.LAYER)
    assert w.node == "hidden"
    w.to(2)
    assert w.node == "trunk"
    w.into()
    assert w.node == "trunk/block_1"
    assert Walk(w.explainer, Grain.OP).node == "trunk/block_1/add"


def test_over_leaves_a_box_closed_and_passes_an_opened_one_as_a_whole():
    w = sample("block-of-blocks", Grain.LAYER)
    w.over()
    assert w.caption() == "Forward · hidden"
    w.into()
    w.to(1)
    w.over()
    assert w.caption() == "Forward · trunk/block_3"
    w.to(2)
    assert w.caption() == "Forward · trunk/block_1"
    w.over()
    assert w.caption() == "Forward · trunk/block_2"


def test_over_number_by_number_ends_with_what_is_at_hand():
    w = sample("vowels-lstm", Grain.OP)
    w.to(5)
    assert w.caption().startswith("Forward · memory · t = 1 · ")
    w.over()
    assert w.stepper.position == 20
    w.over()
    assert w.caption().startswith("Forward · memory · t = 2 · ")
    assert w.stepper.position == 38


def test_out_goes_to_the_end_of_the_box_and_closes_it():
    w = sample("block-of-blocks", Grain.LAYER)
    w.step()
    w.into()
    w.into()
    assert len(w.opened) == 2
    w.out()
    assert w.caption() == "Forward · trunk/block_1"
    assert w.opened == {Box("trunk")}
    w.out()
    assert (w.caption(), w.opened) == ("Forward · trunk", frozenset())
    assert w.inside is None
    w.out()
    assert w.caption() == "Forward · trunk"


def test_closing_a_box_closes_what_was_opened_in_it():
    w = sample("rnn-over-rnn", Grain.LAYER)
    w.into()
    assert w.caption() == "Forward · rows · row = 1"
    w.into()
    w.step()
    assert w.caption() == "Forward · rows/rnn_1 · row = 1"
    w.into()
    assert [box.words for box in sorted(w.opened, key=lambda box: (box.node, box.scope))] == [
        "rows", "rows · row = 1", "rows/rnn_1 · row = 1",
    ]  # fmt: skip
    for _ in range(2):
        assert w.inside == Box("rows/rnn_1", "row = 1")
        w.next_layer()
    for _ in range(3):
        w.previous_layer()
    assert w.inside == Box("rows", "row = 1")
    w.out()
    assert (w.caption(), w.opened) == ("Forward · rows · row = 1", {Box("rows")})


def test_at_other_grains_boxes_are_gone_into_without_leaving_the_place():
    w = sample("block-of-blocks", Grain.OP)
    w.to(4)
    assert w.caption().startswith("Forward · trunk/block_1/dense")
    w.next_layer()
    assert w.caption().startswith("Forward · trunk/block_3/add")
    w.to(3)
    w.into()
    assert w.place == 3
    w.into()
    w.next_layer()
    assert w.caption().startswith("Forward · trunk/block_1/dense · out")


@pytest.mark.parametrize("name", ["block-of-blocks", "vowels-lstm", "rnn-over-rnn", "digits-cnn"])
def test_whatever_is_opened_the_stretches_are_all_steps_once_and_in_order(name):
    boxes = Boxes(sample(name, Grain.OP).program)
    n = len(sample(name, Grain.OP).program.steps)
    opened: frozenset[Box] = frozenset()
    for _ in range(5):
        stretches = boxes.stretches(opened)
        assert [i for stretch in stretches for i in range(stretch.start, stretch.end)] == list(range(n))
        assert all(stretch.box in boxes.path(i) for stretch in stretches for i in range(stretch.start, stretch.end))
        opened |= {stretch.box for stretch in stretches if boxes.holds(stretch.box)}
    assert all(not boxes.holds(box) or box in opened for box in (s.box for s in boxes.stretches(opened)))


@pytest.mark.parametrize("grain", list(Grain))
def test_going_by_layers_stops_where_a_layer_ends_there_and_back(grain):
    w = sample("digits-cnn", grain)
    ends = [0]
    while ends[-1] < len(w.stepper):
        w.next_layer()
        ends.append(w.stepper.position)
    assert ends == [0, *(stretch.end for stretch in w.stretches)]
    back = [w.stepper.position]
    while back[-1]:
        w.previous_layer()
        back.append(w.stepper.position)
    assert back == ends[::-1]


# Breakpoints ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("grain", list(Grain))
def test_a_node_is_stopped_at_forward_back_and_in_the_update(grain):
    w = sample("digits-cnn", grain)
    stops = w.stops(frozenset({"conv_2"}))
    said = []
    for place in stops:
        w.to(place)
        said.append(w.caption().split(" · ")[:2])
        assert w.program.steps[w.span[0]].node == "conv_2"
    assert said == [["Forward", "conv_2"], ["Backward", "conv_2"], ["Update", "conv_2"]]


def test_the_next_and_the_previous_stop():
    w = sample("digits-cnn")
    nodes = frozenset({"pool_1", "output"})
    seen = []
    while (place := w.next_stop(nodes)) is not None:
        w.to(place)
        seen.append(place)
    assert seen == w.stops(nodes)
    assert len(seen) == 5
    back = []
    while (place := w.previous_stop(nodes)) is not None:
        w.to(place)
        back.append(place)
    assert back == seen[-2::-1]
    assert w.next_stop(frozenset()) is None
    assert w.next_stop(frozenset({"nobody"})) is None


def test_a_stop_inside_a_closed_box_is_made_at_the_box():
    w = sample("block-of-blocks", Grain.LAYER)
    nodes = frozenset({"trunk/block_2"})
    w.to(w.next_stop(nodes))
    assert w.caption() == "Forward · trunk"
    w.into()
    w.to(0)
    w.to(w.next_stop(nodes))
    assert w.caption() == "Forward · trunk/block_2"


def test_a_node_of_a_like_name_is_not_stopped_at():
    w = sample("digits-cnn", Grain.OP)
    assert w.stops(frozenset({"conv"})) == []


WAYS = (
    "step", "back", "next_layer", "previous_layer", "over", "into", "out", "next_operation", "previous_operation",
)  # fmt: skip


@given(st.data())
@settings(max_examples=25, deadline=None)
def test_whatever_is_done_the_place_and_the_steps_that_are_done_belong_together(data):
    name = data.draw(st.sampled_from(["block-of-blocks", "rnn-over-rnn", "worked-example"]))
    w = sample(name, data.draw(st.sampled_from(list(Grain))))
    w.to(data.draw(st.integers(-3, len(w) + 3)))
    for way in data.draw(st.lists(st.sampled_from(WAYS), max_size=25)):
        before, n = w.place, len(w)
        getattr(w, way)()
        assert 0 <= w.place <= len(w)
        assert w.stepper.position == (w.moments[w.place - 1].position if w.place else 0)
        assert w.span.stop == w.stepper.position
        if way in ("step", "next_layer", "over", "next_operation"):
            assert w.place > before or before == n
        if way in ("back", "previous_layer", "previous_operation"):
            assert w.place < before or not before
        assert all(w.boxes.holds(box) for box in w.opened)
        assert w.caption()
