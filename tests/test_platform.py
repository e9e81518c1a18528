"""Traps of the platform that have sprung once and would spring unseen: each runs in a process of its own."""

import subprocess
import sys


def test_void_qt_calls_do_not_use_up_none():
    """PySide6 6.12.0 aborts on Python 3.10 and 3.11: every call that returns nothing takes one reference off None."""
    script = (
        "import sys\n"
        "from PySide6.QtCore import QObject\n"
        "thing = QObject()\n"
        "before = sys.getrefcount(None)\n"
        "for _ in range(10_000): thing.setObjectName('x')\n"
        "print(before - sys.getrefcount(None))"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=False)
    # The abort comes at the end of the process, after everything seemed well: only the exit code tells.
    assert done.returncode == 0, done.stderr
    assert int(done.stdout) < 100
