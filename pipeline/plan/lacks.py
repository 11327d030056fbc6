"""What a collection lacks for stages: videos, captions to learn from, or texts to embed or to rank for."""

from collections.abc import Sequence

from pipeline.errors import problems
from pipeline.graph.graph import Graph, Stage
from pipeline.items.catalog import Catalog
from pipeline.plan.context import Context

HOW = {  # what may be lacking -> what to add to collection.yaml
    "videos": "videos: FOLDER, or let train.from name imported features only",
    "captions of train": "train: {captions: FILE}",
    "captions of val": "val: {captions: FILE}, or val: test",
    "captions of test": "test: {captions: FILE}",
    "texts of test": "test: {captions: FILE}, or test: {queries: FILE}",
    "texts": "captions of a split, or queries of test",
}


def lacks(context: Context, name: str) -> list[str]:
    """The keys of HOW that the collection lacks for a stage itself, without those of the stages that it reads."""
    stage, catalog = context.stage(name), context.catalog
    return [what for what in needs(stage) if not (context.has_videos if what == "videos" else has(catalog, what))]


def needs(stage: Stage) -> list[str]:
    """The keys of HOW that a stage needs."""
    needed = ["videos"] if stage.decodes else []
    needed += stage.about.needs
    if stage.fitted:
        needed.append("captions of train")
        if stage.about.learns == "always" or (stage.part and "task" in stage.part.methods):  # chosen by validation
            needed.append("captions of val")
    elif stage.sides == ("text",):
        needed.append("texts")
    return needed


def has(catalog: Catalog, what: str) -> bool:
    """Whether a collection has the captions or texts that a key of HOW names."""
    if what == "texts":
        return bool(len(catalog.captions))
    kind, _, split = what.partition(" of ")
    return bool(len(catalog.split_captions(split))) or (kind == "texts" and bool(len(catalog.queries())))


def check(context: Context, names: Sequence[str]) -> None:
    """Raise LaffError where the collection lacks what these stages need; it names the stages that can be run."""
    wanting: dict[str, list[str]] = {}
    for name in names:
        for what in lacks(context, name):
            wanting.setdefault(what, []).append(name)
    if not wanting:
        return
    lines = [
        f"no {what} ({_how(context.catalog, what)}), which {_commands(stages)} need{'s' if len(stages) == 1 else ''}"
        for what, stages in wanting.items()
    ]
    able = possible(context)
    enough = f"what is there is enough for: laff run {' '.join(able)}" if able else ""
    raise problems(str(context.source), lines, then=enough)


def _how(catalog: Catalog, what: str) -> str:
    """What to add to collection.yaml for something that it lacks."""
    if what == "captions of val" and catalog.aliases.get("val") == "test":
        return f"val is test, and test has none: {HOW['captions of test']}"
    return HOW[what]


def possible(context: Context) -> list[str]:
    """The last stages of all that can be run with this collection; running them runs the others too."""
    graph: Graph = context.graph
    able = [
        name for name in graph.stages if not any(lacks(context, name_needed) for name_needed in graph.needed([name]))
    ]
    read = {source for name in able for source in graph.reads(name)}
    return [name for name in able if name not in read]


def _commands(names: Sequence[str]) -> str:
    return ", ".join(f"`laff {name}`" for name in names)
