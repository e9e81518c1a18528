"""A desk that stops whatever it started."""

from collections.abc import Callable, Iterator

import pytest

from annstudio.document.project import Project
from annstudio.session import Session


@pytest.fixture
def desk() -> Iterator[Callable[[Project], Session]]:
    """Opens projects; what trains in them is stopped after the test."""
    sessions: list[Session] = []

    def opened(project: Project) -> Session:
        sessions.append(Session(project))
        return sessions[-1]

    yield opened
    for session in sessions:
        session.close()
