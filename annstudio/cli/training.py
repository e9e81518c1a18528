"""The command that trains: a progress bar on a terminal, Ctrl+C within one batch, and what was learned kept."""

import math
import os
import shutil
import signal
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import click
import numpy as np
from pydantic import ValidationError
from tqdm import tqdm

from annstudio.cli.words import ANY_PATH, AS_JSON, PROJECT, mistake, number_format, print_json
from annstudio.document.network import Network
from annstudio.document.project import Project
from annstudio.errors import FormatError
from annstudio.formats.base import Content, by_suffix
from annstudio.formats.studio import load, rebased
from annstudio.training.control import Control
from annstudio.training.settings import TrainingSettings
from annstudio.training.snapshot import Finished, Snapshot
from annstudio.training.trainer import train

STOPPED = 130


@click.command("train")
@PROJECT
@click.option("--epochs", type=int, help="How often all examples are used.")
@click.option("--seed", type=int, help="Begin anew from this seed.")
@click.option("--out", type=ANY_PATH, help="Project file for the trained network.")
@click.option("--export", "exports", type=ANY_PATH, multiple=True, help="File for the weights; may be repeated.")
@number_format
@AS_JSON
def train_command(
    project: Path, epochs: int | None, seed: int | None, out: Path | None, exports: tuple[Path, ...], dtype: str,
    float64: bool, as_json: bool,
) -> int:  # fmt: skip
    """Train the network of PROJECT. What it learned is kept where --out or --export says."""
    targets = [*([out] if out else []), *exports]
    if out is not None and not by_suffix(out, writing=True).holds_project:
        raise FormatError(f"{out} cannot hold a project.", "Name a file that ends in .annstudio, or use --export.")
    for target in targets:
        _check_target(target)
    start = _prepared(load(project), project.parent, epochs, seed)
    trained, finished, stopped = train_project(start, project.parent)
    written, failure = write_all(trained, project.parent, targets, "float64" if float64 else dtype)
    result = result_of(trained, finished)
    if as_json:
        print_json({**result, "written": [str(target) for target in written]})
    else:
        tell(result, written)
    if failure is not None:
        raise failure
    if not targets:
        click.echo("What was learned is not kept; name a file with --out or --export to keep it.", err=True)
    return code_of(finished, stopped)


def _prepared(project: Project, folder: Path, epochs: int | None, seed: int | None) -> Project:
    changes = {key: value for key, value in (("epochs", epochs), ("seed", seed)) if value is not None}
    try:
        settings = TrainingSettings.model_validate({**project.settings.model_dump(), **changes})
    except ValidationError as error:
        found = error.errors()[0]
        said = found["msg"].removeprefix("Input ")
        raise click.UsageError(f"--{found['loc'][-1]} {said}, got {found['input']}.") from None
    begins = project.progress is None
    project = replace(project, settings=settings)
    return project if seed is None or begins else Network(project, folder).started_again()


def _check_target(path: Path) -> None:
    """Say before a long training, not after it, that its result could not be written."""
    by_suffix(path, writing=True)
    if path.is_dir() or not os.access(path.parent, os.W_OK):
        raise FormatError(f"{path} cannot be written: its folder is missing or not yours to write to.", "Name another.")


def train_project(project: Project, folder: Path) -> tuple[Project, Finished, bool]:
    """Train to the end or until Ctrl+C, which acts within one batch; what was learned by then is kept."""
    job = Network(project, folder).job()
    control = Control()
    finished = None
    begun = job.progress.epoch * len(job.train) + job.progress.position
    total = job.settings.epochs * len(job.train)
    with _on_interrupt(control), np.errstate(all="ignore"), _bar(total, begun) as show:
        for message in train(job, control):
            if isinstance(message, Snapshot):
                show(message.epoch * message.n_train + message.position, message.loss)
            elif isinstance(message, Finished):
                finished = message
                show(finished.progress.epoch * len(job.train) + finished.progress.position, None)
    assert finished is not None
    trained = replace(project, weights=finished.weights, progress=finished.progress)
    return trained, finished, control.stop


@contextmanager
def _on_interrupt(control: Control) -> Iterator[None]:
    def stop(number: int, frame: object) -> None:
        control.halt()

    before = signal.getsignal(signal.SIGINT)
    if before is not signal.SIG_IGN:
        signal.signal(signal.SIGINT, stop)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, before)


@contextmanager
def _bar(total: int, begun: int) -> Iterator[Callable[[int, float | None], None]]:
    """A progress bar on a terminal, nothing elsewhere."""
    tqdm.monitor_interval = 0
    columns, lines = shutil.get_terminal_size()  # tqdm shows nothing on a terminal that does not tell its size.
    with tqdm(
        total=total, initial=begun, unit=" examples", unit_scale=True, file=sys.stderr, leave=False,
        disable=not sys.stderr.isatty(), ncols=min(columns, 100), nrows=lines,
    ) as bar:  # fmt: skip

        def show(position: int, loss: float | None) -> None:
            if loss is not None:
                bar.set_postfix_str(f"loss {loss:.4g}", refresh=False)
            bar.update(position - bar.n if not bar.disable else 0)

        yield show


def result_of(project: Project, finished: Finished) -> dict[str, Any]:
    last = finished.progress.record.last
    return {
        "epochs": finished.progress.epoch,
        "steps": finished.progress.step,
        **{key: last.get(key) for key in ("loss", "accuracy", "val_loss", "val_accuracy")},
        "samples_per_second": finished.samples_per_second,
        "seconds": float(np.nansum(finished.progress.record.epochs[:, -1])),
        "seed": project.settings.seed,
        "reason": finished.reason,
        "trouble": finished.trouble,
    }


def tell(result: dict[str, Any], written: Sequence[Path]) -> None:
    """The result of a training in a line, and the files in which it is kept."""
    words = [f"{result['epochs']:,} epochs, {result['samples_per_second']:,.0f} examples a second."]
    for start, title in (("", "Training"), ("val_", "Validation")):
        loss, accuracy = result[f"{start}loss"], result[f"{start}accuracy"]
        if loss is not None and not math.isnan(loss):
            right = "" if accuracy is None or math.isnan(accuracy) else f", accuracy {accuracy:.1%}"
            words.append(f"{title}: loss {loss:.6g}{right}.")
    click.echo(" ".join(words))
    for path in written:
        click.echo(f"Written: {path}")


def code_of(finished: Finished, stopped: bool) -> int:
    if finished.problem:
        return mistake(finished.problem)
    return STOPPED if stopped else 0


def write_all(
    project: Project, folder: Path, targets: Sequence[Path], dtype: str = "float32"
) -> tuple[list[Path], FormatError | None]:
    """Write every file that can be written; which were, and why the first that was not could not be."""
    weights = Network(project, folder).weights() if targets else {}
    written, failure = [], None
    for target in targets:
        try:
            moved = rebased(project, folder, target.parent)
            by_suffix(target, writing=True).write(target, Content(weights, moved), dtype)
            written.append(target)
        except FormatError as error:
            failure = failure or error
    return written, failure
