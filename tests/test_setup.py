"""Setting up: what it says where it cannot go on, that it is done only once, and that the locks are fit to share."""

import ast
import importlib.util
import re
import tomllib
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
LOCKS = [ROOT / "requirements" / name for name in ("run.lock", "test.lock")]
ORACLES = ROOT / "requirements" / "oracles.lock"


@pytest.fixture
def setup(monkeypatch):
    spec = importlib.util.spec_from_file_location("tools_setup", ROOT / "tools" / "setup.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)

    def refuse(*command, **_):
        raise AssertionError(f"ran {command}")

    monkeypatch.setattr(module.subprocess, "run", refuse)
    return module


def test_an_old_python_is_told_so(setup, monkeypatch, capsys):
    monkeypatch.setattr(setup.sys, "version_info", (3, 9, 2))
    assert setup.main(["run"]) == 1
    said = capsys.readouterr().err
    assert "Python 3.11 or newer" in said
    assert "make run PYTHON=" in said


def test_an_old_python_can_read_it():
    """The message comes too late if the file does not even parse."""
    ast.parse((ROOT / "tools" / "setup.py").read_text(encoding="utf-8"), feature_version=(3, 8))


def test_without_rights_the_exact_command_is_printed(setup, monkeypatch, capsys):
    monkeypatch.setattr(setup, "_stamped", lambda purpose: "")
    monkeypatch.setattr(setup.sys, "platform", "linux")
    monkeypatch.setattr(setup.shutil, "which", lambda program: None if program == "xdotool" else f"/usr/bin/{program}")
    monkeypatch.setattr(setup.os, "geteuid", lambda: 1000, raising=False)
    monkeypatch.setitem(setup.LIBRARIES, "libegl1", "libthatnobodyhas.so.1")
    assert setup.main(["test"]) == 1
    (command,) = [line.strip() for line in capsys.readouterr().err.splitlines() if "sudo" in line]
    assert command.startswith("sudo apt-get update && sudo apt-get install -y --no-install-recommends ")
    assert {"libegl1", "xdotool"} <= set(command.split())


@pytest.mark.parametrize("platform", ["darwin", "win32"])
def test_other_systems_need_no_packages(setup, monkeypatch, platform):
    monkeypatch.setattr(setup.sys, "platform", platform)
    monkeypatch.setitem(setup.LIBRARIES, "libegl1", "libthatnobodyhas.so.1")
    assert setup._provide_system_packages("test")


def test_the_second_time_nothing_is_done(setup, monkeypatch, capsys):
    monkeypatch.setattr(setup, "_stamped", lambda purpose: setup._fingerprint(setup.LOCKS[purpose]))
    assert setup.main(["run"]) == 0
    assert capsys.readouterr() == ("", "")


def test_only_the_oracles_take_options(setup, capsys):
    assert setup.main(["test", "--upgrade"]) == 2
    assert setup.main(["peers"]) == 2
    assert setup.main([]) == 2
    assert capsys.readouterr().err.count("usage:") == 3


def test_the_peers_are_pinned_and_change_nothing_that_is_locked(setup, monkeypatch):
    given = []
    monkeypatch.setattr(setup, "_stamped", lambda purpose: setup._fingerprint("test.lock") if purpose == "test" else "")
    monkeypatch.setattr(setup, "_pip", lambda *arguments: given.append(arguments))
    assert setup.main(["oracles", "--extra-index-url", "there"]) == 1, "pip was refused"
    ((flag, lock, *rest),) = given
    assert (flag, Path(lock)) == ("-c", ORACLES)
    assert rest[:2] == ["--extra-index-url", "there"]
    assert "torch==2.13.0" in rest
    pins, locked = _pinned(ORACLES), _pinned(LOCKS[1])
    assert {*_names(rest[2:])} <= set(pins)
    assert all(locked[name] == version for name, version in pins.items() if name in locked)
    assert "://" not in ORACLES.read_text(encoding="utf-8")


@pytest.mark.parametrize("lock", LOCKS, ids=lambda path: path.name)
def test_a_lock_is_for_everyone(lock):
    """Names, versions and hashes; nothing of where the machine that made it gets its files."""
    text = lock.read_text(encoding="utf-8")
    assert not re.search(r"://|--\w*-?index|--find-links|--trusted-host| @ |file:", text)
    blocks = re.findall(r"^[a-z].*(?:\n    --hash.*)*", text, re.MULTILINE)
    assert all("==" in block and "--hash=sha256:" in block for block in blocks)


def test_the_locks_hold_what_the_project_asks_for():
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    run, test = (_pinned(lock) for lock in LOCKS)
    extras = project["project"]["optional-dependencies"]
    assert _names(project["project"]["dependencies"]) <= set(run)
    assert _names(project["dependency-groups"]["build"]) <= set(run)
    assert _names(extras["test"] + extras["lint"]) <= set(test)
    assert run.items() <= test.items()


def _pinned(lock: Path) -> dict[str, str]:
    return dict(re.findall(r"^([a-z0-9-]+)==(\S+)", lock.read_text(encoding="utf-8"), re.MULTILINE))


def _names(requirements: list[str]) -> set[str]:
    return {re.match(r"[\w.-]+", requirement)[0].lower().replace("_", "-") for requirement in requirements}
