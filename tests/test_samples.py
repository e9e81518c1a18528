"""The projects that come with the program: in order, ready to train, and as good as is said of them."""

import importlib.util
import json
import statistics
from dataclasses import replace
from itertools import combinations, pairwise
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner

from annstudio.cli import main
from annstudio.data.base import BuiltIn
from annstudio.document.network import Network
from annstudio.document.project import Project
from annstudio.document.takeaway import about
from annstudio.engine.optimizers import SGD, Momentum
from annstudio.explain.catalogue import Catalogue
from annstudio.explain.derivation import Explainer
from annstudio.explain.marking import Marker, Verdict
from annstudio.explain.sheet_report import as_text, reported
from annstudio.explain.takeaway import write
from annstudio.explain.worksheet import Worksheet
from annstudio.formats.derivation.workbook import Workbook
from annstudio.formats.samples import ORDER, first_sample, samples
from annstudio.formats.studio import load
from annstudio.places import SAMPLES
from annstudio.session.labs.descent import ground_of, try_out
from annstudio.training.race import Race
from annstudio.training.record import EPOCH_COLUMNS
from annstudio.training.snapshot import Finished, Views
from annstudio.training.trainer import Control, train
from tests.formats.derivation.spreadsheet import Spreadsheet

TOOL = Path(__file__).resolve().parent.parent / "tools" / "make_samples.py"
every = pytest.mark.parametrize("name", ORDER)


def project(name: str):
    return load(SAMPLES / f"{name}.annstudio")


def trained(name: str, seed: int, epochs: int | None = None) -> dict[str, float]:
    changes = {"seed": seed} | ({} if epochs is None else {"epochs": epochs})
    return _end(project(name), **changes).progress.record.last


def _end(start: Project, **changes: int) -> Finished:
    """How training that project with these settings ends."""
    settings = start.settings.model_copy(update=changes)
    *_, last = train(Network(replace(start, settings=settings)).job())
    assert last.reason == "done"
    return last


def _views(start: Project) -> Views:
    """What there is to be seen after the first batch."""
    *_, last = train(Network(start).job(max_steps=1), Control(watch=0))
    return last.views


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
    # Deep networks lie in long rows, so that a row is a network; all others are legible in a small window.
    assert max(x for x, _ in places) <= (1600 if name.startswith("deep") else 800)


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


def test_down_the_ravine_optimisers_do_what_the_note_says():
    ground = ground_of(Network(project("ravine")), 1000)
    places = (("line/W", (0, 0)), ("line/b", (0,)))
    tried = (SGD(learning_rate=0.02), Momentum(learning_rate=0.02), SGD(learning_rate=0.3), SGD(learning_rate=0.33))
    *_, raced = try_out(ground, Race(tried, places, (-1.0, 3.0), 100, 40))
    assert raced.losses[0] == pytest.approx(0.286, abs=5e-4)
    assert raced.losses[1] == pytest.approx(0.0221, abs=5e-5)
    assert raced.losses[2] == pytest.approx(0.0221, abs=5e-5)
    assert raced.losses[3] > raced.first
    x = ground.network.dataset.columns["x"].array[:, 0]
    steepest = np.linalg.eigvalsh([[np.mean(x * x), x.mean()], [x.mean(), 1.0]])[-1]
    assert 2 / steepest == pytest.approx(0.324, abs=5e-4)
    # Across the ravine it goes to and fro, along the floor it does not.
    slopes = np.diff(raced.ways[2].track.points[:12, 1])
    assert (np.sign(slopes[1:]) != np.sign(slopes[:-1])).all()


def test_the_worksheet_names_the_slips_that_its_note_tells_to_make():
    start = project("worked-example-worksheet")
    marker = Marker(Network(start).stepper(*start.worksheet.examples), start.worksheet)
    assert len(marker.asked) == 14
    assert marker.missing == ()
    for name, number, said in (
        ("d output.net[0]", "0.741365", "without f′ of output"),
        ("new hidden.W[0,0]", "0.149818", "with the new w₅ and w₇"),
    ):
        assert number in start.note
        assert said in marker.judge(start.worksheet.answered(name, number), name).sentences[0]


@every
def test_any_network_can_be_a_worksheet(name):
    stepper = Network(project(name)).stepper(0, 1)
    catalogue = Catalogue(Explainer(stepper))
    sheet = Worksheet(asked=catalogue.ordered(a.name for a in catalogue.drawn(catalogue.groups, 12, 0)))
    marker = Marker(stepper, sheet)
    before = {key: array.tobytes() for key, array in stepper.arena.weights().items()}
    assert marker.slips
    for asked in sheet.asked:
        right = sheet.answered(asked, repr(marker.solution(asked)))
        assert marker.judge(right, asked).verdict is Verdict.RIGHT
        assert marker.judge(sheet.answered(asked, "123456"), asked).verdict is Verdict.WRONG
    text = as_text(reported(marker, sheet, "", name))
    assert text.count("not answered") == len(sheet.asked)
    assert {key: array.tobytes() for key, array in stepper.arena.weights().items()} == before


def test_classes_by_hand_follow_in_the_workbook_as_its_note_says():
    network = Network(project("classes-by-hand"))
    sheet = Spreadsheet(Workbook(write(network.stepper(0), about(network, 0))).built())
    assert f"{sheet.value(*sheet.where('E')):.9f}" == "1.031658674"
    sheet.change(*sheet.where("target_o1"), 1.0)
    sheet.change(*sheet.where("target_o2"), 0.0)
    assert f"{sheet.value(*sheet.where('E')):.9f}" == "1.211658674"
    for told in ("1.031658674", "1.211658674", "Take away", "Excel workbook"):
        assert told in network.project.note


def test_xor_is_learned_from_nine_of_ten_seeds():
    right = [trained("xor", seed) for seed in range(10)]
    assert sum(result["accuracy"] == result["val_accuracy"] == 1.0 for result in right) >= 9


def test_the_spiral_is_learned():
    result = trained("spiral", 0)
    assert result["accuracy"] > 0.99
    assert result["val_accuracy"] > 0.95


def test_a_perceptron_learns_what_a_line_can_part_and_nothing_else():
    start = project("perceptron")
    wrong = {}
    for gate in ("AND", "OR", "XOR"):
        record = _end(replace(start, data=start.data.changed(gate=gate)), epochs=100).progress.record
        accuracy = record.epochs[:, EPOCH_COLUMNS.index("accuracy")]
        wrong[gate] = int(np.flatnonzero(accuracy < 1)[-1]) + 1
    assert wrong["AND"] == 7
    assert wrong["OR"] < 7
    assert wrong["XOR"] == 100


def test_three_gates_make_xor_and_a_step_lets_no_gradient_through():
    start = project("perceptron-xor")
    end = _end(start)
    assert end.progress.record.last["accuracy"] == 1.0
    for key, array in start.weights.items():
        np.testing.assert_array_equal(end.weights[key], array)
    anew = start.reset(1)
    end = _end(anew, epochs=100)
    assert end.progress.record.last["accuracy"] < 1
    np.testing.assert_array_equal(end.weights["or_and_nand/W"], Network(anew).weights()["or_and_nand/W"])


def test_gradients_vanish_in_the_deep_sigmoid_network_only():
    start = project("deep-sigmoid-vs-relu")
    sizes = {key: size for key, size in _views(start).gradients.items() if key.endswith("/W")}
    sigmoid, relu = ([sizes[f"{kind}_{i}/W"] for i in range(1, 6)] for kind in ("sigmoid", "relu"))
    assert all(2 * nearer < farther for nearer, farther in pairwise(sigmoid))
    assert sigmoid[0] < sigmoid[-1] / 100
    assert relu[0] > relu[-1] / 5
    end = _end(start)
    network = Network(replace(start, weights=end.weights))
    columns = network.need_dataset().columns
    _, kept_back = network.need_dataset().split(start.settings.validation_share, start.settings.seed)
    found = network.predict({"x": columns["x"].values[kept_back]})
    right = {name: (values.argmax(1) == columns["y"].values[kept_back]).mean() for name, values in found.items()}
    assert right["sigmoid_out"] < 0.15
    assert right["relu_out"] > 0.9


def test_two_numbers_keep_half_of_what_a_digit_is():
    start = project("autoencoder")
    pixels = Network(start).need_dataset().columns["x"].values.reshape(1797, -1)
    apart = pixels - pixels.mean(0)
    left = np.linalg.svd(apart, compute_uv=False)[2:]
    assert (apart**2).mean() == pytest.approx(0.073, abs=0.001)
    assert (left**2).sum() / apart.size == pytest.approx(0.052, abs=0.001)
    for result in (trained("autoencoder", seed) for seed in range(3)):
        assert result["loss"] == pytest.approx(0.034, abs=0.002)
        assert result["val_loss"] < 0.042


@pytest.mark.parametrize(("name", "n_parameters"), [("sunspots-conv1d", 217), ("sunspots-rnn", 89)])
def test_next_year_s_sunspots_are_foretold(name, n_parameters):
    network = Network(project(name))
    assert network.checked.n_parameters == n_parameters
    columns = network.need_dataset().columns
    like_this_year = ((columns["x"].values[:, -1] - columns["y"].values) ** 2).mean()
    assert np.sqrt(like_this_year) == pytest.approx(0.24, abs=0.005)
    found = [trained(name, seed) for seed in range(3)]
    assert statistics.median(result["val_loss"] for result in found) < 0.025
    assert max(result["loss"] for result in found) < 0.02


def test_speakers_are_told_apart():
    found = [trained("vowels-lstm", seed)["val_accuracy"] for seed in range(3)]
    assert statistics.median(found) > 0.93
    assert min(found) > 0.88


@every
def test_the_command_line_trains_them(name, tmp_path):
    out = tmp_path / "trained.annstudio"
    done = CliRunner().invoke(
        main, ["train", str(SAMPLES / f"{name}.annstudio"), "--epochs", "1", "--out", str(out), "--json"]
    )
    assert done.exit_code == 0, done.output
    assert np.isfinite(json.loads(done.stdout.splitlines()[-1])["loss"])
    assert load(out).progress.epoch == 1


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
