"""Schedules: the factor on the learning rate at every moment of a run."""

import math

import pytest

from annstudio.engine.schedules import SCHEDULES, Constant, Cosine, Exponential, Moment, OneCycle, Plateau, Steps


def at(epoch: float, epochs: int = 10, losses: tuple[float, ...] = ()) -> Moment:
    return Moment(epoch, epochs, losses)


@pytest.mark.parametrize("kind", SCHEDULES, ids=lambda kind: kind.__name__)
def test_the_factor_lies_between_nothing_and_all(kind):
    for epoch in (0.0, 0.3, 2.9, 3.0, 5.0, 9.99, 10.0, 12.0):
        assert 0 <= kind().factor(at(epoch)) <= 1


@pytest.mark.parametrize("kind", SCHEDULES, ids=lambda kind: kind.__name__)
def test_warming_up_begins_at_nothing_and_ends_where_the_schedule_is(kind):
    warm = kind(warm_up=2)
    assert warm.factor(at(0)) == 0
    assert warm.factor(at(1)) == pytest.approx(warm.term(at(1)).value / 2)
    assert warm.factor(at(2)) == warm.term(at(2)).value
    assert not warm.steady


def test_each_follows_its_formula():
    assert Constant().factor(at(7)) == 1
    assert Constant().steady
    assert [Steps(every=3, gamma=0.1).factor(at(e)) for e in (0, 2.9, 3, 6)] == pytest.approx([1, 1, 0.1, 0.01])
    assert Exponential(gamma=0.9).factor(at(2.5)) == pytest.approx(0.9**2.5)
    assert Cosine(floor=0.2).factor(at(5)) == pytest.approx(0.6)
    assert Cosine(floor=0.2).factor(at(10)) == pytest.approx(0.2)
    cycle = OneCycle(rising=0.5, start=10, end=100)
    assert [cycle.factor(at(e)) for e in (0, 2.5, 5, 10)] == pytest.approx([0.1, 0.55, 1, 1e-3])


def test_a_plateau_counts_epochs_without_a_better_loss():
    schedule = Plateau(patience=2, gamma=0.5, least=0.2, margin=0)
    losses = [3.0, 2.0, 2.0, 2.5, 1.0, 1.0, 1.0, 1.0, 1.0, 1.0]
    factors = [schedule.factor(at(0, losses=tuple(losses[:n]))) for n in range(len(losses) + 1)]
    assert factors == [1, 1, 1, 1, 0.5, 0.5, 0.5, 0.25, 0.25, 0.2, 0.2]
    assert math.isclose(Plateau().factor(at(3)), 1)
