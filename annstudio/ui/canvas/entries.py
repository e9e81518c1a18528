"""What can be put on the canvas: every layer of the catalogue and its presets, as palette, search and drags name it."""

import inspect
import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from functools import cache
from typing import Any, get_args

from PySide6.QtCore import QMimeData

from annstudio.errors import GraphError
from annstudio.layers.base import Family, Layer, catalogue, make

MIME = "application/x-annstudio-layer"
_MOST_BYTES = 100_000


@dataclass(frozen=True)
class Entry:
    """A layer with settings, under the title that the palette shows."""

    title: str
    kind: str
    family: Family
    note: str = ""
    settings: Mapping[str, Any] = field(default_factory=dict, hash=False)

    def belongs(self, *, inside: bool) -> bool:
        """Whether it has a meaning in the drawing inside a block, or in that of the network."""
        return catalogue()[self.kind].stands in ("anywhere", "inside" if inside else "outside")

    def make(self) -> Layer:
        return make(self.kind, self.settings)

    def mime(self) -> QMimeData:
        """What a drag from the palette carries."""
        data = QMimeData()
        data.setData(MIME, json.dumps({"kind": self.kind, "settings": dict(self.settings)}).encode())
        return data

    def matches(self, words: Iterable[str]) -> bool:
        """Whether every word of a search is in the title, the kind, the family or the note."""
        text = f"{self.title} {self.kind} {self.family} {self.note}".lower()
        return all(word in text for word in words)

    def can_be_set(self, words: Iterable[str]) -> bool:
        """Whether every word of a search is in what its open settings are called, in their help or their choices."""
        text = " ".join(
            f"{name} {field.title} {field.description} {' '.join(map(str, get_args(field.annotation)))}"
            for name, field in catalogue()[self.kind].model_fields.items()
            if name not in self.settings
        )
        return all(word in text.lower() for word in words)


@cache
def entries() -> tuple[Entry, ...]:
    """All entries in the palette's order, each layer followed by its presets."""
    found = []
    for kind, layer in catalogue().items():
        note = inspect.getdoc(layer) or ""
        if all(make(kind, settings) != make(kind, {}) for settings in layer.presets.values()):
            # Where a preset is the layer as it comes, one entry says it all.
            found.append(Entry(kind, kind, layer.family, note))
        found += [Entry(title, kind, layer.family, note, settings) for title, settings in layer.presets.items()]
    return tuple(found)


def search(text: str, *, inside: bool = False) -> list[Entry]:
    """Entries that match a search: titles that begin with it first, then titles that hold it, then the others.

    Where no layer is called so it may be something that layers can be set to: bidirectional, dilation, sigmoid.
    Only those that have a meaning `inside` a block, or in the network's own drawing.
    """
    text = text.strip().lower()
    offered = [entry for entry in entries() if entry.belongs(inside=inside)]
    found = [entry for entry in offered if entry.matches(text.split())]
    found = found or [entry for entry in offered if entry.can_be_set(text.split())]
    return sorted(found, key=lambda e: (not e.title.lower().startswith(text), text not in e.title.lower()))


def dragged(data: QMimeData) -> Entry | None:
    """The entry that a drag carries; None for drags from elsewhere or with settings that cannot be."""
    raw = bytes(data.data(MIME).data()) if data.hasFormat(MIME) else b""
    if not raw or len(raw) > _MOST_BYTES:
        return None
    try:
        told = json.loads(raw)
        layer = make(str(told["kind"]), dict(told["settings"]))
    except (ValueError, KeyError, TypeError, GraphError):
        return None
    return Entry(layer.kind(), layer.kind(), layer.family, settings=layer.model_dump(exclude_unset=True))
