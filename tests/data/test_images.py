"""The digits are the real ones and say where they come from."""

import numpy as np
import pytest

from annstudio.data import images
from annstudio.data.images import Digits
from annstudio.errors import DataError
from annstudio.places import SAMPLES


def test_the_digits():
    data = Digits().load()
    x, y = data.columns["x"], data.columns["y"]
    assert len(data) == 1797
    assert x.shape == (8, 8, 1)
    assert x.values.dtype == np.float32
    assert (x.values.min(), x.values.max()) == (0, 1)
    assert np.array_equal(x.values * 16, np.round(x.values * 16))
    assert y.classes == tuple("0123456789")
    assert np.bincount(y.values).tolist() == [178, 182, 177, 183, 181, 182, 181, 179, 174, 180]


def test_the_digits_say_where_they_come_from():
    data = Digits().load()
    assert "UCI" in data.source
    assert data.licence.startswith("CC BY 4.0")
    assert "Alpaydin" in data.citation
    assert "divided by 16" in data.changes
    assert (SAMPLES / "LICENSES" / "CC-BY-4.0.txt").is_file()
    assert "digits.npz" in (SAMPLES / "CREDITS.md").read_text(encoding="utf-8")


def test_the_digits_are_those_of_scikit_learn():
    digits = pytest.importorskip("sklearn.datasets").load_digits()
    data = Digits().load().columns
    assert np.array_equal(data["x"].values[..., 0] * 16, digits.images)
    assert np.array_equal(data["y"].values, digits.target)


def test_a_missing_file_is_said(monkeypatch, tmp_path):
    monkeypatch.setattr(images, "_DIGITS", tmp_path / "digits.npz")
    with pytest.raises(DataError, match="does not exist"):
        Digits().make()
