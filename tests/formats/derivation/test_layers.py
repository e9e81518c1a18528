"""Every layer in a workbook: it reckons as the engine does, and when weights change it follows as the engine would."""

from collections.abc import Iterator
from functools import cache

import numpy as np
import pytest

from annstudio.engine.arena import Arena
from annstudio.engine.op import Array
from annstudio.engine.optimizers import SGD
from annstudio.engine.program import Program, Role, Step
from annstudio.explain.stepper import Stepper
from annstudio.explain.takeaway import About, write
from annstudio.explain.takeaway.keys import key_of
from annstudio.formats.derivation.workbook import Workbook
from tests.builders import random_feeds, random_weights
from tests.formats.derivation.spreadsheet import Spreadsheet
from tests.layers.cases import Case, cases, written


@cache
def enough() -> tuple[Case, ...]:
    """So many of the cases that every op is among them, also with sequences of different length."""
    seen: set[object] = set()
    kept = []
    for case in cases():
        program = written(case)
        steps = [step for step in program.steps if isinstance(step, Step)]
        found = {(type(step.op), case.cut) for step in steps}
        if not found <= seen:
            kept.append(case)
        seen |= found
    return tuple(kept)


def stepper_of(program: Program, weights: dict[str, Array], n: int = 1) -> Stepper:
    arena = Arena(program, "float64")
    arena.load(weights)
    arena.use(SGD(learning_rate=0.1))
    return Stepper(program, arena, random_feeds(program, n, np.random.default_rng(n)))


def engine(stepper: Stepper) -> Iterator[tuple[str, float]]:
    """Every number of a run by its key."""
    stepper.to(len(stepper))
    for slot in stepper.program.slots:
        if slot.role is Role.PARAMETER:
            before, after = stepper.before_update(slot.index), stepper.array(slot.index)
            yield from ((key_of(slot.index, k), float(before[k])) for k in np.ndindex(slot.shape))
            yield from ((key_of(slot.index, k, update=True), float(after[k])) for k in np.ndindex(slot.shape))
        elif slot.role in (Role.VALUE, Role.GRADIENT, Role.BUFFER):
            array = stepper.array(slot.index)
            for k in np.ndindex(slot.shape):
                for n in range(stepper.n if slot.batched else 1):
                    yield key_of(slot.index, k, n), float(array[(*k, n) if slot.batched else k])


def agrees(book: Workbook, sheet: Spreadsheet, stepper: Stepper) -> None:
    """Every cell is what the engine comes to."""
    found = dict(engine(stepper))
    assert len(book.rows.keys() & found.keys()) > 3
    for key in book.rows.keys() & found.keys():
        name, row = book.rows[key]
        value = sheet.value(name, f"D{row}")
        assert value == pytest.approx(found[key], rel=1e-9, abs=1e-11), (name, row, sheet.book[name][f"B{row}"].value)


@pytest.mark.parametrize("case", enough(), ids=str)
def test_a_layer_reckons_and_follows(case: Case):
    program = written(case)
    n = 2 if program.couples_examples else 1
    rng = np.random.default_rng(5)
    weights = random_weights(program, rng)
    first = stepper_of(program, weights, n)
    book = Workbook(write(first, About("A layer")))
    sheet = Spreadsheet(book.built())
    assert [(entry.symbol, why) for entry, why in book.not_live] == []
    assert book.paper.left_out == ()
    agrees(book, sheet, first)
    # All weights change at once, so much that other units win and other sides of a kink are met.
    fixed = ("/running", "before_") if "Embedding" in str(case) else ("/running",)  # ids choose the way
    changed = {k: w + rng.normal(size=w.shape) for k, w in weights.items() if not any(part in k for part in fixed)}
    second = stepper_of(program, {**weights, **changed}, n)
    for parameter in program.parameters:
        for k in np.ndindex(parameter.shape):
            name, row = book.rows[key_of(parameter.slot, k)]
            sheet.change(name, f"D{row}", float(second.array(parameter.slot)[k]))
    agrees(book, sheet, second)
