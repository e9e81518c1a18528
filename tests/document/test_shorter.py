"""The same network for fewer steps: it comes to the same, whatever layers it has, or there is none."""

from collections import defaultdict

import numpy as np
import pytest

from annstudio.data.base import Column, Dataset
from annstudio.document.compile import columns_of, compile_graph
from annstudio.document.shorter import Shortening, ends_of
from annstudio.engine.arena import Arena
from annstudio.engine.op import Array
from annstudio.engine.optimizers import SGD
from annstudio.engine.passes import quicken
from annstudio.engine.program import Program, Role
from annstudio.engine.run import Run
from annstudio.errors import StudioError
from annstudio.layers.base import Layer, make
from annstudio.layers.block.node import Block, box_of
from annstudio.layers.conv1d import Conv1D
from annstudio.layers.dense import Dense
from annstudio.layers.embedding import Embedding
from annstudio.layers.ends import Input
from annstudio.layers.graph import Graph, Node
from annstudio.layers.losses import Loss
from annstudio.layers.merge import Add, Concatenate
from annstudio.layers.normal import BatchNorm
from annstudio.layers.pool import GlobalAveragePool
from annstudio.layers.recurrent.lstm import LSTM
from annstudio.layers.shaping import Flatten
from annstudio.training.batches import Rows
from annstudio.training.buckets import Shorter
from tests.builders import chain, random_weights, with_branch
from tests.layers.cases import layers

STEPS, VALUES, N = 12, 3, 5
LENGTHS = np.array([7, 3, 1, 5, 7])
ALL = np.arange(N)
SEQUENCE = Input(shape=(STEPS, VALUES), lengths="n")
ENDS = {
    "mean": [GlobalAveragePool(), Dense(units=2), Loss()],
    "every step": [Dense(units=2), Loss(function="mean_squared_error", column="tags")],
    "list": [Dense(units=2), Loss()],
}
"""What a layer is followed by: the mean of its steps, a judgement of each, or where it gives none, of its values."""


def examples() -> Dataset:
    """Five sequences of up to seven of twelve steps; behind their ends stand numbers that nobody may look at."""
    rng = np.random.default_rng(0)
    ids = rng.integers(1, 6, (N, STEPS)) * (np.arange(STEPS) < LENGTHS[:, None])
    columns = {
        "x": rng.normal(size=(N, STEPS, VALUES)),
        "ids": ids.astype(float),
        "n": LENGTHS[:, None].astype(float),
        "y": rng.normal(size=(N, 2)),
        "tags": rng.normal(size=(N, STEPS, 2)),
        "half": rng.normal(size=(N, STEPS // 2, VALUES)),
        "n of half": (LENGTHS[:, None] + 1) // 2.0,
    }
    return Dataset("sequences", {name: Column(values) for name, values in columns.items()})


DATA = examples()


def shorter(graph: Graph, steps: int = 7, below: int = STEPS) -> Shorter | None:
    return Shortening(graph, columns_of(DATA))(steps, below)


def whole(graph: Graph, *, training: bool = True) -> Program:
    return quicken(compile_graph(graph, columns_of(DATA), training=training, plain=False))


def outcome(graph: Graph, program: Program, predict: Program) -> dict[str, Array]:
    """What an update comes to: loss, gradients, weights and states after it, and the loss of a prediction then."""
    everything = whole(graph)
    arena = Arena(everything, "float64")
    arena.load(random_weights(everything, np.random.default_rng(1)))
    arena.use(SGD(learning_rate=0.01))
    rows = Rows(DATA, "float64")
    run = Run(program, arena, N)
    rows.loader(run)(ALL)
    run.begin(seed=3, step=5)
    run.finish()
    found = {"loss": np.array(run.loss), "gradients": arena.gradients.copy(), **arena.weights()}
    judged = Run(predict, arena, N)
    judged.load(rows.feeds(predict, ALL))
    judged.finish()
    return {**found, "predicted": np.array(judged.loss)}


def assert_same(graph: Graph, found: Shorter) -> None:
    wanted = outcome(graph, whole(graph), whole(graph, training=False))
    for key, array in outcome(graph, found.fast, found.predict).items():
        scale = np.abs(wanted[key]).max(initial=1)
        np.testing.assert_allclose(array, wanted[key], rtol=0, atol=1e-10 * scale, err_msg=key)


def networks(layer: Layer) -> dict[str, Graph]:
    """The layer behind a sequence, and each end that fits."""
    found = {}
    for name, ends in ENDS.items():
        graph = chain(SEQUENCE, Dense(units=VALUES, activation="tanh"), layer, *ends)
        for port in range(1, layer.takes[0]):
            graph = graph.connect("dense_1", graph.out_of("dense_1")[0].target, port)
        try:
            compile_graph(graph, columns_of(DATA), training=True, plain=False)
        except StudioError:
            continue
        found[name] = graph
    return found


BY_KIND: dict[str, list[Layer]] = defaultdict(list)
for each in layers():
    if each.has_output and each.takes[1] != 0:
        BY_KIND[type(each).__name__].append(each)
WITHOUT = {
    "Flatten", "Permute", "Dot",  # there are no steps any more
    "Centre",  # hands on a state for every step
}  # fmt: skip
SOMETIMES = {"Block"}


@pytest.mark.parametrize("kind", BY_KIND)
def test_every_layer_comes_to_the_same_with_fewer_steps_or_has_no_shorter_form(kind):
    drawn = [graph for layer in BY_KIND[kind] for graph in networks(layer).values()]
    found = [(graph, shorter(graph)) for graph in drawn]
    for graph, short in found:
        if short is not None:
            assert_same(graph, short)
    if kind not in SOMETIMES:
        assert all((short is None) == (kind in WITHOUT) for _, short in found)


@pytest.mark.parametrize(
    ("block", "can_be"),
    [
        (Block(apply="each step", inside=box_of(Dense(units=2, activation="tanh"))), True),
        (Block(apply="each step", inside=box_of(make("Dropout", {"rate": 0.5}))), True),
        (Block(apply="each step", weights="one set a step", inside=box_of(Dense(units=2))), False),
        (Block(apply="each step", inside=box_of(BatchNorm())), False),
        (Block(apply="windows", window=2, inside=box_of(Flatten(), Dense(units=2))), True),
    ],
    ids=["Dense", "Dropout", "weights of their own", "BatchNorm", "windows"],
)
def test_a_block_at_every_step_can_be_shorter_where_its_steps_hand_on_and_own_nothing(block, can_be):
    graph = chain(SEQUENCE, block, *ENDS["mean"])
    found = shorter(graph)
    assert (found is not None) == can_be
    if found is not None:
        assert_same(graph, found)


def test_padding_ids_say_the_length_where_only_those_read_them_who_know_padding():
    embedding = Embedding(vocabulary=6, units=3, mask_zero=True)
    graph = chain(Input(shape=(STEPS,), column="ids"), embedding, LSTM(units=4), *ENDS["list"])
    found = shorter(graph)
    assert found is not None
    assert_same(graph, found)
    read_as_numbers = with_branch(graph, "input_1", "loss_1")
    assert not ends_of(read_as_numbers)
    unknowing = chain(Input(shape=(STEPS,), column="ids"), Embedding(vocabulary=6), LSTM(units=4), *ENDS["list"])
    assert not ends_of(unknowing)


def test_windows_with_a_stride_stand_where_they_stood():
    """Of a border the share before the first step depends on how many steps there are: two steps more fit again."""
    conv = Conv1D(filters=2, kernel_size=4, strides=3, padding="same")
    graph = chain(SEQUENCE, conv, *ENDS["mean"])
    found = shorter(graph)
    assert found is not None
    assert found.steps == 9
    assert_same(graph, found)
    assert shorter(graph, 7, below=9) is None


def test_a_window_that_reaches_further_than_there_are_steps_has_no_shorter_network():
    graph = chain(SEQUENCE, Conv1D(filters=2, kernel_size=6, padding="valid"), *ENDS["mean"])
    assert shorter(graph, 5) is None
    assert shorter(graph, 6) is not None


def test_two_inputs_are_made_shorter_together_each_by_its_share():
    graph = chain(SEQUENCE, LSTM(units=3), Concatenate(), *ENDS["list"])
    half = Input(shape=(STEPS // 2, VALUES), column="half", lengths="n of half")
    graph = graph.with_node(Node("half", half)).with_node(Node("read", LSTM(units=3)))
    graph = graph.connect("half", "read").connect("read", "concat_1", 1)
    found = shorter(graph)
    assert found is not None
    feeds = [slot for slot in found.fast.slots if slot.role is Role.FEED]
    shapes = {slot.node: slot.shape for slot in feeds if slot.name in ("x", "half")}
    assert shapes == {"input_1": (7, VALUES), "half": (4, VALUES)}
    assert_same(graph, found)


def test_a_sequence_that_is_its_own_target_is_shorter_in_both_places():
    back = Dense(units=VALUES, activation="linear")
    graph = chain(SEQUENCE, LSTM(units=4, return_sequences=True, direction="both"), back, Loss(column="x"))
    found = shorter(graph)
    assert found is not None
    assert_same(graph, found)


def test_a_sequence_without_lengths_keeps_all_its_steps():
    graph = chain(Input(shape=(STEPS, VALUES)), LSTM(units=3), *ENDS["list"])
    assert not ends_of(graph)
    met = chain(SEQUENCE, Add(), *ENDS["mean"])
    met = met.with_node(Node("whole", Input(shape=(STEPS, VALUES)))).connect("whole", "add_1", 1)
    assert shorter(met) is None, "a short sequence and a long one cannot be added"
