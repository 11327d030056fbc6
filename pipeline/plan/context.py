"""What every step is given: the graph, the items, the workspace; and the fingerprints that follow from them."""

from dataclasses import dataclass, field
from functools import cached_property
from importlib.metadata import version
from pathlib import Path
from typing import Any

from pipeline import files
from pipeline.graph.graph import Graph, Stage, module_of
from pipeline.items.catalog import Catalog
from pipeline.parts import classes, code
from pipeline.store.workspace import Workspace
from pipeline.weights import lookup
from pipeline.workers.tasks import Serial, Tasks

DECODERS = ("decord", "av", "pillow")  # what decodes and resizes: their versions are part of a video feature


@dataclass
class Context:
    """One run's surroundings."""

    graph: Graph
    catalog: Catalog
    work: Workspace
    has_videos: bool = True
    source: Path = Path()  # collection.yaml
    retry: bool = False  # whether videos that failed are tried again
    name: str = ""  # of the collection
    tasks: Tasks = field(default_factory=Serial)  # who does the shards
    spent: dict[str, float] = field(default_factory=dict)  # seconds of each stage in this run
    _recipes: dict[str, dict[str, Any]] = field(default_factory=dict)

    def stage(self, name: str) -> Stage:
        """A stage by its name."""
        return self.graph.stages[name]

    @cached_property
    def decoders(self) -> dict[str, str]:
        """Versions of what turns files into frames."""
        return {name: version(name) for name in DECODERS}

    def recipe(self, name: str) -> dict[str, Any]:
        """Everything of the configuration that shapes a stage's results: what its fingerprint is a hash of."""
        if name not in self._recipes:
            stage = self.stage(name)
            recipe = self.part_recipe(stage)
            recipe["from"] = {source: self.fingerprint(source) for source in self.graph.reads(name)}
            for encoder in stage.options.get("joint", []):
                own = self.part_recipe(self.stage(encoder))
                own["params"] = {
                    key: value for key, value in own["params"].items() if key in self.stage(encoder).params
                }  # not how it is fitted
                recipe[f"joint {encoder}"] = files.digest(own)
            self._recipes[name] = recipe
        return self._recipes[name]

    def forget_recipes(self) -> None:
        """Make recipes anew when next asked: weights that were missing may be here now."""
        self._recipes.clear()

    def part_recipe(self, stage: Stage) -> dict[str, Any]:
        """A stage's own share of its recipe, without what it reads."""
        step = classes.part(f"pipeline.steps.{module_of(stage.step)}.Options")
        how = step.constants.get("HOW", ())  # options that say how, not what
        shaping = [*step.constants.get("CODE", ()), *([stage.uses.rpartition(".")[0]] if stage.uses else [])]
        if stage.aggregator and not stage.borrowed:
            shaping.append(stage.aggregator.uses.rpartition(".")[0])
        own = [*step.constants.get("OWN", ())]
        if "video" in stage.sides:
            shaping += step.constants.get("VIDEO_CODE", ())
        if stage.step == "extract" and stage.part and "task" in stage.part.methods and not stage.borrowed:
            own += step.constants.get("TASK_CODE", ())
        params = dict(stage.params) | {key: value for key, value in stage.options.items() if key not in how}
        if params.get("fit"):
            params["fit"] = {key: value for key, value in params["fit"].items() if key != "checkpoint"}
        recipe: dict[str, Any] = {"step": stage.step, "uses": stage.uses, "params": params}
        for name in (*(stage.part.constants.get("FILES", ()) if stage.part else ()), *step.constants.get("FILES", ())):
            if params.get(name):
                recipe[f"file of {name}"] = self.file_digest(Path(params.pop(name)))
        for name, folder in stage.part.constants.get("CONFIGS", ()) if stage.part else ():
            config = code.ROOT / folder / f"{params.get(name)}.json"  # a configuration of our own that the value names
            if config.is_file():
                recipe[f"file of {name}"] = files.sha256(config)
        recipe["code"] = code.code(shaping, self.graph.trusted) | code.own_code(own)
        if digest := lookup.digest(stage, self.graph, self.work):
            recipe["weights"] = digest
            params.pop("weights", None)  # where a file lies changes nothing
        if stage.step in ("decode", "finetune") or (stage.step == "extract" and "video" in stage.sides):
            recipe["decoder"] = self.decoders
        return recipe

    def path(self, value: str | Path) -> Path:
        """A path typed in a parameter: as it is, or relative to collection.yaml."""
        path = Path(value).expanduser()
        return (path if path.is_absolute() or path.exists() else self.source.parent / path).absolute()

    def file_digest(self, value: Path) -> str:
        """Digest of a file, or of a BigFile folder's files, that a parameter names."""
        path = self.path(value)
        if path.is_dir():
            return files.digest([[f.name, self.work.sha256(f)] for f in sorted(path.iterdir()) if f.is_file()])
        return self.work.sha256(path) if path.is_file() else f"missing:{value}"

    def fingerprint(self, name: str) -> str:
        """Hash of a stage's recipe."""
        return files.digest(self.recipe(name))[:32]

    def failures(self, name: str) -> list[dict[str, str]]:
        """Ledger lines of a stage's finished units, shards that no item is in any more aside."""
        alive = {number for number, rows in enumerate(self.catalog.shards("video")) if len(rows)}
        found = []
        for key, entry in sorted(self.work.index(name).entries.items()):
            if entry.failed and (not key.endswith(".h5") or int(Path(key).stem) in alive):
                found += entry.failed
        return found

    def failed(self, name: str) -> set[str]:
        """Ids that the finished shards of a stage have no row for."""
        return {line["video"] for line in self.failures(name)}

    def features(self, name: str) -> tuple[list[str], list[str]]:
        """The video and the text features that a train stage fuses."""
        return self.graph.features(name)

    def lost(self, features: list[str]) -> set[str]:
        """Videos that lack at least one of the features (video side), whichever stage lost them."""
        stages = [
            name for name in self.graph.needed(features) if self.stage(name).step in ("decode", "extract", "import")
        ]
        return set().union(*(self.failed(name) for name in stages)) if stages else set()
