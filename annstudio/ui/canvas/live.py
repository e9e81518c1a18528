"""Which picture and which number suit a node, from the newest activations and the record of the run."""

from collections.abc import Callable, Sequence

import numpy as np

from annstudio.engine.op import Array
from annstudio.layers.graph import Graph
from annstudio.layers.losses import Loss
from annstudio.layers.steady import Dropout
from annstudio.session import Session
from annstudio.training.record import Record
from annstudio.training.snapshot import Views
from annstudio.ui.canvas.geometry import PICTURE
from annstudio.ui.canvas.thumbnail import Colours, Curve, Dots, Picture, picture_of
from annstudio.ui.numbers import number_text


def picture_for(
    session: Session, id: str, views: Views | None, record: Record | None
) -> Callable[[], Picture | None] | None:
    """How to make the picture of a node, to be asked once it is seen."""
    graph = session.graph
    layer = graph.nodes[id].layer
    if isinstance(layer, Loss):
        return (lambda: Curve(record.blocks[:, 1], PICTURE)) if record is not None and len(record.blocks) else None
    path = session.path_of(id)
    if views is None or path not in views.activations:
        return None
    values = views.activations[path][0]
    if isinstance(layer, Dropout) and path in views.masks:
        mask = views.masks[path]
        return lambda: Dots((mask != 0).reshape(-1))
    if not graph.into(id) and values.ndim == 3 and values.shape[2] == 3:
        return lambda: Colours(values)
    return lambda: picture_of(values, PICTURE, _class_names(session, id, values))


def value_of(graph: Graph, id: str, views: Views | None, record: Record | None) -> str:
    """The newest loss for a loss node: of the last epoch, before that of the last steps.

    Where there are several, what is recorded is their sum: then each says its own, of the watched example.
    """
    if record is None or not isinstance(graph.nodes[id].layer, Loss):
        return ""
    several = sum(isinstance(node.layer, Loss) for node in graph.nodes.values()) > 1
    if several:
        own = np.nan if views is None or id not in views.activations else float(views.activations[id].item())
        return f"sample: {number_text(own, 4)}" if np.isfinite(own) else ""
    loss = record.last.get("loss", float(record.blocks[-1, 1]) if len(record.blocks) else np.nan)
    return number_text(loss, 4) if np.isfinite(loss) else "not finite"


def _class_names(session: Session, id: str, values: Array) -> Sequence[str]:
    """The classes where a node's values are their probabilities."""
    graph, dataset = session.graph, session.dataset
    losses = (graph.nodes[link.target].layer for link in graph.out_of(id))
    column = next((layer.column for layer in losses if isinstance(layer, Loss)), "")
    if dataset is None or column not in dataset.columns:
        return ()
    classes = dataset.columns[column].classes
    probable = values.size == len(classes) and values.min() >= 0 and abs(float(values.sum()) - 1) < 1e-3
    return classes if probable else ()
