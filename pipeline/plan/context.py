"""What every step is given: the graph, the items, the workspace, and what does the work of shards."""

from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path

from pipeline import files
from pipeline.files import JsonObject
from pipeline.graph.graph import Graph, Stage
from pipeline.items.catalog import Catalog
from pipeline.items.collection import Collection
from pipeline.plan.fingerprints import Recipes
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
    source: Path = Path()  # collection.yaml
    retry: bool = False  # whether videos that failed are tried again
    name: str = ""  # of the collection
    collection: Collection | None = None  # None where only its table was read
    changes: list[str] | None = field(default_factory=list)  # in it since its table was made; None: there is no table
    dated: int = 0  # videos whose files have other dates than the table says, and were not read since
    tasks: Tasks = field(default_factory=Serial)  # who does the shards
    spent: dict[str, float] = field(default_factory=dict)  # seconds of each stage in this run

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
        """A path typed in a parameter: as it is, or relative to collection.yaml."""
        return files.located(value, self.source)

    def failures(self, name: str) -> list[dict[str, str]]:
        """Ledger lines of failures in a stage's finished units, without shards that have no items any more."""
        return [line for entry in self._alive(name) for line in ledger.timed(entry.failed, entry.time)]

    def notes(self, name: str) -> list[dict[str, str]]:
        """Ledger lines of videos that have a row in these units, but with a flaw."""
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
        """Videos that lack at least one of the features (video side), whichever stage lost them."""
        stages = [name for name in self.graph.needed(features) if self.stage(name).about.loses]
        return set().union(*(self.failed(name) for name in stages)) if stages else set()
