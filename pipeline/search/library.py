"""The way in for programs: open a workspace, search it, read its features.

from pipeline.search.library import Library

library = Library.open("WORK")
for hit in library.search("a red circle moves up", k=5):
    print(hit.video, hit.score, hit.shares)
ids, values = library.features("x3d")
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Iterator, Sequence
from copy import copy
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from pipeline.assembly import features
from pipeline.errors import LaffError, did_you_mean
from pipeline.graph.kept import Kept
from pipeline.opening import open_context
from pipeline.ranking.best import Nearest
from pipeline.request import Request, recalled
from pipeline.search import fusing
from pipeline.search.asking import Questions
from pipeline.search.checks import check_count, check_made, check_split
from pipeline.search.finder import Finder, choose
from pipeline.search.hit import Hit, Show
from pipeline.search.named import named_item
from pipeline.search.notes import notes_of
from pipeline.search.places import Place
from pipeline.search.standing import standing
from pipeline.search.unknown import Unknown, unknown_words
from pipeline.search.weights import PLAIN, Weighable, Weights
from pipeline.search.weights import check as check_weights
from pipeline.store import home

if TYPE_CHECKING:
    from scipy.sparse import csr_matrix

MANY = 4096  # queries that are asked at once
MODELS = 6  # that `beside` keeps open


class Library:
    """The videos of a workspace, found by one model or by several.

    LaffError where a model is not there, not trained, or not up to date with the collection and the settings.
    """

    def __init__(self, request: Request, models: Sequence[str] = (), split: str = "all", memory: int = 0) -> None:
        """models: as `laff search --model` names them, the main one if none is named. split: all, train, val, test.

        memory: bytes that the stored vectors of each model may take, as float32, for a program that searches again
        and again; where they need more, each search streams them from their files. One thread at a time may ask.
        """
        check_split(split)
        index = standing(request) if home.is_index(request.collection, request.work) else None
        self.context = index.context if index else open_context(request)  # graph, catalog of items, workspace
        self._index = index  # None: the workspace of a collection, which has to be up to date
        self._memory, self._open = memory, OrderedDict[str, Finder]()  # the models of `beside`, by name and seed
        self._show = Show(self.context)
        self._choose(models, split)

    @classmethod
    def open(cls, work: str | Path, models: Sequence[str] = (), split: str = "all", memory: int = 0) -> Library:
        """The library of a workspace, or of a folder that was indexed, with the settings that its last run had."""
        work = home.meant(Path(work))
        check_made(work)
        request = recalled(work)
        assert request
        return cls(request, models, split, memory)

    def beside(self, models: Sequence[str] = (), split: str = "all") -> Library:
        """A library of the same open workspace with other models or another split; models that were used are shared.

        LaffError as of a new one.
        """
        other = copy(self)
        other._choose(models, split)
        return other

    def _choose(self, models: Sequence[str], split: str) -> None:
        """Set the models and the split that are searched."""
        check_split(split)
        if split != "all" and not len(self.context.catalog.split_videos(split)):
            raise LaffError(f"the collection has no videos in {split}; --split takes another one")
        names = list(dict.fromkeys(models)) or [""]
        # For each model where it looks and how it reads sentences.
        self.finders = [self._finder(choose(self.context, name)) for name in names]
        self._split = split
        self.__dict__.pop("_allowed", None)

    def _finder(self, chosen: Kept) -> Finder:
        """The finder of a model; those that were asked for last stay open."""
        finder = self._open.pop(chosen.key, None) or Finder(self.context, chosen, self._memory)
        self._open[chosen.key] = finder
        while len(self._open) > MODELS:
            self._open.popitem(last=False)
        return finder

    @property
    def name(self) -> str:
        """The model that searches, or the fusion and its models."""
        names = [finder.label for finder in self.finders]
        return names[0] if len(names) == 1 else f"{fusing.NAME}-{'-'.join(names)}"

    def weighable(self) -> dict[str, Weighable]:
        """The features of each model whose weights can be scaled."""
        return {finder.label: finder.weighing.features for finder in self.finders}

    def check(self, weights: Weights) -> None:
        """Raise LaffError where weights name what the models do not have, or leave nothing to search by."""
        if weights == PLAIN:
            return
        chosen = [finder.chosen for finder in self.finders]
        features = {
            "video": {name for one in chosen for name in (one.model.video if one.model else (one.name,))},
            "text": {name for one in chosen for name in (one.model.text if one.model else (one.name,))},
        }
        check_weights(weights, self.weighable(), features)
        for finder in self.finders:
            for side in ("video", "text"):
                weights.factors(side, getattr(finder.weighing.features, side))

    def notes(self, weights: Weights = PLAIN) -> list[str]:
        """What a person should know before believing any answer; none where all is well."""
        notes = [self._index.note] if self._index and self._index.note else []
        weighed = self._model_weights(weights) != [1.0] * len(self.finders)
        return [*notes, *notes_of(self.context, self.finders, weights, weighed)]

    def _model_weights(self, weights: Weights) -> list[float]:
        """The weight of each model in the fusion."""
        return [float(weights.models.get(finder.label, 1.0)) for finder in self.finders]

    def unknown(self, sentence: str) -> Unknown:
        """The words of a sentence that the models do not know."""
        knows = {name: know for finder in self.finders for name, know in finder.asking.knows.items()}
        return unknown_words(sentence, knows, [name for finder in self.finders for name in finder.asking.features])

    def search(self, sentence: str, k: int = 10, weights: Weights = PLAIN) -> list[Hit]:
        """The k videos that answer a sentence best, best first; of equal scores the first id comes first.

        weights: of models and features, see Weights. LaffError as of `check`.
        """
        return next(self.search_all([sentence], k, weights=weights))

    def search_all(
        self, sentences: Sequence[str], k: int = 10, shares: bool = True, weights: Weights = PLAIN
    ) -> Iterator[list[Hit]]:
        """`search` for many sentences, in their order: stored vectors are read once for some thousand of them.

        shares: whether hits have them, which takes a little longer.
        """
        check_count(k)
        self.check(weights)
        if empty := [number for number, sentence in enumerate(sentences, 1) if not sentence.strip()]:
            which = "the sentence" if len(sentences) == 1 else f"sentence {empty[0]}"
            raise LaffError(f"{which} is empty; say what the video should show")
        for start in range(0, len(sentences), MANY):
            block = sentences[start : start + MANY]
            yield from self._hits([finder.ask(block, weights) for finder in self.finders], k, None, shares, weights)

    def like(self, video: str, k: int = 10, weights: Weights = PLAIN) -> list[Hit]:
        """The k videos whose vectors lie nearest to that of a video of the collection, itself left out.

        video: its id, or the path of its file. weights: those of models and video features count.
        """
        check_count(k)
        self.check(weights)
        video = named_item(self.context.catalog, video)
        row, questions = self.context.catalog.row[video], []
        for finder in self.finders:
            places = np.flatnonzero(finder.place.videos == row)
            if not len(places):
                raise LaffError(f"'{video}' has no vector by {finder.label}; see `laff failures`")
            questions.append(finder.weighing.place(weights).vector(int(places[0]))[None])
        return next(self._hits(questions, k, row, True, weights))

    def _hits(
        self, questions: Sequence[Questions], k: int, without: int | None, shares: bool, weights: Weights
    ) -> Iterator[list[Hit]]:
        """Hits of each query. questions: for each finder; without: the row of a video that is no hit."""
        catalog = self.context.catalog
        deep = k if len(self.finders) == 1 else max(k, fusing.DEPTH)
        answers = []
        places = [finder.weighing.place(weights) for finder in self.finders]
        for place, allowed, of_place in zip(places, self._allowed, questions, strict=True):
            if without is not None:
                allowed = allowed & (place.videos != without)
            answers.append(_joined(list(place.best(of_place, deep, allowed))))
        for query in range(len(answers[0].rows)):
            if len(places) == 1:
                [place], [best] = places, answers
                yield self._named(place, best.rows[query], best.scores[query], shares)
            else:
                lists = [
                    catalog.ids("video", place.videos[best.rows[query]])
                    for place, best in zip(places, answers, strict=True)
                ]
                fused = fusing.fuse(lists, self._model_weights(weights))[:k]
                yield [self._show.hit(catalog.row[video], score, {}) for video, score in fused]

    @cached_property
    def _allowed(self) -> list[np.ndarray]:
        """For each finder, [N] bool: the videos that may be found."""
        every = []
        for finder in self.finders:
            videos = finder.place.videos
            allowed = self._index.present[videos] if self._index else np.ones(len(videos), bool)
            if self._split != "all":
                allowed &= np.isin(videos, self.context.catalog.split_videos(self._split))
            every.append(allowed)
        return every

    def _named(self, place: Place, rows: np.ndarray, scores: np.ndarray, shares: bool) -> list[Hit]:
        """The hits of one query: rows [k] as the place numbers its videos, scores [k]."""
        videos = place.videos[rows]
        video_shares: list[dict[str, float]] = place.shares(rows) if shares and len(rows) else [{} for _ in rows]
        return [self._show.hit(*hit) for hit in zip(videos.tolist(), scores.tolist(), video_shares, strict=True)]

    def features(self, stage: str, side: str = "video") -> tuple[list[str], np.ndarray | csr_matrix]:
        """Ids [N] and rows [N, D] of a cached feature: float32, or CSR of a sparse one; of frames their mean."""
        catalog, graph = self.context.catalog, self.context.graph
        names = [feature.name for feature in graph.stages.values() if side in feature.sides]
        if stage not in names:
            raise LaffError(f"no {side} feature '{stage}'{did_you_mean(stage, names)} (here: {', '.join(names)})")
        if not any(self.context.work.folder(stage).rglob("*.h5")):
            raise LaffError(
                f"{stage} is not made in {self.context.work.root}: laff run {stage} -w {self.context.work.root}"
            )
        items = np.arange(len(catalog.videos if side == "video" else catalog.captions))
        values, covered = features.read(self.context, stage, side, items)
        return catalog.ids(side, items[covered]), values[covered]


def _joined(parts: Sequence[Nearest]) -> Nearest:
    return Nearest(np.concatenate([part.rows for part in parts]), np.concatenate([part.scores for part in parts]))
