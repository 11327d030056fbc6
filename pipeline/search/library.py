"""The way in for programs: open a workspace, search it, read its features.

from pipeline.search.library import Library

library = Library.open("WORK")
for hit in library.search("a red circle moves up", k=5):
    print(hit.video, hit.score, hit.shares)
ids, values = library.features("x3d")
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from pipeline.assembly import features
from pipeline.errors import LaffError, did_you_mean
from pipeline.items.splits import SPLITS
from pipeline.items.windows import WHOLE
from pipeline.opening import open_context
from pipeline.ranking.nearest import Nearest
from pipeline.request import Request, recalled
from pipeline.run_plan import random_stages
from pipeline.search import fusing
from pipeline.search.asking import unknown_words
from pipeline.search.finder import Finder, chosen
from pipeline.store import home

if TYPE_CHECKING:
    from scipy.sparse import csr_matrix

MANY = 4096  # queries that are asked at once


@dataclass(frozen=True)
class Hit:
    """One video, or one window of a video, that was found."""

    video: str
    path: str  # of its file; "" where features were imported
    score: float  # mean cosine over the model's spaces, -1..1; of several models the fused score
    shares: dict[str, float] = field(default_factory=dict)  # feature -> its share in the video's vector, where kept
    start: float | None = None  # seconds since the video's beginning, of a window; None: it is the whole video
    end: float | None = None  # seconds, when the window is over


class Library:
    """The videos of a workspace, found by one model or by several.

    LaffError where a model is not there, not trained, or not up to date with the collection and the settings.
    """

    def __init__(self, request: Request, models: Sequence[str] = (), split: str = "all") -> None:
        """models: as `laff search --model` names them, the main one if none is named. split: all, train, val, test."""
        if split != "all" and split not in SPLITS:
            raise LaffError(f"no split '{split}'{did_you_mean(split, SPLITS)} (all, {', '.join(SPLITS)})")
        self._context = open_context(request)
        if split != "all" and not len(self._context.catalog.split_videos(split)):
            raise LaffError(f"the collection has no videos in {split}; --split takes another one")
        ones = list(dict.fromkeys(models)) or [""]
        self._finders = [Finder(self._context, chosen(self._context, name)) for name in ones]
        self._split = split

    @classmethod
    def open(cls, work: str | Path, models: Sequence[str] = (), split: str = "all") -> Library:
        """The library of a workspace, or of a folder that was indexed, with the settings that its last run had."""
        work = home.meant(Path(work))
        request = recalled(work)
        if request is None:
            raise LaffError(f"{work} remembers no run; `laff run -c collection.yaml -w {work}` makes one")
        return cls(request, models, split)

    @property
    def name(self) -> str:
        """What finds: the model, or the fusion and its models."""
        names = [finder.label for finder in self._finders]
        return names[0] if len(names) == 1 else f"{fusing.NAME}-{'-'.join(names)}"

    def notes(self) -> list[str]:
        """What a person should know before believing any answer; none where all is well."""
        found = []
        read = [name for finder in self._finders for name in finder.reads]
        if random := random_stages(self._context, self._context.graph.needed(read)):
            found.append(f"RANDOM WEIGHTS in {', '.join(random)}: this shows that the machine runs, not how good it is")
        if len(self._finders) > 1:
            found.append(fusing.told([finder.label for finder in self._finders]))
        return [*found, *(note for finder in self._finders for note in finder.notes)]

    def unknown(self, sentence: str) -> tuple[dict[str, list[str]], bool]:
        """{word of the sentence: text features that do not know it}; and whether none knows any word."""
        knowing = {name: knows for finder in self._finders for name, knows in finder.asking.knowing.items()}
        return unknown_words(sentence, knowing, [name for finder in self._finders for name in finder.asking.features])

    def search(self, sentence: str, k: int = 10) -> list[Hit]:
        """The k videos that answer a sentence best, best first; of equal scores the first id comes first."""
        return next(self.search_all([sentence], k))

    def search_all(self, sentences: Sequence[str], k: int = 10, shares: bool = True) -> Iterator[list[Hit]]:
        """`search` for many sentences, in their order: stored vectors are read once for some thousand of them.

        shares: whether hits have them, which takes a little longer.
        """
        _check(k)
        if empty := [number for number, sentence in enumerate(sentences, 1) if not sentence.strip()]:
            which = "the sentence" if len(sentences) == 1 else f"sentence {empty[0]}"
            raise LaffError(f"{which} is empty; say what the video should show")
        for start in range(0, len(sentences), MANY):
            some = sentences[start : start + MANY]
            yield from self._hits([finder.asking.ask(some) for finder in self._finders], k, None, shares)

    def like(self, video: str, k: int = 10) -> list[Hit]:
        """The k videos whose vectors lie nearest to that of a video of the collection, itself left out."""
        _check(k)
        catalog = self._context.catalog
        if video not in catalog.row:
            raise LaffError(f"the collection has no video '{video}'{did_you_mean(video, catalog.videos)}")
        row, asked = catalog.row[video], []
        for finder in self._finders:
            places = np.flatnonzero(finder.place.videos == row)
            if not len(places):
                raise LaffError(f"'{video}' has no vector by {finder.label}; see `laff failures`")
            asked.append(finder.place.vector(int(places[0]))[None])
        return next(self._hits(asked, k, row))

    def _hits(self, asked: Sequence[Any], k: int, without: int | None, shares: bool = True) -> Iterator[list[Hit]]:
        """Hits of each query; asked: what each finder is asked."""
        catalog = self._context.catalog
        deep = k if len(self._finders) == 1 else max(k, fusing.DEPTH)
        of_finders = []
        for finder, questions in zip(self._finders, asked, strict=True):
            videos = finder.place.videos
            allowed = np.ones(len(videos), bool)
            if self._split != "all":
                allowed = np.isin(videos, catalog.split_videos(self._split))
            if without is not None:
                allowed &= videos != without
            of_finders.append(_joined(list(finder.place.best(questions, deep, allowed))))
        for query in range(len(of_finders[0].rows)):
            if len(self._finders) == 1:
                [finder], [best] = self._finders, of_finders
                yield self._named(finder, best.rows[query], best.scores[query], shares)
            else:
                lists = [
                    catalog.ids("video", finder.place.videos[best.rows[query]])
                    for finder, best in zip(self._finders, of_finders, strict=True)
                ]
                fused = fusing.fuse(lists)[:k]
                yield [self._hit(catalog.row[video], score, {}) for video, score in fused]

    def _named(self, finder: Finder, rows: np.ndarray, scores: np.ndarray, shares: bool) -> list[Hit]:
        videos = finder.place.videos[rows]
        of_each: list[dict[str, float]] = finder.place.shares(rows) if shares else [{} for _ in rows]
        return [
            self._hit(video, float(score), own)
            for video, score, own in zip(videos.tolist(), scores, of_each, strict=True)
        ]

    def _hit(self, row: int, score: float, shares: dict[str, float]) -> Hit:
        """The hit of a row of the table."""
        catalog = self._context.catalog
        start, end = float(catalog.starts[row]), float(catalog.ends[row])
        bounds = (None, None) if (start, end) == WHOLE else (start, end)
        return Hit(catalog.videos[row], catalog.paths[row], score, shares, *bounds)

    def features(self, stage: str, side: str = "video") -> tuple[list[str], np.ndarray | csr_matrix]:
        """Ids [N] and rows [N, D] of a cached feature: float32, or CSR of a sparse one; of frames their mean."""
        catalog, graph = self._context.catalog, self._context.graph
        named = [one.name for one in graph.stages.values() if side in one.sides]
        if stage not in named:
            raise LaffError(f"no {side} feature '{stage}'{did_you_mean(stage, named)} (here: {', '.join(named)})")
        rows = np.arange(len(catalog.videos if side == "video" else catalog.captions))
        values, found = features.read(self._context, stage, side, rows)
        return catalog.ids(side, rows[found]), values[found]


def _joined(parts: Sequence[Nearest]) -> Nearest:
    return Nearest(np.concatenate([part.rows for part in parts]), np.concatenate([part.scores for part in parts]))


def _check(k: int) -> None:
    if k < 1:
        raise LaffError(f"k is {k}; at least one video should be asked for")
