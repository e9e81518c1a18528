"""Every layer with every setting in a workbook: it reckons as the engine does, and follows a changed weight."""

import numpy as np
import pytest

from annstudio.engine.arena import Arena
from annstudio.engine.op import Array
from annstudio.engine.optimizers import SGD
from annstudio.engine.program import Program, Role
from annstudio.explain.stepper import Stepper
from annstudio.explain.takeaway import About, write
from annstudio.formats.derivation.workbook import Workbook
from tests.builders import random_feeds, random_weights, slots_of
from tests.formats.derivation.spreadsheet import Spreadsheet
from tests.layers.cases import Case, cases, written

some_cases = pytest.mark.parametrize("case", cases(), ids=str)


def stepper_of(program: Program, weights: dict[str, Array], n: int = 1) -> Stepper:
    arena = Arena(program, "float64")
    arena.load(weights)
    arena.use(SGD(learning_rate=0.1))
    feeds = random_feeds(program, n, np.random.default_rng(n))
    return Stepper(program, arena, feeds)


def book_of(program: Program, weights: dict[str, Array]) -> tuple[Workbook, Spreadsheet]:
    book = Workbook(write(stepper_of(program, weights), About("A layer")))
    return book, Spreadsheet(book.bytes())


@some_cases
def test_a_layer_in_a_workbook(case: Case):
    program = written(case)
    weights = random_weights(program, np.random.default_rng(1))
    book, sheet = book_of(program, weights)
    assert [(entry.key, why) for entry, why in book.not_live] == []
    for name, cell, symbol, found, engine in sheet.numbers():
        assert found == pytest.approx(engine, rel=1e-9, abs=1e-11), (name, cell, symbol)
