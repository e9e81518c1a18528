"""The generated problems are what their descriptions say."""

import numpy as np
import pytest

from annstudio.data.base import sources
from annstudio.data.toys import Blobs, Circles, Gates, Moons, Sine, Spiral, Xor

TWO_CLASSES = [Gates, Xor, Circles, Moons, Spiral]


@pytest.mark.parametrize(
    ("gate", "table"),
    [("AND", [0, 0, 0, 1]), ("OR", [0, 1, 1, 1]), ("NAND", [1, 1, 1, 0]), ("NOR", [1, 0, 0, 0]), ("XOR", [0, 1, 1, 0])],
)
def test_gates(gate, table):
    data = Gates(gate=gate).load()
    assert data.columns["x"].values.tolist() == [[0, 0], [0, 1], [1, 0], [1, 1]]
    assert data.columns["y"].values.tolist() == [[one] for one in table]


def test_xor_is_the_four_corners_and_on_request_a_cloud_at_each():
    four = Xor().load().columns
    assert four["x"].values.tolist() == [[0, 0], [0, 1], [1, 0], [1, 1]]
    assert four["y"].values.tolist() == [[0], [1], [1], [0]]
    many = Xor(points=100, noise=0.1).load().columns
    assert len(many["x"]) == 400
    nearest = np.round(many["x"].values).sum(axis=1) == 1
    assert (nearest == many["y"].values[:, 0]).mean() > 0.99


@pytest.mark.parametrize("source", TWO_CLASSES)
def test_two_classes_are_numbers_or_classes(source):
    value = source(target="value").load().columns["y"]
    classes = source(target="classes").load().columns["y"]
    assert value.shape == (1,)
    assert value.values.dtype == np.float64
    assert classes.shape == (2,)
    assert np.array_equal(value.values[:, 0], classes.values)
    assert len(set(classes.classes)) == 2


@pytest.mark.parametrize("kind", ["blobs", "circles", "moons", "spiral"])
def test_classes_are_balanced_and_in_turn(kind):
    y = sources()[kind](points=20).load().columns["y"]
    n_classes = len(y.classes)
    assert y.values[:n_classes].tolist() == list(range(n_classes))
    assert np.bincount(y.values).tolist() == [20] * n_classes


@pytest.mark.parametrize("n_classes", [2, 5, 10])
def test_spiral_arms_keep_apart(n_classes):
    data = Spiral(classes=n_classes, points=100, noise=0).load().columns
    x, y = data["x"].values, data["y"].values
    assert len(x) == 100 * n_classes
    assert np.allclose(np.linalg.norm(x, axis=1).max(), 1)
    distance = np.linalg.norm(x[:, None] - x[None], axis=2)
    distance[np.arange(len(x)), np.arange(len(x))] = np.inf
    outer = np.linalg.norm(x, axis=1) > 0.3
    assert (y[distance.argmin(axis=1)] == y)[outer].all()


def test_circles_have_the_radii_they_say():
    data = Circles(inner=0.3, noise=0).load().columns
    radius = np.linalg.norm(data["x"].values, axis=1)
    assert np.allclose(radius, np.where(data["y"].values == 0, 1, 0.3))


def test_moons_and_blobs_lie_where_they_should():
    moons = Moons(points=50, noise=0).load().columns
    upper = moons["y"].values == 0
    assert np.allclose(np.linalg.norm(moons["x"].values[upper], axis=1), 1)
    assert np.allclose(np.linalg.norm(moons["x"].values[~upper] - [1, 0.5], axis=1), 1)
    blobs = Blobs(classes=2, points=2000, noise=0.5).load().columns
    cloud = blobs["x"].values[blobs["y"].values == 0]
    assert np.allclose(cloud.mean(axis=0), [1, 0], atol=0.05)
    assert np.allclose(cloud.std(axis=0), 0.5, atol=0.05)


def test_sine():
    data = Sine(points=101, periods=2, noise=0).load().columns
    assert data["x"].shape == data["y"].shape == (1,)
    assert data["x"].values[[0, 50, 100], 0].tolist() == [-2 * np.pi, 0, 2 * np.pi]
    assert np.array_equal(data["y"].values, np.sin(data["x"].values))
