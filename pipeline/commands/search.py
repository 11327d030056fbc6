"""`laff search`: videos found by sentences, or by a video."""

from __future__ import annotations

import csv
import json
import sys
from collections.abc import Iterator, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from pipeline.commands import complete
from pipeline.commands.options import ATTRIBUTE, PATH, OneOf, workspace_options
from pipeline.commands.output import paper
from pipeline.commands.shared import Shared

if TYPE_CHECKING:
    from pipeline.search.hit import Hit
    from pipeline.search.library import Library
    from pipeline.views.figure_table import FigureTable


@click.command(name="search")
@click.argument("sentence", required=False)
@workspace_options
@click.option("-k", default=10, show_default=True, type=click.IntRange(1), help="How many videos; any number.")
@click.option(
    "--split",
    type=OneOf(["all", "train", "val", "test"]),
    default="all",
    show_default=True,
    help="Where to look.",
)
@click.option(
    "--model",
    "models",
    multiple=True,
    metavar="NAME",
    shell_complete=complete.MODELS,
    help="Another model than the main one, such as concat, laff/seed2, or a pair of features, such as clip-ft; "
    "given several times, reciprocal rank fusion of them.",
)
@click.option(
    "--weight",
    "weighed",
    multiple=True,
    metavar="KIND:NAME=NUMBER",
    help="How much something counts, 1 by default: model:concat=0.5 in the fusion of several models; video:x3d=0 or "
    "text:bow=2 a feature of videos or texts in models that weigh features, such as laff.",
)
@click.option("--queries", type=PATH, metavar="FILE", help="Many sentences: lines `ID text`, or .csv, .jsonl.")
@click.option(
    "--like",
    default="",
    metavar="VIDEO",
    help="Videos, or windows, like this one of the collection, in place of words.",
)
@click.option(
    "--run",
    "run_file",
    type=PATH,
    metavar="OUT.trec.gz",
    help="Write what --queries find: .xml as TRECVID's AVS run, .csv as a table, else as a TREC run; .gz packs.",
)
@ATTRIBUTE
@click.option("--json", "as_json", is_flag=True, help="For programs: a line of JSON for each query.")
@click.option("--csv", "as_csv", is_flag=True, help="For tables: a line for each video that was found.")
def search_command(
    sentence: str | None,
    k: int,
    split: str,
    models: tuple[str, ...],
    weighed: tuple[str, ...],
    queries: Path | None,
    like: str,
    run_file: Path | None,
    attributes: tuple[str, ...],
    as_json: bool,
    as_csv: bool,
    shared: Shared,
) -> None:
    """Find videos by a SENTENCE, by many, or by another video.

    Exact: every video is compared. Where `laff vectors` has kept vectors of the model they are read; else each search
    makes them. Of equal scores the first id comes first.

    \b
    laff search "a red square moves to the left" -w WORK
    laff search --queries topics.txt --run topics.trec.gz -k 1000 -w WORK
    laff search --queries topics.txt --run run.xml -k 1000 --attribute pid=TEAM -w WORK
    laff search --like video7 --json -w WORK
    laff search "a red square" --model laff --model concat --weight model:concat=0.5 -w WORK
    laff search "a red square" --weight video:x3d=0 --weight text:bow=2 -w WORK
    """
    from pipeline.items import queries as queries_file
    from pipeline.runfiles import avs_rules, forms
    from pipeline.runfiles.opened import check_not_read
    from pipeline.search import weights as search_weights
    from pipeline.search.checks import check_made
    from pipeline.search.library import Library

    if (sentence is not None) + (queries is not None) + bool(like) != 1:
        raise click.UsageError(
            f"give one of: a SENTENCE, --queries FILE, --like VIDEO{_printed(sentence, as_json, as_csv)}"
        )
    if run_file and not queries:
        raise click.UsageError("--run writes what --queries FILE find; give that too")
    if as_json + as_csv + bool(run_file) > 1:
        raise click.UsageError("give one of --json, --csv and --run")
    avs = run_file is not None and forms.is_avs(run_file)
    if attributes and not avs:
        raise click.UsageError("--attribute is of an AVS run: --run FILE.xml")
    if avs and k > avs_rules.MOST_ITEMS:
        raise click.UsageError(f"-k is {k}; an AVS run has at most {avs_rules.MOST_ITEMS:,} items a topic")
    values, weights = avs_rules.attributes(attributes), search_weights.read(weighed)
    check_not_read([run_file], [queries])
    if like and weights.text:
        raise click.UsageError("--like compares videos, so no text feature has a part in it; leave text: weights out")
    texts = dict(queries_file.load(queries)) if queries else {}
    if shared.collection is None and shared.work is not None:
        check_made(shared.work)
    library = Library(shared.request(known=True), models, split)
    if like:
        answers = iter([(like, library.like(like, k, weights))])
    elif queries:
        answers = zip(texts, library.search_all(list(texts.values()), k, not run_file, weights), strict=True)
    else:
        texts = {sentence or "": sentence or ""}
        answers = iter([(sentence or "", library.search(sentence or "", k, weights))])
    for note in library.notes(weights):
        click.echo(note, err=True)
    if run_file:
        write_run_file(run_file, library, answers, values, list(texts))
        click.echo(f"wrote {run_file}, with at most {k:,} items for each query (-k)")
    elif as_json:
        print_json(library, answers, texts)
    elif as_csv:
        print_csv(answers)
    else:
        print_table(library, answers, texts, bool(queries))


def _printed(sentence: str | None, as_json: bool, as_csv: bool) -> str:
    """A hint for a sentence too many that looks like the file of --csv or --json, which print."""
    option = "--csv" if as_csv else "--json" if as_json else ""
    if not option or not sentence or not Path(sentence).suffix:
        return ""
    return f"; {option} prints and takes no file: redirect it (> {sentence}), or write a run by --run FILE"


def write_run_file(
    path: Path,
    library: Library,
    answers: Iterator[tuple[str, list[Hit]]],
    attributes: dict[str, str],
    topics: Sequence[str],
) -> None:
    """Write what the queries, all of these topics, found as a run in the form that the file's name says."""
    from pipeline.runfiles import forms

    queries = ((query, [(hit.video, hit.score) for hit in hits]) for query, hits in answers)
    forms.write(path, queries, library.name, attributes, topics)


def print_json(library: Library, answers: Iterator[tuple[str, list[Hit]]], texts: dict[str, str]) -> None:
    """Print a line of JSON for each query."""
    for query, hits in answers:
        line: dict[str, Any] = {"query": query}  # its id; of a single sentence or of --like, what was given
        if query in texts:
            unknown = library.unknown(texts[query])
            line |= {"text": texts[query], "unknown": unknown.words, "lost": unknown.all}
        line |= {"model": library.name, "hits": [{"rank": rank} | asdict(hit) for rank, hit in enumerate(hits, 1)]}
        click.echo(json.dumps(line, ensure_ascii=False))


def print_csv(answers: Iterator[tuple[str, list[Hit]]]) -> None:
    """Print a table with a line for each hit."""
    from pipeline.errors import printable
    from pipeline.items.windows import seconds_text

    table = csv.writer(sys.stdout, lineterminator="\n")
    features: Sequence[str] | None = None
    for query, hits in answers:
        if features is None:
            features = list(hits[0].shares) if hits else []
            names = ["query", "rank", "video", "path", "start", "end", "score"]
            table.writerow([*names, *(f"share {name}" for name in features)])
        for rank, hit in enumerate(hits, 1):
            shares = [f"{hit.shares[name]:.6g}" if name in hit.shares else "" for name in features]
            bounds = ["" if bound is None else seconds_text(bound) for bound in (hit.start, hit.end)]
            table.writerow([query, rank, hit.video, printable(hit.path), *bounds, f"{hit.score:.9g}", *shares])


def print_table(library: Library, answers: Iterator[tuple[str, list[Hit]]], texts: dict[str, str], many: bool) -> None:
    """Print hits for a person; `many`: with the id of the query before each, on a terminal before each table."""
    from pipeline.errors import printable
    from pipeline.views.printed import columns, folded

    target = paper()
    for query, hits in answers:
        if query in texts:
            for note in library.unknown(texts[query]).notes():
                click.echo(f"{query}: {note}" if many else note, err=True)
        if target.width:
            if many:
                click.echo(folded(f"{query}: {texts[query]}", target))
            click.echo((columns(table_of(hits), target) if hits else "no video") + "\n" * many)
            continue
        places = ["  ".join(filter(None, [hit.video, part(hit)])) for hit in hits]
        width = max(map(len, places), default=0)
        for rank, (hit, place) in enumerate(zip(hits, places, strict=True), 1):
            line = f"{rank:3}  {hit.score:7.4f}  {place:{width}}  {printable(hit.path)}"
            click.echo(f"{f'{query}  ' if many else ''}{line}".rstrip())


def table_of(hits: Sequence[Hit]) -> FigureTable:
    """The hits of a query as a table; when a window is has a column where there is one."""
    from pipeline.errors import printable
    from pipeline.views.figure_table import FigureTable

    parts = [part(hit) for hit in hits]
    names = ["rank", "video", *(["part"] if any(parts) else []), "score", "file"]
    rows = [
        [f"{rank:4}", hit.video, *([where] if any(parts) else []), f"{hit.score:7.4f}", printable(hit.path)]
        for rank, (hit, where) in enumerate(zip(hits, parts, strict=True), 1)
    ]
    return FigureTable(names, rows, left=2, keys=2)


def part(hit: Hit) -> str:
    """When a window begins and ends; "" of a whole video."""
    from pipeline.items.windows import clock

    return "" if hit.start is None or hit.end is None else f"{clock(hit.start)}–{clock(hit.end)}"  # noqa: RUF001
