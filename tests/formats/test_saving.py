"""No crash, kill or failed save loses what was saved before."""

import os
import random
import signal
import subprocess
import sys
import time
from dataclasses import replace

import numpy as np
import pytest

from annstudio.document.graph import Graph, Node
from annstudio.errors import FormatError
from annstudio.formats.base import ABANDONED_SECONDS, atomic_write
from annstudio.formats.schema import expected_weights
from annstudio.formats.studio import load, save
from annstudio.layers.base import make
from tests.formats.archives import store

# ------------------------------------------------------------------------------------ failed saves


def test_what_could_not_be_opened_again_is_not_written(project, tmp_path):
    path = tmp_path / "net.annstudio"
    store(project, path)
    before = path.read_bytes()
    big = Graph(
        {"in": Node("in", make("Input", {"shape": (100_000,)})), "d": Node("d", make("Dense", {"units": 9999}))}
    )
    with pytest.raises(FormatError, match=r"not saved.* weights"):
        save(replace(project, graph=big.connect("in", "d")), path, {})
    for changes in (
        {"title": "\ud800"},
        {"title": "x" * 2000},
        {"graph": Graph({"x" * 61: Node("x" * 61, make("Input", {}))})},
    ):
        with pytest.raises(FormatError, match="not saved"):
            save(replace(project, **changes), path, {})
    assert path.read_bytes() == before


@pytest.mark.parametrize("failing", ["fsync", "replace", "fdopen", "open"])
def test_a_full_disk_leaves_the_old_file_whole(project, failing, tmp_path, monkeypatch):
    path = tmp_path / "net.annstudio"
    store(project, path)
    before = path.read_bytes()

    def fail(*arguments):
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr(os, failing, fail)
        with pytest.raises(FormatError, match="no space left on device") as caught:
            save(replace(project, title="new"), path, {})
    assert "unchanged" in caught.value.hint
    assert path.read_bytes() == before
    assert [file.name for file in tmp_path.iterdir()] == ["net.annstudio"]


def test_an_unwritable_target_is_told(project, tmp_path):
    for path in (tmp_path / "no" / "such" / "folder.annstudio", tmp_path, tmp_path / ("x" * 300)):
        with pytest.raises(FormatError, match="could not be written"):
            save(project, path, {})
    if os.geteuid():
        tmp_path.chmod(0o500)
        with pytest.raises(FormatError, match="could not be written"):
            save(project, tmp_path / "net.annstudio", {})
        tmp_path.chmod(0o700)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.skipif(os.name == "nt", reason="modes and links of POSIX")
def test_mode_and_link_of_the_old_file_stay(project, tmp_path):
    file, link = tmp_path / "net.annstudio", tmp_path / "link.annstudio"
    store(project, file)
    file.chmod(0o640)
    link.symlink_to(file)
    store(replace(project, title="new"), link)
    assert link.is_symlink()
    assert load(file).title == "new"
    assert file.stat().st_mode & 0o777 == 0o640


def test_what_a_killed_save_left_behind_is_cleared_later(tmp_path):
    old, young = tmp_path / ".net.annstudio.1.saving", tmp_path / ".net.annstudio.2.saving"
    for left in (old, young, tmp_path / ".other.saving"):
        left.write_bytes(b"half")
        os.utime(left, (1, 1))
    os.utime(young, (time.time() - ABANDONED_SECONDS / 2,) * 2)
    atomic_write(tmp_path / "net.annstudio", b"whole")
    assert {file.name for file in tmp_path.iterdir()} == {"net.annstudio", young.name, ".other.saving"}


SAVING = """
import sys
from dataclasses import replace
from pathlib import Path
import numpy as np
from annstudio.formats.studio import load, save
path = Path(sys.argv[1])
project = load(path)
print("ready", flush=True)
n = int(project.title)
while True:
    n += 1
    weights = {key: np.full_like(array, n) for key, array in project.weights.items()}
    save(replace(project, title=str(n), weights=weights), path, weights)
"""


@pytest.mark.timeout(500)  # Some forty processes are started: on a machine with much else to do it takes minutes.
@pytest.mark.skipif(not hasattr(signal, "SIGKILL"), reason="a real SIGKILL")
def test_a_process_killed_while_saving_leaves_the_old_or_the_new_file(project, tmp_path):
    """Thirty-five times, at random moments, in a process that does nothing but save."""
    path = tmp_path / "net.annstudio"
    weights = {key: np.zeros(shape) for key, shape in expected_weights(project.graph).shapes.items()}
    save(replace(project, title="0", weights=weights), path, weights)
    chance = random.Random(1)
    seen = set()
    for _ in range(35):
        child = subprocess.Popen([sys.executable, "-c", SAVING, str(path)], stdout=subprocess.PIPE)
        try:
            assert child.stdout.readline() == b"ready\n"
            time.sleep(chance.uniform(0, 0.03))
        finally:
            child.send_signal(signal.SIGKILL)
            child.wait()
            child.stdout.close()
        found = load(path)
        seen.add(int(found.title))
        assert {key: array.shape for key, array in found.weights.items()} == {k: w.shape for k, w in weights.items()}
        assert all((array == int(found.title)).all() for array in found.weights.values())
    assert len(seen) > 10
