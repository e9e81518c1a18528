"""Commands for files: from one format to another, what is in one, and the projects that come with the program."""

import shutil
from pathlib import Path

import click

from annstudio.cli.words import ANY_PATH, mistake, number_format
from annstudio.document.network import Network
from annstudio.engine.op import shape_text
from annstudio.errors import FormatError, StudioError
from annstudio.formats.base import by_suffix
from annstudio.formats.convert import convert
from annstudio.formats.samples import samples


@click.command("convert")
@click.argument("source", type=ANY_PATH, metavar="SRC")
@click.argument("target", type=ANY_PATH, metavar="DST")
@number_format
def convert_command(source: Path, target: Path, dtype: str, float64: bool) -> None:
    """Write SRC in the format that DST ends in. Weights go into a project DST that is there."""
    lost = convert(source, target, "float64" if float64 else dtype)
    click.echo(" ".join(filter(None, [f"Written: {target}.", lost])))


@click.command("check")
@click.argument("file", type=ANY_PATH)
def check_command(file: Path) -> int:
    """Say what is in FILE, and whether it can be trained."""
    content = by_suffix(file).read(file)
    if content.project is None or not by_suffix(file).holds_project:
        for name, array in content.weights.items():
            click.echo(f"{name:24} {'×'.join(map(str, array.shape)):>16}  {array.dtype}")
        return 0
    network = Network(content.project, file.parent)
    for id, node in content.project.graph.nodes.items():
        fact = network.checked.facts.get(id)
        shape = "?" if fact is None else shape_text(fact.shape) if node.layer.has_output else ""
        click.echo(f"{id:24} {node.layer.summary:40} {shape:>12} {fact.n_parameters if fact else 0:>10,}")
    problem = network.dataset_or_problem
    if isinstance(problem, StudioError):
        raise problem
    found = network.checked.in_the_way
    if found:
        more = f" (and {len(found) - 1} more)" if len(found) > 1 else ""
        return mistake(f"{found[0].node}: {found[0].message} {found[0].hint}{more}")
    for warning in network.checked.problems:
        click.echo(f"{warning.node}: {warning.message} {warning.hint}", err=True)
    fine = "all in order" if not network.checked.problems else "it can be trained"
    click.echo(f"{network.checked.n_parameters:,} weights; {fine}.")
    return 0


@click.command("samples")
@click.option("--copy", type=ANY_PATH, help="Copy them into this folder, to change them there.")
def samples_command(copy: Path | None) -> None:
    """List the projects that come with the program."""
    for sample in samples():
        click.echo(f"{sample.name:24} {sample.title}\n{'':24} {sample.path}")
        if copy is not None:
            _copy(sample.path, copy)


def _copy(file: Path, folder: Path) -> None:
    target = folder / file.name
    if target.exists():
        raise FormatError(f"{target} is there already and is left as it is.", "Name another folder.")
    try:
        folder.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(file, target)
    except OSError as error:
        raise FormatError(f"{target} cannot be written: {error.strerror}.", "Name another folder.") from error
