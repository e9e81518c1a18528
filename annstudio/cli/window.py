"""The command that opens the window, or does the same job where there is no display to open it on."""

import os
import sys
from difflib import get_close_matches
from pathlib import Path

import click

from annstudio.cli.training import code_of, result_of, tell, train_project, write_all
from annstudio.cli.words import ANY_PATH
from annstudio.document.network import Network
from annstudio.errors import FormatError
from annstudio.formats.samples import first_sample
from annstudio.formats.studio import load


@click.command("open")
@click.argument("file", type=ANY_PATH, required=False)
@click.option("--out", type=ANY_PATH, default=Path("out"), help="Folder for results where there is no display.")
def open_window(file: Path | None, out: Path) -> int:
    """Open the window, with FILE in it."""
    if file is not None:
        _look_for(file)
    if not _has_display():
        return _without_display(file or first_sample().path, out)
    from annstudio.ui import app

    return app.run(file)


def _look_for(file: Path) -> None:
    """Tell a mistyped command from a file; what is wrong inside a file the window says itself."""
    if not file.exists():
        group = click.get_current_context().find_root().command
        alike = get_close_matches(str(file), getattr(group, "commands", ()), 1)
        hint = f"Did you mean annstudio {alike[0]}?" if alike else "annstudio --help lists the commands."
        raise FormatError(f"There is no file {str(file)!r}, and no command of that name.", hint)


def _has_display() -> bool:
    """Whether a window can be seen. Only systems with X11 or Wayland are without one now and then."""
    platform = os.environ.get("QT_QPA_PLATFORM", "").partition(":")[0]
    if platform in ("offscreen", "minimal"):
        return False
    if sys.platform in ("win32", "darwin", "cygwin") or platform not in ("", "xcb", "wayland"):
        return True
    return bool(os.environ.get("DISPLAY") or os.environ.get("WAYLAND_DISPLAY"))


def _without_display(file: Path, out: Path) -> int:
    """What the window would be opened for: train, keep the weights, and a picture of the window."""
    click.echo("There is no display here, so no window is opened; the network is trained without one.")
    project = load(file)
    network = Network(project, file.parent)
    try:
        out.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise FormatError(f"{out} cannot be made: {error.strerror}.", "Name another folder with --out.") from error
    click.echo(f"{project.title or file.stem}: {network.checked.n_parameters:,} weights, "
               f"{len(network.need_dataset()):,} examples, {project.settings.epochs:,} epochs.")  # fmt: skip
    project, finished, stopped = train_project(project, file.parent)
    targets = [out / f"{file.stem}{suffix}" for suffix in (".annstudio", ".npz", ".safetensors")]
    written, failure = write_all(project, file.parent, targets)
    tell(result_of(project, finished), written)
    if failure is not None:
        raise failure
    if not stopped:
        _picture(out / "window.png", targets[0])
    return code_of(finished, stopped)


def _picture(picture: Path, project: Path) -> None:
    os.environ["QT_QPA_PLATFORM"] = "offscreen"
    try:
        from annstudio.ui import app
    except ImportError as error:
        if (error.name or "").startswith("annstudio"):
            raise
        click.echo(f"annstudio: there is no picture of the window: Qt cannot be loaded ({error}).", err=True)
        return
    app.picture(picture, project)
    click.echo(f"Written: {picture}")
