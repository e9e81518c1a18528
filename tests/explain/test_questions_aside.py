"""Questions the other way round in another thread: on a double of the batch, back to what is asked, the same bits."""

import numpy as np
import pytest

from annstudio.document.network import Network
from annstudio.engine.arena import Arena
from annstudio.engine.differentiate import asking
from annstudio.engine.optimizers import Adam
from annstudio.engine.program import Phase, Role
from annstudio.engine.run import Run
from annstudio.explain.attribution import Attribution, FromInput, ToOutputs
from annstudio.explain.stepper import Stepper
from annstudio.explain.told import Quantity
from annstudio.explain.trial import GivenUp
from annstudio.formats import studio
from annstudio.layers.dense import Dense
from annstudio.layers.ends import Input
from annstudio.layers.losses import Loss
from annstudio.layers.steady import Dropout
from annstudio.places import SAMPLES
from tests.builders import chain, project, random_feeds, random_weights, some_table
from tests.layers.cases import Case, cases, written

N = 3


def one_of_each() -> list[Case]:
    """The first case of every layer for every number of axes, of equal and of different length."""
    return list({(type(c.layer), str(c.shapes), c.cut): c for c in reversed(cases())}.values())


def begun(case: Case) -> Stepper:
    program, rng = written(case), np.random.default_rng(N)
    arena = Arena(program, "float64")
    arena.load(random_weights(program, rng))
    arena.use(Adam())
    return Stepper(program, arena, random_feeds(program, N, rng), seed=3, batch_number=5)


def dropping() -> Stepper:
    """Two examples of a network that turns units off."""
    graph = chain(input=Input(shape=(4,)), hidden=Dense(units=6), drop=Dropout(rate=0.4),
                  out=Dense(units=3, activation="tanh"), loss=Loss())  # fmt: skip
    return Network(project(graph, some_table(6, 4, 3))).stepper(1, 4)


@pytest.mark.parametrize("case", one_of_each(), ids=str)
def test_the_way_back_to_what_is_asked_has_the_bits_of_the_whole_way_back(case: Case):
    stepper = begun(case)
    stepper.to(stepper.end_of(Phase.LOSS))
    program, rng = stepper.program, np.random.default_rng(0)
    everything = {s.index for s in program.slots if s.role in (Role.FEED, Role.PARAMETER, Role.VALUE, Role.STATE)}
    of = program.outputs["layer"] if "layer" in program.outputs else program.loss
    start = rng.normal(size=stepper.array(of).shape)

    def gone(toward: set[int]) -> Run:
        way = asking(program, of, toward)
        run = Run(way, stepper.arena, N, gradients=np.zeros_like(stepper.arena.gradients), beside=stepper.run)
        np.copyto(run.arrays[len(program.slots)], start)
        run.finish()
        return run

    whole = gone(everything)
    for slot in sorted(set(whole.program.gradients) & everything):
        some = gone({slot})
        assert len(some.program.steps) <= len(whole.program.steps)
        one, other = (run.arrays[run.program.gradients[slot]] for run in (some, whole))
        np.testing.assert_array_equal(one, other)
        assert one.tobytes() == other.tobytes()


def test_of_a_weight_s_gradient_nothing_is_worked_out_where_only_the_input_is_asked():
    stepper = dropping()
    feed = stepper.program.feeds[0].slot
    steps = asking(stepper.program, stepper.program.outputs["out"], {feed}).steps
    weights = {parameter.slot for parameter in stepper.program.parameters}
    assert not [s for s in steps for slot, g in zip(s.inputs, s.gradients, strict=False) if slot in weights and g]


@pytest.mark.parametrize("position", [0, 3, "backward", "end"])
def test_a_double_answers_the_same_bits_wherever_the_batch_stands_meanwhile(position: int | str):
    stepper = dropping()
    feed = stepper.program.feeds[0].slot
    questions = [ToOutputs(feed, (2,)), FromInput(stepper.program.outputs["out"], (1,))]
    told = [Attribution(stepper, 1).answer(question) for question in questions]
    places = {"backward": stepper.end_of(Phase.BACKWARD), "end": len(stepper)}
    stepper.to(places.get(position, position))
    double = Attribution(stepper.double(), 1)
    stepper.to(len(stepper))
    again = [double.answer(question) for question in questions]
    assert again[0] == told[0]
    for name in ("values", "slopes", "products"):
        one, other = (getattr(answer.sources[0], name) for answer in (again[1], told[1]))
        assert one.tobytes() == other.tobytes()
    assert (again[1].value, again[1].biases) == (told[1].value, told[1].biases)
    assert stepper.position == len(stepper)


def test_to_a_memory_s_start_the_input_contributed_nothing():
    stepper = Network(studio.load(SAMPLES / "vowels-lstm.annstudio")).stepper(0)
    program = stepper.program
    start = next(s.output for s in program.steps if program.slots[s.output].name == "h" and s.node == "memory")
    told = Attribution(stepper).contributions(Quantity(start, (1,)))
    assert (told.sources, told.value, told.biases) == ((), 0.0, 0.0)


def test_a_question_that_was_given_up_ends():
    attribution = Attribution(dropping().double())
    attribution.given_up = True
    with pytest.raises(GivenUp):
        attribution.answer(ToOutputs(attribution.program.feeds[0].slot, (0,)))
