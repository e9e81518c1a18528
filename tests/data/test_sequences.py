"""The sequences are the real ones, of their lengths, cut as is said, and say where they come from."""

import numpy as np
import pytest

from annstudio.data import sequences
from annstudio.data.base import parse_source
from annstudio.data.sequences import JapaneseVowels, Sunspots
from annstudio.errors import DataError


def test_the_vowels():
    data = JapaneseVowels().load()
    x, steps, y = (data.columns[key] for key in ("x", "steps", "y"))
    assert (len(data), x.shape, x.values.dtype) == (640, (29, 12), np.float32)
    assert (steps.values.min(), steps.values.max()) == (7, 29)
    assert y.classes == tuple("123456789")
    # 30 of each to train with, and 31 35 88 44 29 24 40 50 29 to test with.
    assert np.bincount(y.values).tolist() == [61, 65, 118, 74, 59, 54, 70, 80, 59]
    np.testing.assert_allclose(x.values[0, :2, 0], [1.860936, 1.891651], rtol=1e-6)


def test_the_vowels_end_where_their_lengths_say():
    data = JapaneseVowels().load()
    x, lengths = data.columns["x"].values, data.columns["steps"].values[:, 0].astype(int)
    for example, length in zip(x, lengths, strict=True):
        assert example[:length].any(1).all()
        assert not example[length:].any()


def test_the_sunspots():
    data = Sunspots(window=12).load()
    x, y = data.columns["x"].values, data.columns["y"].values
    assert (x.shape, y.shape) == ((297, 12, 1), (297, 1))
    assert x[0, :3, 0].tolist() == [0.05, 0.11, 0.16]
    # What follows a window is the last year of the next one.
    np.testing.assert_array_equal(y[:-1, 0], x[1:, -1, 0])
    assert y[-1, 0] == pytest.approx(0.029)


def test_a_window_has_limits():
    with pytest.raises(DataError, match="window"):
        parse_source({"kind": "sunspots", "window": 1})
    assert len(Sunspots(window=100).load()) == 209


@pytest.mark.parametrize("source", [JapaneseVowels(), Sunspots()], ids=lambda source: source.kind)
def test_they_say_where_they_come_from(source):
    data = source.load()
    assert data.source
    assert data.licence.startswith(("CC BY 4.0", "Public domain"))
    assert data.citation
    assert "When loaded" in data.changes


@pytest.mark.parametrize(("source", "name"), [(JapaneseVowels(), "_VOWELS"), (Sunspots(), "_SUNSPOTS")], ids=str)
def test_a_missing_file_is_said(monkeypatch, tmp_path, source, name):
    monkeypatch.setattr(sequences, name, tmp_path / "gone.npz")
    with pytest.raises(DataError, match="does not exist"):
        source.make()
