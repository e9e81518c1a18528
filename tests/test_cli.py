"""The command line as scripts meet it: figures, files, exit codes, one line for a mistake and never a traceback."""

import json
import os
import select
import signal
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
from click.testing import CliRunner
from safetensors.numpy import load_file

import annstudio.ui as annstudio_ui
from annstudio.cli import main, run
from annstudio.data.base import parse_source
from annstudio.document.network import Network
from annstudio.formats.samples import samples
from annstudio.formats.studio import load, save
from annstudio.places import SAMPLES

EXAMPLE = SAMPLES / "worked-example.annstudio"
BIASES = SAMPLES / "worked-example-biases.annstudio"
XOR = SAMPLES / "xor.annstudio"


def annstudio(*arguments, cwd=None, **environment) -> subprocess.CompletedProcess:
    """The program in a process of its own, without a display."""
    hidden = ("DISPLAY", "WAYLAND_DISPLAY", "OPENBLAS_NUM_THREADS", "OMP_NUM_THREADS", "MKL_NUM_THREADS")
    settings = {key: value for key, value in os.environ.items() if key not in hidden}
    return subprocess.run(
        [sys.executable, "-m", "annstudio", *map(str, arguments)], capture_output=True, text=True, check=False,
        cwd=cwd, env={**settings, **environment}, timeout=100,
    )  # fmt: skip


def done(capsys, *arguments) -> str:
    """Run it here; what it printed."""
    assert run([str(argument) for argument in arguments]) == 0
    return capsys.readouterr().out


def last_object(text: str) -> dict:
    def refuse(token):
        raise AssertionError(f"{token} is not JSON")

    return json.loads(text.splitlines()[-1], parse_constant=refuse)


# --------------------------------------------------------------------------------- the worked example


def rounded(number: float) -> str:
    return f"{number:.9f}"


def test_the_worked_example_has_every_printed_figure(capsys):
    found = last_object(done(capsys, "explain", EXAMPLE, "--weight", "output.W[0,0]", "--json"))
    layers = {layer["name"]: layer for layer in found["layers"]}
    assert rounded(found["loss"]) == "0.298371109"
    assert [rounded(number) for number in layers["hidden"]["output"]] == ["0.593269992", "0.596884378"]
    assert rounded(layers["output"]["net"][0]) == "1.105905967"
    assert [rounded(number) for number in layers["output"]["output"]] == ["0.751365070", "0.772928465"]
    assert found["value"] == 0.4
    assert rounded(found["gradient"]) == "0.082167041"
    assert rounded(found["finite_difference"]) == "0.082167041"
    assert [rounded(factor["number"]) for factor in found["factors"]] == ["0.741365070", "0.186815602", "0.593269992"]
    assert np.prod([factor["number"] for factor in found["factors"]]) == pytest.approx(found["gradient"], rel=1e-12)
    assert all(factor["symbol"] for factor in found["factors"])
    # ∂E/∂net of the output units is ∂E/∂out · ∂out/∂net.
    assert layers["output"]["delta"][0] == pytest.approx(0.741365069 * 0.186815602, rel=1e-8)
    assert layers["input"]["net"] is None
    assert found["layers"][0]["output"] == [0.05, 0.1]


UPDATED = {
    "output.W[0,0]": "0.358916480",
    "output.W[0,1]": "0.408666186",
    "output.W[1,0]": "0.511301270",
    "output/W[1,1]": "0.561370121",
    "hidden.W[0,0]": "0.149780716",
    "hidden/W[0,1]": "0.199561432",
    "hidden.W[1,0]": "0.249751144",
    " hidden.W[ 1 , 1 ] ": "0.299502287",
    "output.b[0]": "0.600000000",
}


@pytest.mark.parametrize("weight", UPDATED)
def test_the_worked_example_has_every_printed_update(capsys, weight):
    found = last_object(done(capsys, "explain", EXAMPLE, "--weight", weight, "--json"))
    assert rounded(found["after_update"]) == UPDATED[weight]


@pytest.mark.parametrize(
    ("sample", "after_one", "after_many"),
    [(EXAMPLE, "0.291027774", "3.51019e-05"), (BIASES, "0.280471447", "2.44756e-06")],
    ids=["biases held", "biases learned"],
)
def test_the_worked_example_learns_as_printed(capsys, tmp_path, sample, after_one, after_many):
    for epochs, told in ((1, after_one), (10_000, after_many)):
        out = tmp_path / f"{epochs}.annstudio"
        result = last_object(done(capsys, "train", sample, "--epochs", epochs, "--out", out, "--json"))
        assert result["epochs"] == epochs
        loss = last_object(done(capsys, "explain", out, "--json"))["loss"]
        assert told in (rounded(loss), f"{loss:.6g}")


def test_three_layers_forward_are_plain_numpy(capsys):
    path = SAMPLES / "three-layer-forward.annstudio"
    w = load(path).weights
    data = Network(load(path)).need_dataset().columns["x"].values
    for sample, x in enumerate(data):

        def f(net):
            return 1 / (1 + np.exp(-net))

        h1 = f(w["hidden_1/W"] @ x + w["hidden_1/b"])
        h2 = f(w["hidden_2/W"] @ h1 + w["hidden_2/b"])
        out = w["output/W"] @ h2 + w["output/b"]
        found = last_object(done(capsys, "explain", path, "--sample", sample, "--json"))
        told = {layer["name"]: layer["output"] for layer in found["layers"]}
        for name, wanted in (("hidden_1", h1), ("hidden_2", h2), ("output", out)):
            np.testing.assert_allclose(told[name], wanted, rtol=0, atol=1e-12)


def test_explain_in_words(capsys):
    told = done(capsys, "explain", EXAMPLE, "--weight", "output.W[0,0]")
    for words in ("0.2983711", "net    1.10590597", "∂E/∂out", "= 0.0821670406", "after the update 0.35891648"):
        assert words in told
    told = done(capsys, "explain", SAMPLES / "digits-cnn.annstudio", "--sample", 3)
    assert "8×8×16 numbers from" in told


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
    for key, array in load(first).weights.items():
        np.testing.assert_array_equal(array, load(anew).weights[key])


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
        for key, array in load(target).weights.items():
            np.testing.assert_array_equal(array, weights[key])
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
        for key, array in load_file(tmp_path / "b.safetensors").items():
            np.testing.assert_array_equal(array, arrays[key])
            assert array.dtype == dtype
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


# ------------------------------------------------------------------------------------------ mistakes


def mistaken(capsys, *arguments) -> str:
    assert run([str(argument) for argument in arguments]) == 2
    told = capsys.readouterr().err
    assert told.startswith("annstudio: ")
    assert told.count("\n") == 1
    assert "Traceback" not in told
    return told


MISTAKES = {
    "mistyped command": (["trian"], "train"),
    "mistyped command with a file": (["trian", XOR], "train"),
    "missing file": (["train", "nowhere.annstudio"], "no file"),
    "missing argument": (["train"], "PROJECT"),
    "unknown option": (["train", XOR, "--speed", "1"], "--speed"),
    "unknown option of none": (["--speed"], "--speed"),
    "no number": (["train", XOR, "--epochs", "many"], "many"),
    "no epochs": (["train", XOR, "--epochs", "0"], "--epochs"),
    "negative seed": (["train", XOR, "--seed", "-1"], "--seed"),
    "unwritable export": (["train", XOR, "--export", "w.docx"], ".docx"),
    "missing folder": (["train", XOR, "--export", "no/where/w.npz"], "folder"),
    "weights as project": (["train", XOR, "--out", "w.npz"], ".annstudio"),
    "no weight": (["explain", XOR, "--weight", "hidden"], "hidden.W[0,1]"),
    "unknown layer": (["explain", XOR, "--weight", "hiden.W[0,1]"], "hidden/W"),
    "weight out of range": (["explain", XOR, "--weight", "hidden.W[4,0]"], "(4, 2)"),
    "weight below zero": (["explain", XOR, "--weight", "hidden.W[-1,0]"], "from 0"),
    "too few places": (["explain", XOR, "--weight", "hidden.W[1]"], "(4, 2)"),
    "example out of range": (["explain", XOR, "--sample", "200"], "0 to 199"),
    "unknown format": (["convert", XOR, "w.onyx"], ".onyx"),
    "not a project": (["check", SAMPLES / "data" / "digits.npz"], "digits.npz"),
    "results as text": (["predict", XOR, "--input", "x.npz", "--output", "y.txt"], ".npz"),
}


@pytest.mark.parametrize(("arguments", "words"), MISTAKES.values(), ids=MISTAKES)
def test_a_mistake_is_told_in_one_line(capsys, tmp_path, monkeypatch, arguments, words):
    monkeypatch.chdir(tmp_path)
    assert words in mistaken(capsys, *arguments)


def test_exit_codes_of_the_real_program(tmp_path):
    (tmp_path / "bad.annstudio").write_bytes(b"not a project")
    for arguments in (["train", "bad.annstudio"], ["explain", "gone.annstudio"], ["check"]):
        told = annstudio(*arguments, cwd=tmp_path)
        assert told.returncode == 2
        assert told.stdout == ""
        assert told.stderr.count("\n") == 1
        assert "Traceback" not in told.stderr
    told = annstudio("explain", EXAMPLE, "--json", cwd=tmp_path)
    assert (told.returncode, told.stderr) == (0, "")
    assert rounded(last_object(told.stdout)["loss"]) == "0.298371109"


def test_a_defect_of_ours_is_a_traceback_and_1(capsys, monkeypatch):
    monkeypatch.setattr("annstudio.cli.looking.load", lambda path: 1 / 0)
    assert run(["explain", str(XOR)]) == 1
    assert "ZeroDivisionError" in capsys.readouterr().err


def test_output_in_a_terminal_of_few_letters(tmp_path):
    told = annstudio("explain", EXAMPLE, "--weight", "output.W[0,0]", "--json", PYTHONIOENCODING="ascii")
    assert told.returncode == 0
    assert last_object(told.stdout)["factors"][0]["symbol"].startswith("∂")
    assert annstudio("check", EXAMPLE, PYTHONIOENCODING="ascii").returncode == 0


def test_help_and_version(capsys):
    assert "convert" in done(capsys, "--help")
    assert "--weight" in done(capsys, "explain", "--help")
    assert "0.1" in done(capsys, "--version")
    assert CliRunner().invoke(main, ["--help"]).exit_code == 0


def test_blas_is_told_to_use_one_thread_unless_the_user_says_otherwise():
    script = (
        "import os, sys, runpy; sys.argv = ['annstudio', '--version']\n"
        "import annstudio.__main__\n"
        "assert 'numpy' not in sys.modules\n"
        "print(os.environ['OPENBLAS_NUM_THREADS'], os.environ['OMP_NUM_THREADS'], os.environ['MKL_NUM_THREADS'])"
    )
    bare = {key: value for key, value in os.environ.items() if not key.endswith("_NUM_THREADS")}
    for extra, told in (({}, "1 1 1"), ({"OMP_NUM_THREADS": "7"}, "1 7 1")):
        found = subprocess.run(
            [sys.executable, "-c", script], capture_output=True, text=True, check=True, env={**bare, **extra}
        )
        assert found.stdout.strip() == told


# ------------------------------------------------------------------------------------ without display


def test_without_a_display_the_job_is_done_all_the_same(tmp_path):
    told = annstudio(XOR, "--out", tmp_path / "results", cwd=tmp_path)
    assert (told.returncode, told.stderr) == (0, "")
    assert "no display" in told.stdout
    names = {file.name for file in (tmp_path / "results").iterdir()}
    assert names == {"xor.annstudio", "xor.npz", "xor.safetensors", "window.png"}
    assert (tmp_path / "results" / "window.png").read_bytes().startswith(b"\x89PNG")
    assert load(tmp_path / "results" / "xor.annstudio").progress.epoch == load(XOR).settings.epochs


def test_without_qt_there_is_no_picture_but_all_the_rest(tmp_path):
    script = "import sys; sys.modules['PySide6'] = None; from annstudio.cli import run; sys.exit(run(sys.argv[1:]))"
    told = subprocess.run(
        [sys.executable, "-c", script, EXAMPLE, "--out", "results"], capture_output=True, text=True, check=False,
        cwd=tmp_path, env={key: value for key, value in os.environ.items() if "DISPLAY" not in key},
    )  # fmt: skip
    assert told.returncode == 0
    assert "no picture of the window: Qt cannot be loaded" in told.stderr
    assert told.stderr.count("\n") == 1
    assert len(list((tmp_path / "results").iterdir())) == 3


@pytest.mark.parametrize("arguments", [[], [str(XOR)]], ids=["alone", "with a file"])
def test_with_a_display_the_window_is_opened(monkeypatch, arguments):
    opened = []
    app = SimpleNamespace(run=lambda file: opened.append(file) or 0)
    monkeypatch.setattr(annstudio_ui, "app", app, raising=False)
    monkeypatch.setitem(sys.modules, "annstudio.ui.app", app)
    monkeypatch.setenv("DISPLAY", ":7")
    monkeypatch.delenv("QT_QPA_PLATFORM", raising=False)
    assert run(arguments) == 0
    assert opened == [Path(arguments[0]) if arguments else None]


def test_a_folder_for_results_that_cannot_be_made_is_told(capsys, monkeypatch, tmp_path):
    monkeypatch.delenv("DISPLAY", raising=False)
    monkeypatch.delenv("WAYLAND_DISPLAY", raising=False)
    (tmp_path / "file").write_text("")
    assert "cannot be made" in mistaken(capsys, EXAMPLE, "--out", tmp_path / "file" / "results")
    assert "there is no file" in mistaken(capsys, tmp_path / "gone.annstudio").lower()
