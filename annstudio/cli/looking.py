"""The command that looks at what a network predicts."""

from pathlib import Path

import click
import numpy as np

from annstudio.cli.words import ANY_PATH, PROJECT
from annstudio.document.network import Network
from annstudio.engine.layout import user_shape
from annstudio.engine.op import Array
from annstudio.errors import DataError, FormatError
from annstudio.formats.archive import pack_arrays
from annstudio.formats.base import atomic_write
from annstudio.formats.npz import read_arrays
from annstudio.formats.studio import load


@click.command()
@PROJECT
@click.option("--input", "source", type=ANY_PATH, required=True, help="Arrays .npz: one for each input column.")
@click.option("--output", "target", type=ANY_PATH, required=True, help="Arrays .npz: one for each result.")
def predict(project: Path, source: Path, target: Path) -> None:
    """Run examples of your own through the network of PROJECT.

    Examples come first and channels last; a single array may have any name. Lengths of sequences may be left out: every
    step counts then. The results are named like their layers.
    """
    if target.suffix.lower() != ".npz":
        raise FormatError(f"{target} cannot be written: results are arrays.", "Name a file that ends in .npz.")
    network = Network(load(project), project.parent)
    inputs = _inputs(network, read_arrays(source), source)
    with np.errstate(all="ignore"):
        results = network.predict(inputs)
    atomic_write(target, pack_arrays(results))
    shapes = ", ".join(f"{name} {'×'.join(map(str, array.shape))}" for name, array in results.items())
    click.echo(f"Written: {target}: {shapes}")


def _inputs(network: Network, arrays: dict[str, Array], source: Path) -> dict[str, Array]:
    """The arrays by column, checked against the shapes that the network wants."""
    program = network.programs.look
    layers = {id: node.layer for id, node in network.project.graph.nodes.items()}
    wanted = {
        feed.column: user_shape(program.slots[feed.slot].shape)
        for feed in program.feeds
        if layers[feed.node].takes[1] == 0 and feed.encoding != "lengths"
    }
    lengths = {feed.column for feed in program.feeds if feed.encoding == "lengths"} & arrays.keys()
    if len(wanted) == 1 and len(arrays) == 1:
        arrays = {next(iter(wanted)): next(iter(arrays.values()))}
    for column, shape in wanted.items():
        if column not in arrays:
            raise DataError(f"{source.name} holds no array {column!r}.", f"It holds {', '.join(arrays) or 'none'}.")
        if arrays[column].shape[1:] != shape or not len(arrays[column]):
            raise DataError(
                f"{source.name}: {column!r} has the shape {arrays[column].shape}; wanted are examples × "
                f"{' × '.join(map(str, shape))}.",
                "Examples come first, channels last.",
            )
    for column in lengths:
        if arrays[column].shape not in ((len(arrays[column]),), (len(arrays[column]), 1)):
            raise DataError(
                f"{source.name}: {column!r} has the shape {arrays[column].shape}; wanted is one number for each.",
                "It says how many steps of each sequence count.",
            )
    if len({len(arrays[column]) for column in (*wanted, *lengths)}) > 1:
        raise DataError(f"{source.name}: the arrays hold different numbers of examples.")
    return {column: arrays[column] for column in (*wanted, *lengths)}
