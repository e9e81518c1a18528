"""Which weights stay when a project becomes another one, and how weights are spelled."""

from dataclasses import replace

from annstudio.document.network import Network
from annstudio.document.project import Project
from annstudio.engine.op import Array, Index
from annstudio.errors import StudioError
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
    kept, start = (
        {key: array for key, array in weights.items() if key in wanted and array.shape == wanted[key].shape}
        for weights in (project.weights, project.start)
    )
    lost = {key for key in project.weights if key in wanted and key not in kept}
    if lost:
        said.append(f"The weights of {_nodes(lost)} start anew: their shape changed.")
    whole = set(kept) - {key for key in kept if _nodes({key}) in {_nodes({other}) for other in lost}}
    if paused and whole:
        said.append(f"{'Those' if lost else 'The weights'} of {_nodes(whole)} were kept.")
    return replace(project, weights=kept, start=start, progress=None), " ".join(said)


def has_place(array: Array | None, index: Index) -> bool:
    """Whether an array is there and `index` one of its places, counted from 0."""
    return (
        array is not None
        and len(index) == array.ndim
        and all(i in range(n) for i, n in zip(index, array.shape, strict=True))
    )


def spelled(key: str, index: Index) -> str:
    """`hidden/W`, (0, 1) → hidden.W[0,1]."""
    node, _, view = key.rpartition("/")
    return f"{node}.{view}[{','.join(map(str, index))}]"


def _nodes(keys: set[str] | dict[str, Array]) -> str:
    return ", ".join(sorted({node_of(key) for key in keys}))
