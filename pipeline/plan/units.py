"""The units of a stage: shards, fits, models, runs; each with the digest of what it is made from."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from pipeline import files
from pipeline.graph import models
from pipeline.graph.graph import Stage
from pipeline.items.collection import SPLITS
from pipeline.plan.context import Context
from pipeline.store import ledger


@dataclass(frozen=True)
class Unit:
    """The least that a stage makes at once."""

    key: str  # its name inside the stage's folder
    content: str
    fingerprint: str
    recipe: dict[str, Any]
    side: str = ""
    shard: int = -1


def shard_key(stage: Stage, side: str, number: int) -> str:
    """A shard's file inside the stage's folder; a feature of both sides keeps a folder for each."""
    return f"{side}/{number:05d}.h5" if len(stage.sides) > 1 else f"{number:05d}.h5"


def units(context: Context, name: str) -> list[Unit]:
    """All units that a stage has for the collection as it is, in order."""
    stage = context.stage(name)
    recipe, fingerprint = context.recipe(name), context.fingerprint(name)
    if stage.step == "train":
        return [model_unit(context, stage, model, seed) for model in models.of(context, stage) for seed in model.seeds]
    if stage.step == "rank":
        return list(_ranked(context, stage))
    if stage.step in ("evaluate", "report"):
        (source,) = stage.sources
        content = [[unit.key, unit.fingerprint, unit.content] for unit in units(context, source)]
        lost = ledger.read(context.work.ledger) if stage.step == "report" else []
        told = [[line["video"], line["stage"], line["reason"]] for line in lost]
        return [Unit(stage.step, files.digest([content, told]), fingerprint, recipe)]
    found = []
    if stage.fitted:
        found.append(Unit("fit", data_content(context, name), fingerprint, recipe))
    if stage.step == "finetune":
        return found
    for side in ("video",) if stage.step == "decode" else stage.sides:
        found += _shards(context, stage, side)
    return found


def _shards(context: Context, stage: Stage, side: str) -> Iterator[Unit]:
    recipe, fingerprint = context.recipe(stage.name), context.fingerprint(stage.name)
    data, catalog = data_content(context, stage.name), context.catalog
    unread: dict[int, list[str]] = {}  # shard -> videos
    for video in sorted(lost_before(context, stage)) if side == "video" else ():
        if video in catalog.row:
            unread.setdefault(int(catalog.video_shard[catalog.row[video]]), []).append(video)
    for number, rows in enumerate(catalog.shards(side)):
        if len(rows):
            content = files.digest([catalog.shard_content(side, number), data, unread.get(number, [])])
            yield Unit(shard_key(stage, side, number), content, fingerprint, recipe, side, number)


def lost_before(context: Context, stage: Stage) -> set[str]:
    """Videos that an earlier stage could not read, so that this one does not try."""
    before = [n for n in context.graph.needed([stage.name]) if n != stage.name and context.stage(n).step == "decode"]
    return set().union(*(context.failed(name) for name in before)) if before else set()


def data_content(context: Context, *names: str) -> str:
    """Digest of the items that stages, or stages they read from, have learned from; '' where none has."""
    learned = [n for n in context.graph.needed(names) if context.stage(n).fitted]
    return files.digest([[n, _own_content(context, n)] for n in learned]) if learned else ""


def _own_content(context: Context, name: str) -> Any:
    stage, catalog = context.stage(name), context.catalog
    if stage.step == "extract" and stage.part and "task" not in stage.part.methods:
        return catalog.split_side("text", "train")  # vocabularies read train captions only
    return pairs_content(context, list(stage.sources))


def pairs_content(context: Context, features: list[str]) -> list[Any]:
    """The pairs of train and val that are there to learn from, where a video needs all of these features."""
    lost = _lost(context, features, ("train", "val"))
    return [context.catalog.split_content("train"), context.catalog.split_content("val"), lost]


def model_content(context: Context, stage: Stage, model: "models.Model") -> list[Any]:
    """The items that a model, or a stage it reads from, has learned from; other models of its stage change nothing."""
    reads = models.reads(context.graph, stage, model)
    return [data_content(context, *reads), pairs_content(context, list(model.video))]


def _lost(context: Context, features: list[str], splits: tuple[str, ...]) -> list[str]:
    """Videos of the splits that lack one of the features."""
    lost, catalog = context.lost(features), context.catalog
    wanted = {SPLITS.index(split) for split in splits}
    return sorted(v for v in lost if v in catalog.row and catalog.video_split[catalog.row[v]] in wanted)


def model_unit(context: Context, stage: Stage, model: "models.Model", seed: int) -> Unit:
    """One training: a model with a seed. Its fingerprint holds only what concerns it."""
    recipe = models.recipe(context, stage, model)
    content = files.digest([model_content(context, stage, model), seed])
    return Unit(f"{model.name}/seed{seed}", content, files.digest(recipe)[:32], recipe)


def _ranked(context: Context, stage: Stage) -> Iterator[Unit]:
    own = context.part_recipe(stage)
    train = context.stage(stage.sources[0])
    # All rows of a table rank the same videos for the same captions: those that have every feature of the train stage.
    lost = _lost(context, context.features(train.name)[0], ("test",))
    base = [context.catalog.split_content("test"), lost]
    for row in models.rows(context, stage):
        learned = [model_content(context, train, model) for model in row.models]
        content = [*base, *learned, data_content(context, *row.features)]
        for seed in row.seeds:
            recipe = own | {"from": {m.name: files.digest(models.recipe(context, train, m))[:32] for m in row.models}}
            for feature in row.features:
                recipe["from"][feature] = context.fingerprint(feature)
            yield Unit(f"{row.name}/seed{seed}", files.digest([content, seed]), files.digest(recipe)[:32], recipe)
