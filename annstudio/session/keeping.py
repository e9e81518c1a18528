"""Which weights stay when a project becomes another one."""

from dataclasses import replace

import numpy as np

from annstudio.document.network import Network
from annstudio.document.project import Project
from annstudio.engine.op import Array, Index
from annstudio.errors import GraphError, StudioError
from annstudio.explain.number_names import spelled
from annstudio.layers.names import node_of


def brought_weights(before: Project, after: Project) -> dict[str, Array]:
    """The weights that are `after`'s own, rather than handed on from `before`."""
    return {key: array for key, array in after.weights.items() if array is not before.weights.get(key)}


def fit_weights(project: Project, network: Network, *, paused: bool) -> tuple[Project, str]:
    """A project whose structure has just changed, with the weights that still fit and no record of what was another
    network; and what is to be said about it. `network` is the project's; `paused` says that training stopped for it.
    """
    said = ["Training paused: the network is another now."] if paused else []
    try:
        wanted = network.initial()
    except StudioError:
        # Not a whole network at the moment: whether they fit is seen when it is one.
        return replace(project, progress=None), " ".join(said)
    kept, start, locked = (
        {key: array for key, array in weights.items() if key in wanted and array.shape == wanted[key].shape}
        for weights in (project.weights, project.start, project.locked)
    )
    lost = {key for key in project.weights if key in wanted and key not in kept}
    if lost:
        said.append(f"The weights of {_nodes(lost)} start anew: their shape changed.")
    whole = set(kept) - {key for key in kept if _nodes({key}) in {_nodes({other}) for other in lost}}
    if paused and whole:
        said.append(f"{'Those' if lost else 'The weights'} of {_nodes(whole)} were kept.")
    return replace(project, weights=kept, start=start, locked=locked, progress=None), " ".join(said)


def check_number(key: str, array: Array | None, index: Index, value: float) -> None:
    """Raise GraphError unless `array` is there, `index` one of its places, counted from 0, and the number finite."""
    if not np.isfinite(value):
        raise GraphError(f"{value} cannot be a weight.", "Give a finite number.")
    if (
        array is None
        or len(index) != array.ndim
        or not all(0 <= i < n for i, n in zip(index, array.shape, strict=True))
    ):
        raise GraphError(f"There is no weight {spelled(key, index)}.", "Indices in brackets count from 0.")


def check_shape(key: str, known: Array | None, given: Array) -> None:
    """Raise GraphError unless an array is there and the one given has its shape."""
    if known is None or known.shape != given.shape:
        raise GraphError(f"{key} has shape {known.shape if known is not None else 'none'}, got {given.shape}.")


def _nodes(keys: set[str] | dict[str, Array]) -> str:
    return ", ".join(sorted({node_of(key) for key in keys}))
