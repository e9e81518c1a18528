"""What holds for every test: no screen needed, no user's file touched, nothing left running, the same examples anew."""

import gc
import os
import shutil
import sys
import tempfile
import threading
import time
import weakref
from collections.abc import Iterator
from itertools import count
from pathlib import Path

import pytest
from hypothesis import settings

# Before NumPy and Qt are loaded: the step under Xvfb has set xcb, every other run needs no screen.
os.environ.setdefault("QT_QPA_PLATFORM", "offscreen")
# Two pytest workers with two BLAS threads each on two cores only stand in each other's way.
for _name in ("OPENBLAS_NUM_THREADS", "OMP_NUM_THREADS", "MKL_NUM_THREADS", "VECLIB_MAXIMUM_THREADS"):
    os.environ[_name] = "1"

# A home of this run's own. Folders of settings are fresh for every test (see _own_settings); caches may be shared.
_HOME = Path(tempfile.mkdtemp(prefix="annstudio-tests-"))
for _name in ("HOME", "USERPROFILE", "APPDATA", "LOCALAPPDATA"):
    os.environ[_name] = str(_HOME)
os.environ["XDG_CACHE_HOME"] = str(_HOME / "cache")
if "XDG_RUNTIME_DIR" not in os.environ:  # Qt warns when it has to make one up.
    (_HOME / "runtime").mkdir(mode=0o700)
    os.environ["XDG_RUNTIME_DIR"] = str(_HOME / "runtime")

# Arithmetic takes its time on a busy machine, and a red run must be red again: no deadline, no dice where it is judged.
settings.register_profile("dev", deadline=None)
settings.register_profile("ci", deadline=None, derandomize=True, database=None, print_blob=True)
settings.register_profile("thorough", deadline=None, max_examples=2000)
settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE") or ("ci" if os.environ.get("CI") else "dev"))

_numbers = count()
_started_timers: list = []  # Weak references to every QTimer started in the test that is running.


def pytest_unconfigure(config: pytest.Config) -> None:
    shutil.rmtree(_HOME, ignore_errors=True)


@pytest.fixture(autouse=True)
def _own_settings(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whatever a test keeps (settings, recent files, autosaves) goes to a folder that no other test sees."""
    folder = _HOME / str(next(_numbers))
    monkeypatch.setenv("XDG_CONFIG_HOME", str(folder / "config"))
    monkeypatch.setenv("XDG_DATA_HOME", str(folder / "data"))
    monkeypatch.setenv("XDG_STATE_HOME", str(folder / "state"))
    core = sys.modules.get("PySide6.QtCore")
    if core is not None:
        core.QStandardPaths.setTestModeEnabled(True)
        for form in (core.QSettings.Format.NativeFormat, core.QSettings.Format.IniFormat):
            core.QSettings.setPath(form, core.QSettings.Scope.UserScope, str(folder / "config"))


@pytest.fixture(autouse=True)
def _nothing_left_behind(_own_settings: None) -> Iterator[None]:
    """Fail a test that leaves a thread, a window or a running timer: the next test would meet it."""
    threads = set(threading.enumerate())
    windows = {_address(window) for window in _windows()}
    _note_started_timers()
    _started_timers.clear()
    yield
    left = [f"thread {thread.name!r}" for thread in _threads_besides(threads)]
    left += [f"window {_name_of(window)}" for window in _windows_besides(windows)]
    left += [f"running timer {_name_of(timer)}" for timer in _running_timers()]
    if left:
        pytest.fail(f"The test left behind: {', '.join(left)}.", pytrace=False)


# ------------------------------------------------------------------------------------------------ threads


def _threads_besides(before: set[threading.Thread]) -> list[threading.Thread]:
    """Threads that are still alive; one that is just ending gets the moment that it needs."""
    end = time.monotonic() + 0.5
    while True:
        # tqdm keeps one thread for all its bars until the process ends.
        left = [t for t in threading.enumerate() if t not in before and type(t).__name__ != "TMonitor"]
        if not left or time.monotonic() > end:
            return left
        time.sleep(0.005)


# ---------------------------------------------------------- windows and timers, only where Qt is loaded


def _windows() -> list:
    widgets = sys.modules.get("PySide6.QtWidgets")
    if widgets is None or widgets.QApplication.instance() is None:
        return []
    # Qt keeps the last tool tip's window for the next one.
    return [w for w in widgets.QApplication.topLevelWidgets() if w.metaObject().className() != "QTipLabel"]


def _windows_besides(before: set[int]) -> list:
    if not _windows():
        return []
    left = _new_windows(before)
    if left:
        del left[:]
        gc.collect()  # Costly, so only now: the window may hang in a circle of Python references.
        left = _new_windows(before)
    return left


def _new_windows(before: set[int]) -> list:
    core = sys.modules["PySide6.QtCore"]
    core.QCoreApplication.sendPostedEvents(None, core.QEvent.Type.DeferredDelete)
    return [window for window in _windows() if _address(window) not in before]


def _address(window: object) -> int:
    return sys.modules["shiboken6"].getCppPointer(window)[0]


def _running_timers() -> list:
    shiboken = sys.modules.get("shiboken6")
    timers = [timer for ref in _started_timers if (timer := ref()) is not None]
    return [timer for timer in timers if shiboken.isValid(timer) and timer.isActive()]


def _note_started_timers() -> None:
    """Make QTimer.start note its timer, once, where Qt is loaded: Qt has no list of running timers."""
    core = sys.modules.get("PySide6.QtCore")
    if core is None or hasattr(core.QTimer.start, "notes"):
        return
    start = core.QTimer.start

    def noted_start(timer, *args, **kwargs):
        _started_timers.append(weakref.ref(timer))
        return start(timer, *args, **kwargs)

    noted_start.notes = True
    core.QTimer.start = noted_start


def _name_of(thing) -> str:
    title = thing.windowTitle() if hasattr(thing, "windowTitle") else ""
    return " ".join(filter(None, [type(thing).__name__, thing.objectName(), title and repr(title)]))
