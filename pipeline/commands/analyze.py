"""`laff analyze`: feature weights, spaces and cost of trained models, and results query by query."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

import click

from pipeline.commands.compare import GRID, ROLES, request_of
from pipeline.commands.options import optional_workspace_options, workspace_options
from pipeline.commands.sections import Sectioned
from pipeline.commands.shared import Shared

MODEL = click.option("--model", default="", metavar="NAME", help="Another trained model than the main one.")
SEED = click.option("--seed", type=int, metavar="K", help="Only this seed (default: all that are trained).")


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
    the workspace changes. Give the --stages, --profile and --set of the run: they say which models there are. For a
    comparison, also give --grid and its --role.
    """


@analyze_group.command(name="weights", short_help="How much each feature weighs.")
@workspace_options
@GRID
@ROLES
@MODEL
@SEED
def weights_command(model: str, seed: int | None, grid: str, roles: dict[str, str], shared: Shared) -> None:
    """Show how much each feature weighs: mean and std of its attention weights over the test split.

    The std is over all videos or captions, heads and seeds; "std of seeds" is the std of the seeds' means: a small one
    means that seeds agree. A weight multiplies the feature's vector, and some vectors are longer than others: "share"
    is weight times length, divided by the sum of that over the features. The CSV also holds each seed and head. Below
    stands Table 9 of the LAFF paper, with what keeps it from being compared.

    \b
    laff analyze weights -c c.yaml -w WORK
    laff analyze weights -c c.yaml -w WORK --model laff-x3d --seed 2
    """
    from dataclasses import astuple, fields

    from pipeline import files
    from pipeline.analyze import place, plots, quoted
    from pipeline.analyze.subject import subject
    from pipeline.inspection import weights
    from pipeline.views import tables

    request = request_of(shared, grid, roles)
    trained = subject(request, model, seed)
    lines = weights.lines(weights.measure(trained))
    heading = f"{trained.name}, {seeds_text(trained.seeds)}: attention weights over the test split"
    click.echo(f"{heading}\n\n{tables.text_table(weights.table(lines), left=2)}\n\n{weights.sentence(lines)}")
    click.echo(f"\n{quoted.text(trained, quoted.WEIGHTS)}")
    path = place.folder(request.work, "weights") / file_name(trained.name, seed)
    header = [field.name for field in fields(weights.Weight)]
    csv = files.write_csv(path.with_name(f"{path.name}.csv"), [header, *map(astuple, lines)])
    bars = {
        side: [(line.feature, line.mean, line.std) for line in members]
        for side, members in weights.summary(lines).items()
    }
    plots.weights(path, f"{trained.name}, {seeds_text(trained.seeds)}: attention weights over test", bars)
    print_files(csv, path)


@analyze_group.command(name="spaces", short_help="How much the spaces of a model agree.")
@workspace_options
@GRID
@ROLES
@MODEL
@SEED
@click.option("-k", default=5, show_default=True, type=click.IntRange(1), help="How many videos of each space.")
def spaces_command(model: str, seed: int | None, k: int, grid: str, roles: dict[str, str], shared: Shared) -> None:
    """Show how much the spaces of a model agree: the Jaccard index of the k best videos of each space.

    For every caption of test and every two spaces: the number of videos that both have among their k best, divided by
    the number that either has; then the mean over the captions. 1: the same videos, 0: none in common. Space 1 of one
    seed has nothing to do with space 1 of another, so the table shows the first seed, and only the mean of the others.
    Below stands Table 10 of the LAFF paper, with what keeps it from being compared.

    \b
    laff analyze spaces -c c.yaml -w WORK
    laff analyze spaces -c c.yaml -w WORK -k 10 --seed 2
    """
    from pipeline import files
    from pipeline.analyze import place, plots, quoted
    from pipeline.analyze.subject import subject
    from pipeline.inspection import spaces
    from pipeline.views import tables

    request = request_of(shared, grid, roles)
    trained = subject(request, model, seed)
    path = place.folder(request.work, "spaces") / file_name(trained.name, seed)
    matrices = {number: spaces.overlap(trained, number, k) for number in trained.seeds}
    first = matrices[trained.seeds[0]]
    heading = f"{trained.name}, seed {trained.seeds[0]}: overlap of the {k} best videos of two spaces"
    click.echo(f"{heading}\n\n{tables.text_table(spaces.table(first))}\n")
    for number, matrix in matrices.items():
        click.echo(f"seed {number}: mean of all pairs of spaces {spaces.off_diagonal(matrix):.3f}")
    chance = spaces.by_chance(k, trained.test.videos)
    click.echo(f"two random lists of {k} of the {trained.test.videos} videos: {chance:.3f}")
    click.echo(f"\n{quoted.text(trained, quoted.SPACES, *quoted.other_overlap(len(first), k))}")
    lines = (
        (number, a + 1, b + 1, float(matrix[a, b]))
        for number, matrix in matrices.items()
        for a in range(len(matrix))
        for b in range(len(matrix))
    )
    csv = files.write_csv(path.with_name(f"{path.name}.csv"), [("seed", "space", "other", "jaccard"), *lines])
    plots.spaces(path, f"{trained.name}, seed {trained.seeds[0]}: overlap of the {k} best videos", first)
    print_files(csv, path)


@analyze_group.command(name="cost", short_help="Parameters and FLOPs of the models.")
@optional_workspace_options
@GRID
@ROLES
@click.option("--model", "names", multiple=True, metavar="NAME", help="Only this model; may be given several times.")
def cost_command(names: tuple[str, ...], grid: str, roles: dict[str, str], shared: Shared) -> None:
    """Show parameters and FLOPs of the configured models, and how the poster's two figures follow.

    A multiply-add is 2 FLOPs. All matrix products of a forward are counted: sparse captions by their entries, sentence
    encoders by their words; the figures of a caption are the mean over some captions of test. Models need not be
    trained, but their features must exist, since they say how wide everything is. Without -w it prints only the
    poster's figures.

    \b
    laff analyze cost
    laff analyze cost -c c.yaml -w WORK --model laff --model concat
    """
    from dataclasses import astuple, fields

    from pipeline import files
    from pipeline.analyze import cost, place, plots
    from pipeline.analyze.subject import NoTexts, features, named
    from pipeline.views import tables

    if shared.collection and not shared.work:
        raise click.UsageError("give -w too, the workspace")
    if grid and not shared.work:
        raise click.UsageError("--grid needs -w, the workspace")
    click.echo(cost.poster_text())
    if not shared.work:
        click.echo("with -w: the same for the models of a workspace")
        return
    request = request_of(shared, grid, roles)
    try:
        measurable = features(request)
    except NoTexts as error:
        click.echo(f"\nthe models of {request.work} are not counted: {error}")
        return
    for name in names:
        named(measurable.models, name, "model")
    lines = cost.measure(measurable, list(names))
    click.echo(f"\n{measurable.context.name}, counted\n\n{tables.text_table(cost.table(lines))}")
    path = place.folder(request.work, "cost") / (f"cost-{Path(grid).stem}" if grid else "cost")
    header = [field.name for field in fields(cost.Line)]
    csv = files.write_csv(path.with_name(f"{path.name}.csv"), [header, *map(astuple, lines)])
    plots.cost(path, [(line.model, line.parameters, line.video, line.caption) for line in lines])
    print_files(csv, path)


@analyze_group.command(name="queries", short_help="Two rows of results, caption by caption.")
@workspace_options
@GRID
@ROLES
@click.argument("first", metavar="A")
@click.argument("second", metavar="B")
@click.option("-n", "number", default=5, show_default=True, type=click.IntRange(0), help="Examples each way.")
def queries_command(first: str, second: str, number: int, grid: str, roles: dict[str, str], shared: Shared) -> None:
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
    from pipeline.views import tables

    request = request_of(shared, grid, roles)
    context = open_context(request)
    comparison = queries.compare(context, first, second)
    a, b = comparison.first, comparison.second
    better, worse, equal = comparison.counts()
    click.echo(f"{a.name} against {b.name}: {len(comparison.ids):,} captions of test")
    click.echo(f"{a.name} better for {better:,}, worse for {worse:,}, equal for {equal:,}\n")
    click.echo(tables.text_table(queries.table(comparison)))
    if a.depth < float("inf"):
        click.echo(f"ranks behind {a.depth:g}, the depth of the shorter run, count as {a.depth + 1:g}")
    for sign, name in ((1, a.name), (-1, b.name)):
        if number and len(comparison.most(number, sign)):
            click.echo(f"\nwhere {name} is better by the largest factor\n")
            click.echo(tables.text_table(queries.example_table(comparison, number, sign), left=2))
    path = place.folder(request.work, "queries") / f"{file_name(a.name)}-vs-{file_name(b.name)}"
    lines = zip(comparison.ids, comparison.texts, a.mean.tolist(), b.mean.tolist(), strict=True)
    csv = files.write_csv(path.with_name(f"{path.name}.csv"), [("caption", "text", a.name, b.name), *lines])
    plots.queries(path, (a.name, b.name), a.mean, b.mean)
    print_files(csv, path)


def seeds_text(seeds: Iterable[int]) -> str:
    """The seeds as words: 'seed 1' or 'seeds 1, 2'."""
    numbers = [str(seed) for seed in seeds]
    return f"seed{'s' if len(numbers) > 1 else ''} {', '.join(numbers)}"


def file_name(name: str, seed: int | None = None) -> str:
    """A name, and its seed if there is one, as part of a file's name."""
    return name.replace("/", "-") + ("" if seed is None else f"-seed{seed}")


def print_files(csv: Path, plot: Path) -> None:
    """Print which files were written."""
    click.echo(f"\n{csv}\n{plot}.png\n{plot}.svg")
