"""What a command asks for: collection, workspace and settings, as given or as the workspace remembers them."""

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
    """The options of a command."""

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
    is_run: ClassVar[bool] = True  # whether it makes a run of its own, which the workspace remembers

    def graph(self) -> Graph:
        """The graph with profile and settings applied."""
        if self.package:
            return applied.graph(self.package, self.sets, self.trust)
        return stages.load(self.stages, self.profile, self.sets, self.trust)

    def agreed(self) -> Mapping[str, str]:
        """Stage -> fingerprint of what an interrupted run was allowed to replace older results with."""
        last = memory.read(self.work)
        return last.replacing if last else {}

    def hint(self) -> str:
        """In words, what settings the last run had that are not given now; '' where they are the same."""
        last = memory.read(self.work)
        before = (memory.known(self.work, last.run) if last else None) or last  # as it was given when it trained
        if before is None or not self.is_run:
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
        """Let the workspace remember the settings of this run; replacing: what `agreed` gives from then on.

        trains: whether the run trains, ranks or evaluates; if not, its settings are of features alone.
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
        """The settings with full paths, so that they hold in any folder; and the keys of those that name files."""
        return named_files.in_full(_on_top((), self.sets), graph, self.collection)


def _same(known: memory.Memory, package: Path) -> bool:
    """Whether a package is the remembered one, which may have been moved."""
    file = package / manifest.NAME
    moved = file.is_file() and files.sha256(file) == known.package_sha256
    return moved or (known.package is not None and known.package.resolve() == package.resolve())


def of_memory(known: memory.Memory, work: Path, trust: tuple[str, ...] = ()) -> Request:
    """The request of a run, as the workspace remembers it."""
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
    """The settings of a workspace's last run, or of the named run, with the given ones on top.

    None where the workspace remembers no run. A profile "" leaves out the remembered profile. A package has settings of
    its own: of a run of another package, or of none, only the collection is taken.
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
    """Settings with `given` on top. A setting is replaced by one of the same key, or of a mapping that holds the key.

    The order stays, because later settings change what earlier ones made: `train.baselines.mine=…` is added to the
    mapping of a `train.baselines={…}` before it.
    """
    kept: list[str] = []
    for text in (*sets, *given):
        key = text.partition("=")[0]
        kept = [setting for setting in kept if not f"{setting.partition('=')[0]}.".startswith(f"{key}.")] + [text]
    return tuple(kept)
