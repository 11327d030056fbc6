"""Answer a sentence from the trained model: the videos whose vectors lie nearest."""

from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np

from pipeline.assembly import assemble
from pipeline.build import construct, learned
from pipeline.build.loaded import load
from pipeline.errors import LaffError, did_you_mean
from pipeline.graph import models
from pipeline.plan.context import Context
from pipeline.plan.plan import stage_plan
from pipeline.ranking.embed import embed
from pipeline.ranking.trec import top_k
from pipeline.request import Request
from pipeline.run import open_context
from pipeline.weights import lookup


@dataclass(frozen=True)
class Hit:
    """One video that was found."""

    video: str
    path: str
    score: float  # mean cosine over the model's spaces, -1..1


def search(request: Request, sentence: str, k: int, split: str, model_name: str = "") -> list[Hit]:
    """The k videos of a split ("all" for every split) that answer the sentence best, best first.

    LaffError where nothing is trained yet, or the sentence is empty.
    """
    if not sentence.strip():
        raise LaffError("the sentence is empty; say what the video should show")
    context = open_context(request)
    stage = context.graph.of_step("train")
    all_models = {model.name: model for model in models.of(context.graph, stage)}
    name = model_name or models.main(stage)
    if name not in all_models:
        raise LaffError(
            f"no model '{name}'{did_you_mean(name, list(all_models))} (trained here: {', '.join(all_models)})"
        )
    model = all_models[name]
    seed = model.seeds[0]
    if not assemble.best(context, stage, model, seed).is_file():
        raise LaffError(
            f"{name} is not trained in {context.work.root}; run `laff train` with the same -c, -w and --profile first"
        )
    _check_fresh(context, stage.name)
    encoders = assemble.joints(context, stage)
    hits: list[tuple[Any, np.ndarray]] = []
    query = _query(context, stage, sentence, encoders)
    for one in ("train", "val", "test") if split == "all" else (split,):
        rows = assemble.rows(context, stage, one, needs=model.video)
        whole = assemble.part_of(assemble.split(context, rows, encoders), model)
        paired = assemble.trained(context, stage, model, whole, encoders, seed)
        asked = _take(query, model.text)
        if paired.scores_pairs:
            alone = partial(_alone, paired, asked)
            hits.append((rows.videos, embed(alone, whole.video_rows, len(rows.videos))[:, 0].numpy()))
            continue
        text = embed(paired.embed_text, lambda block, asked=asked: asked, 1)
        videos = embed(paired.embed_video, whole.video_rows, len(rows.videos))
        hits.append((rows.videos, (text @ videos.T)[0].numpy()))
    rows_found = np.concatenate([videos for videos, _ in hits])
    columns, scores = top_k(np.concatenate([values for _, values in hits])[None], k)
    catalog = context.catalog
    return [
        Hit(catalog.videos[rows_found[column]], catalog.paths[rows_found[column]], float(score))
        for column, score in zip(columns[0], scores[0], strict=True)
    ]


def _alone(model: Any, query: dict[str, Any], videos: dict[str, Any]) -> Any:
    """Scores [V, 1] of videos, of a model that has no vectors."""
    return model.scores(videos, query).T


def _check_fresh(context: Context, train: str) -> None:
    """LaffError where the model or its features are not what this configuration and collection would make now."""
    for planned in (stage_plan(context, name) for name in context.graph.needed([train])):
        if planned.todo:
            raise LaffError(
                f"{planned.stage} in {context.work.root} is not up to date ({planned.reasons[0]}); give the same "
                "--profile, --set and --stages as when it was made, or run `laff train` with these first"
            )


def _take(query: dict[str, Any], names: tuple[str, ...]) -> dict[str, Any]:
    return {name: query[name] for name in names}


def _query(context: Context, stage: Any, sentence: str, encoders: list[assemble.Joint]) -> dict[str, Any]:
    """The text features of one sentence."""
    found: dict[str, Any] = {joint.name: joint.tokens([sentence]) for joint in encoders}
    for name in context.features(stage.name)[1]:
        source = context.stage(name)
        if name in found:
            continue
        if source.part is None:
            raise LaffError(
                f"'{name}' was imported, so it cannot be made for a new sentence; search needs extracted text features"
            )
        part = construct.construct(source, context)
        file = None if source.borrowed else lookup.get(source, context.graph, context.work)
        state = learned.file(context, source)
        part = load(part, "cpu", file, state)
        found[name] = assemble.as_feature(part.extract_text([sentence]))
    return found
