"""The nodes at which going through a batch stops. They belong to the desk, not to the file."""

from collections.abc import Mapping

from psygnal import Signal

from annstudio.layers.names import renamed


class Breakpoints:
    """Nodes by path: `output`, and inside blocks `block_1/dense_1`. A node has its turn forward, back and in the
    update; each time it is stopped at."""

    changed = Signal()

    def __init__(self) -> None:
        self.nodes: frozenset[str] = frozenset()

    def toggle(self, node: str) -> None:
        """Stop at a node, or no longer."""
        self._set(self.nodes ^ {node})

    def clear(self) -> None:
        self._set(frozenset())

    def rename(self, names: Mapping[str, str]) -> None:
        """Nodes have other names now."""
        self._set(frozenset(renamed(node, names) for node in self.nodes))

    def _set(self, nodes: frozenset[str]) -> None:
        if nodes != self.nodes:
            self.nodes = nodes
            self.changed.emit()
