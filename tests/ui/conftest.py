"""Desks that explain: the worked example, and blocks inside a block."""

from collections.abc import Iterator

import pytest
from pytestqt.qtbot import QtBot

from annstudio.ui.app import application
from tests.builders import worked_example
from tests.ui.explaining import Desk, explaining, sample


@pytest.fixture
def desk(qtbot: QtBot) -> Iterator[Desk]:
    application("light")
    with explaining(worked_example()) as desk:
        yield desk


@pytest.fixture
def blocks(qtbot: QtBot) -> Iterator[Desk]:
    application("dark")
    with explaining(sample("block-of-blocks")) as desk:
        desk.view.show_neurons(False)
        yield desk
