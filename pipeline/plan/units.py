"""The units of a stage: shards, fits, models, runs; each with the digest of what it is made from."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any

from pipeline import files
from pipeline.files import JsonObject
from pipeline.graph import models
from pipeline.graph.graph import Stage
from pipeline.graph.kept import Kept, train_of
from pipeline.graph.models import Model, Row
from pipeline.graph.rescoring import WAYS, QbNorm
from pipeline.items.catalog import Catalog
from pipeline.plan.context import Context
from pipeline.plan.fingerprints import fingerprint

FIT = "fit"  # key of the unit that a stage learns; it is made before the shards, which are made with it
NONE = "none"  # key of the only unit of a stage that has nothing to make
STATE = "best.pt"  # the file with what a stage or a model learned


@dataclass(frozen=True)
class Unit:
    """The smallest part of a stage's results that is made and noted as finished on its own."""

    key: str  # its name inside the stage's folder
    content: str  # digest of the data that it is made from; another digest makes the unit stale
    fingerprint: str  # hash of the recipe
    recipe: JsonObject  # the settings and code that it is made with
    makes: tuple[str, ...]  # its files, below the stage's folder
    side: str = ""  # of a shard: "video" or "text"
    shard: int = -1  # number of a shard; -1: the unit is no shard


def shard_key(stage: Stage, side: str, number: int) -> str:
    """A shard's file inside the stage's folder; a feature of both sides keeps a folder for each."""
    return f"{side}/{number:05d}.h5" if len(stage.sides) > 1 else f"{number:05d}.h5"


def shards(context: Context, stage: Stage, side: str) -> Iterator[Unit]:
    """The shards of a stage, for the videos or the captions of the collection."""
    recipe, unit_fingerprint = context.recipe(stage.name), context.fingerprint(stage.name)
    data, catalog = data_content(context, stage.name), context.catalog
    unread = _by_shard(catalog, lost_before(context, stage)) if side == "video" else {}
    for number, items in enumerate(catalog.shards(side)):
        if len(items):
            key = shard_key(stage, side, number)
            content = files.digest([catalog.shard_content(side, number), data, unread.get(number, [])])
            yield Unit(key, content, unit_fingerprint, recipe, (key,), side, number)


def fit(context: Context, stage: Stage) -> Unit:
    """What a stage learns from the train split."""
    content = data_content(context, stage.name)
    return Unit(FIT, content, context.fingerprint(stage.name), context.recipe(stage.name), (STATE,))


def whole(context: Context, stage: Stage, content: Any, makes: tuple[str, ...] | None = None) -> Unit:
    """The only unit of a stage.

    content: what it is made from, as JSON; `steps.content_of` gives it for the stages that it reads. makes: its files,
    below the stage's folder; None: those in MAKES of the step.
    """
    recipe, unit_fingerprint = context.recipe(stage.name), context.fingerprint(stage.name)
    unit_files = stage.about.makes if makes is None else makes
    return Unit(stage.step, files.digest(content), unit_fingerprint, recipe, unit_files)


def nothing(context: Context, stage: Stage) -> Unit:
    """The unit of a stage that has nothing to make. It has no files and is finished when it is noted."""
    return Unit(NONE, "", context.fingerprint(stage.name), context.recipe(stage.name), ())


def model(context: Context, stage: Stage, trained: Model, seed: int) -> Unit:
    """The unit of one training, a model with a seed. Its fingerprint does not depend on other models."""
    recipe = context.recipes.model(stage, trained)
    content = files.digest([model_content(context, stage, trained), seed])
    key = f"{trained.name}/seed{seed}"
    return Unit(key, content, fingerprint(recipe), recipe, (f"{key}/{STATE}",))


def ranked(context: Context, stage: Stage, row: Row) -> Iterator[Unit]:
    """The units of one row of results, one for each seed."""
    train = context.stage(stage.sources[0])
    # All rows of a table rank the same videos for the same captions. A video takes part if it has the features of
    # all rows.
    lost = _lost(context, models.ranked(context.graph, stage), ("test",))
    queries = context.catalog.query_content()
    base = [context.catalog.split_content("test"), lost, *([queries] if queries else [])]
    learned = [model_content(context, train, trained) for trained in row.models]
    content = [*base, *learned, data_content(context, *row.features), *_second_content(context, row)]
    recipe = context.recipes.row(stage, row)
    left = [f"/{way}." for way in WAYS if way not in row.ways]
    wanted = [name for name in stage.about.makes if not any(part in name for part in left)]
    unit_fingerprint = fingerprint(recipe)
    for seed in row.seeds:
        key = f"{row.name}/seed{seed}"
        makes = tuple(name.format(unit=key) for name in wanted)
        yield Unit(key, files.digest([content, seed]), unit_fingerprint, recipe, makes)


def _second_content(context: Context, row: Row) -> list[Any]:
    """What the second scoring of a row is made from, beside what the row is made from; [] without one."""
    if row.second is None:
        return []
    if isinstance(row.second.how, QbNorm):
        return [context.catalog.split_side("text", "train")]
    features = row.second.features
    return [data_content(context, *features), _lost(context, list(features[:1]), ("test",))] if features else []


def vectors(context: Context, stage: Stage, kept: Kept) -> Iterator[Unit]:
    """The units of a model's or feature's kept vectors, one for each shard of videos."""
    train, catalog = train_of(context.graph, stage), context.catalog
    learned: Any = data_content(context, *kept.reads)
    if kept.model and train:
        learned = [model_content(context, train, kept.model), kept.seed]
    lost = _by_shard(catalog, context.lost(list(kept.reads)))
    recipe = context.recipes.kept(stage, kept)
    unit_fingerprint = fingerprint(recipe)
    for number, videos in enumerate(catalog.shards("video")):
        if len(videos):
            key = f"{kept.key}/{number:05d}.h5"
            content = files.digest([catalog.shard_content("video", number), lost.get(number, []), learned])
            yield Unit(key, content, unit_fingerprint, recipe, (key,), "video", number)


def _by_shard(catalog: Catalog, videos: Iterable[str]) -> dict[int, list[str]]:
    """{shard: the ids of its videos among `videos`, sorted}; videos that the catalog lacks are left out."""
    shards: dict[int, list[str]] = {}
    for video in sorted(videos):
        if video in catalog.row:
            shards.setdefault(int(catalog.video_shard[catalog.row[video]]), []).append(video)
    return shards


def lost_before(context: Context, stage: Stage) -> set[str]:
    """Videos that an earlier stage could not read. This stage does not try to read them."""
    needed = [name for name in context.graph.needed([stage.name]) if name != stage.name]
    earlier = context.graph.stages_of(stage.about.after, needed) if stage.about.after else []
    return set().union(*(context.failed(stage_before.name) for stage_before in earlier)) if earlier else set()


def data_content(context: Context, *names: str) -> str:
    """Digest of the items that these stages and all stages before them learned from; '' if none of them learns."""
    learned = [n for n in context.graph.needed(names) if context.stage(n).fitted]
    return files.digest([[n, _own_content(context, n)] for n in learned]) if learned else ""


def _own_content(context: Context, name: str) -> Any:
    stage, catalog = context.stage(name), context.catalog
    if stage.about.learns == "part" and stage.part and "task" not in stage.part.methods:
        return catalog.split_side("text", "train")  # vocabularies read train captions only
    return pairs_content(context, list(stage.sources))


def pairs_content(context: Context, features: list[str]) -> list[Any]:
    """What identifies the pairs of train and val whose videos have all of these features."""
    lost = _lost(context, features, ("train", "val"))
    return [context.catalog.split_content("train"), context.catalog.split_content("val"), lost]


def model_content(context: Context, stage: Stage, trained: Model) -> list[Any]:
    """What identifies the items that a model, and the stages that it reads, learned from.

    It does not depend on other models of the stage. Empty for a packed model: the digest of its file counts instead.
    """
    if stage.packed:
        return []
    reads = models.reads(context.graph, stage, trained)
    return [data_content(context, *reads), pairs_content(context, list(trained.video))]


def _lost(context: Context, features: list[str], splits: tuple[str, ...]) -> list[str]:
    """The videos of these splits that lack one of the features."""
    lost, catalog = context.lost(features), context.catalog
    wanted = {catalog.split_number(split) for split in splits}
    return sorted(v for v in lost if v in catalog.row and catalog.video_split[catalog.row[v]] in wanted)
