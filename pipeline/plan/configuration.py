"""The configuration of a run: every setting of its graph, and where its value comes from."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from pipeline import yamls
from pipeline.files import JsonObject
from pipeline.graph.graph import Graph
from pipeline.graph.origins import DEFAULT, SET, Origin, Resolved, place, resolved
from pipeline.graph.stages_file import is_shipped
from pipeline.views import formats
from pipeline.views.figure_table import Cell, FigureTable
from pipeline.views.printed import PLAIN, Paper


@dataclass(frozen=True)
class Configuration:
    """The settings of a graph by stage, and what they were made of."""

    graph: Graph
    stages: Mapping[str, Sequence[Resolved]]
    collection: Path | None = None
    sets: tuple[str, ...] = ()
    remembered: Path | None = None  # the file that a workspace remembers its run in, where some of it comes from there
    remembered_sets: frozenset[str] = frozenset()
    remembered_profile: bool = False

    @property
    def head(self) -> list[str]:
        """Lines on what the settings were made of."""
        graph, shipped = self.graph, self.graph.path.is_file() and is_shipped(self.graph.path)
        lines = [f"stages file: {place(graph.path)}{', as laff ships it' if shipped else ''}"]
        lines += [f"package: {graph.package.root}"] if graph.package else []
        if graph.profile:
            lines.append(f"profile: {graph.profile}{self._remembered if self.remembered_profile else ''}")
        return [*lines, f"threads: {graph.threads}"]

    @property
    def _remembered(self) -> str:
        return f", as {self.remembered} has it"

    def told(self, origin: Origin) -> str:
        """An origin in words, also whether the workspace remembered a --set."""
        known = any(origin.text.endswith(f"--set {text}") for text in self.remembered_sets)
        return f"{origin.text}{self._remembered}" if origin.kind == SET and known else origin.text

    def without_defaults(self) -> "Configuration":
        """Only the settings that are not the defaults of the code."""
        kept = {stage: [one for one in listed if one.origin.kind != DEFAULT] for stage, listed in self.stages.items()}
        return replace(self, stages={stage: listed for stage, listed in kept.items() if listed})


def configuration(graph: Graph, names: Sequence[str] = ()) -> Configuration:
    """The configuration of these stages of a graph, of all if none is named; LaffError for an unknown stage."""
    graph.needed(names)
    stages = resolved(graph)
    return Configuration(graph, {name: stages[name] for name in names or stages})


def table(settings: Configuration, form: str = "text", paper: Paper = PLAIN) -> str:
    """All settings in one of `formats.FORMATS`, each named as `--set` takes it."""
    rows: list[Sequence[Cell]] = []
    breaks = []
    for stage, listed in settings.stages.items():
        breaks.append(len(rows))
        rows += [[f"{stage}.{one.key}", yamls.inline(one.value), settings.told(one.origin)] for one in listed]
    table = FigureTable(["setting", "value", "from"], rows, left=3, groups=(), breaks=breaks[1:])
    written = formats.written([table], form, paper).removesuffix("\n")
    return "\n".join([*settings.head, "", written]) if form == "text" else written


def as_json(settings: Configuration) -> JsonObject:
    """The configuration for programs."""
    graph = settings.graph
    return {
        "stages_file": str(graph.path),
        "package": str(graph.package.root) if graph.package else None,
        "profile": graph.profile,
        "set": list(settings.sets),
        "collection": str(settings.collection) if settings.collection else None,
        "threads": graph.threads,
        "stages": {
            stage: {
                one.key: {"value": one.value, "kind": one.origin.kind, "from": settings.told(one.origin)}
                for one in listed
            }
            for stage, listed in settings.stages.items()
        },
    }
