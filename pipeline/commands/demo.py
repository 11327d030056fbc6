"""`laff demo`: everything at once, on videos that it draws itself."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import click

from pipeline.commands.options import PATH
from pipeline.commands.output import paper
from pipeline.commands.search import print_table
from pipeline.shell import command

if TYPE_CHECKING:
    from pipeline.request import Request

FOLDER = Path("demo")
SENTENCES = (
    "a red circle moves up",
    "a yellow star falls in the night sky",
    "a big blue square slides to the left on the sand",
)
HITS = 3  # of each sentence
SETTINGS = ("train.seeds=[1,2,3]",)


@click.command(name="demo")
@click.option(
    "--folder",
    type=PATH,
    default=FOLDER,
    show_default=True,
    help="Where to put videos and results.",
)
def demo_command(folder: Path) -> None:
    """Make a small collection of videos, run everything on it with profile small, and search it.

    It ends with the report's address, three sentences with the videos found, and what to type next.
    """
    from pipeline import progress
    from pipeline.demo import make_collection
    from pipeline.graph.stages_file import shipped
    from pipeline.request import Request
    from pipeline.run import run as run_stages

    with progress.bar(f"videos for {folder / 'collection'}", 0, "video") as bar:
        collection = make_collection(folder / "collection", bar=bar)
    request = Request(collection, folder / "work", shipped(), "small", SETTINGS, replace=True)
    request = without_what_lacks(request)
    outcome = run_stages(request, ())
    outcome.advice = ""  # what follows says more
    click.echo(outcome.summary(request.work, paper()))
    print_searches(request.work)
    click.echo(f"\n{next_steps(request.work)}")


def without_what_lacks(request: Request) -> Request:
    """The request without the features whose packages are not installed here; it says which and why."""
    from pipeline.errors import Missing
    from pipeline.plan import packages

    graph = request.graph()
    lacking = packages.lacking(graph, graph.needed(["report"]))
    stages = [name for names in lacking.values() for name in names]
    settings, dropped = packages.leaving_out(graph, stages, graph.needed(["report"]))
    if not settings:
        return request
    for module, names in lacking.items():
        click.echo(Missing(module, *names))
    click.echo(f"the demo goes without {' and '.join(dropped)}\n")
    return replace(request, sets=(*request.sets, *settings))


def print_searches(work: Path) -> None:
    """Print the videos that the main model finds for SENTENCES among those of test, which it was not trained on."""
    from pipeline.search.library import Library

    library = Library.open(work, split="test")
    click.echo(f"\nfound by {library.name} among the videos of test:")
    for sentence, hits in zip(SENTENCES, library.search_all(SENTENCES, HITS), strict=True):
        click.echo(f"\n{sentence}")
        print_table(library, iter([("", hits)]), {}, many=False)


def next_steps(work: Path) -> str:
    """What to type next, a line each: commands that can be typed in any folder."""
    steps = {
        "search by a sentence": command("search", SENTENCES[0], "-w", work),
        "search in a browser": command("serve", "-w", work),
        "your own folder of videos": command("index", "FOLDER"),
    }
    width = max(map(len, steps))
    return "\n".join(f"{what:{width}}  {typed}" for what, typed in steps.items())
