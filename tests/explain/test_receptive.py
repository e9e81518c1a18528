"""Receptive fields: what lies outside never has an effect, what lies inside has, both ways and through every layer."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from annstudio.data.base import parse_source
from annstudio.data.images import Digits
from annstudio.document.network import Network
from annstudio.engine.program import Phase, Program, Role, Step
from annstudio.explain.attribution import Attribution
from annstudio.explain.receptive import Receptive
from annstudio.explain.stepper import Stepper
from annstudio.explain.told import Quantity
from annstudio.layers.conv import Conv2D
from annstudio.layers.conv1d import Conv1D
from annstudio.layers.dense import Dense
from annstudio.layers.ends import Input
from annstudio.layers.graph import Graph
from annstudio.layers.losses import Loss
from annstudio.layers.pool import AveragePool2D, MaxPool2D
from annstudio.layers.recurrent.gru import GRU
from annstudio.layers.recurrent.lstm import LSTM
from annstudio.layers.recurrent.simple import SimpleRNN
from annstudio.layers.resizing import UpSampling2D, ZeroPadding2D
from annstudio.layers.shaping import Flatten, Permute
from annstudio.layers.transposed import Conv2DTranspose
from tests.builders import chain, project

IMAGE = {"input": Input(shape=(8, 8, 1))}


def images(**layers) -> Graph:
    return chain(**IMAGE, **layers, flat=Flatten(), output=Dense(units=10, activation="softmax"),
                 loss=Loss(function="cross_entropy"))  # fmt: skip


def sequences(**layers) -> Graph:
    return chain(input=Input(shape=(10, 1)), **layers, output=Dense(units=1, activation="linear"), loss=Loss())


def image_stepper(**layers) -> Stepper:
    return done(Network(project(images(**layers), Digits())).stepper(0))


def done(stepper: Stepper) -> Stepper:
    stepper.to(stepper.end_of(Phase.LOSS))
    return stepper


def slot(program: Program, node: str) -> int:
    return program.outputs[node]


def box(lit: np.ndarray) -> tuple[int, int, int, int]:
    """First and last row and column of what is lit in maps (C, H, W)."""
    rows, columns = np.nonzero(lit.any(0))
    return int(rows.min()), int(rows.max()), int(columns.min()), int(columns.max())


def test_a_field_grows_by_every_window_through_convolution_pooling_and_stride():
    stepper = image_stepper(
        first=Conv2D(filters=2, kernel_size=(3, 3)), pool=MaxPool2D(), second=Conv2D(filters=3, kernel_size=(3, 3))
    )
    program = stepper.program
    found = Receptive(program).field(Quantity(slot(program, "second"), (1, 2, 2)))
    assert box(found[slot(program, "pool")]) == (1, 3, 1, 3)
    assert box(found[slot(program, "first")]) == (2, 7, 2, 7)
    assert box(found[slot(program, "input")]) == (1, 7, 1, 7)  # one row and column of the window lie over the edge
    assert found[slot(program, "first")].all(0).sum() == 36


def test_what_a_pixel_reaches_grows_on_the_way_to_the_loss():
    stepper = image_stepper(first=Conv2D(filters=2, kernel_size=(3, 3)), pool=MaxPool2D())
    program = stepper.program
    found = Receptive(program).reached(Quantity(slot(program, "input"), (0, 0, 4)))
    assert box(found[slot(program, "first")]) == (0, 1, 3, 5)
    assert box(found[slot(program, "pool")]) == (0, 0, 1, 2)
    assert found[slot(program, "output")].all()
    assert found[program.loss].all()


def test_dilated_windows_have_gaps():
    stepper = image_stepper(conv=Conv2D(filters=1, kernel_size=(3, 3), dilation=(2, 2), padding="valid"))
    found = Receptive(stepper.program).field(Quantity(slot(stepper.program, "conv"), (0, 1, 0)))
    rows, columns = np.nonzero(found[slot(stepper.program, "input")][0])
    assert (sorted(set(rows.tolist())), sorted(set(columns.tolist()))) == ([1, 3, 5], [0, 2, 4])


@pytest.mark.parametrize("kind", [SimpleRNN, LSTM, GRU])
def test_a_recurrent_state_sees_the_steps_up_to_its_own(kind):
    graph = sequences(memory=kind(units=3, return_sequences=True), last=SimpleRNN(units=2))
    program = done(Network(project(graph, parse_source({"kind": "sunspots", "window": 10}))).stepper(0)).program
    found = Receptive(program).field(Quantity(slot(program, "memory"), (6, 1)))
    assert found[slot(program, "input")][:, 0].tolist() == [True] * 7 + [False] * 3
    ahead = Receptive(program).reached(Quantity(slot(program, "input"), (6, 0)))
    assert ahead[slot(program, "memory")].any(1).tolist() == [False] * 6 + [True] * 4


IMAGES = [
    {"conv": Conv2D(filters=2, kernel_size=(3, 2), strides=(2, 1), activation="tanh")},
    {"conv": Conv2D(filters=2, dilation=(2, 1), activation="tanh"), "pool": AveragePool2D(pool_size=(3, 2))},
    {"pad": ZeroPadding2D(), "conv": Conv2D(filters=4, padding="valid", activation="tanh"),
     "grouped": Conv2D(filters=2, groups=2, activation="tanh")},
    {"pool": AveragePool2D(), "wide": Conv2DTranspose(filters=2, strides=(2, 2), activation="tanh")},
    {"turned": Permute(order_of_axes=(2, 1, 3)), "large": UpSampling2D(),
     "conv": Conv2D(filters=2, strides=(3, 3), activation="tanh")},
]  # fmt: skip


@pytest.mark.parametrize("layers", IMAGES, ids=lambda layers: "+".join(layers))
@given(data=st.data())
def test_a_field_is_where_the_slopes_are(layers, data):
    """With activations that bend everywhere, gradients are 0 exactly outside the field."""
    stepper = image_stepper(**layers)
    attribution, program = Attribution(stepper), stepper.program
    target = data.draw(st.sampled_from(_values(program)))
    (source,) = attribution.contributions(target).sources
    lit = Receptive(program).field(target)[source.slot]
    np.testing.assert_array_equal(source.slopes != 0, lit)
    assert all((target.slot in Receptive(program).reached(Quantity(source.slot, tuple(map(int, place)))))
               for place in np.argwhere(lit)[:3])  # fmt: skip


@given(place=st.tuples(st.integers(0, 7), st.integers(0, 7)), pick=st.integers(0, 10_000))
def test_what_lies_outside_never_has_an_effect(place, pick):
    """Through the largest of windows and units that are off as well: a pixel outside is moved as far as one likes."""
    stepper = image_stepper(conv=Conv2D(filters=3), pool=MaxPool2D(), after=Conv2D(filters=2, strides=(2, 2)))
    program = stepper.program
    pixel = Quantity(slot(program, "input"), (0, *place))
    lit = Receptive(program).reached(pixel)
    feeds = {key: rows.copy() for key, rows in stepper.feeds.items()}
    feeds[pixel.slot][(0, *pixel.index)] += 1000.0 * (-1) ** pick
    other = done(Stepper(program, stepper.arena, feeds, stepper.seed, stepper.batch_number))
    for target in _values(program):
        changed = stepper.array(target.slot)[..., 0] != other.array(target.slot)[..., 0]
        inside = lit.get(target.slot, np.zeros(changed.shape, bool))
        assert not (changed & ~inside).any(), program.slots[target.slot]


def test_weights_belong_to_no_field():
    program = image_stepper(conv=Conv2D(filters=2)).program
    found = Receptive(program).field(Quantity(program.loss, ()))
    assert {program.slots[i].role for i in found} == {Role.VALUE, Role.FEED}


def test_a_stretch_over_time_sees_its_steps():
    graph = sequences(conv=Conv1D(filters=2, kernel_size=3, padding="causal"), flat=Flatten())
    program = done(Network(project(graph, parse_source({"kind": "sunspots", "window": 10}))).stepper(0)).program
    found = Receptive(program).field(Quantity(slot(program, "conv"), (4, 0)))
    assert np.flatnonzero(found[slot(program, "input")]).tolist() == [2, 3, 4]


def _values(program: Program) -> list[Quantity]:
    """Some numbers of every layer."""
    found = []
    for step in program.steps:
        if isinstance(step, Step) and step.phase is Phase.FORWARD and program.slots[step.output].role is Role.VALUE:
            shape = program.slots[step.output].shape
            found += [Quantity(step.output, tuple(n // k for n in shape)) for k in (2, 3)]
    return found
