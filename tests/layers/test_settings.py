"""Settings stay what they are in files and in the inspector: `settings.json` holds every layer as it was first saved.

Layers and fields may be added; those that are there keep their names, their defaults and their order.
"""

import json
from pathlib import Path

import pytest

from annstudio.layers.base import Layer, Settings, catalogue, make

SAVED = json.loads((Path(__file__).parent / "settings.json").read_text(encoding="utf-8"))


@pytest.mark.parametrize("kind", SAVED)
def test_settings_saved_before_mean_the_same(kind):
    assert make(kind, SAVED[kind]) == catalogue()[kind]()


@pytest.mark.parametrize("kind", SAVED)
def test_fields_stand_in_the_order_that_users_know(kind):
    assert [name for name in catalogue()[kind].model_fields if name in SAVED[kind]] == list(SAVED[kind])


def test_settings_that_kinds_share_stand_behind_their_own_in_the_order_of_the_bases():
    class Shaded(Settings):
        shade: float = 0.5
        colour: str = "red"

    class Switched(Settings):
        on: bool = True

    class Lamp(Layer, Shaded, Switched):
        watts: int = 40
        colour: str = "green"

    class Torch(Lamp):
        battery: int = 2

    assert list(Lamp.model_fields) == ["watts", "shade", "colour", "on"]
    assert list(Torch.model_fields) == ["watts", "shade", "colour", "on", "battery"]
    assert Torch(watts=3).model_dump_json() == '{"watts":3,"shade":0.5,"colour":"green","on":true,"battery":2}'
