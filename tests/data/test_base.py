"""Columns, data sets, their split, and the catalogue of sources."""

import json

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from annstudio.data.base import BuiltIn, Column, Dataset, DataSource, parse_source, sources
from annstudio.data.files import FileSource
from annstudio.errors import DataError

CATALOGUE = list(sources().values())
BUILT_IN = [source for source in CATALOGUE if issubclass(source, BuiltIn)]
SEEDED = [source for source in BUILT_IN if "seed" in source.model_fields]


def classes(numbers, n_classes=3):
    y = Column(np.asarray(numbers, np.int64), classes=tuple("abcdefgh"[:n_classes]))
    return Dataset("some", {"x": Column(np.arange(len(numbers), dtype=float)[:, None]), "y": y})


def test_column_is_read_only_and_leaves_the_callers_array_alone():
    values = np.zeros((3, 2))
    column = Column(values, names=("a", "b"))
    assert column.shape == (2,)
    assert len(column) == 3
    assert not column.is_classes
    assert values.flags.writeable
    with pytest.raises(ValueError, match="read-only"):
        column.values[0, 0] = 1


def test_column_of_classes_has_the_width_of_one_hot():
    column = Column(np.array([0, 2, 1]), classes=("a", "b", "c"))
    assert column.is_classes
    assert column.shape == (3,)
    assert column.take([1, 1]).values.tolist() == [2, 2]
    assert column.take([1, 1]).classes == ("a", "b", "c")


@pytest.mark.parametrize(
    ("values", "settings"),
    [
        (np.zeros(3), {}),
        (np.zeros((3, 2), int), {}),
        (np.zeros((3, 2), np.float16), {}),
        (np.zeros((3, 2)), {"names": ("a",)}),
        (np.array([0, 3]), {"classes": ("a", "b")}),
        (np.array([-1, 0]), {"classes": ("a", "b")}),
        (np.array([0.0, 1.0]), {"classes": ("a", "b")}),
        (np.array([[0], [1]]), {"classes": ("a", "b")}),
    ],
)
def test_column_refuses_what_it_can_not_mean(values, settings):
    with pytest.raises(ValueError, match=r"\w"):
        Column(values, **settings)


def test_dataset_take_keeps_origin_order_and_names():
    data = Dataset("d", {"x": Column(np.arange(8.0).reshape(4, 2), names=("a", "b"))}, title="T", licence="L")
    part = data.take([3, 0])
    assert len(data) == 4
    assert len(part) == 2
    assert part.columns["x"].values.tolist() == [[6, 7], [0, 1]]
    assert (part.name, part.title, part.licence, part.columns["x"].names) == ("d", "T", "L", ("a", "b"))
    assert len(data.take([])) == 0
    with pytest.raises(TypeError):
        data.columns["z"] = data.columns["x"]


def test_dataset_refuses_columns_of_different_lengths():
    with pytest.raises(ValueError, match="one length"):
        Dataset("d", {"x": Column(np.zeros((3, 1))), "y": Column(np.zeros((2, 1)))})
    with pytest.raises(ValueError, match="one length"):
        Dataset("d", {})


@given(
    numbers=st.lists(st.integers(0, 4), min_size=1, max_size=80),
    share=st.floats(0, 1, exclude_max=True),
    seed=st.integers(0, 2**31),
)
def test_split_is_a_stratified_partition(numbers, share, seed):
    data = classes(numbers, 5)
    training, validation = data.split(share, seed)
    assert sorted([*training, *validation]) == list(range(len(numbers)))
    again = data.split(share, seed)
    assert np.array_equal(training, again[0])
    assert np.array_equal(validation, again[1])
    assert len(validation) <= np.floor(share * len(numbers) + 0.5)
    y = data.columns["y"].values
    for number in set(numbers):
        n, kept = numbers.count(number), int((y[validation] == number).sum())
        assert kept < n
        assert abs(kept - share * n) < 1 or kept == n - 1


@given(n=st.integers(1, 200), share=st.floats(0, 1, exclude_max=True), seed=st.integers(0, 99))
def test_split_of_values_keeps_the_rounded_share_aside(n, share, seed):
    training, validation = Dataset("d", {"x": Column(np.zeros((n, 1)))}).split(share, seed)
    assert len(validation) == min(np.floor(share * n + 0.5), n - 1)
    assert len(training) + len(validation) == n


def test_split_of_the_digits_is_exact_stratified_and_shuffled():
    data = sources()["digits"]().load()
    training, validation = data.split(0.2, 0)
    y = data.columns["y"].values
    assert len(validation) == round(0.2 * 1797)
    assert np.abs(np.bincount(y[validation]) - 0.2 * np.bincount(y)).max() < 1
    assert not np.array_equal(training, np.sort(training))
    assert not np.array_equal(training, data.split(0.2, 1)[0])


def test_split_at_the_edges():
    assert [len(part) for part in classes([0]).split(0.9, 0)] == [1, 0]
    assert [len(part) for part in classes([0, 1, 2, 0]).split(0, 0)] == [4, 0]
    for share in (-0.1, 1, float("nan")):
        with pytest.raises(ValueError, match="share"):
            classes([0, 1]).split(share, 0)


def test_the_catalogue_goes_from_easy_to_hard():
    assert list(sources()) == [
        *("typed", "gates", "xor", "blobs", "circles", "moons", "spiral", "clouds", "sine"),
        *("digits", "japanese_vowels", "sunspots"),
        *("csv", "npz", "npy"),
    ]


@pytest.mark.parametrize("source", CATALOGUE)
def test_every_source_describes_itself_and_makes_a_form(source):
    assert source.title
    assert source.note.endswith(".")
    assert source.stands_for.endswith(".")
    assert source.__doc__.endswith(".")
    for name, setting in source.model_fields.items():
        assert name == "kind" or setting.title, f"{source.__name__}.{name} has no title"


@pytest.mark.parametrize("source", CATALOGUE)
def test_every_source_survives_the_project_file(source):
    chosen = source()
    saved = json.loads(json.dumps(chosen.model_dump(mode="json")))
    assert parse_source(saved) == chosen
    assert hash(parse_source(saved)) == hash(chosen)


@pytest.mark.parametrize("source", BUILT_IN)
def test_every_built_in_source_loads_as_it_is(source):
    data = source().load()
    assert {"x", "y"} <= set(data.columns)
    assert len(data) > 0
    assert data.source
    assert data.changes
    for column in data.excerpt.columns.values():
        assert not column.values.flags.writeable
        assert column.is_classes or column.values.dtype in (np.float32, np.float64)
        assert np.isfinite(column.values).all()
    assert source().load() is data


@pytest.mark.parametrize("source", SEEDED)
def test_the_seed_decides_the_bits(source):
    def bits(seed):
        return source(noise=0.1, seed=seed).make().excerpt.columns

    one, same, other = bits(1), bits(1), bits(2)
    for key in one:
        assert one[key].values.tobytes() == same[key].values.tobytes()
    assert any(one[key].values.tobytes() != other[key].values.tobytes() for key in one)


def test_changed_checks_again():
    spiral = parse_source({"kind": "spiral"})
    assert spiral.changed(classes=3).load().columns["y"].shape == (3,)
    with pytest.raises(DataError, match="classes should be less than or equal to 10, but it is 11"):
        spiral.changed(classes=11)


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({}, r"No kind of data is named\. Choose one of: typed, gates"),
        ({"kind": "sprial"}, r"kind 'sprial' is not known\. Choose one of"),
        ({"kind": ["spiral"]}, "is not known"),
        ({"kind": "spiral", "arms": 3}, r"Spiral: There is no setting 'arms'\."),
        ({"kind": "spiral", "noise": float("nan")}, "noise should be"),
        ({"kind": "moons", "seed": -1}, "seed should be greater than or equal to 0"),
        ({"kind": "spiral", "classes": 3, "target": "value"}, "tells 2 classes apart, not 3"),
        ({"kind": "npz", "path": 7}, "path should be a valid string"),
    ],
)
def test_parse_source_says_what_is_wrong(settings, message):
    with pytest.raises(DataError, match=message):
        parse_source(settings)


def test_only_files_need_a_file():
    assert [kind for kind, source in sources().items() if issubclass(source, FileSource)] == ["csv", "npz", "npy"]
    assert not issubclass(DataSource, FileSource)
