"""From batch to batch without keeping the window waiting: a long way is gone in a thread, and can be given up."""

from threading import Event
from time import perf_counter

from PySide6.QtWidgets import QWidget

from annstudio.explain.journey import Journey
from annstudio.ordinals import nth
from annstudio.training.course import Place
from annstudio.ui.patience import GivenUp, patiently

AT_ONCE_SECONDS = 0.1
"""What takes no longer than this is not worth a thread."""


def go(parent: QWidget, journey: Journey[Place], number: int) -> None:
    """To the start of a batch. Raises StudioError where it cannot begin, and GivenUp where the user would not wait: one
    is as far then as one got."""
    way, end = journey.way(number), perf_counter() + AT_ONCE_SECONDS
    for _ in way:
        if perf_counter() > end:
            break
    else:
        return
    stop, ended = Event(), Event()

    def work() -> None:
        try:
            for _ in way:
                if stop.is_set():
                    return
        finally:
            ended.set()

    batch = number - journey.number + journey.stepper.batch_number
    try:
        patiently(parent, f"Going to {nth('batch', batch)}", work)
    except GivenUp:
        # The batch at hand is done to its end.
        stop.set()
        ended.wait()
        raise
