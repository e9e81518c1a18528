"""Networks at random: both readings agree, gradients are right, check and compile are of one mind, mends mend."""

import numpy as np
import pytest
from hypothesis import HealthCheck, assume, event, given, settings
from hypothesis import strategies as st

from annstudio.document.compile import Columns, check, compile_graph, refusal
from annstudio.document.fixes import mend
from annstudio.engine.op import Array
from annstudio.engine.passes import quicken
from annstudio.engine.program import Program, Role
from annstudio.engine.run import Run
from annstudio.errors import GraphError, StudioError
from annstudio.layers.activation import Activation
from annstudio.layers.graph import Graph, Link, Node
from annstudio.layers.names import is_of
from tests.builders import random_feeds, random_weights, run_of, slots_of
from tests.document.drawings import drawings_with_data, networks
from tests.slopes import slope, to_update

slowly = settings(suppress_health_check=[HealthCheck.too_slow, HealthCheck.filter_too_much, HealthCheck.data_too_large])
few = settings(slowly, max_examples=40)


def started(graph: Graph, dtype: str = "float64", n: int = 3, **reading: bool) -> Run:
    program = quicken(compile_graph(graph, {}, **{"training": True, "plain": True, **reading}))
    return run_of(program, feeds_of(program, n), weights_of(program), dtype)


def feeds_of(program: Program, n: int) -> dict[int, Array]:
    """The same numbers in every reading, since every reading has its feeds in one order."""
    return random_feeds(program, n, np.random.default_rng(4))


def weights_of(program: Program) -> dict[str, Array]:
    return {key: 0.5 * array for key, array in random_weights(program, np.random.default_rng(5)).items()}


@few
@given(networks())
def test_both_readings_of_any_network_agree(graph):
    exact = started(graph)
    exact.to_loss()
    assume(np.isfinite(exact.loss) and abs(exact.loss) < 1e12)
    exact.finish()
    for dtype, closeness in (("float64", 1e-10), ("float32", 1e-5)):
        plain, fast = started(graph, dtype), started(graph, dtype, plain=False)
        for run in (plain, fast):
            run.finish()
        _agree(fast.loss, plain.loss, exact.loss, closeness)
        # What leads to no loss is left out of the fast reading.
        for node in fast.program.outputs:
            _agree(fast.output(node), plain.output(node), exact.output(node), closeness)
        for parameter in fast.program.parameters:
            if parameter.slot in fast.program.gradients:
                _agree(*(run.arena.gradient(parameter) for run in (fast, plain, exact)), closeness)
    event(f"{len(graph.nodes)} nodes")


@few
@given(networks())
def test_the_gradient_of_any_network_agrees_with_finite_differences(graph):
    """All inputs and weights moved at once; to 1e-6 of the slope."""
    run = started(graph)
    run.to_loss()
    assume(np.isfinite(run.loss))
    run = started(graph)
    to_update(run)
    found = slope(run, [s for s in slots_of(run.program, Role.PARAMETER, Role.FEED) if s in run.program.gradients])
    event("nothing can be said" if found is None else "level" if found.told == 0 else "measured")
    assume(found is not None)
    assert found.agrees, found


@few
@given(networks())
def test_the_shapes_that_check_tells_are_those_of_the_arrays(graph):
    facts = check(graph, {}).facts
    for training in (True, False):
        for plain in (True, False):
            run = started(graph, n=2, training=training, plain=plain)
            run.finish()
            for node in run.program.outputs:
                array = run.output(node)
                batched = run.program.slots[run.program.outputs[node]].batched
                assert array.shape == (*facts[node].shape, *((2,) if batched else ())), node
    sizes = {path: sum(p.size for p in run.program.parameters if is_of(p.node, path)) for path in facts}
    assert sizes == {path: fact.n_parameters for path, fact in facts.items()}
    assert graph.nodes.keys() <= facts.keys()


@slowly
@given(drawings_with_data())
def test_check_and_compile_are_of_one_mind_about_any_drawing(drawing):
    graph, specs = drawing
    checked = check(graph, specs)
    found = [_compiled(graph, specs, training, plain) for training in (True, False) for plain in (True, False)]
    for outcome in found:
        if isinstance(outcome, Program):
            assert {*outcome.outputs} == {*checked.facts} >= {*graph.nodes}
            assert outcome.loss is not None or not checked.trainable
        else:
            assert outcome.message == checked.problems[0].message
    for problem in checked.problems:
        assert problem.node.partition("/")[0] in graph.nodes
        assert problem.message.endswith(".")
        assert problem.hint


@settings(slowly, max_examples=200)
@given(drawings_with_data())
def test_every_mend_removes_the_problem_that_it_was_offered_for(drawing):
    graph, specs = drawing
    for problem in check(graph, specs).problems:
        for remedy in problem.remedies:
            event(remedy.label.split(" to ")[0].rstrip("_123456789"))
            after = check(mend(graph, remedy), specs)
            assert (problem.node, problem.message) not in {(p.node, p.message) for p in after.problems}, remedy


@slowly
@given(drawings_with_data(), st.data())
def test_a_wire_is_refused_in_words_or_can_be_drawn_and_fits(drawing, data):
    graph, specs = drawing
    source, target = (data.draw(st.sampled_from([*graph.nodes])) for _ in range(2))
    port = data.draw(st.none() | st.integers(0, 3))
    refused = refusal(graph, specs, source, target, port)
    event("refused" if refused else "drawn")
    if refused is None:
        wired = graph.connect(source, target, port)
        assert all(problem.open for problem in check(wired, specs).of(target))
    else:
        assert refused.message.endswith(".")


def test_a_circle_is_told_as_one():
    round_and_round = Graph({id: Node(id, Activation()) for id in ("a", "b")}, (Link("a", "b"), Link("b", "a")))
    (problem,) = check(round_and_round, {}).problems
    assert "circle" in problem.message
    with pytest.raises(GraphError, match="circle"):
        compile_graph(round_and_round, {}, training=True, plain=True)


def _compiled(graph: Graph, specs: Columns, training: bool, plain: bool) -> Program | StudioError:
    try:
        return compile_graph(graph, specs, training=training, plain=plain)
    except StudioError as error:
        return error


def _agree(found: Array | float, plain: Array | float, exact: Array | float, closeness: float) -> None:
    """Assert that the fast reading is as near to the plain one as the number format allows.

    Where large numbers all but cancel out, the plain one is as far from the exact result itself.
    """
    near = closeness * max(float(np.max(np.abs(plain), initial=0)), 1e-6)
    own = 4 * float(np.max(np.abs(plain - exact), initial=0))
    np.testing.assert_allclose(found, plain, rtol=0, atol=max(near, own))
