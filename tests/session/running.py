"""A desk while something trains: waiting for it, and what can be undone of it."""

import time
from collections.abc import Callable

from annstudio.session import Session
from tests.builders import small_project

LONG = 10_000_000
"""So many epochs that a run lasts until it is stopped."""


def until(session: Session, true: Callable[[], bool], seconds: float = 20) -> None:
    """Poll, as the window's ticker does."""
    end = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < end, "it did not come about"
        session.poll()
        time.sleep(0.001)


def steps_done(session: Session) -> int:
    return session.latest.step if session.latest else 0


def training(desk, **settings) -> Session:
    """A session in the middle of a run that lasts until it is stopped."""
    session = desk(small_project(epochs=LONG, **settings))
    session.train()
    until(session, lambda: steps_done(session) > 10)
    return session


def labels(session: Session) -> list[str]:
    """The labels of all entries that can be undone, newest first; undoes them."""
    found = []
    while session.document.undo_label:
        found.append(session.document.undo_label)
        session.document.undo()
    return found
