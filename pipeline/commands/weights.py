"""`laff weights`: list, get, check and convert published checkpoints."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from pipeline.commands import complete
from pipeline.commands.options import settings_options
from pipeline.commands.output import json_option, paper, print_json
from pipeline.commands.sections import Sectioned
from pipeline.commands.shared import Shared

if TYPE_CHECKING:
    from pipeline.graph.graph import Graph, Weights


@click.group(name="weights", cls=Sectioned)
def weights_group() -> None:
    """List, fetch, check and convert the published weights of the models.

    \b
    laff weights list                                 what is published, what is here
    laff weights list x3d-l-k400                      all facts on one, with its preprocessing
    laff weights get                                  fetch what stages.yaml names, before a run or for another machine
    laff weights check FILE                           which model a file is of, and how to use it
    laff weights convert FILE OUT.safetensors --as x3d-l-k400

    Files are kept in $LAFF_WEIGHTS (~/.cache/laff/weights); a file that you put there is used, and none is fetched.
    LAFF_OFFLINE=1 forbids fetching; HF_ENDPOINT names a mirror of huggingface.co. Entries are in
    extractors/weights.yaml, and yours under `weights:` in stages.yaml. Every model of open_clip is an entry too:
    open_clip:MODEL/TAG.
    """


@weights_group.command(name="list")
@settings_options
@click.option("--keys", is_flag=True, help="Print the name and shape of every tensor, too.")
@click.argument("names", nargs=-1, metavar="[NAME]...", shell_complete=complete.WEIGHTS)
@json_option("of each entry name, feature, uses, where, path, bytes, sha256, files, source, licence, params, note")
def list_weights(names: tuple[str, ...], keys: bool, as_json: bool, shared: Shared) -> None:
    """Show all entries in a table, or all facts on the named ones.

    \b
    laff weights list
    laff weights list x3d-l-k400 open_clip:ViT-B-16-SigLIP/webli
    laff weights list x3d-l-k400 --keys
    """
    from pipeline.weights import listing

    graph = shared.graph()
    if as_json:
        print_json([listing.summary(named_entry(graph, name)) for name in names or graph.weights])
        return
    if not names:
        if keys:
            raise click.UsageError("--keys shows the tensors of a model: name one")
        click.echo(listing.table([named_entry(graph, name) for name in graph.weights], paper()))
    for name in names:
        click.echo(listing.details(named_entry(graph, name), keys))


@weights_group.command(name="get")
@settings_options
@click.argument("names", nargs=-1, metavar="[NAME]...", shell_complete=complete.WEIGHTS)
def get_weights(names: tuple[str, ...], shared: Shared) -> None:
    """Fetch the named weights, or those that a run needs; files that are here are checked and not fetched again.

    A file gets its name only when it is complete and, if a sha256 is published, has that sha256.

    \b
    laff weights get
    laff weights get --set x3d.weights=x3d-m-k400
    laff weights get x3d-l-k400 timesformer-96x32-howto100m
    """
    from pipeline.errors import LaffError, Problems
    from pipeline.run_plan import targets_of
    from pipeline.weights import lookup

    graph = shared.graph()
    entries = [named_entry(graph, name) for name in names]
    if not names:
        stages = [graph.stages[name] for name in graph.needed(targets_of(graph, ()))]
        mistakes = [text for stage in stages if not stage.borrowed and (text := lookup.check(stage, graph))]
        Problems(mistakes).check(graph.path)
        needed = dict.fromkeys(stage.params.get(param, "") for stage in stages for param in ("weights", *stage.further))
        entries = [entry for name in needed if (entry := lookup.entry_of(graph, name))]
        if not entries:
            click.echo(f"nothing to fetch: no stage of {graph.path} that a run needs names an entry")
    failures = []
    for entry in entries:
        try:
            click.echo(f"{entry.name}: {lookup.obtain(entry)}")
        except LaffError as error:
            failures.append(str(error))
    if failures:
        raise LaffError(failures[0]) if len(failures) == 1 else Problems(failures).error("laff weights get")


@weights_group.command(name="check")
@settings_options
@click.option(
    "--as", "entry", metavar="NAME", help="Compare FILE with this entry only.", shell_complete=complete.WEIGHTS
)
@click.argument("name_or_file", metavar="NAME|FILE")
def check_weights(name_or_file: str, entry: str | None, shared: Shared) -> None:
    """Check the file of an entry, or find out which entries a file of yours fits.

    Checks its sha256, the layout by which its tensors are named, and whether each tensor has a place of the right shape
    in the network. Ends with an error that says what differs.

    \b
    laff weights check x3d-l-k400
    laff weights check downloads/model.pyth
    laff weights check downloads/model.pyth --as timesformer-96x4-k400
    """
    from pipeline.weights import check

    graph = shared.graph()
    path = Path(name_or_file).expanduser()
    if entry:
        click.echo(check.check_entry(named_entry(graph, entry), path))
    elif name_or_file in graph.weights or (":" in name_or_file and not path.exists()):  # as in open_clip:MODEL/TAG
        click.echo(check.check_entry(named_entry(graph, name_or_file)))
    else:
        click.echo(check.check_file(path, graph))


@weights_group.command(name="convert")
@settings_options
@click.option(
    "--as",
    "entry",
    required=True,
    metavar="NAME",
    help="The entry that FILE is.",
    shell_complete=complete.WEIGHTS,
)
@click.argument("file", type=click.Path(path_type=Path, exists=True))
@click.argument("out", type=click.Path(path_type=Path))
def convert_weights(file: Path, out: Path, entry: str, shared: Shared) -> None:
    """Write FILE's tensors, renamed as laff names them, to OUT.safetensors, a format that cannot hold code.

    Every tensor is either written unchanged or listed as dropped; the file says where it came from.

    \b
    laff weights convert x3d_l.pyth x3d_l.safetensors --as x3d-l-k400-slowfast
    """
    from pipeline.weights import convert

    click.echo(convert.convert(file, out, named_entry(shared.graph(), entry)))


def named_entry(graph: Graph, name: str) -> Weights:
    """The entry of this name; LaffError, with similar names, if there is none."""
    from pipeline.errors import LaffError, did_you_mean
    from pipeline.graph.published import named
    from pipeline.weights import lookup

    try:
        entry = lookup.entry_of(graph, name) or named(name)
    except ValueError as error:
        raise LaffError(str(error)) from None
    if entry is None:
        raise LaffError(f"no weights '{name}'{did_you_mean(name, list(graph.weights))}; `laff weights list` shows all")
    return entry
