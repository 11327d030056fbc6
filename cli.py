"""The `laff` command: verbs in sections, from pipeline/commands/, and one verb for each stage of stages.yaml.

Heavy packages are imported inside the commands, so that --help answers at once.
"""

from __future__ import annotations

import errno
import signal
import sys
from typing import Any

import click

from pipeline.commands.analyze import analyze_group
from pipeline.commands.compare import compare_command
from pipeline.commands.completion import completion_command
from pipeline.commands.config import config_command
from pipeline.commands.data import gc_command, verify_command
from pipeline.commands.demo import demo_command
from pipeline.commands.diff import diff_command
from pipeline.commands.export import export_command
from pipeline.commands.import_ import import_command
from pipeline.commands.index import index_command
from pipeline.commands.look import failures_command, show_command
from pipeline.commands.named_stages import stages_named
from pipeline.commands.options import STAGES
from pipeline.commands.package import package_command
from pipeline.commands.plan import accept_command, plan_command
from pipeline.commands.prepare import prepare_command
from pipeline.commands.reproduce import reproduce_command
from pipeline.commands.run import run_command
from pipeline.commands.runs import runs_command
from pipeline.commands.score import score_command
from pipeline.commands.search import search_command
from pipeline.commands.sections import Sectioned
from pipeline.commands.serve import serve_command
from pipeline.commands.stage import stage_command
from pipeline.commands.terminal import INTERRUPTED, Signals, reader_gone, settle_streams
from pipeline.commands.weights import weights_group
from pipeline.errors import LaffError, Missing, absent
from pipeline.graph.stages_file import StagesFile
from pipeline.parts.code import ROOT
from pipeline.workers import malloc, waiting

waiting.settle()  # before torch is imported anywhere; workers inherit it
malloc.keep()  # must come before any thread starts


class Interrupted(click.ClickException):
    """A command that a signal ended."""

    exit_code = 128 + signal.SIGINT  # terminal.py sets that of another signal

    def __init__(self) -> None:
        super().__init__(INTERRUPTED)


class Laff(Sectioned):
    """The verbs of laff, and one for each stage of stages.yaml; turns a LaffError into one clean message."""

    def main(self, *arguments: Any, **options: Any) -> Any:
        """Run the whole process: prepare streams and signals, then exit with a status as terminal.py defines it."""
        settle_streams()
        signals = Signals()
        signals.listen()
        output = sys.stdout
        try:
            return super().main(*arguments, **options)
        except SystemExit as end:
            if sys.stdout is not output:  # click replaced it, since nobody reads it any more
                raise SystemExit(reader_gone()) from None
            raise SystemExit(signals.status(end)) from None
        except KeyboardInterrupt:  # while the message was printed
            raise SystemExit(128 + (signals.came or signal.SIGINT)) from None
        except BrokenPipeError:
            raise SystemExit(reader_gone()) from None

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """Find the stages file before parsing, since it decides which commands there are."""
        ctx.obj = StagesFile(stages_named(args))
        return super().parse_args(ctx, args)

    def sections(self, ctx: click.Context) -> dict[str, list[str]]:
        """The names of the verbs by section, then those of the stages in the file's order."""
        stages = ctx.ensure_object(StagesFile).entries
        return super().sections(ctx) | {"Stages": [name for name in stages if name not in self.commands]}

    def get_command(self, ctx: click.Context, name: str) -> click.Command | None:
        """The command of a verb, or else of a stage."""
        return self.commands.get(name) or stage_command(name, ctx.ensure_object(StagesFile))

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """The command of this name; UsageError if there is none, with a hint if an extractor's file has this name."""
        try:
            return super().resolve_command(ctx, args)
        except click.UsageError as error:
            module = args[0].replace("-", "_")
            if not module.isidentifier() or not (ROOT / "extractors" / f"{module}.py").is_file():
                raise
            hint = (
                f"; to make a command of a class in extractors/{module}.py, add an entry that uses it to a stages.yaml"
            )
            raise click.UsageError(error.message + hint, ctx) from None

    def invoke(self, ctx: click.Context) -> Any:
        """Run the command; a LaffError becomes its message, an interrupt a message that nothing is lost."""
        try:
            return super().invoke(ctx)
        except LaffError as error:
            raise click.ClickException(str(error)) from None
        except ModuleNotFoundError as error:
            if not absent(error):
                raise
            raise click.ClickException(
                str(Missing(error.name or str(error), f"laff {ctx.invoked_subcommand}"))
            ) from None
        except KeyboardInterrupt:
            raise Interrupted() from None
        except OSError as error:
            if error.errno in (errno.ENOSPC, errno.EDQUOT):
                reason = "the disk is full" if error.errno == errno.ENOSPC else "the quota is used up"
                raise click.ClickException(
                    f"{reason} ({error.filename or 'while writing'}); make room and run the same command again; "
                    "what is finished is kept"
                ) from None
            if error.filename:
                raise click.ClickException(f"{error.filename}: {error.strerror}") from None
            raise


@click.group(cls=Laff, context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 110})
@click.version_option(package_name="laff")
@STAGES
def main(stages: StagesFile) -> None:
    """Text-to-video retrieval from raw videos to ranked runs.

    \b
    laff index FOLDER                                 make a folder of videos ready to be searched
    laff search "a dog runs"                          in that folder, or with -w FOLDER anywhere
    laff serve                                        the same in the browser, with pictures and clips
    laff demo                                         see it work on videos that it makes itself
    laff plan -c collection.yaml -w WORK              what would run, and why
    laff run  -c collection.yaml -w WORK              run it; after a crash the same command continues

    Every stage of stages.yaml is a command too: `laff train …` makes that stage and what it still needs.

    Exit status: 0 done, 1 failed, 2 wrong usage, 3 of diff: different; ended by a signal: 130 Ctrl-C, 143 SIGTERM,
    141 closed output.
    """


main.add("Search", index_command, search_command, serve_command)
main.add("Run", run_command, plan_command, accept_command, demo_command)
main.add("Look", runs_command, diff_command, config_command, show_command, failures_command, score_command)
main.add("Models", package_command, weights_group, compare_command, reproduce_command, analyze_group)
main.add("Data", prepare_command, import_command, export_command, verify_command, gc_command)
main.add("Shell", completion_command)


if __name__ == "__main__":
    main()
