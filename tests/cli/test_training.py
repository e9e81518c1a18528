"""Training from the command line: what it tells, writes and keeps."""

import os
import select
import signal
import subprocess
import sys
from dataclasses import replace

import numpy as np
import pytest
from safetensors.numpy import load_file

from annstudio.cli import run
from annstudio.data.base import parse_source
from annstudio.formats.studio import load, save
from annstudio.places import SAMPLES
from tests.builders import assert_same_arrays
from tests.cli.calls import EXAMPLE, XOR, done, last_object, rounded

# ------------------------------------------------------------------------------------------ training


def test_train_tells_and_writes(capsys, tmp_path):
    out, npz, tensors = tmp_path / "o.annstudio", tmp_path / "w.npz", tmp_path / "w.safetensors"
    before = XOR.read_bytes()
    result = last_object(
        done(capsys, "train", XOR, "--epochs", 3, "--seed", 5, "--out", out, "--export", npz, "--export", tensors,
             "--json")
    )  # fmt: skip
    assert {"epochs", "loss", "accuracy", "val_loss", "val_accuracy", "samples_per_second"} <= set(result)
    assert result["epochs"] == 3
    assert result["seed"] == 5
    assert all(isinstance(result[key], float) for key in ("loss", "val_loss", "samples_per_second"))
    assert result["written"] == [str(out), str(npz), str(tensors)]
    trained = load(out)
    assert trained.settings.seed == 5
    assert trained.settings.epochs == 3
    assert trained.progress.record.last["loss"] == result["loss"]
    with np.load(npz) as arrays:
        assert set(arrays) == set(trained.weights)
        for key in arrays:
            np.testing.assert_array_equal(arrays[key], trained.weights[key])
    assert set(load_file(tensors)) == set(trained.weights)
    assert XOR.read_bytes() == before


def test_a_seed_repeats_a_run_and_another_does_not(capsys):
    def weights(seed):
        return last_object(done(capsys, "train", XOR, "--epochs", 2, "--seed", seed, "--json"))["loss"]

    assert weights(1) == weights(1) != weights(2)


def test_training_goes_on_where_a_project_stands_unless_a_seed_begins_anew(capsys, tmp_path):
    first, second, anew = (tmp_path / f"{name}.annstudio" for name in ("first", "second", "anew"))
    done(capsys, "train", XOR, "--epochs", 2, "--out", first)
    result = last_object(done(capsys, "train", first, "--epochs", 5, "--out", second, "--json"))
    assert result["epochs"] == 5
    straight = last_object(done(capsys, "train", XOR, "--epochs", 5, "--json"))
    assert result["loss"] == straight["loss"]
    result = last_object(done(capsys, "train", first, "--epochs", 2, "--seed", 0, "--out", anew, "--json"))
    assert_same_arrays(load(first).weights, load(anew).weights)


def test_weights_set_by_hand_stay_with_another_seed(capsys, tmp_path):
    out = tmp_path / "o.annstudio"
    done(capsys, "train", EXAMPLE, "--seed", 9, "--out", out)
    assert rounded(load(out).weights["output/W"][0, 0]) == "0.358916480"


def test_numbers_that_are_none_are_null(capsys):
    result = last_object(done(capsys, "train", EXAMPLE, "--json"))
    assert result["accuracy"] is result["val_loss"] is result["val_accuracy"] is None


def test_train_in_words(capsys):
    assert run(["train", str(XOR), "--epochs", "2"]) == 0
    out, err = capsys.readouterr()
    assert "2 epochs" in out
    assert "Validation: loss" in out
    assert "not kept" in err
    assert "examples/s" not in err  # No progress bar where there is no terminal.


def test_a_relative_data_file_is_found_from_wherever_the_result_is_written(capsys, tmp_path, monkeypatch):
    (tmp_path / "a").mkdir()
    (tmp_path / "b").mkdir()
    (tmp_path / "a" / "t.csv").write_text("x,y,z\n" + "0.1,0.2,1\n0.5,0.4,0\n" * 10)
    project = replace(load(XOR), data=parse_source({"kind": "csv", "path": "t.csv"}))
    start, out = tmp_path / "a" / "n.annstudio", tmp_path / "b" / "n.annstudio"
    save(project, start, {})
    done(capsys, "train", start, "--epochs", 1, "--out", out)
    monkeypatch.chdir(tmp_path)
    (tmp_path / "c").mkdir()
    done(capsys, "convert", out, tmp_path / "c" / "n.annstudio")
    done(capsys, "check", tmp_path / "c" / "n.annstudio")
    assert load(tmp_path / "c" / "n.annstudio").data.path == "../a/t.csv"


def test_a_loss_that_explodes_is_told_and_the_last_good_weights_are_kept(capsys, tmp_path):
    wild = load(SAMPLES / "three-layer-forward.annstudio")
    optimizer = wild.settings.optimizer.model_copy(update={"learning_rate": 1000.0})
    path, out = tmp_path / "wild.annstudio", tmp_path / "out.annstudio"
    save(replace(wild, settings=wild.settings.model_copy(update={"optimizer": optimizer})), path, {})
    assert run(["train", str(path), "--out", str(out), "--json"]) == 2
    told = capsys.readouterr()
    assert last_object(told.out)["reason"] == "not finite"
    assert told.err.count("\n") == 1
    assert "no longer a finite number" in told.err
    assert all(np.isfinite(array).all() for array in load(out).weights.values())


def _has_terminals():
    """Whether a terminal can be had: a bare system may have the device and nothing behind it."""
    try:
        ends = os.openpty()
    except (AttributeError, OSError):
        return False
    for end in ends:
        os.close(end)
    return True


@pytest.mark.skipif(not _has_terminals(), reason="this system has no terminals to be had")
def test_on_a_terminal_there_is_a_progress_bar_and_ctrl_c_keeps_what_was_learned(tmp_path):
    out = tmp_path / "o.annstudio"
    terminal, its_end = os.openpty()
    child = subprocess.Popen(
        [sys.executable, "-m", "annstudio", "train", XOR, "--epochs", "10000000", "--out", out, "--json"],
        stdout=subprocess.PIPE, stderr=its_end, text=True,
    )  # fmt: skip
    try:
        seen = b""
        while b"loss" not in seen:
            assert select.select([terminal], [], [], 30)[0], seen
            seen += os.read(terminal, 4096)
        assert b"examples/s" in seen
        child.send_signal(signal.SIGINT)
        told, _ = child.communicate(timeout=20)
    finally:
        child.kill()
        child.wait()
        child.stdout.close()
        os.close(terminal)
        os.close(its_end)
    assert child.returncode == 130
    result = last_object(told)
    assert result["reason"] == "paused"
    assert load(out).progress.step == result["steps"] > 0
