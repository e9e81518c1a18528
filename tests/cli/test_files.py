"""Predictions and files from the command line."""

from dataclasses import replace

import numpy as np
import pytest
from safetensors.numpy import load_file

from annstudio.data.base import parse_source
from annstudio.document.network import Network
from annstudio.formats.samples import samples
from annstudio.formats.studio import load, save
from annstudio.places import SAMPLES
from tests.builders import assert_same_arrays
from tests.cli.calls import EXAMPLE, XOR, done, mistaken

# ------------------------------------------------------------------------------------------- predict


def test_predict_gives_what_the_network_gives(capsys, tmp_path):
    path = SAMPLES / "digits-cnn.annstudio"
    x = Network(load(path)).need_dataset().columns["x"].values[:5]
    np.savez(tmp_path / "x.npz", anything=x)
    told = done(capsys, "predict", path, "--input", tmp_path / "x.npz", "--output", tmp_path / "y.npz")
    assert "output 5×10" in told
    with np.load(tmp_path / "y.npz") as arrays:
        np.testing.assert_array_equal(arrays["output"], Network(load(path)).predict({"x": x})["output"])
        np.testing.assert_allclose(arrays["output"].sum(1), 1, rtol=1e-5)


@pytest.mark.parametrize(
    "arrays",
    [{"x": np.zeros((5, 3))}, {"x": np.zeros(2)}, {"x": np.zeros((0, 2))}, {"a": np.zeros((5, 2)), "b": np.zeros(5)}],
    ids=["another shape", "no examples first", "nothing", "two of unknown name"],
)
def test_predict_refuses_what_does_not_fit(capsys, tmp_path, arrays):
    np.savez(tmp_path / "x.npz", **arrays)
    mistaken(capsys, "predict", XOR, "--input", tmp_path / "x.npz", "--output", tmp_path / "y.npz")
    assert not (tmp_path / "y.npz").exists()


# --------------------------------------------------------------------------------------------- files


def test_weights_go_round_through_every_format_and_back(capsys, tmp_path):
    start = tmp_path / "a.annstudio"
    done(capsys, "train", XOR, "--epochs", 1, "--out", start)
    weights = load(start).weights
    for middle in ("w.npz", "w.safetensors"):
        target = tmp_path / f"{middle}.annstudio"
        done(capsys, "convert", XOR, target)
        done(capsys, "convert", start, tmp_path / middle)
        done(capsys, "convert", tmp_path / middle, target)
        assert_same_arrays(load(target).weights, weights)
        assert load(target).data == load(XOR).data
    done(capsys, "convert", tmp_path / "w.safetensors", tmp_path / "new.annstudio")
    assert list(load(tmp_path / "new.annstudio").graph.nodes) == list(load(XOR).graph.nodes)
    done(capsys, "convert", start, tmp_path / "w64.npz", "--float64")
    with np.load(tmp_path / "w64.npz") as arrays:
        assert {arrays[key].dtype for key in arrays} == {np.dtype(float)}


@pytest.mark.parametrize("dtype", ["float16", "float32", "float64"])
def test_weights_are_written_in_the_number_format_asked_for(capsys, tmp_path, dtype):
    kept = tmp_path / "kept.annstudio"
    done(capsys, "train", XOR, "--epochs", 1, "--out", kept, "--export", tmp_path / "a.npz", "--dtype", dtype)
    done(capsys, "convert", kept, tmp_path / "b.safetensors", "--dtype", dtype)
    with np.load(tmp_path / "a.npz") as arrays:
        assert {arrays[key].dtype for key in arrays} == {np.dtype(dtype)}
        again = load_file(tmp_path / "b.safetensors")
        assert_same_arrays(again, arrays)
        assert {array.dtype for array in again.values()} == {np.dtype(dtype)}
    # A project keeps its own numbers; read again they are those of the file.
    assert {array.dtype for array in load(kept).weights.values()} == {np.dtype(np.float32)}
    done(capsys, "convert", tmp_path / "a.npz", kept)
    for key, array in load(kept).weights.items():
        np.testing.assert_array_equal(array, load_file(tmp_path / "b.safetensors")[key].astype(array.dtype))


def test_a_number_format_that_is_none_or_too_small_is_refused_in_words(capsys, tmp_path):
    assert "'float16'" in mistaken(capsys, "convert", XOR, tmp_path / "w.npz", "--dtype", "float8")
    np.savez(tmp_path / "big.npz", **{"a/W": np.array([[1e6]])})
    said = mistaken(capsys, "convert", tmp_path / "big.npz", tmp_path / "small.npz", "--dtype", "float16")
    assert "a/W holds 1e+06; float16 goes from -65504 to 65504." in said
    assert not (tmp_path / "small.npz").exists()


def test_convert_says_what_is_lost_and_refuses_what_does_not_fit(capsys, tmp_path):
    assert "Only the weights" in done(capsys, "convert", XOR, tmp_path / "w.npz")
    assert "no drawing" in mistaken(capsys, "convert", tmp_path / "w.npz", tmp_path / "new.annstudio")
    done(capsys, "convert", EXAMPLE, tmp_path / "e.annstudio")
    before = (tmp_path / "e.annstudio").read_bytes()
    assert "shape" in mistaken(capsys, "convert", tmp_path / "w.npz", tmp_path / "e.annstudio")
    assert (tmp_path / "e.annstudio").read_bytes() == before


def test_check_says_what_is_in_a_file(capsys, tmp_path):
    told = done(capsys, "check", SAMPLES / "digits-cnn.annstudio")
    assert "9,930 weights; all in order." in told
    assert "8×8×16" in told
    done(capsys, "convert", XOR, tmp_path / "w.npz")
    assert "hidden/W" in done(capsys, "check", tmp_path / "w.npz")
    cut = load(XOR)
    cut = replace(cut, graph=cut.graph.disconnect(cut.graph.into("output")[0]))
    save(cut, tmp_path / "cut.annstudio", {})
    assert "output needs an input" in mistaken(capsys, "check", tmp_path / "cut.annstudio")
    lost = replace(cut, data=parse_source({"kind": "csv", "path": "gone.csv"}))
    save(lost, tmp_path / "lost.annstudio", {})
    assert "gone.csv does not exist" in mistaken(capsys, "check", tmp_path / "lost.annstudio")
    assert "gone.csv does not exist" in mistaken(capsys, "train", tmp_path / "lost.annstudio")


def test_samples_are_listed_and_copied(capsys, tmp_path):
    told = done(capsys, "samples")
    for sample in samples():
        assert sample.name in told
        assert sample.title in told
    done(capsys, "samples", "--copy", tmp_path / "new")
    assert {file.name for file in (tmp_path / "new").iterdir()} == {sample.path.name for sample in samples()}
    assert "already" in mistaken(capsys, "samples", "--copy", tmp_path / "new")
