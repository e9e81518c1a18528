"""The guard of conftest.py does bark: tests that leave something behind fail, tidy ones do not."""

import os
import subprocess
import sys
from pathlib import Path

HERE = Path(__file__).resolve().parent

SUSPECTS = """
import threading
from PySide6.QtCore import QTimer, qWarning
from PySide6.QtWidgets import QWidget

kept = []

def test_bad_thread():
    threading.Thread(target=threading.Event().wait, daemon=True).start()

def test_bad_window(qtbot):
    kept.append(QWidget())

def test_bad_timer(qtbot):
    kept.append(QTimer())
    kept[-1].start(1000)

def test_bad_thread_error():
    thread = threading.Thread(target=lambda: 1 / 0)
    thread.start()
    thread.join()

def test_bad_qt_warning(qtbot):
    qWarning("something is wrong")

def test_tidy_thread():
    thread = threading.Thread(target=threading.Event().wait, args=(0.01,))
    thread.start()

def test_tidy_window(qtbot):
    window = QWidget()
    window.itself = window
    qtbot.addWidget(window)
    timer = QTimer(window)
    timer.start(1000)
"""


def test_what_is_left_behind_fails_the_test(tmp_path):
    suspects = tmp_path / "test_suspects.py"
    suspects.write_text(SUSPECTS, encoding="utf-8")
    arguments = ["-p", "conftest", "-p", "no:cacheprovider", "-c", str(HERE.parent / "pyproject.toml"), "-q", "-rfEp"]
    done = subprocess.run(
        [sys.executable, "-m", "pytest", *arguments, "--rootdir", str(tmp_path), str(suspects)],
        env={**os.environ, "PYTHONPATH": str(HERE)},
        capture_output=True,
        text=True,
        check=False,
    )
    barked = {line.partition("::")[2].split()[0] for line in done.stdout.splitlines() if line[:5] in {"ERROR", "FAILE"}}
    assert barked == {name for name in _names() if "bad" in name}, done.stdout
    passed = {line.partition("::")[2].split()[0] for line in done.stdout.splitlines() if line.startswith("PASSED")}
    assert {name for name in _names() if "tidy" in name} <= passed, done.stdout


def _names() -> list[str]:
    return [line.split()[1].partition("(")[0] for line in SUSPECTS.splitlines() if line.startswith("def ")]
