"""From one format to another; weights alone go into a project that is there, by name and shape."""

from dataclasses import replace
from pathlib import Path

from annstudio.document.network import Network
from annstudio.document.project import Project
from annstudio.engine.arena import Weights
from annstudio.errors import FormatError
from annstudio.formats.base import Content, by_suffix
from annstudio.formats.studio import load, rebased


def convert(source: Path, target: Path, dtype: str = "float32") -> str:
    """Write the content of `source` in the format of `target`; returns what was lost, empty if nothing was.

    Raises FormatError where one of them cannot be, or where weights do not fit the project they are to go into.
    """
    read, write = by_suffix(source), by_suffix(target, writing=True)
    content = read.read(source)
    if content.project is not None and read.holds_project:
        content = Content(content.weights, rebased(content.project, source.parent, target.parent))
    elif write.holds_project and target.exists():
        project = with_weights(load(target), content.weights, target.parent)
        content = Content(Network(project, target.parent).weights(), project)
    elif write.holds_project and content.project is None:
        raise FormatError(
            f"{source.name} holds weights but no drawing, so no project can be made of it.",
            f"Let {target.name} be a project that is there: the weights go into it.",
        )
    write.write(target, content, dtype)
    return write.loses if read.holds_project else ""


def with_weights(project: Project, weights: Weights, folder: Path | None = None) -> Project:
    """The project with these weights, its run forgotten. Raises FormatError unless they are exactly the network's."""
    wanted = Network(project, folder).weights()
    for key in sorted(wanted.keys() | weights.keys()):
        if key not in wanted:
            raise FormatError(f"There are weights {key}, but no such layer.", f"There are {', '.join(wanted):.300}.")
        if key not in weights:
            raise FormatError(f"The weights {key} are missing.", f"There are {', '.join(weights):.300}.")
        if weights[key].shape != wanted[key].shape:
            raise FormatError(f"{key} should have the shape {wanted[key].shape}, not {weights[key].shape}.")
    return replace(project, weights=dict(weights), progress=None)
