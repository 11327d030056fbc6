"""A graph written out as a stages file: every param with its value, so that it gives the same run without a profile."""

from pathlib import Path
from typing import Any

import yaml

from pipeline.errors import LaffError
from pipeline.graph.graph import Graph, Stage
from pipeline.graph.origins import plain
from pipeline.graph.stages_file import Entry, StagesFile
from pipeline.plan.named_files import value_in_full
from pipeline.weights import lookup

HEADER = "# Written by `laff config --yaml`: all settings of a run as they count, defaults and profile included.\n"


def stages_file(graph: Graph, collection: Path | None = None) -> str:
    """The text of the stages file; paths in it hold in any folder, but for those beside collection.yaml.

    LaffError for the graph of a package, which holds what its stages learned as well.
    """
    if graph.package:
        raise LaffError(f"package {graph.package.root} is applied as it is; its stages file is {graph.path}")
    beside = collection or graph.path
    content: dict[str, Any] = {"threads": graph.threads}
    if weights := _weights(graph):
        content["weights"] = weights
    content["stages"] = {name: _entry(graph, stage, beside) for name, stage in graph.stages.items()}
    return HEADER + yaml.safe_dump(content, sort_keys=False, allow_unicode=True, width=120)


def _weights(graph: Graph) -> dict[str, Any]:
    """The entries of weights that the stages file adds or changes, with full paths."""
    entries = StagesFile(graph.path).content.get("weights") or {}
    written = {}
    for name, entry in entries.items():
        known = lookup.entry_of(graph, str(name))
        path = {"path": str(Path(known.path).absolute())} if known and known.path else {}
        written[str(name)] = plain(entry or {}) | path
    return written


def _entry(graph: Graph, stage: Stage, beside: Path) -> Entry:
    """The entry of a stage; of one that borrows its part only the params that it may choose."""
    free = stage.part.member("FREE") if stage.part and stage.borrowed else None
    params = {key: value for key, value in stage.params.items() if free is None or key in free}
    params |= {key: value for key, value in stage.options.items() if not (key == "fit" and not value)}
    full = {key: value_in_full(stage, key, value, graph, beside) for key, value in params.items()}
    entry: Entry = {"step": stage.step}
    if stage.uses:
        entry["uses"] = stage.uses
    if stage.sources:
        entry["from"] = stage.sources[0] if len(stage.sources) == 1 else list(stage.sources)
    if full:
        entry["params"] = plain(full)
    return entry | ({"on": stage.on} if stage.on != "auto" else {})
