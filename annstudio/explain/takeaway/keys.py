"""What entries are called inside a file: names that do for anchors and labels."""

from annstudio.engine.op import Index


def key_of(slot: int, index: Index, example: int | None = None, *, update: bool = False) -> str:
    """The key of one number of a run; with `update` of the new value that a weight gets."""
    place = "-".join(map(str, index))
    return "-".join(filter(None, [f"{'u' if update else 'n'}{slot}", place, f"e{example}" if example else ""]))
