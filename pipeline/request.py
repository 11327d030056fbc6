"""What a command asks for: a collection, a workspace, the settings; given, or as the workspace remembers them."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

from pipeline import files
from pipeline.graph import stages
from pipeline.graph.graph import Graph
from pipeline.graph.stages_file import StagesFile, default_path, is_shipped, shipped
from pipeline.package import applied, manifest
from pipeline.plan import named_files
from pipeline.plan.run_settings import settings
from pipeline.plan.runs import Chosen
from pipeline.store import memory


@dataclass
class Request:
    """What the options of a command say."""

    collection: Path
    work: Path
    stages: Path | StagesFile | None = None
    profile: str | None = None
    sets: tuple[str, ...] = ()
    trust: tuple[str, ...] = ()
    workers: int = 0  # dask worker processes on this machine; 0: no dask scheduler, shards are done here
    scheduler: str = ""  # address of a dask scheduler whose workers do the shards
    name: str = ""  # of the run, where a person gives one
    last: str = ""  # of the run whose settings these are, where the workspace remembered them
    replace: bool = False  # whether finished results that other settings or other code made may be replaced
    package: Path | None = None  # a package, whose graph and models are applied in place of a stages file's
    own: ClassVar[bool] = True  # whether it makes a run of its own, which the workspace remembers

    def graph(self) -> Graph:
        """The graph with profile and settings applied."""
        if self.package:
            return applied.graph(self.package, self.sets, self.trust)
        return stages.load(self.stages, self.profile, self.sets, self.trust)

    def agreed(self) -> Mapping[str, str]:
        """Stage -> fingerprint, where a run that was cut off was allowed to replace older results."""
        last = memory.read(self.work)
        return last.replacing if last else {}

    def hint(self) -> str:
        """What the settings of the last run have and these have not, in words; '' where they are the same."""
        last = memory.read(self.work)
        before = (memory.known(self.work, last.run) if last else None) or last  # as it was given when it trained
        if before is None or not self.own:
            return ""
        words = [f"--package {before.package}"] if before.package and before.package != self.package else []
        words += [f"--profile {before.profile}"] if before.profile and before.profile != self.profile else []
        sets_given = {*self.sets, *self._in_full(self.graph())[0]}
        words += [f"--set {text}" for text in before.sets if text not in sets_given]
        if not words and before.profile == self.profile:
            return ""
        options = " ".join(words) or "no profile"
        return (
            f"run {before.run} was given {options}; `--name {before.run} -w {self.work}` without -c takes its settings"
        )

    def remember(self, graph: Graph, chosen: Chosen, replacing: Mapping[str, str], trains: bool) -> None:
        """Let the workspace remember what this run was given; `replacing` as `agreed` is to give it.

        trains: whether it makes something of the run, whose settings these are then; else they are of features alone.
        """
        file = self.stages.path if isinstance(self.stages, StagesFile) else self.stages or default_path()
        known = memory.known(self.work, chosen.name) if not chosen.new else None
        differs = known.differs if known else chosen.differs
        last = memory.read(self.work)
        name = chosen.name if trains or last is None or not chosen.new else last.run
        sets, naming = self._in_full(graph)
        memory.write(
            self.work,
            memory.Memory(
                self.collection,
                None if self.package or is_shipped(file) else file,
                self.profile,
                sets,
                name,
                differs,
                replacing,
                settings(graph) if trains else {},
                naming,
                self.package,
                graph.package.sha256 if graph.package else "",
            ),
            trains,
        )

    def _in_full(self, graph: Graph) -> tuple[tuple[str, ...], tuple[str, ...]]:
        """The settings as they hold in any folder, and which of them name files."""
        return named_files.in_full(_on_top((), self.sets), graph, self.collection)


def _same(known: memory.Memory, package: Path) -> bool:
    """Whether a package is the one that is remembered, though it may have moved."""
    file = package / manifest.NAME
    moved = file.is_file() and files.sha256(file) == known.package_sha256
    return moved or (known.package is not None and known.package.resolve() == package.resolve())


def of_memory(known: memory.Memory, work: Path, trust: tuple[str, ...] = ()) -> Request:
    """What a run was given, as the workspace remembers it."""
    stages_file = known.stages or shipped()
    return Request(known.collection, work, stages_file, known.profile, known.sets, trust, package=known.package)


def recalled(
    work: Path,
    name: str = "",
    stages_file: Path | StagesFile | None = None,
    profile: str | None = None,
    sets: tuple[str, ...] = (),
    package: Path | None = None,
) -> Request | None:
    """The settings of a workspace's last run, or of the run of a name, with those that are given on top.

    None where the workspace remembers no run. A profile "" leaves out the one that is remembered; a package has
    settings of its own, so of another run or package only the collection is taken.
    """
    known = (memory.read(work, name) if name else None) or memory.read(work)
    if known is None:
        return None
    if package and not _same(known, package):
        known = memory.Memory(known.collection, package=package, run=known.run)
    return Request(
        known.collection,
        work,
        stages_file or known.stages or shipped(),
        known.profile if profile is None else profile or None,
        _on_top(known.sets, sets),
        name=name,
        last=known.run,
        package=package or known.package,
    )


def _on_top(sets: Sequence[str], given: Sequence[str]) -> tuple[str, ...]:
    """Settings with others on top: those that say a value anew, or a mapping that it is part of, take its place.

    The order stays, as later ones are applied to what earlier ones have made: `train.baselines.mine=…` joins the
    mapping of a `train.baselines={…}` before it.
    """
    kept: list[str] = []
    for text in (*sets, *given):
        key = text.partition("=")[0]
        kept = [setting for setting in kept if not f"{setting.partition('=')[0]}.".startswith(f"{key}.")] + [text]
    return tuple(kept)
