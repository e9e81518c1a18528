"""Work that may take long is done in a thread, while the window stays alive and says what it is waiting for."""

import threading
from collections.abc import Callable
from time import perf_counter
from typing import TypeVar

from PySide6.QtCore import QEventLoop, QTimer
from PySide6.QtWidgets import QProgressDialog, QWidget

Result = TypeVar("Result")
AT_ONCE_SECONDS = 0.01
"""What takes no longer than this is simply waited for."""
SHOWN_AFTER_MS = 200
POLL_MS = 5


class GivenUp(Exception):
    """The user did not want to wait any longer; whatever the work still brings is dropped."""


def patiently(parent: QWidget, title: str, work: Callable[[], Result], *, cancel: bool = True) -> Result:
    """Do `work` in a thread and wait for it with the window alive. Raises what the work raises, or GivenUp.

    The user's keys and clicks wait, too. Work that takes longer than 0.2 s gets a dialog, with a Cancel button where
    giving up does no harm.
    """
    outcome: list[Result] = []
    trouble: list[BaseException] = []

    def run() -> None:
        try:
            outcome.append(work())
        except BaseException as error:
            trouble.append(error)

    thread = threading.Thread(target=run, name=title, daemon=True)
    thread.start()
    thread.join(AT_ONCE_SECONDS)
    if thread.is_alive():
        _wait_unseen(parent, thread)
    if thread.is_alive() and not _wait(parent, title, thread, cancel=cancel):
        raise GivenUp
    if trouble:
        raise trouble[0]
    return outcome[0]


def _wait_unseen(parent: QWidget, thread: threading.Thread) -> None:
    """Keep the window alive for as long as no dialog is worth it: it is drawn, but does nothing that the user wants."""
    loop, end = QEventLoop(), perf_counter() + SHOWN_AFTER_MS / 1000
    timer = QTimer(parent)
    timer.timeout.connect(lambda: loop.quit() if not thread.is_alive() or perf_counter() > end else None)
    timer.start(POLL_MS)
    loop.exec(QEventLoop.ProcessEventsFlag.ExcludeUserInputEvents)
    timer.stop()
    timer.deleteLater()


def _wait(parent: QWidget, title: str, thread: threading.Thread, *, cancel: bool) -> bool:
    """Keep the window alive until the thread has ended; False where the user cancelled."""
    dialog = QProgressDialog(f"{title} …", "Cancel" if cancel else "", 0, 0, parent)
    dialog.setWindowTitle(title)
    dialog.setMinimumDuration(0)
    dialog.setModal(True)
    if not cancel:
        dialog.setCancelButton(None)
    dialog.show()
    loop = QEventLoop()
    timer = QTimer(dialog)
    timer.timeout.connect(lambda: loop.quit() if not thread.is_alive() or dialog.wasCanceled() else None)
    timer.start(POLL_MS)
    loop.exec()
    timer.stop()
    given_up = dialog.wasCanceled() and thread.is_alive()
    dialog.close()
    dialog.deleteLater()
    return not given_up
