"""What every layer promises, over the whole catalogue and every choice of every field; two hard ones come along."""

import numpy as np
import pytest

from annstudio.engine.op import Array
from annstudio.engine.passes import quicken
from annstudio.engine.program import Role, Step
from annstudio.engine.run import Run
from annstudio.layers.base import catalogue, make
from annstudio.layers.block.ends import BlockInput, BlockOutput
from tests.builders import random_feeds, random_weights, run_of, slots_of
from tests.hard import HARD_LAYERS
from tests.layers.cases import Case, cases, choices, layers, written
from tests.slopes import slope, to_update

SAMPLED = 12
"""So many elements of an array are explained where there are more."""

every_case = pytest.mark.parametrize("case", cases(), ids=str)


def started(case: Case, n: int, dtype: str = "float64", **reading: bool) -> Run:
    """A run of `n` examples with random numbers everywhere: the same ones in both readings."""
    program = quicken(written(case, **reading))
    rng = np.random.default_rng(n)
    weights = random_weights(program, rng)
    return run_of(program, random_feeds(program, n, rng), weights, dtype)


# The cases themselves ------------------------------------------------------------------------------------------------


def test_every_layer_of_the_catalogue_is_among_the_cases():
    # The ends of blocks mean something inside blocks only, and every block has them.
    assert {type(case.layer) for case in cases()} == {*catalogue().values(), *HARD_LAYERS} - {BlockInput, BlockOutput}


def test_every_choice_of_every_field_is_among_the_cases():
    tried = {
        (type(c.layer).__name__, name, getattr(c.layer, name)) for c in cases() for name in type(c.layer).model_fields
    }
    wanted = {
        (kind.__name__, name, value)
        for kind in {*catalogue().values(), *HARD_LAYERS} - {BlockInput, BlockOutput}
        for name in kind.model_fields
        for value in choices(kind, name)
    }
    assert wanted - tried == set()


# Values --------------------------------------------------------------------------------------------------------------


@every_case
def test_the_shape_told_is_the_shape_computed(case):
    for training in (True, False):
        for n in (1, 3):
            run = started(case, n, training=training)
            run.finish()
            for slot, array in zip(run.program.slots, run.arrays, strict=True):
                assert array.shape == slot.shape + ((n,) if slot.batched else ()), slot
                assert np.isfinite(array).all(), slot


@every_case
def test_every_step_writes_what_it_says_and_nothing_else(case):
    for plain in (True, False):
        run = started(case, 3, plain=plain)
        weights = slots_of(run.program, Role.PARAMETER)
        while not run.done:
            before = [array.copy() for array in run.arrays]
            step = run.step()
            changed = {i for i, array in enumerate(before) if not np.array_equal(array, run.arrays[i])}
            told = step.writes if isinstance(step, Step) else weights
            assert set(map(run.program.memory, changed)) <= set(map(run.program.memory, told)), step


@every_case
def test_gradients_agree_with_finite_differences(case):
    """Along a random direction of every input and weight, to 1e-6 of the slope."""
    for n in (1, 3):
        run = started(case, n)
        to_update(run)
        for slot in slots_of(run.program, Role.FEED, Role.PARAMETER, Role.STATE):
            if slot in run.program.gradients:
                found = slope(run, [slot])
                assert found is not None, "the numbers of this case lie at a kink: start from others"
                assert found.agrees, (run.program.slots[slot], found)


def test_only_targets_lengths_and_what_examples_count_for_have_no_gradient():
    for case in cases():
        program = written(case)
        given = {judged.target for judged in program.judged}
        given |= {feed.slot for feed in program.feeds if feed.encoding in ("number", "lengths")}
        without = set(slots_of(program, Role.FEED, Role.PARAMETER)) - set(program.gradients)
        assert without == given, case


# Two readings --------------------------------------------------------------------------------------------------------


@every_case
@pytest.mark.parametrize(("dtype", "closeness"), [("float64", 1e-10), ("float32", 1e-5)])
def test_the_plain_and_the_fast_reading_are_one(case, dtype, closeness):
    for training in (True, False):
        for n in (1, 3):
            plain = started(case, n, dtype, training=training)
            fast = started(case, n, dtype, training=training, plain=False)
            for run in (plain, fast):
                run.finish()
            _agree(fast.output("layer"), plain.output("layer"), closeness)
            # The sum of results along a direction may cancel out, too: it is right as far as they are.
            _agree(fast.loss, plain.loss, closeness, float(np.abs(plain.output("layer")).max()))
            # Some gradients cancel out to nothing (of a shift before a batch norm): what is left is rounding.
            largest = max((np.abs(plain.arrays[g]).max() for g in plain.program.gradients.values()), default=0.0)
            for parameter in fast.program.parameters:
                if parameter.slot in fast.program.gradients:
                    _agree(fast.arena.gradient(parameter), plain.arena.gradient(parameter), closeness, 0.1 * largest)
            for key, weight in plain.arena.weights().items():
                _agree(fast.arena.view(key), weight, closeness)


def test_what_does_not_learn_costs_no_gradient_in_the_fast_reading():
    for case in cases():
        for parameter in (program := written(case, plain=False)).parameters:
            learns = any(parameter.learns(view) for view in parameter.views)
            assert (parameter.slot in program.gradients) == learns, (case, parameter)


# Settings ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("layer", [layer for layer in layers() if type(layer) in catalogue().values()], ids=repr)
def test_what_is_saved_is_what_is_loaded(layer):
    assert make(layer.kind(), layer.model_dump(mode="json")) == layer
    assert make(layer.kind(), layer.model_dump()) == layer


@pytest.mark.parametrize("kind", catalogue().values(), ids=lambda kind: kind.__name__)
def test_every_layer_can_be_shown_in_palette_and_inspector(kind):
    assert kind.__doc__
    assert kind.prefix
    assert kind().summary
    for name, field in kind.model_fields.items():
        assert field.title, f"{name} has no title"
        assert field.description, f"{name} has no help"
    for settings in kind.presets.values():
        make(kind.kind(), settings)


def test_ops_with_equal_settings_are_equal():
    for case in cases():
        for first, second in zip(written(case).steps, written(case).steps, strict=True):
            if isinstance(first, Step):
                assert (first.op, hash(first.op)) == (second.op, hash(second.op))


# Helpers -------------------------------------------------------------------------------------------------------------


def _agree(found: Array | float, wanted: Array | float, closeness: float, least: float = 1e-6) -> None:
    largest = float(np.max(np.abs(wanted), initial=1e-30))
    np.testing.assert_allclose(found, wanted, rtol=0, atol=closeness * max(largest, least, 1e-6))
