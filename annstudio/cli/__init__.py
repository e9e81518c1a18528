"""The command line: open a window, or train, predict, explain, convert and check without one.

Exit codes: 0 done, 2 the user's mistake (one line on stderr), 1 ours (a traceback), 130 stopped with Ctrl+C.
"""

import os
import sys
import traceback
from collections.abc import Sequence
from difflib import get_close_matches

import click

import annstudio
from annstudio.cli.explaining import explain
from annstudio.cli.files import check_command, convert_command, samples_command
from annstudio.cli.looking import predict
from annstudio.cli.training import STOPPED, train_command
from annstudio.cli.window import open_window
from annstudio.cli.words import mistake
from annstudio.errors import StudioError


def run(arguments: Sequence[str]) -> int:
    """Do what was typed and return the exit code."""
    for stream in (sys.stdout, sys.stderr):
        if hasattr(stream, "reconfigure"):  # A terminal without ½ or ∂ shows ? in their place.
            stream.reconfigure(errors="replace")
    try:
        code = main.main(list(arguments), prog_name="annstudio", standalone_mode=False)
        sys.stdout.flush()
        return code if isinstance(code, int) else 0
    except StudioError as error:
        return mistake(str(error))
    except click.ClickException as error:
        context = getattr(error, "ctx", None)
        command = context.command_path if context else "annstudio"
        return mistake(f"{error.format_message().removesuffix('.')}. {command} --help lists what there is.")
    except MemoryError:
        return mistake("There is not enough memory for this. Make a layer or the batch smaller.")
    except (click.Abort, KeyboardInterrupt):
        print("annstudio: stopped.", file=sys.stderr)
        return STOPPED
    except BrokenPipeError:  # Whoever read our output has seen enough.
        sys.stdout = open(os.devnull, "w", encoding="utf-8")
        return 1
    except Exception:
        traceback.print_exc()
        return 1


class Studio(click.Group):
    """A group of commands where a file, or nothing, in the place of a command opens the window."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        first = args[0] if args else ""
        if first not in self.commands and (not first.startswith("-") or first.startswith("--out")):
            if first and any(not argument.startswith("-") for argument in args[1:2]):
                alike = get_close_matches(first, self.commands, 1)
                raise click.UsageError(f"There is no command {first!r}{f', but {alike[0]!r}' if alike else ''}.", ctx)
            args = ["open", *args]
        return super().parse_args(ctx, args)


@click.group(cls=Studio, context_settings={"max_content_width": 100})
@click.version_option(annstudio.__version__, prog_name="ANN Studio")
def main() -> None:
    """Draw, train and understand neural networks.

    `annstudio [FILE]` opens the window.
    """


for _command in (open_window, train_command, predict, explain, convert_command, check_command, samples_command):
    main.add_command(_command)
