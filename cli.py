"""The `laff` command: one verb per stage of stages.yaml, and run, plan, failures, search, show, verify, gc, weights,
demo.

Heavy packages are imported inside the commands, so that --help answers at once.
"""

from __future__ import annotations

import errno
import json
import os
import signal
import sys
from pathlib import Path
from typing import Any

import click

from pipeline.commands.analyze import analyze_group
from pipeline.commands.compare import compare_command
from pipeline.commands.options import doing, request, where
from pipeline.commands.stage import execute, stage_command, stages_option
from pipeline.commands.weights import weights_group
from pipeline.workers import malloc

# Threads of torch that wait for each other must not spin: on a busy machine that more than doubles the time of small
# models. Set before torch is imported anywhere; workers inherit it.
os.environ.setdefault("OMP_WAIT_POLICY", "passive")
malloc.keep()  # before there are threads

DEMO = Path("demo")


class Laff(click.Group):
    """Commands of this file, and one for each stage of stages.yaml. Turns errors of ours into one clean message."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """Own verbs first, then the stages in the file's order."""
        from pipeline.graph.stages import names

        own = [name for name in self.commands if not name.startswith("_")]
        return own + [name for name in names(stages_option(sys.argv)) if name not in own]

    def get_command(self, ctx: click.Context, name: str) -> click.Command | None:
        """A verb of ours, or the command of a stage."""
        from pipeline.graph.stages import names

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
                "interrupted; what is finished is kept, and the same command does the rest"
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


@main.command()
@where
@click.option(
    "--json", "as_json", is_flag=True, help="For programs: a list of stage, shards, cached, stale, missing, reasons."
)
@click.option("--retry-failed", is_flag=True, help="As `run --retry-failed` would see it.")
@click.argument("targets", nargs=-1, metavar="[STAGE]...")
def plan(targets: tuple[str, ...], as_json: bool, retry_failed: bool, **options: Any) -> None:
    """Show what is cached, stale or missing, and why; runs nothing and reads no video."""
    from pipeline.plan import plan as plans
    from pipeline.run import plan as make_plan
    from pipeline.run import targets_of

    wanted = request(options)
    graph = wanted.graph()
    names = targets_of(graph, targets)
    found, random = make_plan(wanted, names, retry_failed)
    if as_json:
        click.echo(json.dumps([planned.summary() for planned in found], indent=1, ensure_ascii=False))
        return
    click.echo(plans.table(found, random, plans.absent(graph, found)))
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
    from pipeline.store import ledger

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
    from pipeline.rows.shards import describe

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
    from pipeline.graph.steps import made
    from pipeline.store import verify as files

    kinds = files.Kinds(made())
    count, damaged = files.look(work, kinds)
    for name, wrong in damaged.items():
        click.echo(f"{work / name}: {wrong}")
    if not damaged:
        click.echo(f"{count} files, none is damaged")
        return
    if dry_run:
        raise click.ClickException(f"{len(damaged)} of {count} files are damaged; without --dry-run they are set aside")
    moved = files.set_aside(work, kinds, list(damaged))
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
    from pipeline.graph.stages import ROOT
    from pipeline.run import Request
    from pipeline.run import run as run_stages

    collection = make_collection(folder / "collection")
    wanted = Request(collection, folder / "work", ROOT / "stages.yaml", "small", ("train.seeds=[1,2,3]",))
    outcome = run_stages(wanted, ())
    click.echo(outcome.summary(wanted.work))
    click.echo(f'try: laff search "a red circle moves up" -c {collection} -w {wanted.work} --profile small')


main.add_command(weights_group)
main.add_command(analyze_group)
main.add_command(compare_command)


if __name__ == "__main__":
    main()
