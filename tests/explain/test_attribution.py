"""What the input contributed to a number, and to which outputs a number contributes."""

import numpy as np
import pytest

from annstudio.data.images import Digits
from annstudio.document.network import Network
from annstudio.document.project import Project
from annstudio.engine.program import Phase, Step
from annstudio.explain.attribution import Attribution, output_slots
from annstudio.explain.stepper import Stepper
from annstudio.explain.told import Quantity
from annstudio.layers.conv import Conv2D
from annstudio.layers.dense import Dense
from annstudio.layers.embedding import Embedding
from annstudio.layers.ends import Input
from annstudio.layers.graph import Node
from annstudio.layers.losses import Loss
from annstudio.layers.merge import Concatenate
from annstudio.layers.pool import MaxPool2D
from annstudio.layers.shaping import Flatten
from annstudio.layers.steady import Dropout
from tests.builders import chain, project, small_project, some_table, table


def stepper_of(project: Project) -> Stepper:
    return Network(project).stepper(0)


def cnn(activation: str = "relu") -> Project:
    graph = chain(
        input=Input(shape=(8, 8, 1)), conv=Conv2D(filters=4, activation=activation), pool=MaxPool2D(), flat=Flatten(),
        drop=Dropout(rate=0.3), hidden=Dense(units=6, activation=activation),
        output=Dense(units=10, activation="softmax"), loss=Loss(function="cross_entropy"),
    )  # fmt: skip
    return project(graph, Digits())


def values(stepper: Stepper) -> list[Quantity]:
    """One number of every value on the way to the loss."""
    found = []
    for step in stepper.program.steps:
        if isinstance(step, Step) and step.phase is Phase.FORWARD:
            shape = stepper.program.slots[step.output].shape
            found.append(Quantity(step.output, tuple(size // 2 for size in shape)))
    return found


@pytest.mark.parametrize("make", [small_project, cnn, lambda: cnn("tanh")])
def test_slopes_are_what_a_change_of_the_input_does(make):
    stepper = stepper_of(make())
    attribution = Attribution(stepper)
    rng = np.random.default_rng(0)
    for target in values(stepper):
        told = attribution.contributions(target)
        (source,) = told.sources
        way = rng.normal(size=source.values.shape)
        h = 1e-6
        changed = []
        for sign in (1, -1):
            feeds = dict(stepper.feeds)
            moved = source.values + sign * h * way
            feeds[source.slot] = moved[None]
            other = Stepper(stepper.program, stepper.arena, feeds, stepper.seed, stepper.batch_number)
            other.to(other.end_of(Phase.LOSS))
            changed.append(float(other.array(target.slot)[(*target.index, 0)]))
        difference = (changed[0] - changed[1]) / (2 * h)
        assert float((source.slopes * way).sum()) == pytest.approx(difference, rel=1e-5, abs=1e-7), target


def test_where_everything_is_straight_inputs_and_biases_add_up_to_the_number():
    stepper = stepper_of(cnn())
    attribution = Attribution(stepper)
    for logit in attribution.outputs():
        told = attribution.contributions(logit)
        assert told.adds_up
        assert told.inputs + told.biases == pytest.approx(told.value, abs=1e-12)
        assert told.value == float(stepper.array(logit.slot)[(*logit.index, 0)])


def test_where_activations_bend_the_rest_is_told():
    told = Attribution(stepper := stepper_of(cnn("tanh"))).contributions(
        Quantity(output_slots(stepper.program)[0], (2,))
    )
    assert not told.adds_up
    assert told.inputs + told.biases + told.rest == pytest.approx(told.value)
    assert abs(told.rest) > 1e-3


def test_a_weighted_sum_s_contributions_are_its_terms():
    graph = chain(input=Input(shape=(3,)), output=Dense(units=2, activation="linear"), loss=Loss())
    w = [[1.0, -2.0, 0.5], [0.0, 1.0, 4.0]]
    data = table([(2.0, 3.0, 4.0)], [(0.0, 0.0)])
    stepper = stepper_of(project(graph, data, {"output/W": w, "output/b": [0.25, -1.0]}))
    attribution = Attribution(stepper)
    told = attribution.contributions(attribution.outputs()[0])
    np.testing.assert_array_equal(told.sources[0].products, [2.0, -6.0, 2.0])
    assert (told.biases, told.value, told.rest) == (0.25, -1.75, 0.0)
    pixel = Quantity(told.sources[0].slot, (2,))
    reached = attribution.reached(pixel)
    assert [(each.output.index, each.slope, each.product) for each in reached] == [((1,), 4.0, 16.0), ((0,), 0.5, 2.0)]


def test_logits_are_asked_where_the_loss_works_from_them_else_outputs():
    scores = output_slots(stepper_of(cnn()).program)
    stepper = stepper_of(small_project())
    assert [stepper.program.slots[slot].name for slot in output_slots(stepper.program)] == ["out"]
    assert [stepper_of(cnn()).program.slots[slot].name for slot in scores] == ["net"]


def test_without_a_loss_what_nothing_reads_is_the_output():
    graph = chain(input=Input(shape=(3,)), hidden=Dense(units=4), output=Dense(units=2))
    stepper = stepper_of(project(graph, some_table(4, 3, 2)))
    attribution = Attribution(stepper)
    assert [stepper.program.slots[q.slot].node for q in attribution.outputs()] == ["output", "output"]
    assert len(attribution.reached(Quantity(stepper.program.feeds[0].slot, (1,)))) == 2


def test_nothing_that_is_on_screen_changes_wherever_one_stands():
    stepper = stepper_of(cnn())
    stepper.to(len(stepper))
    done = [array.copy() for array in stepper.run.arrays]
    gradients, t = stepper.arena.gradients.copy(), stepper.arena.t
    for position in (0, 3, stepper.end_of(Phase.LOSS), stepper.end_of(Phase.BACKWARD), len(stepper)):
        stepper.to(position)
        attribution = Attribution(stepper)
        attribution.contributions(attribution.outputs()[3])
        attribution.reached(Quantity(stepper.program.feeds[0].slot, (0, 4, 4)))
        assert stepper.position == position
    stepper.to(len(stepper))
    for slot, before, now in zip(stepper.program.slots, done, stepper.run.arrays, strict=True):
        assert np.array_equal(before, now), slot
    assert stepper.arena.t == t
    np.testing.assert_array_equal(stepper.arena.gradients, gradients)


def test_before_the_update_and_after_it_the_answer_is_one():
    stepper = stepper_of(cnn())
    answers = []
    for position in (0, stepper.end_of(Phase.LOSS), len(stepper)):
        stepper.to(position)
        attribution = Attribution(stepper)
        answers.append(attribution.contributions(attribution.outputs()[1]).sources[0].products)
    np.testing.assert_array_equal(answers[0], answers[1])
    np.testing.assert_array_equal(answers[0], answers[2])


def test_every_input_of_several_has_its_contributions():
    graph = chain(a=Input(shape=(3,)), left=Dense(units=2, activation="relu"), both=Concatenate(),
                  out=Dense(units=1, activation="linear"), loss=Loss())  # fmt: skip
    graph = graph.with_node(Node("b", Input(shape=(3,)))).with_node(Node("right", Dense(units=2, activation="relu")))
    stepper = stepper_of(project(graph.connect("b", "right").connect("right", "both"), some_table(3, 3, 1)))
    told = Attribution(stepper).contributions(Quantity(stepper.program.outputs["out"], (0,)))
    assert [stepper.program.slots[source.slot].node for source in told.sources] == ["a", "b"]
    assert told.adds_up


def test_words_contribute_by_what_they_are_looked_up_as():
    graph = chain(input=Input(shape=(3,)), words=Embedding(vocabulary=5, units=2), flat=Flatten(),
                  out=Dense(units=1, activation="linear"), loss=Loss())  # fmt: skip
    stepper = stepper_of(project(graph, table([(1, 4, 2)], [(0.5,)])))
    (source,) = Attribution(stepper).contributions(Quantity(stepper.program.outputs["out"], (0,))).sources
    assert stepper.program.slots[source.slot].node == "words"
    assert source.products.shape == (3, 2)
    assert np.count_nonzero(source.products) == 6
