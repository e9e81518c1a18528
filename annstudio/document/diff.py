"""What changed between two graphs: all that a canvas needs to follow its model."""

from dataclasses import dataclass

from annstudio.layers.graph import Graph, Link, Node


@dataclass(frozen=True)
class Diff:
    """Names of nodes added, removed, moved (place only, theirs or that of nodes inside) and changed (layer), and links
    added and removed."""

    added: tuple[str, ...]
    removed: tuple[str, ...]
    moved: tuple[str, ...]
    changed: tuple[str, ...]
    links_added: tuple[Link, ...]
    links_removed: tuple[Link, ...]

    @property
    def structural(self) -> bool:
        """Whether anything but places changed."""
        return bool(self.added or self.removed or self.changed or self.links_added or self.links_removed)


def diff(before: Graph, after: Graph) -> Diff:
    """The difference of two graphs; nodes that are the same object cost one comparison."""
    old, new = before.nodes, after.nodes
    both = [id for id in new if id in old and new[id] is not old[id]]
    redrawn = {id for id in both if _means_the_same(new[id], old[id])}
    links_before, links_after = set(before.links), set(after.links)
    same_links = before.links is after.links
    return Diff(
        tuple(id for id in new if id not in old),
        tuple(id for id in old if id not in new),
        tuple(id for id in both if _place(new[id]) != _place(old[id]) or id in redrawn),
        tuple(id for id in both if new[id].layer != old[id].layer and id not in redrawn),
        () if same_links else tuple(link for link in after.links if link not in links_before),
        () if same_links else tuple(link for link in before.links if link not in links_after),
    )


def _place(node: Node) -> tuple[float, float]:
    return node.x, node.y


def _means_the_same(new: Node, old: Node) -> bool:
    """Whether two layers differ in nothing but how the drawing inside them looks."""
    return new.layer != old.layer and new.layer.meaning == old.layer.meaning
