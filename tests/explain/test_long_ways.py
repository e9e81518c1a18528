"""Sums of many terms and paths of many numbers: told without going through all of them."""

from dataclasses import dataclass

import numpy as np
import pytest

from annstudio.data.base import parse_source
from annstudio.document.network import Network
from annstudio.engine.account import See, Sum, values_of
from annstudio.explain.derivation import Explainer
from annstudio.explain.paths import MOST_NUMBERS, paths
from annstudio.explain.told import Quantity
from annstudio.layers.dense import Dense, WeightedSum
from annstudio.layers.ends import Input
from annstudio.layers.losses import Loss
from annstudio.layers.recurrent.lstm import LSTM
from tests.builders import chain, project


@dataclass(frozen=True)
class Counting(See):
    """Counts the numbers that are read one by one."""

    def __call__(self, name, *index, example=None):
        self.arrays["read"][0] += 1
        return super().__call__(name, *index, example=example)


@pytest.mark.parametrize("bias", [True, False])
@pytest.mark.parametrize("moments", [(), (3,)])
def test_a_long_sum_is_worked_out_at_once_and_its_terms_when_they_are_looked_at(bias, moments):
    rng, many = np.random.default_rng(0), 20_000
    x = rng.normal(size=(*moments, many + bias, 2))
    if bias:
        x[..., -1, :] = 1.0
    read = np.zeros(1, int)
    see = Counting({"x": x, "w": rng.normal(size=(3, many + bias)), "read": read}, frozenset({"x"}), 1, 2)
    terms = WeightedSum(bias=bias).account(see, (*(1 for _ in moments), 2))
    assert isinstance(terms, Sum)
    values = values_of(terms)
    assert len(values) == len(terms) == many + bias
    assert read[0] == 0
    for i in (0, 7, many - 1, -1):
        assert terms[i].value == values[i]
    assert len(terms[-1].factors) == 2 - bias
    assert [term.value for term in terms[3:6]] == list(values[3:6])
    with pytest.raises(IndexError):
        terms[many + bias]


def test_a_memory_s_many_paths_are_not_gone_through(monkeypatch):
    graph = chain(input=Input(shape=(20, 1)), memory=LSTM(units=3), output=Dense(units=1), loss=Loss())
    stepper = Network(project(graph, parse_source({"kind": "sunspots", "window": 20}))).stepper(0)
    stepper.to(len(stepper))
    explainer = Explainer(stepper)
    program = stepper.program
    asked = []
    derive = explainer.derive
    monkeypatch.setattr(explainer, "derive", lambda *what: asked.append(what) or derive(*what))
    (first,) = (s.index for s in program.slots if s.scope == "t = 1" and s.name == "net")
    assert paths(explainer, Quantity(program.gradients[first], (0,))) == ()
    assert asked == []
    (last,) = (s.index for s in program.slots if s.node == "output" and s.name == "net")
    assert len(paths(explainer, Quantity(program.gradients[last], (0,)))) == 1
    assert 0 < len(asked) <= MOST_NUMBERS
