"""What is installed is whole: a wheel and an editable install both find the program's own files."""

import importlib.metadata
import json
import os
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

import annstudio

ROOT = Path(__file__).resolve().parent.parent
PROBE = (
    "import json, annstudio.places as p\n"
    "print(json.dumps({f.name: [str(f), sorted(x.relative_to(f).as_posix() for x in f.rglob('*') if x.is_file())]"
    " for f in (p.RESOURCES, p.SAMPLES)}))"
)


@pytest.fixture(scope="module")
def wheel(tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp("wheel")
    _pip("wheel", "--no-build-isolation", "--wheel-dir", str(folder), str(ROOT))
    (built,) = folder.glob("*.whl")
    return built


def test_the_wheel_holds_resources_and_samples(wheel):
    names = set(zipfile.ZipFile(wheel).namelist())
    assert _tracked("resources", "samples") <= {name.removeprefix("annstudio/") for name in names}
    assert {name.partition("/")[0] for name in names if ".dist-info" not in name} == {"annstudio"}


def test_an_installed_wheel_finds_its_files(wheel, tmp_path):
    target = tmp_path / "site"
    _pip("install", "--target", str(target), str(wheel))
    found = _ask({**os.environ, "PYTHONPATH": str(target)}, tmp_path)
    for name in filter(_tracked, found):
        folder, files = found[name]
        assert Path(folder) == target / "annstudio" / name
        assert {f"{name}/{file}" for file in files} >= _tracked(name)


def test_the_editable_install_finds_its_files(tmp_path):
    assert importlib.metadata.version("ann-studio") == annstudio.__version__
    (script,) = importlib.metadata.entry_points(group="console_scripts", name="annstudio")
    assert script.value == "annstudio.__main__:main"
    found = _ask({name: value for name, value in os.environ.items() if name != "PYTHONPATH"}, tmp_path)
    assert {name: Path(folder) for name, (folder, _) in found.items()} == {
        "resources": ROOT / "resources",
        "samples": ROOT / "samples",
    }


def _pip(*arguments: str) -> None:
    """Without the network: everything that is needed is here."""
    command = [sys.executable, "-m", "pip", *arguments, "--no-deps", "--no-index", "--disable-pip-version-check"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


def _ask(environment: dict[str, str], folder: Path) -> dict[str, list]:
    done = subprocess.run(
        [sys.executable, "-c", PROBE], env=environment, cwd=folder, capture_output=True, text=True, check=True
    )
    return json.loads(done.stdout)


def _tracked(*folders: str) -> set[str]:
    """The files under version control; a folder without it (an unpacked source archive) holds nothing else."""
    listed = subprocess.run(
        ["git", "-C", str(ROOT), "ls-files", "-z", *folders], capture_output=True, text=True, check=False
    )
    if listed.returncode == 0:
        return {name for name in listed.stdout.split("\0") if (ROOT / name).is_file()}
    return {
        path.relative_to(ROOT).as_posix() for folder in folders for path in (ROOT / folder).rglob("*") if path.is_file()
    }
