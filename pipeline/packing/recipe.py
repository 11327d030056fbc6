"""The stages file of a package: the stages that its models need, with every param written out."""

from typing import Any

from pipeline.graph import kept, models
from pipeline.graph.graph import Stage
from pipeline.graph.models import Model
from pipeline.graph.options import PairOptions, VectorOptions
from pipeline.graph.stages_file import Entries, Entry
from pipeline.packing.selection import Selection, with_vectors
from pipeline.parts.binding import Params

ENDS = ("rank", "evaluate", "report")


def stages(selection: Selection) -> Entries:
    """{stage: its entry}; params that name weights and files still name those of this machine (`held.hold`)."""
    graph, train = selection.graph, selection.train
    entries = {stage.name: _entry(stage, selection.sources(stage)) for stage in selection.stages}
    vectors = kept.stage_of(graph)
    keeps = vectors.name if vectors else _free_name(graph.stages)
    alone = [name for name in selection.pairs if name not in selection.fused]
    if train:
        entries[train.name] = _train(selection, train)
        alone = [train.name, *alone]
    dtype = vectors.options_as(VectorOptions).dtype if vectors else VectorOptions.dtype
    entries[keeps] = {
        "step": kept.VECTORS,
        "from": _sources(alone),
        "params": {"models": with_vectors(selection), "dtype": dtype},
    }
    if train:
        entries |= _ends(selection, train, keeps)
    return {
        name: {key: value for key, value in entry.items() if value not in (None, {}, [])}
        for name, entry in entries.items()
    }


def _free_name(taken: dict[str, Stage]) -> str:
    """A free name for the vectors stage, where the graph has none."""
    return next(name for name in (kept.VECTORS, "kept-vectors", "packaged-vectors") if name not in taken)


def _entry(stage: Stage, sources: list[str]) -> Entry:
    if stage.step == "ingest":  # how large shards are changes nothing, and is each workspace's own
        return {"step": stage.step}
    free = stage.part.constants.get("FREE", ()) if stage.part and stage.borrowed else None
    params = {key: value for key, value in stage.params.items() if free is None or key in free}
    options = {key: value for key, value in stage.options.items() if not (key == "fit" and not value)}
    if stage.step == "import":
        options["file"] = ""  # of the collection that it is applied to
    return {
        "step": stage.step,
        "uses": None if stage.borrowed else stage.uses,
        "from": _sources(sources),
        "params": plain(params | options),
        "on": stage.on if stage.on == "cpu" else None,  # another machine has its own GPU, or none
    }


def _train(selection: Selection, train: Stage) -> Entry:
    main = models.main(train)
    baselines = {
        model.name: _baseline(train, model) for model in selection.models if model.name != main or model.single
    }
    with_main = any(model.name == main for model in selection.models)
    chosen = {
        "seeds": selection.seeds,
        "own": with_main,
        "singles": False,
        "baselines": baselines,
        "joint": selection.joint,
    }
    return {
        "step": train.step,
        "uses": train.uses,
        "from": _sources(selection.fused),
        "params": plain(train.params | _without_start(train, train.options) | chosen),
        "on": train.on if train.on == "cpu" else None,
    }


def _baseline(train: Stage, model: Model) -> Entry:
    entry = {"uses": model.uses, "params": model.params, "video": list(model.video), "text": list(model.text)}
    options = _without_start(train, model.options)
    return entry | ({"options": options} if options else {})


def _without_start(train: Stage, options: Params) -> Params:
    """Training options without the files that a training started from: the package has what came of them."""
    return {key: value for key, value in options.items() if key not in train.about.starts}


def _ends(selection: Selection, train: Stage, vectors: str) -> Entries:
    """The entries of rank, evaluate and report, as far as the graph has them."""
    entries: Entries = {}
    source = train.name
    for step in ENDS:
        for stage in selection.graph.stages_of(step)[:1]:
            if stage.sources[0] != source:
                return entries
            entries[stage.name] = _entry(stage, list(stage.sources))
            if step == "rank":
                fused = set(selection.fused)
                pairs = {
                    name: pair
                    for name, pair in stage.options_as(PairOptions).pairs.items()
                    if fused.issuperset([name] if isinstance(pair, str) else pair)
                }
                taken = {model.name for model in selection.models}
                pairs |= {name: [name, name] for name in selection.pairs if name in fused and name not in taken}
                entries[stage.name]["from"] = [train.name, vectors]
                entries[stage.name]["params"].pop(
                    "rescore", None
                )  # it reads what a package lacks: captions of train, frames
                entries[stage.name]["params"]["pairs"] = pairs
            source = stage.name
    return entries


def _sources(names: list[str]) -> Any:
    return names[0] if len(names) == 1 else names


def plain(value: Any) -> Any:
    """A value with tuples as lists and keys as text, for YAML."""
    if isinstance(value, dict):
        return {str(key): plain(item) for key, item in value.items()}
    return [plain(item) for item in value] if isinstance(value, list | tuple) else value
