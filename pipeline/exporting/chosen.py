"""What a person names to be exported: features, of one side or both, and the vectors that a workspace keeps."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from pipeline.errors import LaffError, did_you_mean, problems
from pipeline.graph.graph import Graph, Stage
from pipeline.graph.kept import Kept, kept
from pipeline.items.catalog import SIDES
from pipeline.plan.context import Context
from pipeline.plan.units import shard_key
from pipeline.plan.up_to_date import check_up_to_date


@dataclass(frozen=True)
class Chosen:
    """Rows of one side of a stage."""

    name: str  # of what is written: the stage's; with the side where the stage has both
    stage: Stage
    side: str  # video or text
    kept: Kept | None = None  # which of a vectors stage's

    def key(self, shard: int) -> str:
        """A shard's file inside the stage's folder."""
        return f"{self.kept.key}/{shard:05d}.h5" if self.kept else shard_key(self.stage, self.side, shard)


def choose(graph: Graph, names: Sequence[str], side: str = "") -> list[Chosen]:
    """The features that `names` mean: FEATURE, or VECTORS or VECTORS/MODEL/seedN, where VECTORS is a vectors stage.

    side: of features of both sides only this one; "": both. LaffError with all names that mean nothing.
    """
    chosen: dict[str, Chosen] = {}
    mistakes = []
    for name in dict.fromkeys(names):
        try:
            features = _named(graph, name, side)
        except LaffError as error:
            mistakes += error.problems
            continue
        for one in features:
            if chosen.setdefault(one.name, one) != one:
                mistakes.append(f"two of them would be called {one.name!r}; export them to different folders")
    if mistakes:
        raise problems(str(graph.path), mistakes)
    return list(chosen.values())


def _named(graph: Graph, name: str, side: str) -> list[Chosen]:
    word, _, key = name.partition("/")
    stage = graph.stages.get(word)
    known = [*(stage.name for stage in graph.stages.values() if stage.sides), *_all_kept(graph)]
    if stage is None or (key and not stage.step == "vectors"):
        raise LaffError(f"no feature '{name}'{did_you_mean(name, known)} (here: {', '.join(known)})")
    if stage.step == "vectors":
        vectors = [one for one in kept(graph, stage) if key in ("", one.name, one.key)]
        if not vectors:
            raise LaffError(f"'{word}' keeps no vectors '{key}'; it keeps {', '.join(_all_kept(graph)) or 'none'}")
        if side == "text":
            raise LaffError(f"'{name}' are vectors of videos; captions have none that are kept")
        return [Chosen(f"{word}-{one.key.replace('/', '-')}", stage, "video", one) for one in vectors]
    if not stage.sides:
        raise LaffError(f"'{word}' has no rows of features; those that do: {', '.join(known)}")
    if side and side not in stage.sides:
        raise LaffError(f"'{word}' is a feature of {stage.sides[0]}, so it has no side {side}")
    both = len(stage.sides) > 1
    return [Chosen(f"{word}-{one}" if both else word, stage, one) for one in SIDES if one in (side or stage.sides)]


def _all_kept(graph: Graph) -> list[str]:
    """All vectors that are kept, as a person names them."""
    return [f"{stage.name}/{one.key}" for stage in graph.stages_of("vectors") for one in kept(graph, stage)]


def check_made(context: Context, chosen: Sequence[Chosen], rows: dict[str, np.ndarray]) -> None:
    """Raise LaffError about the first feature that is not up to date for these catalog rows of each side."""
    catalog = context.catalog
    for one in chosen:
        every = np.asarray(catalog.video_shard if one.side == "video" else catalog.caption_shard)
        keys = {one.key(int(shard)) for shard in np.unique(every[rows[one.side]])}
        again = f"`laff {one.stage.name} -w {context.work.root}` makes it"
        check_up_to_date(context, [one.stage.name], again, lambda _, unit, keys=keys: unit.key in keys)  # type: ignore[misc]
