"""`laff analyze`: weights, spaces, cost and queries of what is trained and ranked."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Any

import click

from pipeline.commands.compare import GRID, ROLES, looked_at
from pipeline.commands.options import optional_where, where
from pipeline.commands.sections import Sectioned

MODEL = click.option("--model", default="", metavar="NAME", help="Another trained model than the main one.")
SEED = click.option("--seed", type=int, metavar="K", help="One seed alone (default: all that are trained).")


@click.group(name="analyze", cls=Sectioned)
def analyze_group() -> None:
    """Look into trained models: feature weights, spaces, cost, single queries.

    \b
    laff analyze weights -c collection.yaml -w WORK          which features a model relies on
    laff analyze spaces  -c collection.yaml -w WORK          how much its spaces agree
    laff analyze cost    -c collection.yaml -w WORK          parameters and FLOPs of every model
    laff analyze queries laff concat -c collection.yaml -w WORK      which captions one finds and the other does not
    laff analyze cost    -c collection.yaml -w WORK --grid systems   the same of what `laff compare systems` made

    Each prints a table and writes CSV, PNG and SVG under WORK/analyze/VERB/. Nothing is trained and nothing else in
    the workspace changes. Give the --stages, --profile and --set of the run: they say which models there are. Of a
    comparison, give --grid and its --role too.
    """


@analyze_group.command(name="weights", short_help="How much each feature weighs.")
@where
@GRID
@ROLES
@MODEL
@SEED
def weights_command(model: str, seed: int | None, grid: str, roles: dict[str, str], **options: Any) -> None:
    """Show how much each feature weighs: mean and std of its attention weights over the test split.

    The std is over all videos or captions, heads and seeds; "std of seeds" is that of the seeds' means, so it tells
    whether another seed says the same. A weight multiplies the feature's vector, and some vectors are longer than
    others: "share" is weight times length, of the sum over the features. The CSV holds each seed and head, too.

    \b
    laff analyze weights -c c.yaml -w WORK
    laff analyze weights -c c.yaml -w WORK --model laff-x3d --seed 2
    """
    from dataclasses import astuple, fields

    from pipeline import files
    from pipeline.analyze import place, plots, weights
    from pipeline.analyze.subject import subject
    from pipeline.views import tables

    wanted = looked_at(options, grid, roles)
    found = subject(wanted, model, seed)
    lines = weights.lines(weights.measure(found))
    heading = f"{found.name}, {seeds_text(found.seeds)}: attention weights over the test split"
    click.echo(f"{heading}\n\n{tables.text_table(weights.table(lines), left=2)}\n\n{weights.sentence(lines)}")
    path = place.folder(wanted.work, "weights") / file_name(found.name, seed)
    header = [field.name for field in fields(weights.Weight)]
    csv = files.write_csv(path.with_name(f"{path.name}.csv"), [header, *map(astuple, lines)])
    bars = {
        side: [(line.feature, line.mean, line.std) for line in members]
        for side, members in weights.summary(lines).items()
    }
    plots.weights(path, f"{found.name}, {seeds_text(found.seeds)}: attention weights over test", bars)
    said(csv, path)


@analyze_group.command(name="spaces", short_help="How much the spaces of a model agree.")
@where
@GRID
@ROLES
@MODEL
@SEED
@click.option("-k", default=5, show_default=True, type=click.IntRange(1), help="How many videos of each space.")
def spaces_command(model: str, seed: int | None, k: int, grid: str, roles: dict[str, str], **options: Any) -> None:
    """Show how much the spaces of a model agree: the Jaccard index of the k videos that each finds best on its own.

    For every caption of test and every two spaces: videos that both have among their k best, over videos that either
    has; the mean over the captions. 1: the same videos, 0: none in common. Space 1 of one seed has nothing to do with
    space 1 of another, so the table is of one seed, the first; of the others the mean is told.

    \b
    laff analyze spaces -c c.yaml -w WORK
    laff analyze spaces -c c.yaml -w WORK -k 10 --seed 2
    """
    from pipeline import files
    from pipeline.analyze import place, plots, spaces
    from pipeline.analyze.subject import subject
    from pipeline.views import tables

    wanted = looked_at(options, grid, roles)
    found = subject(wanted, model, seed)
    path = place.folder(wanted.work, "spaces") / file_name(found.name, seed)
    matrices = {one: spaces.overlap(found, one, k) for one in found.seeds}
    first = matrices[found.seeds[0]]
    of = f"{found.name}, seed {found.seeds[0]}: overlap of the {k} best videos of two spaces"
    click.echo(f"{of}\n\n{tables.text_table(spaces.table(first))}\n")
    for one, matrix in matrices.items():
        click.echo(f"seed {one}: mean of all pairs of spaces {spaces.off_diagonal(matrix):.3f}")
    chance = spaces.by_chance(k, found.test.videos)
    click.echo(f"two random lists of {k} of the {found.test.videos} videos: {chance:.3f}")
    lines = (
        (one, a + 1, b + 1, float(matrix[a, b]))
        for one, matrix in matrices.items()
        for a in range(len(matrix))
        for b in range(len(matrix))
    )
    csv = files.write_csv(path.with_name(f"{path.name}.csv"), [("seed", "space", "other", "jaccard"), *lines])
    plots.spaces(path, f"{found.name}, seed {found.seeds[0]}: overlap of the {k} best videos", first)
    said(csv, path)


@analyze_group.command(name="cost", short_help="Parameters and FLOPs of the models.")
@optional_where
@GRID
@ROLES
@click.option("--model", "names", multiple=True, metavar="NAME", help="This model alone; may be given several times.")
def cost_command(names: tuple[str, ...], grid: str, roles: dict[str, str], **options: Any) -> None:
    """Show parameters and FLOPs of the configured models, and how the poster's two figures follow.

    A multiply-add is 2 FLOPs. Counted are all matrix products that a forward really makes: sparse captions by their
    entries, sentence encoders by their words; a caption is the mean of some of test. Models need not be trained, but
    their features must be made, as they say how wide everything is. Without -w: the poster's figures alone.

    \b
    laff analyze cost
    laff analyze cost -c c.yaml -w WORK --model laff --model concat
    """
    from dataclasses import astuple, fields

    from pipeline import files
    from pipeline.analyze import cost, place, plots
    from pipeline.analyze.subject import features, named
    from pipeline.views import tables

    if options["collection"] and not options["work"]:
        raise click.UsageError("give -w too, the workspace")
    if grid and not options["work"]:
        raise click.UsageError("--grid needs -w, the workspace")
    click.echo(cost.poster_text())
    if not options["work"]:
        click.echo("with -w: the same for the models of a workspace")
        return
    wanted = looked_at(options, grid, roles)
    found = features(wanted)
    for name in names:
        named(found.models, name, "model")
    lines = cost.measure(found, list(names))
    click.echo(f"\n{found.context.name}, counted\n\n{tables.text_table(cost.table(lines))}")
    path = place.folder(wanted.work, "cost") / (f"cost-{Path(grid).stem}" if grid else "cost")
    header = [field.name for field in fields(cost.Line)]
    csv = files.write_csv(path.with_name(f"{path.name}.csv"), [header, *map(astuple, lines)])
    plots.cost(path, [(line.model, line.parameters, line.video, line.caption) for line in lines])
    said(csv, path)


@analyze_group.command(name="queries", short_help="Two rows of results, caption by caption.")
@where
@GRID
@ROLES
@click.argument("first", metavar="A")
@click.argument("second", metavar="B")
@click.option("-n", "number", default=5, show_default=True, type=click.IntRange(0), help="Examples each way.")
def queries_command(first: str, second: str, number: int, grid: str, roles: dict[str, str], **options: Any) -> None:
    """Compare A and B caption by caption: who finds the right video earlier, and where they differ most.

    A and B are rows of the table of results, such as laff or concat; NAME/seedK for one seed, else the mean over all.
    Or they are run files (TREC, plain or gzip) whose queries are captions of test: where such a file does not hold the
    right video, its rank counts as one behind the file's depth, for A and B alike. p is that of a two-sided
    randomisation test that keeps the captions of a video together.

    \b
    laff analyze queries laff concat -c c.yaml -w WORK
    laff analyze queries laff/seed1 laff/seed2 -c c.yaml -w WORK
    laff analyze queries laff other.trec.gz -c c.yaml -w WORK
    """
    from pipeline import files
    from pipeline.analyze import place, plots, queries
    from pipeline.opening import open_context
    from pipeline.views import tables

    wanted = looked_at(options, grid, roles)
    context = open_context(wanted)
    found = queries.compare(context, first, second)
    a, b = found.first, found.second
    won, lost, tied = found.counts()
    click.echo(f"{a.name} against {b.name}: {len(found.ids):,} captions of test")
    click.echo(f"{a.name} better for {won:,}, worse for {lost:,}, equal for {tied:,}\n")
    click.echo(tables.text_table(queries.table(found)))
    if a.depth < float("inf"):
        click.echo(f"ranks behind {a.depth:g}, the depth of the shorter run, count as {a.depth + 1:g}")
    for sign, what in ((1, a.name), (-1, b.name)):
        if number and len(found.most(number, sign)):
            click.echo(f"\nwhere {what} is better by the largest factor\n")
            click.echo(tables.text_table(queries.example_table(found, number, sign), left=2))
    path = place.folder(wanted.work, "queries") / f"{file_name(a.name)}-vs-{file_name(b.name)}"
    lines = zip(found.ids, found.texts, a.mean.tolist(), b.mean.tolist(), strict=True)
    csv = files.write_csv(path.with_name(f"{path.name}.csv"), [("caption", "text", a.name, b.name), *lines])
    plots.queries(path, (a.name, b.name), a.mean, b.mean)
    said(csv, path)


def seeds_text(seeds: Iterable[int]) -> str:
    """'seed 1' or 'seeds 1, 2'."""
    numbers = [str(seed) for seed in seeds]
    return f"seed{'s' if len(numbers) > 1 else ''} {', '.join(numbers)}"


def file_name(name: str, seed: int | None = None) -> str:
    """A name as part of a file's name."""
    return name.replace("/", "-") + ("" if seed is None else f"-seed{seed}")


def said(csv: Path, plot: Path) -> None:
    """Where it was written to."""
    click.echo(f"\n{csv}\n{plot}.png\n{plot}.svg")
