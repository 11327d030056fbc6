"""The `laff` command: one verb per stage of stages.yaml, and run, plan, failures, search, show, verify, gc, weights,
demo.

Heavy packages are imported inside the commands, so that --help answers at once.
"""

from __future__ import annotations

import errno
import json
import os
import re
import signal
import sys
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

if TYPE_CHECKING:
    from pipeline.graph import Graph, Weights
    from pipeline.run import Request

# Threads of torch that wait for each other must not spin: on a busy machine that more than doubles the time of small
# models. Set before torch is imported anywhere; workers inherit it.
os.environ.setdefault("OMP_WAIT_POLICY", "passive")

DEMO = Path("demo")
VERBS = {  # what a stage's command says in --help, by its step
    "ingest": "List all videos and captions, with digests, splits and shards.",
    "decode": "Look at every video; what cannot be read goes to the failures.",
    "finetune": "Train CLIP on the train split.",
    "extract": "Extract this feature for all videos or captions.",
    "import": "Take over features that others extracted.",
    "train": "Train the fusion models on cached features.",
    "rank": "Rank videos for captions and captions for videos.",
    "evaluate": "Compute the metrics.",
    "report": "Write the report page.",
}


TRUST = click.option("--trust", multiple=True, metavar="PACKAGE", help="Let `uses:` import from this package too.")
SET = click.option("--set", "sets", multiple=True, metavar="STAGE.PARAM=VALUE", help="Change a param, `from` or `on`.")
PROFILE = click.option("--profile", metavar="NAME", help="Apply a profile of the stages file, such as small.")
STAGES = click.option(
    "--stages", type=click.Path(path_type=Path), metavar="FILE", help="Another stages.yaml than the one here."
)


class Laff(click.Group):
    """Commands of this file, and one for each stage of stages.yaml. Turns errors of ours into one clean message."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """Own verbs first, then the stages in the file's order."""
        from pipeline.stages import names

        own = [name for name in self.commands if not name.startswith("_")]
        return own + [name for name in names(stages_option(sys.argv)) if name not in own]

    def get_command(self, ctx: click.Context, name: str) -> click.Command | None:
        """A verb of ours, or the command of a stage."""
        from pipeline.stages import names

        if name in self.commands:
            return self.commands[name]
        return stage_command(name) if name in names(stages_option(sys.argv)) else None

    def invoke(self, ctx: click.Context) -> Any:
        """Run the command; a LaffError becomes its text, an interrupt says that nothing is lost."""
        from pipeline.errors import LaffError

        if signal.getsignal(signal.SIGTERM) is signal.SIG_DFL:  # as from SLURM or systemd: leave as after Ctrl-C
            signal.signal(signal.SIGTERM, signal.default_int_handler)
        try:
            return super().invoke(ctx)
        except LaffError as error:
            raise click.ClickException(str(error)) from None
        except KeyboardInterrupt:
            raise click.ClickException(
                "interrupted; what is finished is kept, the same command goes on from here"
            ) from None
        except OSError as error:
            if error.errno in (errno.ENOSPC, errno.EDQUOT):
                what = "the disk is full" if error.errno == errno.ENOSPC else "the quota is used up"
                raise click.ClickException(
                    f"{what} ({error.filename or 'while writing'}); make room and run the same command again; "
                    "what is finished is kept"
                ) from None
            if error.filename:
                raise click.ClickException(f"{error.filename}: {error.strerror}") from None
            raise


def stages_option(arguments: list[str]) -> Path | None:
    """The value of --stages, looked up before click parses: it decides which commands there are."""
    for place, argument in enumerate(arguments):
        if argument == "--stages" and place + 1 < len(arguments):
            return Path(arguments[place + 1])
        if argument.startswith("--stages="):
            return Path(argument.partition("=")[2])
    return None


def where(function: Callable[..., Any]) -> Callable[..., Any]:
    """The options that every command on a workspace takes."""
    path = click.Path(path_type=Path)
    for option in (
        TRUST,
        SET,
        PROFILE,
        STAGES,
        click.option("-w", "--work", type=path, required=True, metavar="WORK", help="The workspace folder."),
        click.option("-c", "--collection", type=path, required=True, metavar="FILE", help="The collection.yaml."),
    ):
        function = option(function)
    return function


def doing(function: Callable[..., Any]) -> Callable[..., Any]:
    """The options of commands that make something."""
    for option in (
        click.option(
            "--scheduler",
            default="",
            metavar="ADDRESS",
            help="Let the workers of this dask scheduler (tcp://host:port) extract; they see the same folders.",
        ),
        click.option(
            "--workers",
            type=click.IntRange(0),
            default=0,
            metavar="N",
            help="Extract in N processes of this machine, each with a GPU of its own where there are GPUs.",
        ),
        click.option(
            "--max-failures",
            type=int,
            default=-1,
            metavar="N",
            help="End with an error if more videos failed (default: any number may).",
        ),
        click.option("--retry-failed", is_flag=True, help="Try videos again that failed before."),
    ):
        function = option(function)
    return where(function)


def request(options: dict[str, Any]) -> Request:
    """The Request that the options of `where` or `doing` make."""
    from pipeline.run import Request

    workers, scheduler = options.get("workers", 0), options.get("scheduler", "")
    if workers and scheduler:
        raise click.UsageError("--workers starts processes here, --scheduler uses those elsewhere: give one of them")
    if scheduler and not re.fullmatch(r"(tcp|tls|ucx)://[^\s:/]+:\d+", scheduler):
        raise click.UsageError(f"--scheduler {scheduler!r}: should be an address such as tcp://host:8786")
    return Request(
        options["collection"],
        options["work"],
        options["stages"],
        options["profile"],
        options["sets"],
        options["trust"],
        workers,
        scheduler,
    )


@click.group(cls=Laff, context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 110})
@click.version_option(package_name="laff")
def main() -> None:
    """Text-to-video retrieval from raw videos to ranked runs.

    \b
    laff demo                                         see it work on videos that it makes itself
    laff plan -c collection.yaml -w WORK              what would run, and why
    laff run  -c collection.yaml -w WORK              run it; again after a crash: it goes on
    laff search "a dog runs" -c collection.yaml -w WORK

    Every stage of stages.yaml is a command too: `laff train …` makes that stage and what it still needs.
    """


@main.command()
@doing
@click.argument("targets", nargs=-1, metavar="[STAGE]...")
def run(targets: tuple[str, ...], retry_failed: bool, max_failures: int, **options: Any) -> None:
    """Run all stages that are not cached, or only what the named STAGEs need.

    \b
    laff run -c collection.yaml -w WORK --profile small
    laff run -c collection.yaml -w WORK --set train.seeds=[1,2,3] --set x3d.frames=13
    """
    execute(options, targets, retry_failed, max_failures)


def execute(options: dict[str, Any], targets: tuple[str, ...], retry: bool, max_failures: int) -> None:
    """Run, print what came of it, and exit with an error if too many videos failed."""
    from pipeline.run import run as run_stages

    wanted = request(options)
    outcome = run_stages(wanted, targets, retry)
    click.echo(outcome.summary(wanted.work))
    if 0 <= max_failures < outcome.lost:
        raise click.ClickException(
            f"{outcome.lost} videos failed, more than --max-failures {max_failures}; "
            f"see `laff failures -w {wanted.work}`"
        )


def stage_command(name: str) -> click.Command:
    """The command of one stage: it makes the stage and what it still needs."""

    @doing
    def command(retry_failed: bool, max_failures: int, **options: Any) -> None:
        execute(options, (name,), retry_failed, max_failures)

    step, uses = stage_facts(name)
    first = VERBS.get(step, "Make this stage.")
    kind = f"step {step}, {uses}" if uses else f"step {step}"
    text = f"{first}\n\nMakes stage '{name}' ({kind}) and what it still needs, nothing else."
    return click.command(name=name, help=text, short_help=f"{first.rstrip('.')} [stage]")(command)


def stage_facts(name: str) -> tuple[str, str]:
    """Step and part of a stage as the file has them, unchecked."""
    from pipeline import yamls
    from pipeline.stages import default_path

    entry = yamls.load(stages_option(sys.argv) or default_path())["stages"][name] or {}
    return str(entry.get("step", "")), str(entry.get("uses") or "")


@main.command()
@where
@click.option(
    "--json", "as_json", is_flag=True, help="For programs: a list of stage, shards, cached, stale, missing, reasons."
)
@click.option("--retry-failed", is_flag=True, help="As `run --retry-failed` would see it.")
@click.argument("targets", nargs=-1, metavar="[STAGE]...")
def plan(targets: tuple[str, ...], as_json: bool, retry_failed: bool, **options: Any) -> None:
    """Show what is cached, stale or missing, and why; runs nothing and reads no video."""
    from pipeline import plan as plans
    from pipeline.run import plan as make_plan
    from pipeline.run import targets_of

    wanted = request(options)
    graph = wanted.graph()
    names = targets_of(graph, targets)
    found, random = make_plan(wanted, names, retry_failed)
    if as_json:
        click.echo(json.dumps([planned.summary() for planned in found], indent=1, ensure_ascii=False))
        return
    click.echo(plans.table(found, random))
    idle = [name for name in graph.stages if name not in graph.needed(names)]
    if idle:
        click.echo(f"not needed by {', '.join(names)}: {', '.join(idle)}")


@main.command()
@click.option(
    "-w", "--work", type=click.Path(path_type=Path), required=True, metavar="WORK", help="The workspace folder."
)
@click.option("--json", "as_json", is_flag=True, help="The ledger's lines as they are.")
def failures(work: Path, as_json: bool) -> None:
    """Show which videos failed, in which stage, and why."""
    from pipeline import ledger

    if not work.is_dir():
        raise click.ClickException(f"{work}: no such workspace")
    lines = ledger.read(work / "failures.jsonl")
    if as_json:
        for line in lines:
            click.echo(json.dumps(line, ensure_ascii=False))
    else:
        click.echo(ledger.table(lines))


@main.command()
@click.argument("sentence")
@where
@click.option("-k", default=10, show_default=True, type=click.IntRange(1), help="How many videos.")
@click.option(
    "--split",
    type=click.Choice(["all", "train", "val", "test"]),
    default="all",
    show_default=True,
    help="Where to look.",
)
@click.option("--model", default="", metavar="NAME", help="Another trained model than the main one, such as concat.")
def search(sentence: str, k: int, split: str, model: str, **options: Any) -> None:
    """Find videos by a SENTENCE with the trained model.

    \b
    laff search "a red square moves to the left" -c demo/collection/collection.yaml -w demo/work --profile small
    """
    from pipeline.search import search as find

    for rank, hit in enumerate(find(request(options), sentence, k, split, model), 1):
        click.echo(f"{rank:3}  {hit.score:7.4f}  {hit.video}  {hit.path}")


@main.command()
@click.argument("file", type=click.Path(path_type=Path, exists=True))
def show(file: Path) -> None:
    """Show what a shard holds: datasets, attributes, failures."""
    from pipeline.shards import describe

    click.echo(describe(file))


@main.command()
@click.option(
    "-w", "--work", type=click.Path(path_type=Path), required=True, metavar="WORK", help="The workspace folder."
)
@click.option("--dry-run", is_flag=True, help="Only tell what is damaged.")
def verify(work: Path, dry_run: bool) -> None:
    """Read every file of a workspace and set damaged ones aside, so that the next run makes them again.

    A damaged file keeps its place under the name FILE.damaged. Ends with an error if there is any.
    """
    from pipeline import verify as files

    count, damaged = files.look(work)
    for name, wrong in damaged.items():
        click.echo(f"{work / name}: {wrong}")
    if not damaged:
        click.echo(f"{count} files, none is damaged")
        return
    if dry_run:
        raise click.ClickException(f"{len(damaged)} of {count} files are damaged; without --dry-run they are set aside")
    moved = files.set_aside(work, list(damaged))
    raise click.ClickException(f"{len(moved)} of {count} files were damaged and set aside; `laff run` makes them again")


@main.command()
@where
@click.option("--yes", is_flag=True, help="Delete it.")
def gc(yes: bool, **options: Any) -> None:
    """List files of a workspace that this configuration does not use; --yes deletes them.

    Results of other settings (other seeds, models, stages, profiles) that share the workspace count as unused by THIS
    configuration: give the --profile and --set of the run that you want to keep. Files that laff did not write stay.
    """
    from pipeline import gc as unused

    wanted = request(options)
    found = unused.remove(wanted) if yes else unused.look(wanted)
    click.echo(unused.table(wanted.work, found))
    if found.unused:
        click.echo("deleted" if yes else "nothing is deleted yet: --yes does it")


@main.command()
@click.option(
    "--folder",
    type=click.Path(path_type=Path),
    default=DEMO,
    show_default=True,
    help="Where to put videos and results.",
)
def demo(folder: Path) -> None:
    """Make a small collection of videos, then run everything on it with profile small."""
    from pipeline.demo import make_collection
    from pipeline.run import Request
    from pipeline.run import run as run_stages
    from pipeline.stages import ROOT

    collection = make_collection(folder / "collection")
    wanted = Request(collection, folder / "work", ROOT / "stages.yaml", "small", ("train.seeds=[1,2,3]",))
    outcome = run_stages(wanted, ())
    click.echo(outcome.summary(wanted.work))
    click.echo(f'try: laff search "a red circle moves up" -c {collection} -w {wanted.work} --profile small')


@main.group(name="weights")
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


def settings(function: Callable[..., Any]) -> Callable[..., Any]:
    """The options that say which stages file, and how it is changed."""
    for option in (TRUST, SET, PROFILE, STAGES):
        function = option(function)
    return function


def graph_of(options: dict[str, Any]) -> Graph:
    """The graph that the options of `settings` make."""
    from pipeline.stages import load

    return load(options["stages"], options["profile"], options["sets"], options["trust"])


def entry_of(graph: Graph, name: str) -> Weights:
    """The entry of a name; an error with names near it."""
    from pipeline.errors import LaffError
    from pipeline.parts import did_you_mean
    from pipeline.published import named

    try:
        found = graph.weights.get(name) or named(name)
    except ValueError as error:
        raise LaffError(str(error)) from None
    if found is None:
        raise LaffError(f"no weights '{name}'{did_you_mean(name, list(graph.weights))}; `laff weights list` shows all")
    return found


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
    from pipeline import listing

    graph = graph_of(options)
    if not names:
        if keys:
            raise click.UsageError("--keys shows the tensors of a model: name one")
        click.echo(listing.table(list(graph.weights.values())))
    for name in names:
        click.echo(listing.details(entry_of(graph, name), keys))


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
    from pipeline.run import targets_of
    from pipeline.weights import obtain

    graph = graph_of(options)
    needed = [graph.stages[name].params.get("weights") for name in graph.needed(targets_of(graph, ()))]
    wanted = names or tuple(name for name in dict.fromkeys(needed) if name in graph.weights)
    failed = []
    for entry in [entry_of(graph, name) for name in wanted]:
        try:
            click.echo(f"{entry.name}: {obtain(entry)}")
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
    from pipeline import checkup

    graph = graph_of(options)
    if name:
        click.echo(checkup.check_entry(entry_of(graph, name), Path(what).expanduser()))
    elif what in graph.weights or what.startswith("open_clip:"):
        click.echo(checkup.check_entry(entry_of(graph, what)))
    else:
        click.echo(checkup.check_file(Path(what).expanduser(), graph))


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
    from pipeline import checkup

    click.echo(checkup.convert(file, out, entry_of(graph_of(options), name)))


if __name__ == "__main__":
    main()
