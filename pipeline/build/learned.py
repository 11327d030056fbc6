"""The files of what stages learned from the train split, and the word vectors in them."""

import json
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

from pipeline.build.construct import construct
from pipeline.build.loaded import read_state
from pipeline.graph.graph import Stage
from pipeline.plan.context import Context
from pipeline.plan.units import FIT, STATE
from pipeline.weights import lookup

if TYPE_CHECKING:
    import numpy as np


def file(context: Context, stage: Stage) -> Path | None:
    """The file that the stage learned, or the stage that it borrows from; None where nothing is learned."""
    if stage.borrowed:
        return _own_file(context, context.stage(stage.lender))
    return _own_file(context, stage)


def _own_file(context: Context, stage: Stage) -> Path | None:
    if stage.packed:
        return stage.packed.files.get(FIT)
    if stage.about.learns == "always":
        return context.work.folder(stage.name) / STATE
    return context.work.folder(stage.name) / STATE if stage.fitted else None


def saved_at(context: Context, stage: Stage) -> str:
    """The time at which the stage's fit was saved, in nanoseconds; '' if it has none."""
    path = file(context, stage)
    return str(path.stat().st_mtime_ns) if path and path.is_file() else ""


def about(context: Context, stage: Stage) -> dict[str, str]:
    """The attributes of a shard about its weights: the source of published ones, or what was learned and how."""
    if stage.borrowed:
        tuned = stage.lender
        recipe = context.recipe(tuned) | lookup.about(context.stage(tuned), context.graph)
        kept = {key: value for key, value in recipe.items() if key in ("uses", "params") or key.startswith("weights")}
        return {"weights_name": f"fine-tuned by {tuned}", "learned": json.dumps({"stage": tuned} | kept)}
    if stage.packed:
        package = context.graph.package.name if context.graph.package else ""
        return {"learned": json.dumps({"stage": stage.name, "package": package, "sha256": stage.packed.sha256})}
    attributes = lookup.about(stage, context.graph)
    if stage.fitted:
        captions = len(context.catalog.split_captions("train"))
        attributes["learned"] = json.dumps({"stage": stage.name, "from": f"{captions} captions of train"})
    return attributes


def word_vectors(context: Context, stage: Stage) -> "dict[str, np.ndarray] | None":
    """Word vectors that a source of the stage has fitted, {word: [dim]}; None where no source has any."""
    for source in stage.sources:
        path = context.work.folder(source) / STATE
        if context.stage(source).fitted and path.is_file():
            state = read_state(path)
            if "vectors" in state:
                return dict(zip(state["words"], state["vectors"].numpy(), strict=True))
    return None


def vectors_misfit(context: Context, stage: Stage) -> str:
    """Why the word vectors that a stage starts from do not fit its part, or ''. Needs no finished stage."""
    part = construct(stage, context)
    if not hasattr(part, "vector_dim"):
        return ""
    for source in stage.sources:
        if not context.stage(source).fitted:
            continue
        words = construct(context.stage(source), context)
        if not hasattr(words, "vector_width"):
            continue
        with suppress(ValueError):  # a missing file: reported for the stage that reads it
            width = words.vector_width()
            if width != part.vector_dim:
                return (
                    f"'{stage.name}' has vector_dim {part.vector_dim}, but the word vectors of '{source}' are {width} "
                    f"wide; --set {stage.name}.vector_dim={width}"
                )
            return ""
    return ""
