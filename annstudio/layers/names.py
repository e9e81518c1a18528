"""How nodes inside boxes and their weights are called: `block_1/dense_1/W`, and for one step `block_1/dense_1[3]/W`.

The first part of every name is the node on the canvas; a name in brackets says which time step the weights are for.
"""

import re
from collections.abc import Mapping

_STEPS = re.compile(r"(\[\d+\])+$")


def node_of(key: str) -> str:
    """The node on the outermost drawing that a name of weights, or of a node, belongs to."""
    return _STEPS.sub("", key.partition("/")[0])


def layer_of(key: str) -> str:
    """The layer of weights, whichever time step they are for: `block_1/dense_1[3]/W` → `block_1/dense_1`."""
    return _STEPS.sub("", key.rpartition("/")[0])


def is_of(key: str, node: str) -> bool:
    """Whether a name is that of a node, of one inside it, or of their weights."""
    return key.startswith(node) and key[len(node) : len(node) + 1] in ("", "/", "[")


def renamed(key: str, names: Mapping[str, str]) -> str:
    """A name after nodes got others; `names` are whole paths."""
    for old, new in names.items():
        if is_of(key, old):
            return new + key[len(old) :]
    return key
