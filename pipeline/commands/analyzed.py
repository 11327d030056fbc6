"""What the verbs of `laff analyze` share: which model and seed, and the names of the files that they write."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

import click

from pipeline.commands import complete

MODEL = click.option(
    "--model",
    default="",
    metavar="NAME",
    help="Another trained model than the main one.",
    shell_complete=complete.MODELS,
)
SEED = click.option("--seed", type=int, metavar="K", help="Only this seed (default: all that are trained).")


def seeds_text(seeds: Iterable[int]) -> str:
    """The seeds as words: 'seed 1' or 'seeds 1, 2'."""
    numbers = [str(seed) for seed in seeds]
    return f"seed{'s' if len(numbers) > 1 else ''} {', '.join(numbers)}"


def file_name(name: str, seed: int | None = None) -> str:
    """A name, and its seed if there is one, as part of a file's name."""
    return name.replace("/", "-") + ("" if seed is None else f"-seed{seed}")


def written(csv: Path, plot: Path) -> list[str]:
    """The files that a verb has written: a table, and a plot in two formats."""
    return [str(csv), f"{plot}.png", f"{plot}.svg"]


def print_files(csv: Path, plot: Path) -> None:
    """Print which files were written."""
    click.echo("\n" + "\n".join(f"wrote {file}" for file in written(csv, plot)))
