"""`laff weights`: list, get, check and convert published checkpoints."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from pipeline.commands.options import graph_of, settings
from pipeline.commands.sections import Sectioned

if TYPE_CHECKING:
    from pipeline.graph.graph import Graph, Weights


@click.group(name="weights", cls=Sectioned)
def weights_group() -> None:
    """List, fetch, check and convert the published weights of the models.

    \b
    laff weights list                                 what is published, what is here
    laff weights list x3d-l-k400                      everything about one, with its preprocessing
    laff weights get                                  fetch what stages.yaml names, before a run or for another machine
    laff weights check FILE                           which model a file is of, and how to use it
    laff weights convert FILE OUT.safetensors --as x3d-l-k400

    Files are kept in $LAFF_WEIGHTS (~/.cache/laff/weights); a file that you put there is taken and none is fetched.
    Where nothing may be fetched, LAFF_OFFLINE=1 says so; HF_ENDPOINT names a mirror of huggingface.co. Entries stand in
    extractors/weights.yaml, and yours under `weights:` in stages.yaml. Every model of open_clip is an entry too:
    open_clip:MODEL/TAG.
    """


@weights_group.command(name="list")
@settings
@click.option("--keys", is_flag=True, help="Print the name and shape of every tensor, too.")
@click.argument("names", nargs=-1, metavar="[NAME]...")
def list_weights(names: tuple[str, ...], keys: bool, **options: Any) -> None:
    """Show all entries in a table, or everything about the named ones.

    \b
    laff weights list
    laff weights list x3d-l-k400 open_clip:ViT-B-16-SigLIP/webli
    laff weights list x3d-l-k400 --keys
    """
    from pipeline.weights import listing

    graph = graph_of(options)
    if not names:
        if keys:
            raise click.UsageError("--keys shows the tensors of a model: name one")
        click.echo(listing.table([named_entry(graph, name) for name in graph.weights]))
    for name in names:
        click.echo(listing.details(named_entry(graph, name), keys))


@weights_group.command(name="get")
@settings
@click.argument("names", nargs=-1, metavar="[NAME]...")
def get_weights(names: tuple[str, ...], **options: Any) -> None:
    """Fetch the named weights, or those that a run needs; what is here is checked and not fetched again.

    A file appears under its name when it is whole and, where a sha256 is published, of that sha256.

    \b
    laff weights get
    laff weights get --set x3d.weights=x3d-m-k400
    laff weights get x3d-l-k400 timesformer-96x32-howto100m
    """
    from pipeline.errors import LaffError, problems
    from pipeline.run_plan import targets_of
    from pipeline.weights import lookup

    graph = graph_of(options)
    wanted = [named_entry(graph, name) for name in names]
    if not names:
        stages = [graph.stages[name] for name in graph.needed(targets_of(graph, ()))]
        if wrong := [text for stage in stages if not stage.borrowed and (text := lookup.check(stage, graph))]:
            raise problems(str(graph.path), wrong)
        needed = dict.fromkeys(stage.params.get(param, "") for stage in stages for param in ("weights", *stage.further))
        wanted = [entry for name in needed if (entry := lookup.entry_of(graph, name))]
        if not wanted:
            click.echo(f"nothing to fetch: no stage of {graph.path} that a run needs names an entry")
    failed = []
    for entry in wanted:
        try:
            click.echo(f"{entry.name}: {lookup.obtain(entry)}")
        except LaffError as error:
            failed.append(str(error))
    if failed:
        raise LaffError(failed[0]) if len(failed) == 1 else problems("laff weights get", failed)


@weights_group.command(name="check")
@settings
@click.option("--as", "name", metavar="NAME", help="Hold FILE against this entry alone.")
@click.argument("what", metavar="NAME|FILE")
def check_weights(what: str, name: str | None, **options: Any) -> None:
    """Check the file of an entry, or find out which entries a file of yours fits.

    Looks at its sha256, the layout that its tensors are named in, and whether every one has its place in the network,
    with the right shape. Ends with an error that says what differs.

    \b
    laff weights check x3d-l-k400
    laff weights check downloads/model.pyth
    laff weights check downloads/model.pyth --as timesformer-96x4-k400
    """
    from pipeline.weights import check

    graph = graph_of(options)
    path = Path(what).expanduser()
    if name:
        click.echo(check.check_entry(named_entry(graph, name), path))
    elif what in graph.weights or (":" in what and not path.exists()):  # as in open_clip:MODEL/TAG
        click.echo(check.check_entry(named_entry(graph, what)))
    else:
        click.echo(check.check_file(path, graph))


@weights_group.command(name="convert")
@settings
@click.option("--as", "name", required=True, metavar="NAME", help="The entry that FILE is.")
@click.argument("file", type=click.Path(path_type=Path, exists=True))
@click.argument("out", type=click.Path(path_type=Path))
def convert_weights(file: Path, out: Path, name: str, **options: Any) -> None:
    """Write FILE's tensors by our names as OUT.safetensors, a format that cannot hold code.

    Every tensor is used or named as dropped, none is changed; the file says where it came from.

    \b
    laff weights convert x3d_l.pyth x3d_l.safetensors --as x3d-l-k400-slowfast
    """
    from pipeline.weights import check

    click.echo(check.convert(file, out, named_entry(graph_of(options), name)))


def named_entry(graph: Graph, name: str) -> Weights:
    """The entry of a name; an error with names near it."""
    from pipeline.errors import LaffError, did_you_mean
    from pipeline.graph.published import named
    from pipeline.weights import lookup

    try:
        found = lookup.entry_of(graph, name) or named(name)
    except ValueError as error:
        raise LaffError(str(error)) from None
    if found is None:
        raise LaffError(f"no weights '{name}'{did_you_mean(name, list(graph.weights))}; `laff weights list` shows all")
    return found
