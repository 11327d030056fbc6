"""The options of `laff index`, and what they mean: the workspace, and the command of the same order anew."""

from __future__ import annotations

import shlex
from dataclasses import dataclass
from pathlib import Path

from pipeline.errors import LaffError, near_path
from pipeline.graph import kept
from pipeline.graph.graph import Graph, Stage
from pipeline.graph.stages_file import StagesFile
from pipeline.items.collection import Collection
from pipeline.store import home


@dataclass
class Order:
    """The options of `laff index`."""

    folder: Path | None  # None: the folder that the workspace already indexes
    work: Path | None = None
    features: tuple[str, ...] = ()  # none: those of the previous index, else FEATURE
    weights: str = ""  # of the feature: a name of the catalogue or a file
    windows: dict[str, float] | str | None = None  # as collection.yaml says them; None leaves them as they are
    stages: StagesFile | None = None
    profile: str | None = None
    sets: tuple[str, ...] = ()
    trust: tuple[str, ...] = ()
    package: Path | None = None  # its models are used in place of a feature
    follow_links: bool = False  # whether links that lead out of the folder are followed, from now on

    def command(self, feature: str, graph: Graph) -> str:
        """The command of the same order with another feature, without the settings of those that it replaces."""
        words = ["laff", "index", *([str(self.folder)] if self.folder else []), "--feature", feature]
        words += ["-w", str(self.work)] if self.work else []
        if isinstance(self.windows, dict):
            words += ["--windows", "/".join(f"{seconds:g}" for seconds in self.windows.values())]
        elif self.windows:
            words += ["--windows", self.windows]
        words += ["--follow-links"] if self.follow_links else []
        words += ["--stages", str(self.stages.given)] if self.stages and self.stages.given else []
        words += ["--profile", self.profile] if self.profile is not None else []
        others = set(pairs_of(graph)) - {feature}
        for option, values in (("--set", self.sets), ("--trust", self.trust)):
            for value in values:
                words += [option, value] if value.partition(".")[0] not in others else []
        return shlex.join(words)


def place(order: Order) -> Path:
    """The workspace of an order; LaffError if the folder is missing or no folder, or if none is named."""
    folder = order.folder
    if folder is None:
        work = order.work or home.nearest(Path())
        if work is None:
            raise LaffError(f"no folder from here upwards holds a {home.NAME}: name the FOLDER of videos to index")
        return work
    if not folder.exists():
        raise LaffError(f"{folder}: no such folder{near_path(folder)}")
    if not folder.is_dir():
        raise LaffError(f"{folder} is a file; name the folder that it lies in: {folder.parent}")
    inside = folder / home.NAME
    return inside if order.work is None or same(order.work, folder) else order.work


def pairs_of(graph: Graph) -> list[str]:
    """The names of features that hold videos and texts in one space."""
    return [stage.name for stage in graph.stages.values() if {"video", "text"} <= set(stage.sides)]


def vectors_of(graph: Graph) -> Stage:
    """The stage that keeps the vectors which search reads."""
    vectors = kept.stage_of(graph)
    if vectors is None:
        raise LaffError(
            f"{graph.path} has no stage of step '{kept.VECTORS}', which keeps the vectors that search reads"
        )
    return vectors


def videos_of(items: Collection) -> set[str]:
    """The ids of all videos of a collection."""
    return {video for split in items.ids.values() for video in split}


def same(one: Path, other: Path) -> bool:
    """Whether two paths lead to one place."""
    return one.resolve() == other.resolve()
