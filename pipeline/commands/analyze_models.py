"""`laff analyze weights`, `spaces` and `cost`: a look into trained models."""

from __future__ import annotations

from pathlib import Path

import click

from pipeline.commands import complete
from pipeline.commands.analyzed import MODEL, SEED, file_name, print_files, seeds_text, written
from pipeline.commands.compare import GRID, ROLES, request_of
from pipeline.commands.options import optional_workspace_options, workspace_options
from pipeline.commands.output import json_option, paper, print_json
from pipeline.commands.shared import Shared


@click.command(name="weights", short_help="How much each feature weighs.")
@workspace_options
@GRID
@ROLES
@MODEL
@SEED
@json_option("model, seeds, weights (the lines of the CSV), files")
def weights_command(
    model: str, seed: int | None, grid: str, roles: dict[str, str], as_json: bool, shared: Shared
) -> None:
    """Show how much each feature weighs: mean and std of its attention weights over the test split.

    The std is over all videos or captions, heads and seeds; "std of seeds" is the std of the seeds' means: a small one
    means that seeds agree. A weight multiplies the feature's vector, and some vectors are longer than others: "share"
    is weight times length, divided by the sum of that over the features. The CSV also holds each seed and head. Below
    stands Table 9 of the LAFF paper, with what keeps it from being compared.

    \b
    laff analyze weights -c c.yaml -w WORK
    laff analyze weights -c c.yaml -w WORK --model laff-x3d --seed 2
    """
    from dataclasses import asdict, astuple, fields

    from pipeline import files
    from pipeline.analyze import place, plots, quoted
    from pipeline.analyze.subject import subject
    from pipeline.inspection import weights
    from pipeline.views.figure_table import FigureTable
    from pipeline.views.printed import columns

    request = request_of(shared, grid, roles, known=True)
    trained = subject(request, model, seed)
    lines = weights.lines(weights.measure(trained))
    heading = f"{trained.name}, {seeds_text(trained.seeds)}: attention weights over the test split"
    if not as_json:
        table = columns(FigureTable.of(weights.table(lines), left=2, keys=2), paper())
        click.echo(f"{heading}\n\n{table}\n\n{weights.sentence(lines)}")
        click.echo(f"\n{quoted.text(trained, quoted.WEIGHTS, paper=paper())}")
    path = place.folder(request.work, "weights") / file_name(trained.name, seed)
    header = [field.name for field in fields(weights.Weight)]
    csv = files.write_csv(path.with_name(f"{path.name}.csv"), [header, *map(astuple, lines)])
    bars = {
        side: [(line.feature, line.mean, line.std) for line in members]
        for side, members in weights.summary(lines).items()
    }
    plots.weights(path, f"{trained.name}, {seeds_text(trained.seeds)}: attention weights over test", bars)
    if as_json:
        entries = [asdict(line) for line in lines]
        print_json({"model": trained.name, "seeds": trained.seeds, "weights": entries, "files": written(csv, path)})
    else:
        print_files(csv, path)


@click.command(name="spaces", short_help="How much the spaces of a model agree.")
@workspace_options
@GRID
@ROLES
@MODEL
@SEED
@click.option("-k", default=5, show_default=True, type=click.IntRange(1), help="How many videos of each space.")
@json_option("model, k, seeds (of each the overlap of every two spaces, and its mean), chance, files")
def spaces_command(
    model: str, seed: int | None, k: int, grid: str, roles: dict[str, str], as_json: bool, shared: Shared
) -> None:
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
    from pipeline.views.figure_table import FigureTable
    from pipeline.views.printed import columns

    request = request_of(shared, grid, roles, known=True)
    trained = subject(request, model, seed)
    path = place.folder(request.work, "spaces") / file_name(trained.name, seed)
    matrices = {number: spaces.overlap(trained, number, k) for number in trained.seeds}
    first = matrices[trained.seeds[0]]
    heading = f"{trained.name}, seed {trained.seeds[0]}: overlap of the {k} best videos of two spaces"
    chance = spaces.by_chance(k, trained.test.videos)
    if not as_json:
        click.echo(f"{heading}\n\n{columns(FigureTable.of(spaces.table(first)), paper())}\n")
        for number, matrix in matrices.items():
            click.echo(f"seed {number}: mean of all pairs of spaces {spaces.off_diagonal(matrix):.3f}")
        click.echo(f"two random lists of {k} of the {trained.test.videos:,} videos: {chance:.3f}")
        notes = quoted.other_overlap(len(first), k)
        click.echo(f"\n{quoted.text(trained, quoted.SPACES, *notes, paper=paper())}")
    lines = (
        (number, a + 1, b + 1, float(matrix[a, b]))
        for number, matrix in matrices.items()
        for a in range(len(matrix))
        for b in range(len(matrix))
    )
    csv = files.write_csv(path.with_name(f"{path.name}.csv"), [("seed", "space", "other", "jaccard"), *lines])
    plots.spaces(path, f"{trained.name}, seed {trained.seeds[0]}: overlap of the {k} best videos", first)
    if as_json:
        seeds = {
            str(number): {"mean": spaces.off_diagonal(matrix), "overlap": matrix.tolist()}
            for number, matrix in matrices.items()
        }
        print_json({"model": trained.name, "k": k, "seeds": seeds, "chance": chance, "files": written(csv, path)})
    else:
        print_files(csv, path)


@click.command(name="cost", short_help="Parameters and FLOPs of the models.")
@optional_workspace_options
@GRID
@ROLES
@click.option(
    "--model",
    "names",
    multiple=True,
    metavar="NAME",
    help="Only this model; may be given several times.",
    shell_complete=complete.MODELS,
)
@json_option("poster (its two figures), models (the lines of the CSV), files")
def cost_command(names: tuple[str, ...], grid: str, roles: dict[str, str], as_json: bool, shared: Shared) -> None:
    """Show parameters and FLOPs of the configured models, and how the poster's two figures follow.

    A multiply-add is 2 FLOPs. All matrix products of a forward are counted: sparse captions by their entries, sentence
    encoders by their words; the figures of a caption are the mean over some captions of test. Models need not be
    trained, but their features must exist, since they say how wide everything is. Without -w it prints only the
    poster's figures.

    \b
    laff analyze cost
    laff analyze cost -c c.yaml -w WORK --model laff --model concat
    """
    from dataclasses import asdict, astuple, fields

    from pipeline import files
    from pipeline.analyze import cost, place, plots
    from pipeline.analyze.subject import NoTexts, features, named
    from pipeline.views.figure_table import FigureTable
    from pipeline.views.printed import columns

    if shared.collection and not shared.work:
        raise click.UsageError("give -w too, the workspace")
    if grid and not shared.work:
        raise click.UsageError("--grid needs -w, the workspace")
    if as_json and not shared.work:
        print_json({"poster": cost.poster(), "models": [], "files": []})
        return
    if not as_json:
        click.echo(cost.poster_text())
    if not shared.work:
        click.echo("with -w: the same for the models of a workspace")
        return
    request = request_of(shared, grid, roles, known=True)
    try:
        measurable = features(request)
    except NoTexts as error:
        if as_json:
            raise
        click.echo(f"\nthe models of {request.work} are not counted: {error}")
        return
    for name in names:
        named(measurable.models, name, "model")
    lines = cost.measure(measurable, list(names))
    if not as_json:
        table = columns(FigureTable.of(cost.table(lines)), paper())
        click.echo(f"\n{measurable.context.name}, counted\n\n{table}")
    path = place.folder(request.work, "cost") / (f"cost-{Path(grid).stem}" if grid else "cost")
    header = [field.name for field in fields(cost.Line)]
    csv = files.write_csv(path.with_name(f"{path.name}.csv"), [header, *map(astuple, lines)])
    plots.cost(path, [(line.model, line.parameters, line.video, line.caption) for line in lines])
    if as_json:
        models = [asdict(line) for line in lines]
        print_json({"poster": cost.poster(), "models": models, "files": written(csv, path)})
    else:
        print_files(csv, path)
