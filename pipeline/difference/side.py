"""One side of a difference: a run of a workspace, opened as it was made; videos and collection.yaml are not needed."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from pipeline.errors import LaffError, did_you_mean, near_path, printable
from pipeline.graph.graph import Graph
from pipeline.graph.options import VECTORS
from pipeline.items import table
from pipeline.items.catalog import Catalog
from pipeline.plan.context import Context
from pipeline.plan.runs import places
from pipeline.request import of_memory
from pipeline.run_plan import targets_of
from pipeline.store import circumstances, home, memory
from pipeline.store.circumstances import Circumstances
from pipeline.store.memory import Memory
from pipeline.store.workspace import MAIN, Workspace


@dataclass(frozen=True)
class Side:
    """A run of a workspace."""

    root: Path  # of its workspace
    run: str
    settings: Memory
    graph: Graph
    catalog: Catalog

    @property
    def label(self) -> str:
        """WORK:RUN, as `laff diff` takes it."""
        return f"{self.root}:{self.run}"

    @cached_property
    def work(self) -> Workspace:
        """The workspace, with the folders of this run's stages."""
        return Workspace(self.root, places(self.graph, self.run))

    @cached_property
    def context(self) -> Context:
        """What the readers of features and results need."""
        return Context(self.graph, self.catalog, self.work, source=self.settings.collection)

    @cached_property
    def noted(self) -> Circumstances | None:
        """The circumstances in which its models were trained last, else in which anything of it was made."""
        trains = [stage.name for stage in self.graph.stages.values() if stage.about.fuses]
        return circumstances.last(self.root, self.run, trains) or circumstances.last(self.root, self.run)

    def has(self, stage: str) -> bool:
        """Whether anything of a stage is finished."""
        return stage in self.graph.stages and bool(self.work.index(stage).entries)

    @property
    def is_index(self) -> bool:
        """Whether `laff index` made it."""
        return home.is_index(self.settings.collection, self.root)

    def knows(self, stage: str) -> bool:
        """Whether a stage is one of it: of an index only what the index makes, though its stages file has more."""
        return stage in self.stages if self.is_index else stage in self.graph.stages

    @cached_property
    def stages(self) -> list[str]:
        """The stages that `laff run` makes, and others of which something is finished."""
        targets = (
            [stage.name for stage in self.graph.stages_of(VECTORS)] if self.is_index else targets_of(self.graph, ())
        )
        wanted = self.graph.needed(targets)
        return [name for name in self.graph.stages if name in wanted or self.has(name)]


def opened(text: str, work: Path | None, trust: Sequence[str] = ()) -> Side:
    """The side that a text means: WORK, with the settings of its last run; WORK:NAME; or NAME, a run of `work`.

    LaffError where there is none, or where it cannot be read.
    """
    root, run = _meant(text, work)
    home.check(root)
    last = memory.read(root)
    if last is None:
        raise LaffError(f"{root}: no run is remembered there, so nothing can be compared; -w names a workspace of laff")
    known = memory.read(root, run) if run else last
    if known is None and run == last.run:
        known = last
    run = run or last.run
    if known is None:
        named = [MAIN, *memory.names(root)]
        raise LaffError(
            f"{root} has no run '{run}'{did_you_mean(run, named)}; it has {', '.join(named)} (`laff runs -w {root}`)"
        )
    try:
        graph = of_memory(known, root, tuple(trust)).graph()
    except LaffError as error:
        raise LaffError(
            f"{root}, run '{run}': its settings cannot be read, so nothing can be compared:\n{error}"
        ) from None
    return Side(root, run, known, graph, table.read(root / "ingest" / "table.h5")[0])


def _meant(text: str, work: Path | None) -> tuple[Path, str]:
    """The workspace and the name of the run ('': its last) that a text means."""
    if (folder := home.meant(Path(text))) and home.holds(folder):
        return folder, ""
    where, colon, name = text.rpartition(":")
    if colon and name and home.holds(home.meant(Path(where))):
        return home.meant(Path(where)), name
    if colon or "/" in text or Path(text).is_dir():
        place = Path(where if colon and name else text)
        near = "" if place.exists() else near_path(place)
        raise LaffError(
            printable(f"{text}: no workspace of laff{near}; give WORK, WORK:RUN, or a run's name with -w WORK")
        )
    if work is None:
        raise LaffError(
            printable(
                f"{text}: no workspace of that name{near_path(Path(text))}; "
                "of a run's name give its workspace too: -w WORK"
            )
        )
    return work, text
