"""What can go wrong for the user, said in the user's words, each with a hint at what to do.

Every other exception is a defect of the program and is never caught in order to be shown as the user's mistake.
"""

from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True)
class Remedy:
    """A mend that the program can make by itself; `document/fixes.py` carries it out.

    `action` is `insert` (put a layer of kind `layer` before the node), `set` (give the node `node` these `settings`),
    `append` (put a layer of kind `layer` behind the node) or `redraw` (as `set`, and start the node's weights anew).
    """

    action: str
    label: str
    node: str = ""
    layer: str = ""
    settings: dict[str, Any] = field(default_factory=dict, hash=False)


class StudioError(Exception):
    """A mistake that the user can mend.

    `message` says what happened, what was expected and what was found; `hint` says what to do about it.
    """

    def __init__(self, message: str, hint: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint

    def __str__(self) -> str:
        return f"{self.message} {self.hint}".strip()


class ShapeError(StudioError):
    """Values of this shape do not fit here; `remedies` are mends that would make them fit."""

    def __init__(self, message: str, hint: str = "", remedies: tuple[Remedy, ...] = ()) -> None:
        super().__init__(message, hint)
        self.remedies = remedies


class GraphError(StudioError):
    """The drawing cannot be read as a network: a circle, a missing wire, an unknown name."""


class DataError(StudioError):
    """The data is missing, unreadable or does not suit the network."""


class FormatError(StudioError):
    """A file is not what its name says, is damaged, too new or cannot be written."""


class TrainingError(StudioError):
    """Training cannot start or cannot go on."""
