"""The values of the options that commands share, and the Request or Graph that they stand for."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

import click

from pipeline.commands import terminal
from pipeline.commands.named_stages import of_package
from pipeline.graph.stages_file import StagesFile, is_shipped
from pipeline.wording import number_of

if TYPE_CHECKING:
    from pipeline.graph.graph import Graph
    from pipeline.request import Request

Result = TypeVar("Result")


@dataclass(frozen=True)
class Shared:
    """Values of the shared options; an option that a command does not take has its default."""

    collection: Path | None = None  # -c; None: the one that the workspace remembers
    work: Path | None = None  # -w; None only where a command can do without
    name: str = ""  # of the run
    stages: StagesFile = field(default_factory=StagesFile)
    profile: str | None = None  # None: not given; "": given as no profile
    sets: tuple[str, ...] = ()  # STAGE.PARAM=VALUE
    trust: tuple[str, ...] = ()  # packages that `uses` may import from
    package: Path | None = None
    workers: int = 0  # processes of this machine
    scheduler: str = ""  # address of a dask scheduler
    yes: bool = False  # whether finished results may be replaced
    retry_failed: bool = False
    max_failures: int = -1  # -1: any number

    def words(self) -> list[str | Path]:
        """The options that say what is worked on, as they can be typed in any folder; not how, nor what is agreed to.

        With -c and no --stages, the stages.yaml of this folder is taken where there is one, so it is named too.
        """
        words: list[str | Path] = ["-c", self.collection] if self.collection else []
        here = self.collection is not None and not self.package and not is_shipped(self.stages.path)
        words += ["--stages", self.stages.path] if here and not _typed("stages") else []
        words += [*self.settings_words(), *(["--name", self.name] if self.name else [])]
        return [*words, "-w", self.work] if self.work else words

    def settings_words(self) -> list[str | Path]:
        """The options of a stages file and its settings, of those that were typed."""
        words: list[str | Path] = ["--stages", self.stages.given] if self.stages.given and _typed("stages") else []
        words += ["--package", self.package] if self.package else []
        words += ["--profile", self.profile] if self.profile is not None else []
        words += [word for text in self.sets for word in ("--set", text)]
        return [*words, *(word for package in self.trust for word in ("--trust", package))]

    def graph(self) -> Graph:
        """The graph of the stages file, with profile and settings applied."""
        from pipeline.graph.stages import load

        return load(self.stages, self.profile, self.sets, self.trust)

    def request(self, known: bool = False) -> Request:
        """The Request that the options make; without -c, on top of what the workspace remembers.

        known: whether --name has to be a run that is there already, for commands that make none.
        """
        from pipeline.errors import near_path
        from pipeline.request import Request, recalled

        if self.work is None:
            raise click.UsageError("give -w too, the workspace")
        if known and self.name:
            self._check_name(self.work)
        if self.collection is None:
            stages = self.stages if self.stages.given else None
            remembered = recalled(self.work, self.name, stages, self.profile, self.sets, self.package)
            if remembered is None:
                near = "" if self.work.is_dir() else near_path(self.work)
                raise click.UsageError(
                    f"{self.work} remembers no run: give -c FILE, the collection.yaml, this once{near}"
                )
            request = remembered
        else:
            request = Request(
                self.collection,
                self.work,
                self.stages,
                self.profile or None,
                self.sets,
                name=self.name,
                package=self.package,
            )
        if request.package:
            self._check_package(request.package)
        return self.carried_out(replace(request, trust=self.trust))

    def carried_out(self, request: Request) -> Request:
        """The request with who does the work, and whether it may replace finished results."""
        if self.workers and self.scheduler:
            raise click.UsageError(
                "--workers starts processes here, --scheduler uses those elsewhere: give one of them"
            )
        if self.scheduler and not re.fullmatch(r"(tcp|tls|ucx)://[^\s:/]+:\d+", self.scheduler):
            raise click.UsageError(f"--scheduler {self.scheduler!r}: should be an address such as tcp://host:8786")
        return replace(request, workers=self.workers, scheduler=self.scheduler, replace=self.yes)

    def check_failures(self, failed: int, where: str = "") -> None:
        """Raise ClickException if more videos failed than --max-failures allows; `where` says how to see why."""
        if 0 <= self.max_failures < failed:
            raise click.ClickException(
                f"{number_of(failed, 'videos')} failed, more than --max-failures {self.max_failures}{where}"
            )

    def _check_name(self, work: Path) -> None:
        """Raise LaffError where the workspace has no run of this name."""
        from pipeline.errors import LaffError, did_you_mean
        from pipeline.store import home, memory

        names = [home.MAIN, *memory.names(work)]
        if self.name not in names:
            raise LaffError(
                f"{work} has no run '{self.name}'{did_you_mean(self.name, names)}; it has {', '.join(names)}"
            )

    def _check_package(self, package: Path) -> None:
        """Raise UsageError for a --profile or another stages file beside a package, which has its own."""
        packaged, advice = of_package(package), "for a run without it give -c, and another -w"
        if self.profile:
            raise click.UsageError(
                f"package {package} fixes the settings of its models, so no --profile fits; {advice}"
            )
        if packaged and self.stages.given and self.stages.given.resolve() != packaged.resolve():
            raise click.UsageError(f"package {package} has a stages file of its own, so no --stages fits; {advice}")


def _typed(option: str) -> bool:
    """Whether an option was given on the command line, to the command or to `laff` itself; else it was remembered."""
    context = click.get_current_context()
    sources = (one.get_parameter_source(option) for one in (context, context.find_root()))
    return click.core.ParameterSource.COMMANDLINE in sources


def confirmed(request: Request, action: Callable[[Request], Result]) -> Result:
    """The result of `action` on a request; a person at a terminal is asked before finished results are replaced.

    Raises:
        ClickException: if nobody can be asked.
    """
    from pipeline.plan.losses import WouldReplace

    try:
        return action(request)
    except WouldReplace as losses:
        if not terminal.has_person():
            raise click.ClickException(f"{losses}\ngive --yes to replace them, or another -w to keep them") from None
        click.echo(str(losses), err=True)
        click.confirm("Replace them?", abort=True, err=True)
    return action(replace(request, replace=True))
