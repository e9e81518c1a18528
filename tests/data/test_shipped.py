"""Every file of samples/data comes out of its script to the byte, says whose it is, and is credited."""

import hashlib
import importlib.util
import zipfile

import pytest

from annstudio.data.archive import ORIGIN, read_archive
from annstudio.places import SAMPLES

TOOLS = SAMPLES.parent / "tools"
FILES = sorted((SAMPLES / "data").iterdir())
every = pytest.mark.parametrize("file", FILES, ids=lambda file: file.stem)


@pytest.fixture
def script(file, monkeypatch):
    """The script that made a file."""
    monkeypatch.syspath_prepend(TOOLS)
    spec = importlib.util.spec_from_file_location(file.stem, TOOLS / f"convert_{file.stem}.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@every
def test_the_file_is_what_the_script_writes(file, script, tmp_path):
    content = file.read_bytes()
    assert hashlib.sha256(content).hexdigest() == script.OUTPUT_SHA256
    assert file.name == script.OUTPUT.name
    arrays = read_archive(file, [name for name in _names(file) if name not in script.ORIGIN])
    script.write(tmp_path / file.name, arrays, script.ORIGIN, script.OUTPUT_SHA256)
    assert (tmp_path / file.name).read_bytes() == content


@every
def test_a_file_that_came_out_otherwise_is_not_written(file, script, tmp_path):
    with pytest.raises(SystemExit, match="The output has the sha256"):
        script.write(tmp_path / file.name, {}, script.ORIGIN, script.OUTPUT_SHA256)
    assert not (tmp_path / file.name).exists()


@every
def test_the_file_says_whose_it_is(file, script):
    said = {key: str(array) for key, array in read_archive(file, ORIGIN).items()}
    assert said == script.ORIGIN
    assert all(said.values())
    credits = (SAMPLES / "CREDITS.md").read_text(encoding="utf-8")
    assert f"data/{file.name}" in credits
    assert f"tools/convert_{file.stem}.py" in credits
    if said["licence"].startswith("CC BY 4.0"):
        assert (SAMPLES / "LICENSES" / "CC-BY-4.0.txt").is_file()


def test_they_stay_small():
    assert sum(file.stat().st_size for file in FILES) < 5_500_000


def _names(file):
    with zipfile.ZipFile(file) as archive:
        return [name.removesuffix(".npy") for name in archive.namelist()]
