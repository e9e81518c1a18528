"""How the commands speak: paths and options that they share, one line for a mistake, one object of JSON."""

import json
import math
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import click

from annstudio.formats.base import DTYPES

ANY_PATH = click.Path(path_type=Path)
PROJECT = click.argument("project", type=ANY_PATH)
AS_JSON = click.option("--json", "as_json", is_flag=True, help="Print one JSON object as the last line.")


def number_format(command: Callable[..., Any]) -> Callable[..., Any]:
    """The option `--dtype` of commands that write weights, and its old form for 64 bits."""
    old = click.option("--float64", "float64", is_flag=True, hidden=True)
    help_text = "Number format of written weights; a project keeps its own."
    new = click.option("--dtype", type=click.Choice(DTYPES), default=DTYPES[0], show_default=True, help=help_text)
    return old(new(command))


def mistake(words: str) -> int:
    """Say in one line on stderr what the user can mend; returns the exit code for it."""
    print(f"annstudio: {' '.join(words.split())}", file=sys.stderr)
    return 2


def print_json(found: dict[str, Any]) -> None:
    in_words = (sys.stdout.encoding or "").lower().replace("-", "") == "utf8"
    click.echo(json.dumps(_plain(found), ensure_ascii=not in_words, allow_nan=False))


def _plain(value: Any) -> Any:
    """What JSON can hold: numbers that are none become null."""
    if isinstance(value, dict):
        return {key: _plain(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(item) for item in value]
    return None if isinstance(value, float) and not math.isfinite(value) else value
