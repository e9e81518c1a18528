"""A table typed in by hand is kept to the last digit, and must be a table."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from annstudio.data.base import parse_source
from annstudio.data.typed import Typed
from annstudio.errors import DataError

NUMBERS = st.floats(allow_nan=False, allow_infinity=False)


@st.composite
def tables(draw):
    n = draw(st.integers(1, 6))
    rows = [draw(st.integers(1, 4)) for _ in "xy"]
    return [[[draw(NUMBERS) for _ in range(width)] for _ in range(n)] for width in rows]


def test_the_worked_example_is_the_default():
    data = Typed().load().columns
    assert data["x"].values.tolist() == [[0.05, 0.10]]
    assert data["y"].values.tolist() == [[0.01, 0.99]]
    assert data["x"].values.dtype == np.float64
    assert data["x"].names == ("x1", "x2")
    assert data["y"].names == ("y1", "y2")


@given(tables())
def test_what_is_typed_is_what_is_loaded(table):
    inputs, targets = table
    source = parse_source({"kind": "typed", "inputs": inputs, "targets": targets})
    data = source.make()
    assert data.columns["x"].values.tolist() == inputs
    assert data.columns["y"].values.tolist() == targets
    assert parse_source(source.model_dump(mode="json")) == source


def test_names():
    settings = {"kind": "typed", "input_names": ["i1", "i2"], "target_names": ["o1", "o2"]}
    assert parse_source(settings).load().columns["x"].names == ("i1", "i2")
    with pytest.raises(DataError, match="Inputs: there are 2 columns, but 1 names"):
        parse_source({**settings, "input_names": ["i1"]})


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"inputs": [[1, 2], [3]]}, "Inputs: all rows need as many numbers as the first, 2, but row 2 has 1"),
        ({"targets": [[1], [3]]}, "1 rows of inputs and 2 of targets"),
        ({"inputs": []}, "at least 1 item"),
        ({"inputs": [[]]}, "at least one number"),
        ({"inputs": [[1, "a"]]}, r"inputs\.0\.1 should be a valid number"),
        ({"inputs": [[1, float("inf")]]}, "finite number"),
        ({"inputs": 3}, "inputs should be a valid tuple"),
    ],
)
def test_bad_tables(settings, message):
    with pytest.raises(DataError, match=message):
        parse_source({"kind": "typed", **settings})
