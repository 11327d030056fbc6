"""What every step is given: the graph, the items, the workspace, and the workers."""

from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path

from pipeline import files
from pipeline.files import JsonObject
from pipeline.graph.graph import Graph, Stage
from pipeline.items.catalog import Catalog
from pipeline.items.collection import Collection
from pipeline.plan.fingerprints import Recipes
from pipeline.progress import Stages
from pipeline.store import ledger
from pipeline.store.index import Entry
from pipeline.store.workspace import Workspace
from pipeline.workers.tasks import Serial, Tasks


@dataclass
class Context:
    """What the steps of one run work with."""

    graph: Graph
    catalog: Catalog
    work: Workspace
    has_videos: bool = True
    source: Path = Path()  # the collection.yaml; paths in params are relative to its folder
    retry: bool = False  # whether videos that failed before are tried again
    name: str = ""  # the name of the collection
    collection: Collection | None = None  # None if only the table of the collection was read
    # what changed in the collection since its table was written, in words; None: there is no table
    changes: list[str] | None = field(default_factory=list)
    dated: int = 0  # number of files whose mtime differs from the table and whose content was not checked yet
    tasks: Tasks = field(default_factory=Serial)  # runs the work of shards: in this process, or in dask workers
    spent: dict[str, float] = field(default_factory=dict)  # {stage: its seconds in this run}
    progress: Stages = field(default_factory=Stages)  # how far the stages of this run are

    def stage(self, name: str) -> Stage:
        """A stage by its name."""
        return self.graph.stages[name]

    @cached_property
    def recipes(self) -> Recipes:
        """What shapes the results of each stage."""
        return Recipes(self.graph, self.work, self.source)

    def recipe(self, name: str) -> JsonObject:
        """Everything in the configuration that shapes a stage's results. Its hash is the fingerprint."""
        return self.recipes.of(name)

    def fingerprint(self, name: str) -> str:
        """Hash of a stage's recipe."""
        return self.recipes.fingerprint(name)

    def path(self, value: str | Path) -> Path:
        """A path given in a param; a relative one is below the folder of collection.yaml."""
        return files.located(value, self.source)

    def failures(self, name: str) -> list[dict[str, str]]:
        """Ledger lines of failures in a stage's finished units, without shards that are empty now."""
        return [line for entry in self._alive(name) for line in ledger.timed(entry.failed, entry.time)]

    def notes(self, name: str) -> list[dict[str, str]]:
        """Ledger lines of videos that have a row in a stage's finished units, but with a flaw."""
        return [line for entry in self._alive(name) for line in ledger.timed(entry.notes, entry.time)]

    def _alive(self, name: str) -> list[Entry]:
        entries = [(key, entry) for key, entry in self.work.index(name).entries.items() if entry.failed or entry.notes]
        alive = (
            {number for number, videos in enumerate(self.catalog.shards("video")) if len(videos)} if entries else set()
        )
        return [entry for key, entry in sorted(entries) if not key.endswith(".h5") or int(Path(key).stem) in alive]

    def failed(self, name: str) -> set[str]:
        """The ids without a row in the finished shards of a stage."""
        return {line["video"] for line in self.failures(name)}

    def features(self, name: str) -> tuple[list[str], list[str]]:
        """The video and the text features that a train stage fuses."""
        return self.graph.features(name)

    def lost(self, features: list[str]) -> set[str]:
        """Videos that lack at least one of the features (video side), because of any of the stages before them."""
        stages = [name for name in self.graph.needed(features) if self.stage(name).about.loses]
        return set().union(*(self.failed(name) for name in stages)) if stages else set()
