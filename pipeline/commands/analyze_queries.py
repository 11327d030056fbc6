"""`laff analyze queries`: two rows of results, caption by caption."""

from __future__ import annotations

import click

from pipeline.commands import complete
from pipeline.commands.analyzed import file_name, print_files, written
from pipeline.commands.compare import GRID, ROLES, request_of
from pipeline.commands.options import workspace_options
from pipeline.commands.output import json_option, paper, print_json
from pipeline.commands.shared import Shared


@click.command(name="queries", short_help="Two rows of results, caption by caption.")
@workspace_options
@GRID
@ROLES
@click.argument("first", metavar="A", shell_complete=complete.ROWS)
@click.argument("second", metavar="B", shell_complete=complete.ROWS)
@click.option("-n", "number", default=5, show_default=True, type=click.IntRange(0), help="Examples each way.")
@json_option("first, second, captions, better, worse, equal, measures, examples, files")
def queries_command(
    first: str, second: str, number: int, grid: str, roles: dict[str, str], as_json: bool, shared: Shared
) -> None:
    """Compare A and B caption by caption: which one finds the right video earlier, and where they differ most.

    A and B are rows of the table of results, such as laff or concat: NAME/seedK for one seed, NAME for the mean over
    all seeds. They can also be run files (TREC, plain or gzip) whose queries are captions of test: if such a file does
    not hold the right video, its rank counts as one more than the file's depth, for A and B alike. p is the p-value of
    a two-sided randomisation test that keeps the captions of a video together.

    \b
    laff analyze queries laff concat -c c.yaml -w WORK
    laff analyze queries laff/seed1 laff/seed2 -c c.yaml -w WORK
    laff analyze queries laff other.trec.gz -c c.yaml -w WORK
    """
    from pipeline import files
    from pipeline.analyze import place, plots, queries
    from pipeline.opening import open_context
    from pipeline.views.figure_table import FigureTable
    from pipeline.views.printed import columns

    request = request_of(shared, grid, roles, known=True)
    context = open_context(request)
    comparison = queries.compare(context, first, second)
    a, b = comparison.first, comparison.second
    better, worse, equal = comparison.counts()
    if not as_json:
        click.echo(f"{a.name} against {b.name}: {len(comparison.ids):,} captions of test")
        click.echo(f"{a.name} better for {better:,}, worse for {worse:,}, equal for {equal:,}\n")
        click.echo(columns(FigureTable.of(queries.table(comparison)), paper()))
        if a.depth < float("inf"):
            click.echo(f"ranks behind {a.depth:g}, the depth of the shorter run, count as {a.depth + 1:g}")
        for sign, name in ((1, a.name), (-1, b.name)):
            if number and len(comparison.most(number, sign)):
                click.echo(f"\nwhere {name} is better by the largest factor\n")
                examples = queries.example_table(comparison, number, sign)
                click.echo(columns(FigureTable.of(examples, left=2), paper()))
    path = place.folder(request.work, "queries") / f"{file_name(a.name)}-vs-{file_name(b.name)}"
    lines = zip(comparison.ids, comparison.texts, a.mean.tolist(), b.mean.tolist(), strict=True)
    csv = files.write_csv(path.with_name(f"{path.name}.csv"), [("caption", "text", a.name, b.name), *lines])
    plots.queries(path, (a.name, b.name), a.mean, b.mean)
    if not as_json:
        print_files(csv, path)
        return
    counts = {"captions": len(comparison.ids), "better": better, "worse": worse, "equal": equal}
    print_json(
        {"first": a.name, "second": b.name, **counts, **queries.summary(comparison, number)}
        | {"files": written(csv, path)}
    )
