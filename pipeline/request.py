"""What a command asks for: a collection, a workspace, the settings; given, or as the workspace remembers them."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

from pipeline.graph import stages
from pipeline.graph.graph import Graph
from pipeline.graph.stages_file import StagesFile, default_path, is_shipped, shipped
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
    own: ClassVar[bool] = True  # whether it makes a run of its own, which the workspace remembers

    def graph(self) -> Graph:
        """The graph with profile and settings applied."""
        return stages.load(self.stages, self.profile, self.sets, self.trust)

    def agreed(self) -> Mapping[str, str]:
        """Stage -> fingerprint, where a run that was cut off was allowed to replace older results."""
        before = memory.read(self.work)
        return before.replacing if before else {}

    def hint(self) -> str:
        """What the settings of the last run have and these have not, in words; '' where they are the same."""
        last = memory.read(self.work)
        before = (memory.read(self.work, last.run) if last else None) or last  # as it was given when it trained
        if before is None or not self.own:
            return ""
        said = [f"--profile {before.profile}"] if before.profile and before.profile != self.profile else []
        said += [f"--set {text}" for text in before.sets if text not in self.sets]
        if not said and before.profile == self.profile:
            return ""
        had = " ".join(said) or "no profile"
        return f"run {before.run} was given {had}; `--name {before.run} -w {self.work}` without -c takes its settings"

    def remember(self, graph: Graph, chosen: Chosen, replacing: Mapping[str, str], trains: bool) -> None:
        """Let the workspace remember what this run was given; `replacing` as `agreed` is to give it.

        trains: whether it makes something of the run, whose settings these are then; else they are of features alone.
        """
        file = self.stages.path if isinstance(self.stages, StagesFile) else self.stages or default_path()
        known = memory.read(self.work, chosen.name) if not chosen.new else None
        differs = known.differs if known else chosen.differs
        last = memory.read(self.work)
        name = chosen.name if trains or last is None or not chosen.new else last.run
        memory.write(
            self.work,
            memory.Memory(
                self.collection,
                None if is_shipped(file) else file,
                self.profile,
                self.sets,
                name,
                differs,
                replacing,
                settings(graph) if trains else {},
            ),
            trains,
        )


def recalled(
    work: Path,
    name: str = "",
    stages_file: Path | StagesFile | None = None,
    profile: str | None = None,
    sets: tuple[str, ...] = (),
) -> Request | None:
    """The settings of a workspace's last run, or of the run of a name, with those that are given on top.

    None where the workspace remembers no run. A profile "" leaves out the one that is remembered.
    """
    known = (memory.read(work, name) if name else None) or memory.read(work)
    if known is None:
        return None
    kept = {text.partition("=")[0]: text for text in (*known.sets, *sets)}
    return Request(
        known.collection,
        work,
        stages_file or known.stages or shipped(),
        known.profile if profile is None else profile or None,
        tuple(kept.values()),
        name=name,
        last=known.run,
    )
