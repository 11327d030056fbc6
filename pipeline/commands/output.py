"""What commands print: tables for the terminal or the pipe that is there, and JSON for programs."""

from __future__ import annotations

import json
import math
import os
import shutil
import sys
from typing import TYPE_CHECKING, Any

import click

from pipeline.commands.options import Command

if TYPE_CHECKING:
    from pipeline.views.printed import Paper


def paper() -> Paper:
    """What tables are printed on: a terminal has a width and bold letters, a file or a pipe has neither.

    With NO_COLOR, or on a terminal that knows no escape codes (TERM=dumb), nothing is bold.
    """
    from pipeline.views.printed import PLAIN, Paper

    try:
        if not sys.stdout.isatty():
            return PLAIN
    except (AttributeError, ValueError):  # replaced, or closed
        return PLAIN
    styled = not os.environ.get("NO_COLOR") and os.environ.get("TERM", "dumb") != "dumb"
    return Paper(shutil.get_terminal_size().columns, styled)


def json_option(keys: str) -> Command:
    """The option --json of a command, passed as `as_json`; keys: what the JSON holds, for its help."""
    return click.option("--json", "as_json", is_flag=True, help=f"For programs: {keys}.")


def print_json(value: Any) -> None:
    """Print a value as JSON, with letters of all languages as they are."""
    click.echo(json.dumps(finite(value), indent=1, ensure_ascii=False, allow_nan=False))


def finite(value: Any) -> Any:
    """A value as JSON can hold it: null in the place of numbers that are none, as where nothing was measured."""
    if isinstance(value, dict):
        return {key: finite(one) for key, one in value.items()}
    if isinstance(value, list | tuple):
        return [finite(one) for one in value]
    return None if isinstance(value, float) and not math.isfinite(value) else value
