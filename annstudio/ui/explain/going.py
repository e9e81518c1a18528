"""To a batch, and from batch to batch, without keeping the window waiting: what takes long is done in a thread, and can
be given up."""

from threading import Event
from time import perf_counter
from typing import Protocol

from PySide6.QtWidgets import QWidget

from annstudio.explain.journey import Journey
from annstudio.ordinals import nth
from annstudio.session import Session
from annstudio.training.course import Place
from annstudio.ui.patience import GivenUp, patiently

AT_ONCE_SECONDS = 0.02
"""What takes no longer than this is not worth a thread."""


class Standing(Protocol):
    """What can be told that nothing may be asked of the batch for a while."""

    going: bool


def explain(
    parent: QWidget, session: Session, sample: int | None = None, *, whole_batch: bool | None = None,
    beside: tuple[int, ...] = (), tour: Standing | None = None,
) -> bool:  # fmt: skip
    """Let the session explain; False where the user would not wait. The `tour` stands still meanwhile. Raises
    StudioError where that cannot be."""
    work = session.readying(sample, whole_batch=whole_batch, beside=beside)
    if tour is not None:
        tour.going = True
    try:
        patiently(parent, "Getting ready to explain", work)
    except GivenUp:
        return False
    finally:
        if tour is not None:
            tour.going = False
    session.explain(sample, whole_batch=whole_batch, beside=beside)
    return True


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
