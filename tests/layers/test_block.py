"""Blocks: what they mean is what the layers inside mean, once, at every step, over windows, with shared weights."""

from dataclasses import replace

import numpy as np
import pytest

from annstudio.data.base import parse_source
from annstudio.document.compile import check, compile_graph
from annstudio.document.fixes import mend
from annstudio.engine.arena import Arena
from annstudio.engine.program import Role
from annstudio.errors import GraphError
from annstudio.layers.base import make
from annstudio.layers.block.ends import BlockInput, BlockOutput
from annstudio.layers.block.node import Block, box_of
from annstudio.layers.conv import Conv2D
from annstudio.layers.dense import Dense
from annstudio.layers.ends import Input
from annstudio.layers.losses import Loss
from annstudio.layers.merge import Add
from annstudio.layers.pool import GlobalAveragePool
from annstudio.layers.recurrent.simple import SimpleRNN
from annstudio.layers.shaping import Flatten
from annstudio.layers.steady import Dropout
from tests.builders import chain, project, random_feeds, random_weights, run_of, slots_of, trained
from tests.layers.boxes import CROSSED, SHARED, TWO_WAYS, drawn

TANH = Dense(units=3, activation="tanh")


def keys(graph) -> list[str]:
    return Arena(compile_graph(graph, {}, training=False, plain=True)).keys()


def result(graph, weights, n=4, seed=0):
    """What comes out of the last node for random inputs."""
    program = compile_graph(graph, {}, training=False, plain=False)
    run = run_of(program, random_feeds(program, n, np.random.default_rng(seed)), weights)
    run.finish()
    return run.output(list(graph.nodes)[-1])


# Meaning ---------------------------------------------------------------------------------------------------------


def test_a_block_applied_once_is_what_it_holds():
    boxed = chain(input=Input(shape=(4,)), block_1=Block(inside=box_of(TANH, Dense(units=2))))
    loose = chain(input=Input(shape=(4,)), dense_1=TANH, dense_2=Dense(units=2))
    weights = {f"block_1/{key}": w for key, w in _weights(loose).items()}
    assert keys(boxed) == list(weights)
    np.testing.assert_array_equal(result(boxed, weights), result(loose, _weights(loose)))


def _weights(graph, seed=1):
    return random_weights(compile_graph(graph, {}, training=False, plain=True), np.random.default_rng(seed))


def test_names_of_weights_follow_the_boxes():
    inner = Block(inside=box_of(TANH))
    assert keys(chain(input=Input(shape=(4,)), block=Block(inside=box_of(inner)))) == [
        "block/block_1/dense_1/W", "block/block_1/dense_1/b",
    ]  # fmt: skip


def test_outputs_and_inputs_keep_their_order():
    two = drawn(
        "x>box x2>box:1 box.1>end",
        x=Input(shape=(4,)), x2=Input(shape=(4,), column="x2"), box=Block(inside=TWO_WAYS), end=Dense(units=1),
    )  # fmt: skip
    fact = check(two, {}).facts["box"]
    assert fact.shapes == ((3,), (4,))
    weights = _weights(two)
    program = compile_graph(two, {}, training=False, plain=True)
    feeds = random_feeds(program, 3, np.random.default_rng(0))
    run = run_of(program, feeds, weights)
    run.finish()
    # The second output hands the first input on.
    x = next(feeds[feed.slot] for feed in program.feeds if feed.column == "x")
    expected = np.maximum(weights["end/W"] @ x.T + weights["end/b"][:, None], 0)
    np.testing.assert_allclose(run.output("end"), expected)
    assert check(drawn("x>b x>b:1", x=Input(shape=(4,)), b=Block(inside=CROSSED)), {}).facts["b"].shapes == ((4,), (3,))


def test_shared_weights_are_one_array_whose_gradients_add():
    graph = chain(input=Input(shape=(4,)), block=Block(inside=SHARED), loss=Loss())
    assert keys(graph) == ["block/first/dense_1/W", "block/first/dense_1/b"]
    program = compile_graph(graph, {}, training=True, plain=True)
    (w,) = slots_of(program, Role.PARAMETER)
    added = [step for step in program.steps if getattr(step, "output", None) == program.gradients[w]]
    assert len(added[0].inputs) == 2
    # So that penalties and limits hold once, not once a use.
    held = Dense(units=4, activation="tanh", l2=0.1, max_norm=1.0)
    twice = drawn(
        "x>first first>second second>y",
        x=BlockInput(), first=Block(inside=box_of(held)), second=Block(inside=box_of(held), weights_of="first"),
        y=BlockOutput(),
    )  # fmt: skip
    program = compile_graph(chain(Input(shape=(4,)), Block(inside=twice), Loss()), {}, training=True, plain=True)
    assert len(program.penalties) == 1
    assert sum("max" in type(getattr(step, "op", None)).__name__.lower() for step in program.steps) <= 1


def test_every_step_is_given_to_the_same_layers():
    graph = chain(input=Input(shape=(5, 4)), block=Block(inside=box_of(TANH), apply="each step"))
    whole = chain(input=Input(shape=(5, 4)), dense_1=TANH)
    weights = {f"block/{key}": w for key, w in _weights(whole).items()}
    np.testing.assert_allclose(result(graph, weights), result(whole, _weights(whole)), atol=1e-12)


def test_every_step_can_have_weights_of_its_own():
    block = Block(inside=box_of(TANH), apply="each step", weights="one set a step")
    graph = chain(input=Input(shape=(3, 4)), block=block)
    assert keys(graph) == [f"block/dense_1[{t}]/{view}" for t in range(3) for view in "Wb"]
    assert check(graph, {}).facts["block"].n_parameters == check(graph, {}).facts["block/dense_1"].n_parameters == 45


@pytest.mark.parametrize("plain", [True, False])
def test_penalties_and_limits_hold_for_the_weights_of_every_step(plain):
    held = Dense(units=3, activation="tanh", l2=0.1, max_norm=0.5)
    block = Block(inside=box_of(held), apply="each step", weights="one set a step")
    free = Block(inside=box_of(TANH), apply="each step", weights="one set a step")
    runs = [_updated(chain(input=Input(shape=(3, 4)), block=b, loss=Loss()), plain=plain) for b in (block, free)]
    of_each = [np.square(w).sum() for key, w in _weights(chain(input=Input(shape=(3, 4)), block=block)).items()
               if key.endswith("W")]  # fmt: skip
    assert len(of_each) == 3
    assert runs[0].loss - runs[1].loss == pytest.approx(0.1 * sum(of_each))
    for t in range(3):
        assert np.linalg.norm(runs[0].arena.view(f"block/dense_1[{t}]/W"), axis=1).max() <= 0.5 + 1e-12


@pytest.mark.parametrize("plain", [True, False])
def test_penalties_and_limits_hold_where_the_first_to_use_weights_only_shares_them(plain):
    held = box_of(Dense(units=4, activation="tanh", l2=0.1, max_norm=0.5))
    first, second = Block(inside=held, weights_of="b"), Block(inside=held)
    graph = chain(input=Input(shape=(4,)), a=first, between=Dense(units=4), b=second, loss=Loss())
    run = _updated(graph, plain=plain)
    assert len(run.program.penalties) == 1
    assert np.linalg.norm(run.arena.view("b/dense_1/W"), axis=1).max() <= 0.5 + 1e-12


def _updated(graph, *, plain):
    """A batch after its update, its loss that of before."""
    program = compile_graph(graph, {}, training=True, plain=plain)
    run = run_of(program, random_feeds(program, 4, np.random.default_rng(0)), _weights(graph))
    run.to_loss()
    run.to_update()
    run.update()
    return run


def test_windows_slide_over_steps_and_over_rows():
    rnn = box_of(SimpleRNN(units=2))
    over = chain(input=Input(shape=(7, 4)), block=Block(inside=rnn, apply="windows", window=3, stride=2))
    assert check(over, {}).facts["block"].shape == (3, 2)
    flat = box_of(Conv2D(filters=2, kernel_size=(2, 2)), Flatten(), TANH)
    rows = chain(input=Input(shape=(6, 5, 1)), block=Block(inside=flat, apply="windows", window=2))
    assert check(rows, {}).facts["block"].shape == (5, 3)


def test_rows_of_a_picture_are_read_as_sequences():
    rows = Block(inside=box_of(SimpleRNN(units=2, return_sequences=True)), apply="each step")
    assert check(chain(input=Input(shape=(6, 5, 3)), block=rows), {}).facts["block"].shape == (2, 6, 5)
    last = Block(inside=box_of(SimpleRNN(units=2)), apply="each step")
    assert check(chain(input=Input(shape=(6, 5, 3)), block=last), {}).facts["block"].shape == (6, 2)


@pytest.mark.parametrize("inside", [box_of(Flatten(), TANH), box_of(SimpleRNN(units=2))], ids=["dense", "rnn"])
def test_of_shorter_sequences_only_windows_that_lie_within_them_count(inside):
    """Four steps that count of six make three windows of two: the mean is that of a sequence of four."""
    windows = Block(inside=inside, apply="windows", window=2)
    whole = chain(input=Input(shape=(4, 3)), block=windows, mean=GlobalAveragePool())
    among = chain(input=Input(shape=(6, 3), lengths="n"), block=windows, mean=GlobalAveragePool())
    weights, rng = _weights(whole), np.random.default_rng(0)
    x = rng.normal(size=(1, 4, 3))
    padded = np.concatenate([x, np.full((1, 2, 3), 99.0)], 1)
    wanted = _given(whole, weights, {"x": x})
    np.testing.assert_allclose(_given(among, weights, {"x": padded, "n": np.array([4])}), wanted, rtol=1e-12)


def test_where_sequences_meet_at_every_step_the_shortest_ends_first():
    """As where they meet outside of a block: of three steps and two, two count."""
    sums = drawn("a>sum b>sum:1 sum>y", a=BlockInput(), b=BlockInput(position=2), sum=Add(), y=BlockOutput())
    graph = drawn(
        "a>block b>block:1 block>mean",
        a=Input(shape=(4, 1), lengths="n"), b=Input(shape=(4, 1), column="z", lengths="m"),
        block=Block(inside=sums, apply="each step"), mean=GlobalAveragePool(),
    )  # fmt: skip
    steps = np.array([[[1.0], [2.0], [3.0], [99.0]]])
    columns = {"x": steps, "z": steps, "n": np.array([3]), "m": np.array([2])}
    assert _given(graph, {}, columns) == [[(2 + 4) / 2]]


def _given(graph, weights, columns):
    """What comes out of the last node for these numbers."""
    program = compile_graph(graph, {}, training=False, plain=True)
    run = run_of(program, {feed.slot: columns[feed.column] for feed in program.feeds}, weights)
    run.finish()
    return run.output(list(graph.nodes)[-1])


def test_one_input_may_come_whole_at_every_step():
    at_once = drawn(
        "x>cat seq>rnn rnn>cat:1 cat>y",
        x=BlockInput(), seq=BlockInput(position=2, whole=True), rnn=SimpleRNN(units=2),
        cat=make("Concatenate", {}), y=BlockOutput(),
    )  # fmt: skip
    graph = drawn("x>b x>b:1", x=Input(shape=(5, 3)), b=Block(inside=at_once, apply="each step"))
    assert check(graph, {}).facts["b"].shape == (5, 5)


def test_lengths_go_on_where_the_steps_stay():
    block = Block(inside=box_of(TANH), apply="each step")
    graph = chain(input=Input(shape=(5, 3), lengths="n"), block=block, rnn=SimpleRNN(units=2))
    plain = chain(input=Input(shape=(5, 3)), block=block, rnn=SimpleRNN(units=2))
    assert len(compile_graph(graph, {}, training=False, plain=True).steps) > len(
        compile_graph(plain, {}, training=False, plain=True).steps
    )


def test_dropout_is_drawn_anew_at_every_step():
    graph = chain(
        input=Input(shape=(6, 50)), block=Block(inside=box_of(Dropout(rate=0.5)), apply="each step"), loss=Loss()
    )
    program = compile_graph(graph, {}, training=True, plain=True)
    run = run_of(program, random_feeds(program, 2, np.random.default_rng(0)), {})
    masks = [run.arrays[noise.slot] for noise in program.noises]
    assert len(masks) == 6
    assert not any(np.array_equal(masks[0], other) for other in masks[1:])


def test_stepping_tells_every_step_by_its_number():
    graph = chain(input=Input(shape=(3, 4)), block=Block(inside=box_of(TANH), apply="each step"))
    program = compile_graph(graph, {}, training=False, plain=True)
    assert {step.scope for step in program.steps if step.node == "block/dense_1"} == {"t = 1", "t = 2", "t = 3"}


def test_a_frozen_block_learns_nothing_and_one_that_shares_with_it_neither():
    frozen = Block(inside=box_of(TANH), trainable=False)
    program = compile_graph(chain(Input(shape=(4,)), frozen, Loss()), {}, training=True, plain=True)
    assert not any(parameter.learns(view) for parameter in program.parameters for view in parameter.views)
    free = Block(inside=box_of(Dense(units=4)), weights_of="b")
    both = chain(input=Input(shape=(4,)), b=Block(inside=box_of(Dense(units=4)), trainable=False), c=free, loss=Loss())
    program = compile_graph(both, {}, training=True, plain=True)
    assert [parameter.trainable for parameter in program.parameters] == [False]


def test_a_block_learns_and_goes_on_as_it_is_without_its_box():
    data = {"kind": "xor", "points": 20}
    end = {"output": Dense(units=1, activation="sigmoid"), "loss": Loss(function="binary_cross_entropy")}
    boxed = project(chain(input=Input(), block=Block(inside=box_of(TANH)), **end), parse_source(data), epochs=3)
    loose = project(chain(input=Input(), dense_1=TANH, **end), parse_source(data), epochs=3)
    start = _weights(loose.graph)
    loose = replace(loose, weights=start)
    inner = {(f"block/{key}" if key.startswith("dense_1") else key): w for key, w in start.items()}
    one, other = trained(replace(boxed, weights=inner)), trained(loose)
    np.testing.assert_allclose(one.weights["block/dense_1/W"], other.weights["dense_1/W"], atol=1e-12)


# Problems --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("block", "where", "words"),
    [
        (Block(inside=box_of(Conv2D())), "block/conv_1", "block/in_1 gives 4 values"),
        (Block(inside=box_of(TANH), apply="each step"), "block", "needs a sequence or a picture"),
        (Block(inside=box_of(TANH), weights_of="nobody"), "block", "shares the weights of 'nobody'"),
        (Block(inside=drawn("", x=BlockInput(), y=BlockOutput())), "block/y", "needs an input"),
        (Block(inside=drawn("", x=BlockInput())), "block", "holds no block output"),
        (Block(inside=drawn("x>y x>l", x=BlockInput(), y=BlockOutput(), l=Loss())), "block/l", "place outside"),
        (Block(inside=drawn("i>y", x=BlockInput(), i=Input(), y=BlockOutput())), "block/i", "place outside"),
    ],
)
def test_problems_name_the_node_inside_and_belong_to_the_card(block, where, words):
    checked = check(chain(input=Input(shape=(4,)), block=block), {})
    problem = checked.problems[0]
    assert problem.node == where
    assert words in problem.message
    assert checked.of("block")[0] == problem
    assert "block" not in checked.facts


def test_mends_work_inside():
    graph = chain(input=Input(shape=(4, 4, 1)), block=Block(inside=box_of(Dense(units=2))), loss=Loss())
    (problem, *_) = check(graph, {}).problems
    assert problem.node == "block/dense_1"
    mended = mend(graph, problem.remedies[0])
    assert "flatten_1" in mended.nodes["block"].layer.inside.nodes
    assert not check(mended, {}).problems


def test_a_mend_of_what_comes_out_changes_the_layer_inside():
    graph = chain(input=Input(shape=(4,)), dense_0=Dense(units=7), block=Block(inside=box_of(TANH)),
                  loss=Loss(function="cross_entropy"))  # fmt: skip
    (problem, *_) = check(graph, {}).problems
    mended = mend(graph, problem.remedies[0])
    assert not check(mended, {}).problems
    assert mended.nodes["dense_0"] == graph.nodes["dense_0"]


def test_blocks_that_share_weights_must_hold_the_same_and_the_mend_sees_to_it():
    graph = chain(input=Input(shape=(4,)), a=Block(inside=box_of(Dense(units=4))),
                  b=Block(inside=box_of(TANH), weights_of="a"), loss=Loss())  # fmt: skip
    (problem,) = check(graph, {}).problems
    assert "another network" in problem.message
    for remedy in problem.remedies:
        assert not check(mend(graph, remedy), {}).problems


def test_ends_of_blocks_mean_nothing_outside():
    assert "outside of any block" in check(chain(BlockInput(), BlockOutput()), {}).problems[0].message
    assert "outside of any block" in check(chain(Input(), BlockOutput()), {}).problems[0].message


def test_too_many_steps_are_refused_rather_than_waited_for():
    inner = Block(inside=box_of(SimpleRNN(units=1)), apply="each step")
    graph = chain(input=Input(shape=(9_000, 300, 1)), block=inner)
    (problem,) = check(graph, {}).problems
    assert "more than 20,000 steps in all" in problem.message


# Settings --------------------------------------------------------------------------------------------------------


def _nested(depth: int) -> dict:
    inside: dict = {"nodes": [], "links": []}
    for _ in range(depth):
        inside = {"nodes": [{"id": "b", "layer": "Block", "settings": {"inside": inside}}], "links": []}
    return inside


@pytest.mark.parametrize(
    "inside",
    [
        7, None, [], {"nodes": 7}, {"nodes": [{"id": "a/b", "layer": "Dense"}]}, {"nodes": [{"id": "a", "layer": "X"}]},
        {"nodes": [{"id": "a", "layer": "Dense"}, {"id": "a", "layer": "Dense"}]},
        {"nodes": [{"id": "a", "layer": "Dense"}], "links": [{"source": "a", "target": "a"}]},
        {"nodes": [{"id": "a", "layer": "Dense"}], "links": [{"source": "a", "target": "b"}]},
        {"nodes": [{"id": "a", "layer": "Dense", "x": float("inf")}]},
        _nested(6), _nested(50), _nested(900),
    ],
)  # fmt: skip
def test_hostile_insides_are_refused_in_a_sentence(inside):
    with pytest.raises(GraphError) as told:
        make("Block", {"inside": inside})
    assert len(told.value.message) < 700


def test_boxes_may_lie_in_one_another_some_deep():
    assert make("Block", {"inside": _nested(5)}).inside.nodes["b"].layer.inside.nodes


# Pictures one after the other ------------------------------------------------------------------------------------


def test_a_convolution_is_applied_to_every_picture_of_a_film():
    conv = Conv2D(filters=2, kernel_size=(2, 2))
    film = chain(input=Input(shape=(3, 5, 4, 1)), block=Block(inside=box_of(conv), apply="each step"))
    assert check(film, {}).facts["block"].shape == (3, 2, 5, 4)
    weights = _weights(film)
    x = np.random.default_rng(0).normal(size=(2, 3, 1, 5, 4))
    program = compile_graph(film, {}, training=False, plain=False)
    run = run_of(program, {program.feeds[0].slot: x}, weights)
    run.finish()
    one = chain(input=Input(shape=(5, 4, 1)), conv_1=conv)
    single = compile_graph(one, {}, training=False, plain=False)
    for t in range(3):
        alone = run_of(
            single, {single.feeds[0].slot: x[:, t]}, {k.removeprefix("block/"): w for k, w in weights.items()}
        )
        alone.finish()
        np.testing.assert_allclose(run.output("block")[t], alone.output("conv_1"), atol=1e-12)


def test_films_are_for_blocks_and_other_layers_say_so():
    (problem, *_) = check(chain(input=Input(shape=(3, 5, 4, 1)), conv=Conv2D()), {}).problems
    assert "3×5×4×1" in problem.message
    assert "block that is applied at each step" in problem.hint
    assert not check(chain(input=Input(shape=(3, 5, 4, 1)), flat=Flatten(), loss=Loss()), {}).problems
