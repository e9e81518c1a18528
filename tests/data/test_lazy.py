"""Columns that are not in memory: only what is asked for is read, and orders of any length are worked out in pieces."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from annstudio.data import base, order
from annstudio.data.base import Column, Dataset, parse_source
from annstudio.data.generated import Clouds
from annstudio.data.lazy import LazyArray, chunks, numbers_of
from annstudio.data.order import AHEAD, Order, Shuffle, all_shuffled
from annstudio.errors import DataError


class Counted:
    """A thousand rows (i, 2 i), and how many of them were asked for."""

    def __init__(self, n: int = 1000) -> None:
        self.asked: list[int] = []
        self.array = LazyArray((n, 2), np.float32, self.read)

    def read(self, where):
        numbers = numbers_of(where, len(self.array))
        self.asked += numbers.tolist()
        return np.stack([numbers, 2 * numbers], 1).astype(np.float32)


def test_only_what_is_asked_for_is_read():
    counted = Counted()
    array = counted.array
    assert array[-1].tolist() == [999, 1998]
    assert array[3:5].tolist() == [[3, 6], [4, 8]]
    assert array[np.array([7, 2])].tolist() == [[7, 14], [2, 4]]
    assert counted.asked == [999, 3, 4, 7, 2]
    assert (array.shape, array.ndim, len(array), array.nbytes) == ((1000, 2), 2, 1000, 8000)
    with pytest.raises(IndexError):
        array[1000]


def test_a_lazy_array_is_never_made_whole_by_accident():
    counted = Counted()
    with pytest.raises(TypeError, match="8,000 bytes is not made in one piece"):
        np.asarray(counted.array)
    column = Column(counted.array)
    assert column.is_large
    assert column.take([5]).values.tolist() == [[5, 10]]
    with pytest.raises(AssertionError):
        _ = column.array
    assert counted.asked == [5]


def test_chunks_are_all_of_it_in_order():
    parts = list(chunks(LazyArray((10**6, 2), np.float64, lambda where: np.zeros((where.stop - where.start, 2)))))
    assert 1 < len(parts) < 10
    assert len(list(chunks(np.arange(5)))) == 1
    assert np.concatenate(list(chunks(np.arange(10**6)))).tolist() == list(range(10**6))


def test_an_excerpt_is_small_spread_and_has_the_right_examples():
    counted = Counted(10**9)
    data = Dataset("d", {"x": Column(counted.array)})
    assert len(data.excerpt) == base.EXCERPT
    assert len(counted.asked) == base.EXCERPT
    assert data.excerpt is data.excerpt
    assert data.excerpted[[0, -1]].tolist() == [0, 10**9 - 1]
    assert np.array_equal(data.excerpt.columns["x"].array[:, 0], data.excerpted.astype(np.float32))


@pytest.mark.parametrize("n", [1, 63, 64, 65, 100, 5000])
def test_an_excerpt_of_few_examples_is_all_of_them(n):
    data = Dataset("d", {"x": Column(Counted(n).array)})
    assert len(data.excerpt) == min(n, base.EXCERPT)
    assert len(np.unique(data.excerpted)) == len(data.excerpted)
    small = Dataset("d", {"x": Column(np.zeros((n, 1)))})
    assert small.excerpt is small


def test_an_excerpt_of_huge_examples_is_shorter():
    shape = (1000, 500, 500, 3)
    data = Dataset("d", {"x": Column(LazyArray(shape, np.float32, lambda w: np.zeros((len(w), *shape[1:]), "f4")))})
    assert len(data.excerpt) == base.STRETCH


# ------------------------------------------------------------------------------------------------ orders


@given(n=st.integers(1, 3000), key=st.integers(0, 2**63))
def test_a_shuffle_is_a_permutation(n, key):
    assert sorted(Shuffle(n, key)(np.arange(n)).tolist()) == list(range(n))


def test_a_shuffle_has_no_pattern_and_another_key_gives_another():
    n = 100_000
    first, second = (Shuffle(n, 3, epoch)(np.arange(n)) for epoch in (0, 1))
    for found in (first, second):
        assert abs(np.corrcoef(found, np.arange(n))[0, 1]) < 0.02
        assert abs(np.corrcoef(found[1:], found[:-1])[0, 1]) < 0.02
        counts = np.bincount(found[: n // 10] // (n // 20))
        assert abs(counts - n / 200).max() < 6 * (n / 200) ** 0.5
    assert (first == second).mean() < 0.001


@settings(max_examples=50)
@given(data=st.data())
def test_pieces_of_an_order_are_those_of_the_whole_wherever_one_begins(data):
    n = 3 * AHEAD
    whole = Shuffle(n, 5)(np.arange(n))
    found = all_shuffled(n, 5)
    for _ in range(4):
        start = data.draw(st.integers(0, n))
        stop = data.draw(st.integers(0, n + 5))
        assert np.array_equal(found[start:stop], whole[start:stop])


def test_parts_and_shuffles_of_an_order():
    found = all_shuffled(1000, 1)
    ahead, rest = found.part(0, 300), found.part(300, 1000)
    assert sorted([*ahead[:], *rest[:]]) == list(range(1000))
    again = rest.shuffled(7)
    assert sorted(again[:]) == sorted(rest[:])
    assert again[:10].tolist() != rest[:10].tolist()
    assert np.array_equal(rest.shuffled(7)[50:60], again[50:60])


def test_an_order_of_a_thousand_million_holds_a_few_thousand_numbers():
    found = all_shuffled(10**9, 1)
    assert len(found) == 10**9
    assert len(found[999_999_000:]) == 1000
    assert len(found[5:10]) == 5
    assert found._ready.nbytes <= 8 * AHEAD


def test_a_split_of_many_is_an_exact_partition_without_arrays(monkeypatch):
    monkeypatch.setattr(base, "MANY", 100)
    data = Dataset("d", {"x": Column(np.zeros((1001, 1)))})
    train, validation = data.split(0.3, 4)
    assert isinstance(train, Order)
    assert len(validation) == 300
    assert sorted([*train[:], *validation[:]]) == list(range(1001))
    assert np.array_equal(data.split(0.3, 4)[0][:], train[:])
    assert not np.array_equal(data.split(0.3, 5)[0][:], train[:])
    huge = Clouds(examples=10**9).load()
    assert [len(part) for part in huge.split(0.2, 0)] == [8 * 10**8, 2 * 10**8]


def test_numbers_of_an_order_are_well_mixed_even_where_they_follow_each_other():
    bits = order.mixed(np.arange(10_000), 1)
    ones = np.unpackbits(bits.view(np.uint8)).mean()
    assert abs(ones - 0.5) < 0.005
    assert len(np.unique(bits)) == 10_000


# ------------------------------------------------------------------------------------------------ endless clouds


def test_every_example_is_a_function_of_the_seed_and_its_number():
    x, y = (Clouds(examples=10**9, features=5, seed=3).make().columns[key].values for key in "xy")
    numbers = np.array([999_999_999, 0, 123_456_789])
    for i, number in enumerate(numbers):
        assert np.array_equal(x[numbers][i], x[int(number)])
        assert y[numbers][i] == y[int(number)]
    assert np.array_equal(x[10:20], x[np.arange(10, 20)])
    other = Clouds(examples=10**9, features=5, seed=4).make().columns["x"].values
    assert not np.array_equal(other[numbers], x[numbers])


def test_clouds_are_round_about_their_centres_and_equally_many():
    columns = Clouds(features=6, classes=3, noise=0.2, examples=30_000).make().columns
    x, y = columns["x"].values[:], columns["y"].values[:]
    assert abs(np.bincount(y) - 10_000).max() < 500
    apart = x - np.stack([x[y == k].mean(0) for k in range(3)])[y]
    scaled = apart / (0.2 / 6**0.5)
    assert scaled.std(0) == pytest.approx(np.ones(6), abs=0.02)
    assert (scaled**4).mean() == pytest.approx(3, abs=0.1)
    assert abs(np.corrcoef(scaled.T) - np.eye(6)).max() < 0.03


@pytest.mark.parametrize("setting", [{"examples": 0}, {"examples": 10**9 + 1}, {"features": 0}, {"classes": 101}])
def test_clouds_have_limits(setting):
    with pytest.raises(DataError):
        parse_source({"kind": "clouds", **setting})
