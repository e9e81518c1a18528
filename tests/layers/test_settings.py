"""Settings stay what they are in files and in the inspector: `settings.json` holds every layer as it was first saved.

Layers and fields may be added; those that are there keep their names, their defaults and their order.
"""

import json
from pathlib import Path

import pytest

from annstudio.layers.base import catalogue, make

SAVED = json.loads((Path(__file__).parent / "settings.json").read_text(encoding="utf-8"))


@pytest.mark.parametrize("kind", SAVED)
def test_settings_saved_before_mean_the_same(kind):
    assert make(kind, SAVED[kind]) == catalogue()[kind]()


@pytest.mark.parametrize("kind", SAVED)
def test_fields_stand_in_the_order_that_users_know(kind):
    assert [name for name in catalogue()[kind].model_fields if name in SAVED[kind]] == list(SAVED[kind])
