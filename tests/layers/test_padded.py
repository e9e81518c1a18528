"""Sequences of different length: what stands behind a sequence's end changes nothing, and company changes nothing."""

from dataclasses import replace

import numpy as np
import pytest

from annstudio.engine.lengths import counting
from annstudio.engine.passes import quicken
from annstudio.engine.program import Phase, Program, Role
from annstudio.engine.run import Run
from annstudio.errors import ShapeError
from annstudio.explain.derivation import Explainer
from annstudio.explain.told import Quantity
from annstudio.explain.words import written_text
from annstudio.layers.base import make
from annstudio.layers.framing import border, window_counts
from annstudio.layers.padded import WindowsCounted
from tests.builders import random_feeds, random_weights, run_of, slots_of
from tests.explain.looked_at import gone_through
from tests.layers.cases import Case, cases, written

STEPS = 5
CUT = [case for case in cases() if case.cut]
LAID_ANEW = ("Flatten", "Reshape", "Permute")
"""Layers after which there are no steps: their result has room for all steps, whatever the length."""


def to_update(run: Run) -> None:
    while not run.done and run.program.steps[run.cursor].phase is not Phase.UPDATE:
        run.step()


def lengths_of(program: Program) -> dict[str, int]:
    """The slots of the sequences that have a length, by name, and those of the lengths."""
    columns = {feed.column: feed.slot for feed in program.feeds}
    inputs = [name for name in columns if name.startswith("x")]
    return {name: columns[f"length{name[1:]}"] for name in inputs if f"length{name[1:]}" in columns}


def started(program: Program, feeds, weights) -> Run:
    """A run up to the update; of its result only steps that count are looked at."""
    feeds = {slot: array.copy() for slot, array in feeds.items()}
    run = run_of(program, feeds, weights)
    to_update(run)
    for judged in program.judged:
        if judged.lengths is not None and len(program.slots[judged.target].shape) == 2:
            r = feeds[judged.target]
            r *= counting(run.arrays[judged.lengths], r.shape[1]).T[..., None]
    run = run_of(program, feeds, weights)
    to_update(run)
    return run


def outcome(run: Run) -> dict[str, object]:
    gradients = {
        parameter.key(view): view.of(run.arena.gradient(parameter)).copy()
        for parameter in run.program.parameters
        for view in parameter.views
    }
    return {"loss": run.loss, **gradients}


@pytest.mark.parametrize("plain", [True, False])
@pytest.mark.parametrize("case", CUT, ids=str)
def test_what_stands_behind_the_end_changes_nothing(case, plain):
    program = quicken(written(case, plain=plain))
    rng = np.random.default_rng(2)
    feeds, weights = random_feeds(program, 4, rng), random_weights(program, rng)
    changed = dict(feeds)
    columns = {feed.column: feed.slot for feed in program.feeds}
    for name, lengths in lengths_of(program).items():
        behind = ~counting(feeds[lengths], STEPS).T[..., None]
        assert behind.any()
        changed[columns[name]] = feeds[columns[name]] + 100 * behind
    if not case.layer.has_output:
        y = columns["y"]
        changed[y] = np.where(~counting(feeds[columns["length0"]], STEPS).T[..., None], 0.5, feeds[y])
    first, second = started(program, feeds, weights), started(program, changed, weights)
    for (key, one), other in zip(outcome(first).items(), outcome(second).values(), strict=True):
        np.testing.assert_allclose(one, other, rtol=1e-9, atol=1e-12, err_msg=key)
    if plain:
        for name, lengths in lengths_of(program).items():
            gradient = first.arrays[program.gradients[columns[name]]]
            assert not (gradient * ~counting(feeds[lengths], STEPS)[:, None]).any(), name


def alone_is_the_same(case: Case) -> bool:
    """Whether the rules promise that a sequence gives what it gives alone."""
    layer = case.layer
    if type(layer).__name__ in LAID_ANEW or _is_a_picture(case) or len(case.shapes) > 1:
        return False
    # Where a border is shared out depends on the length of the whole array.
    padding = getattr(layer, "padding", "")
    return padding != "same" or getattr(layer, "strides", 0) == 1 or _is_global(layer)


def _is_a_picture(case: Case) -> bool:
    """A block may put sequences one below the other: those are rows, no steps."""
    program = written(case)
    return len(program.slots[program.outputs["layer"]].shape) == 3


def _is_global(layer) -> bool:
    return type(layer).__name__.startswith("Global")


def by_itself(case: Case, length: int, **reading: bool) -> Program | None:
    """The same layer for one sequence alone; None where it is too short for the layer."""
    try:
        return quicken(written(replace(case, cut=False, shapes=((length, 3),)), **reading))
    except ShapeError:
        return None


ALONE = [(case, length) for case in CUT if alone_is_the_same(case) for length in (1, 2, 4) if by_itself(case, length)]


@pytest.mark.parametrize("plain", [True, False])
@pytest.mark.parametrize(("case", "length"), ALONE, ids=str)
def test_a_sequence_gives_in_company_what_it_gives_alone(case, plain, length):
    alone = by_itself(case, length, plain=plain)
    assert alone is not None
    company = quicken(written(case, plain=plain))
    rng = np.random.default_rng(3)
    weights = random_weights(company, rng)
    columns = {feed.column: feed.slot for feed in company.feeds}
    feeds = random_feeds(company, 1, rng)
    feeds[columns["length0"]][:] = length
    run = started(company, feeds, weights)
    short = {"before_0/p": weights["before_0/p"][:length]}
    own = {}
    for feed in alone.feeds:
        shape = alone.slots[feed.slot].shape
        own[feed.slot] = feeds[columns[feed.column]][(slice(None), *map(slice, shape))]
    single = started(alone, own, {**weights, **short})
    if case.layer.has_output:
        y = single.output("layer")
        lengths = company.judged[0].lengths
        assert lengths is None or run.arrays[lengths] == [len(y)]
        np.testing.assert_allclose(run.output("layer")[: len(y)], y, rtol=1e-10, atol=1e-12)
    wanted = outcome(single)
    for key, found in outcome(run).items():
        found = found[:length] if key == "before_0/p" else found
        np.testing.assert_allclose(found, wanted[key], rtol=1e-9, atol=1e-11, err_msg=key)


# The rule for windows -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("padding", ["valid", "same", "causal"])
@pytest.mark.parametrize("stride", [1, 2, 3, 4])
@pytest.mark.parametrize("reach", [1, 2, 3, 5])
def test_as_many_windows_count_as_have_to_do_with_the_sequence(padding, stride, reach):
    for steps in range(reach if padding == "valid" else 1, 14):
        frame = border((steps, 1), (reach,), (stride,), padding)
        before = frame.before[0]
        (windows,) = window_counts(frame.around((steps, 1))[:1], (reach,), (stride,))
        shift = {"valid": None, "causal": 0, "same": before - max(reach - stride, 0) // 2}[padding]
        op = WindowsCounted(steps, windows, reach, stride, shift)
        lengths = np.arange(steps + 3)
        found = np.zeros_like(lengths)
        op.forward(found, lengths)
        assert found[0] == 0
        assert found[steps] == windows, "a sequence that fills the array has all windows"
        assert (found[steps:] == windows).all(), "nobody is longer than the array"
        assert (np.diff(found) >= 0).all()
        for n in range(1, steps):
            seen = [{t * stride - before + u for u in range(reach)} & set(range(n)) for t in range(windows)]
            if padding == "valid":
                assert found[n] == max((n - reach) // stride + 1, 0), "as many as alone"
                continue
            assert all(seen[: found[n]]), "a window that counts sees a step that counts"
            if reach >= stride and padding == "same":
                assert set().union(*seen[: found[n]]) == set(range(n)), "and every such step is seen"
            if stride == 1:
                assert found[n] == n


def test_a_mean_over_no_step_at_all_is_nothing_and_no_fault():
    for kind in ("GlobalAveragePool", "GlobalMaxPool", "Loss", "BatchNorm", "LSTM"):
        settings = {"function": "mean_squared_error"} if kind == "Loss" else {}
        for plain in (True, False):
            program = quicken(written(Case(make(kind, settings), ((STEPS, 3),), cut=True), plain=plain))
            rng = np.random.default_rng(4)
            feeds = random_feeds(program, 2, rng)
            lengths = next(feed.slot for feed in program.feeds if feed.encoding == "lengths")
            feeds[lengths][:] = 0
            run = run_of(program, feeds, random_weights(program, rng))
            run.finish()
            assert np.isfinite(run.loss)
            assert all(np.isfinite(weight).all() for weight in run.arena.weights().values())


# Explained -----------------------------------------------------------------------------------------------------------


def test_a_step_that_does_not_count_says_so():
    case = Case(make("Loss", {"function": "mean_squared_error"}), ((STEPS, 3),), cut=True)
    program = written(case)
    stepper = gone_through(program)
    (lengths,) = (feed.slot for feed in program.feeds if feed.encoding == "lengths")
    length = int(stepper.run.arrays[lengths][1])
    assert length < STEPS
    explainer = Explainer(stepper)
    of_example = next(s for s in program.steps if type(s.op).__name__ == "OverSteps").output
    rows = explainer.derive(Quantity(of_example, (), 1)).rows
    assert len(rows) == STEPS
    assert [row.value == 0 for row in rows] == [t >= length for t in range(STEPS)]
    assert rows[-1].numbers == rf"[\,{STEPS} \leq {length}\,]"
    (x,) = (s for s in slots_of(program, Role.VALUE) if program.outputs["before_0"] == s)
    gradient = explainer.derive(Quantity(program.gradients[x], (STEPS - 1, 0), 1))
    assert gradient.value == 0


def test_the_blanking_of_a_sequence_is_called_so_and_is_not_taken_for_what_the_layer_gives():
    program = written(Case(make("Conv1D", {}), ((STEPS, 3),), cut=True))
    titles = [
        written_text(program, step) for step in program.steps if step.node == "layer" and step.phase is Phase.FORWARD
    ]
    assert titles == ["blanked", "net", "out"]
