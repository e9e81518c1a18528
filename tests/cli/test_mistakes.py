"""Mistakes are told in one line, with an exit code and never a traceback; and what comes without a display."""

import os
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace

import pytest
from click.testing import CliRunner

import annstudio.ui as annstudio_ui
from annstudio.cli import main, run
from annstudio.formats.studio import load
from annstudio.places import SAMPLES
from tests.cli.calls import EXAMPLE, XOR, annstudio, done, last_object, mistaken, rounded

# ------------------------------------------------------------------------------------------ mistakes


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
    monkeypatch.setattr("annstudio.cli.explaining.load", lambda path: 1 / 0)
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
