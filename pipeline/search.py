"""Answer a sentence from the trained model: the videos whose vectors lie nearest."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np

from extractors.words import STOPWORDS, tokenise
from pipeline.assembly import assemble
from pipeline.build import construct, learned
from pipeline.build.loaded import load
from pipeline.errors import LaffError, did_you_mean
from pipeline.graph import models
from pipeline.items.catalog import Catalog
from pipeline.items.splits import SPLITS
from pipeline.plan.context import Context
from pipeline.plan.plan import stage_plan
from pipeline.ranking.embed import embed
from pipeline.ranking.trec import top_k
from pipeline.request import Request
from pipeline.run import open_context, random_stages
from pipeline.weights import lookup


@dataclass(frozen=True)
class Hit:
    """One video that was found."""

    video: str
    path: str
    score: float  # mean cosine over the model's spaces, -1..1


@dataclass(frozen=True)
class Answer:
    """What was found, and what a person should know before believing it."""

    hits: list[Hit]  # best first
    random: list[str]  # stages with random weights that the model rests on
    unknown: dict[str, list[str]]  # words of the sentence -> text features of the model that do not know them
    lost: bool = False  # whether no text feature of the model knows any word of the sentence

    def notes(self) -> list[str]:
        """The same in lines; none where all is well."""
        found = []
        if self.random:
            names = ", ".join(self.random)
            found.append(f"RANDOM WEIGHTS in {names}: this shows that the machine runs, not how good it is")
        if self.unknown:
            words = ", ".join(f"{word} ({', '.join(names)})" for word, names in self.unknown.items())
            found.append(f"unknown words: {words}")
        if self.lost:
            found.append("no word of this sentence is known, so the order says nothing")
        return found


def search(request: Request, sentence: str, k: int, split: str, model_name: str = "") -> list[Hit]:
    """The hits of `answer` alone."""
    return answer(request, sentence, k, split, model_name).hits


def answer(request: Request, sentence: str, k: int, split: str, model_name: str = "") -> Answer:
    """The k videos of a split ("all" for every split) that answer the sentence best.

    LaffError where nothing is trained yet, the sentence is empty, or a text feature of the model was imported.
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
    query, knowing = _query(context, model.text, sentence, encoders)
    for one in _splits(context.catalog, split):
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
    found = [
        Hit(catalog.videos[rows_found[column]], catalog.paths[rows_found[column]], float(score))
        for column, score in zip(columns[0], scores[0], strict=True)
    ]
    unknown, lost = unknown_words(sentence, knowing, model.text)
    joint = {encoder.name for encoder in encoders}
    read = [*model.video, *(name for name in model.text if name not in joint)]
    random = random_stages(context, context.graph.needed(read))
    return Answer(found, random, unknown, lost)


def _splits(catalog: Catalog, split: str) -> list[str]:
    """The splits that "all" stands for, each video once; or the one that is named. LaffError where it has no video."""
    wanted = [one for one in SPLITS if one not in catalog.aliases] if split == "all" else [split]
    having = [one for one in wanted if len(catalog.split_videos(one))]
    if not having:
        raise LaffError(f"the collection has no videos in {split}; --split takes another one")
    return having


def unknown_words(
    sentence: str, knowing: dict[str, Callable[[str], bool]], features: Sequence[str]
) -> tuple[dict[str, list[str]], bool]:
    """{word: the features that do not know it}, stop words aside; and whether none of the features knows any word.

    knowing: of the features that have a vocabulary; the others read any text.
    """
    words = [word for word in dict.fromkeys(tokenise(sentence)) if word not in STOPWORDS]
    unknown = {word: names for word in words if (names := [one for one, knows in knowing.items() if not knows(word)])}
    return unknown, all(unknown.get(word) == list(knowing) for word in words) and set(knowing) == set(features)


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


def _query(
    context: Context, names: Sequence[str], sentence: str, encoders: list[assemble.Joint]
) -> tuple[dict[str, Any], dict[str, Callable[[str], bool]]]:
    """Text features of one sentence, and of those with a vocabulary what tells whether a word is in it."""
    features: dict[str, Any] = {}
    knowing: dict[str, Callable[[str], bool]] = {}
    joint = {encoder.name: encoder for encoder in encoders}
    if imported := context.graph.imported(names):
        raise LaffError(
            f"'{imported[0]}' was imported, so it cannot be made for a new sentence; search needs extracted text "
            "features"
        )
    for name in names:
        if name in joint:
            features[name], knowing[name] = joint[name].tokens([sentence]), joint[name].knows
            continue
        source = context.stage(name)
        part = construct.construct(source, context)
        file = None if source.borrowed else lookup.get(source, context.graph, context.work)
        further = lookup.further(source, context.graph, context.work)
        part = load(part, "cpu", file, learned.file(context, source), further)
        features[name] = assemble.as_feature(part.extract_text([sentence]))
        if hasattr(part, "knows"):
            knowing[name] = part.knows
    return features, knowing
