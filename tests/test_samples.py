"""The projects that come with the program: in order, ready to train, and as good as is said of them."""

import importlib.util
import statistics
from dataclasses import replace
from itertools import combinations
from pathlib import Path

import numpy as np
import pytest

from annstudio.data.base import BuiltIn
from annstudio.document.network import Network
from annstudio.formats.samples import ORDER, first_sample, samples
from annstudio.formats.studio import load
from annstudio.places import SAMPLES
from annstudio.training.trainer import train

TOOL = Path(__file__).resolve().parent.parent / "tools" / "make_samples.py"
every = pytest.mark.parametrize("name", ORDER)


def project(name: str):
    return load(SAMPLES / f"{name}.annstudio")


def trained(name: str, seed: int, epochs: int | None = None) -> dict[str, float]:
    start = project(name)
    changes = {"seed": seed} | ({} if epochs is None else {"epochs": epochs})
    settings = start.settings.model_copy(update=changes)
    *_, last = train(Network(replace(start, settings=settings)).job())
    assert last.reason == "done"
    return last.progress.record.last


def test_they_are_listed_from_easy_to_hard():
    assert tuple(sample.name for sample in samples()) == ORDER
    assert first_sample().name == "digits-cnn"
    for sample in samples():
        assert sample.path.is_file()
        assert 3 <= len(sample.title) < 40
        assert sample.note.endswith((".", "?"))


@every
def test_they_are_ready_to_train(name):
    found = project(name)
    network = Network(found, SAMPLES)
    assert network.checked.trainable
    assert network.job() is not None
    assert found.progress is None
    # Data that comes with the program is referred to, never embedded.
    assert isinstance(found.data, BuiltIn)
    assert (SAMPLES / f"{name}.annstudio").stat().st_size < 100_000


@every
def test_their_cards_lie_apart_from_left_to_right(name):
    places = [(node.x, node.y) for node in project(name).graph.nodes.values()]
    for (x, y), (other_x, other_y) in combinations(places, 2):
        assert abs(x - other_x) >= 180 or abs(y - other_y) >= 200
    assert max(x for x, _ in places) <= 800


@every
def test_they_are_what_the_tool_makes(name, monkeypatch):
    monkeypatch.syspath_prepend(TOOL.parent)
    spec = importlib.util.spec_from_file_location("make_samples", TOOL)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    made, kept = module.projects()[name], project(name)
    assert made.same_as(kept)
    assert set(module.projects()) == set(ORDER)


def test_the_worked_examples_differ_in_their_biases_alone():
    held, learned = project("worked-example"), project("worked-example-biases")
    for key, array in held.weights.items():
        np.testing.assert_array_equal(array, learned.weights[key])
    assert [n.layer.train_bias for n in held.graph.nodes.values() if hasattr(n.layer, "train_bias")] == [False] * 2
    assert [n.layer.train_bias for n in learned.graph.nodes.values() if hasattr(n.layer, "train_bias")] == [True] * 2


def test_xor_is_learned_from_nine_of_ten_seeds():
    right = [trained("xor", seed) for seed in range(10)]
    assert sum(result["accuracy"] == result["val_accuracy"] == 1.0 for result in right) >= 9


def test_the_spiral_is_learned():
    result = trained("spiral", 0)
    assert result["accuracy"] > 0.99
    assert result["val_accuracy"] > 0.95


def test_the_digits_are_learned_and_convolutions_learn_them_better():
    dense = statistics.median(trained("digits-mlp", seed)["val_accuracy"] for seed in range(3))
    convolutions = statistics.median(trained("digits-cnn", seed, epochs=15)["val_accuracy"] for seed in range(5))
    assert dense > 0.94
    assert convolutions >= 0.98
    assert convolutions > dense


def test_networks_of_blocks_are_learned():
    """And the recurrent network over the rows gets about 97 in 100 digits right, as its note says."""
    assert trained("block-of-blocks", 0, epochs=100)["val_accuracy"] > 0.95
    rows = statistics.median(trained("rnn-over-rnn", seed)["val_accuracy"] for seed in range(3))
    assert 0.96 < rows < 0.99
