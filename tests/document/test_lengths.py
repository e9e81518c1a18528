"""Predicting with sequences of different length: by the network and on the command line."""

import numpy as np
import pytest

from annstudio.cli import run
from annstudio.data.sequences import JapaneseVowels
from annstudio.document.network import Network
from annstudio.errors import DataError
from annstudio.formats.samples import samples
from annstudio.formats.studio import load
from annstudio.layers.dense import Dense
from annstudio.layers.ends import Input
from annstudio.layers.losses import Loss
from annstudio.layers.pool import GlobalAveragePool
from tests.builders import chain, project

VOWELS = next(sample.path for sample in samples() if sample.path.stem == "vowels-lstm")


@pytest.fixture(scope="module")
def mean_of_sounds():
    graph = chain(
        Input(shape=(29, 12), lengths="steps"), GlobalAveragePool(), Dense(units=9, activation="softmax"),
        Loss(function="cross_entropy"),
    )  # fmt: skip
    return Network(project(graph, JapaneseVowels()))


def test_lengths_say_which_steps_count_and_without_them_all_do(mean_of_sounds):
    network, columns = mean_of_sounds, mean_of_sounds.need_dataset().columns
    x, steps = columns["x"].values[:4], columns["steps"].values[:4]
    look = network.predict({"x": x, "steps": steps})["dense_1"]
    w, b = network.weights()["dense_1/W"], network.weights()["dense_1/b"]
    means = np.array([sound[: int(n)].mean(0) for sound, (n,) in zip(x, steps, strict=True)])
    scores = np.exp(means @ w.T + b)
    np.testing.assert_allclose(look, scores / scores.sum(1, keepdims=True), rtol=1e-6)
    whole = network.predict({"x": x})["dense_1"]
    np.testing.assert_allclose(whole, network.predict({"x": x, "steps": np.full(4, 29)})["dense_1"], rtol=1e-12)
    assert np.abs(whole - look).max() > 0.01
    with pytest.raises(DataError, match="'steps' holds 30; the network knows the whole numbers 0 to 29 there"):
        network.predict({"x": x, "steps": np.full(4, 30)})


@pytest.mark.parametrize("shape", [(3,), (3, 1)])
def test_the_command_line_takes_lengths(tmp_path, shape):
    columns = Network(load(VOWELS)).need_dataset().columns
    x, steps = columns["x"].values[:3], columns["steps"].values[:3]
    given, target = tmp_path / "x.npz", tmp_path / "y.npz"
    found = []
    for arrays in ({"x": x, "steps": steps.reshape(shape)}, {"x": x}):
        np.savez(given, **arrays)
        assert run(["predict", str(VOWELS), "--input", str(given), "--output", str(target)]) == 0
        with np.load(target) as results:
            (result,) = results.values()
        np.testing.assert_array_equal(result, next(iter(Network(load(VOWELS)).predict(arrays).values())))
        found.append(result)
    assert not np.array_equal(*found)


def test_the_command_line_refuses_lengths_that_are_none(tmp_path, capsys):
    x = Network(load(VOWELS)).need_dataset().columns["x"].values[:3]
    for steps, told in (
        (np.ones((3, 2)), "wanted is one number for each"),
        (np.ones(2), "different numbers of examples"),
        (np.array([1, 2, 2.5]), "holds 2.5"),
    ):
        np.savez(tmp_path / "x.npz", x=x, steps=steps)
        command = ["predict", str(VOWELS), "--input", str(tmp_path / "x.npz"), "--output", str(tmp_path / "y.npz")]
        assert run(command) == 2
        assert told in capsys.readouterr().err
        assert not (tmp_path / "y.npz").exists()
