"""The command line with data in NumPy's files that are not read into memory."""

import numpy as np
import pytest

from annstudio.cli import run
from annstudio.data import archive, arrays, base
from annstudio.data.base import parse_source
from annstudio.formats.studio import load, save
from annstudio.layers.base import make
from annstudio.training import batches
from tests.builders import chain, project


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """A project beside x.npy and y.npy, both of them large."""
    for module in (archive, arrays, base):
        monkeypatch.setattr(module, "LARGE_BYTES", 0)
    monkeypatch.setattr(batches, "WHOLE_BYTES", 0)
    monkeypatch.setattr(base, "MANY", 100)
    rng = np.random.default_rng(1)
    y = rng.integers(0, 3, 500)
    np.save(tmp_path / "x.npy", (100 + 50 * np.eye(3)[y] + rng.normal(0, 5, (500, 3))).astype(np.uint8))
    np.save(tmp_path / "y.npy", y.astype(np.int16))
    graph = chain(
        make("Input", {"shape": (3,)}), make("Dense", {"units": 3, "activation": "softmax"}),
        make("Loss", {"function": "cross_entropy"}),
    )  # fmt: skip
    data = parse_source({"kind": "npy", "path": "x.npy", "targets": "y.npy", "divide_by": 255})
    settings = {"epochs": 8, "validation_share": 0.2, "optimizer": {"kind": "adam", "learning_rate": 0.1}}
    made = project(graph, data, **settings)
    save(made, tmp_path / "net.annstudio", {})
    return tmp_path


def test_it_trains_and_the_trained_project_finds_the_files_from_elsewhere(folder, capsys):
    (folder / "out").mkdir()
    out = folder / "out" / "trained.annstudio"
    assert run(["train", str(folder / "net.annstudio"), "--out", str(out)]) == 0
    assert "accuracy 100.0%" in capsys.readouterr().out
    found = load(out).data
    assert (found.path, found.targets) == ("../x.npy", "../y.npy")
    assert run(["check", str(out)]) == 0
    assert run(["explain", str(out), "--sample", "499"]) == 0


def test_a_file_that_is_missing_damaged_or_changed_is_told_in_one_line(folder, capsys):
    whole = (folder / "x.npy").read_bytes()
    (folder / "x.npy").write_bytes(whole[:-1])
    assert run(["train", str(folder / "net.annstudio")]) == 2
    said = capsys.readouterr().err
    assert said.count("\n") == 1
    assert "x.npy is not an .npy file, or it is damaged" in said
    (folder / "y.npy").unlink()
    assert run(["train", str(folder / "net.annstudio")]) == 2
    assert "y.npy does not exist" in capsys.readouterr().err
