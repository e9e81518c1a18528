"""The command line called in a process of its own, and in this one."""

import json
import os
import subprocess
import sys

from annstudio.cli import run
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


def mistaken(capsys, *arguments) -> str:
    assert run([str(argument) for argument in arguments]) == 2
    told = capsys.readouterr().err
    assert told.startswith("annstudio: ")
    assert told.count("\n") == 1
    assert "Traceback" not in told
    return told


def rounded(number: float) -> str:
    return f"{number:.9f}"
