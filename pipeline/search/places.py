"""Where one model looks for videos: vectors kept in the workspace, or computed for this search alone."""

from __future__ import annotations

import json
from collections.abc import Collection, Iterator, Sequence
from functools import cached_property, partial
from typing import TYPE_CHECKING, Any

import numpy as np

from pipeline.assembly import assemble, features
from pipeline.errors import LaffError
from pipeline.graph.graph import Stage
from pipeline.graph.kept import Kept
from pipeline.plan.context import Context
from pipeline.ranking.best import Nearest
from pipeline.ranking.embed import blocks, embed, embed_videos
from pipeline.ranking.held import hold
from pipeline.ranking.nearest import of_scores, passes
from pipeline.ranking.products import Source
from pipeline.ranking.scores import normalised
from pipeline.ranking.shares import names_of, watched
from pipeline.ranking.tiles import filled
from pipeline.rows import flat, shards
from pipeline.rows.flat import Flat
from pipeline.search.asking import Questions

if TYPE_CHECKING:
    from torch import Tensor

    from fusion.spaces import Spaces


class Place:
    """The videos that one model can find, numbered 0..N-1."""

    videos: np.ndarray  # [N] catalog rows

    def __init__(self, context: Context) -> None:
        """Keep the context; subclasses set `videos`."""
        self._context = context

    def order(self, numbers: np.ndarray) -> np.ndarray:
        """The rank of each video by id, [n] int64: among equal scores the smaller id comes first."""
        ids = self._context.catalog.ids("video", self.videos[numbers].tolist())
        places = np.empty(len(ids), np.int64)
        places[sorted(range(len(ids)), key=ids.__getitem__)] = np.arange(len(ids))
        return places

    def best(self, questions: Questions, k: int, allowed: np.ndarray) -> Iterator[Nearest]:
        """The k best videos of each query: yields results for one batch of queries at a time, in order.

        allowed: [N] bool, the videos that may be found.
        """
        raise NotImplementedError

    def vector(self, number: int) -> np.ndarray:
        """The vector [W] float32 of a video. LaffError if the model gives videos no vectors."""
        raise NotImplementedError

    def shares(self, numbers: np.ndarray) -> list[dict[str, float]]:
        """For each video, {feature: its share in the video's vector}; {} if the shares are not known."""
        return [{} for _ in numbers]


class Stored(Place):
    """What a vectors stage has kept: streamed from the files, exact over the kept values."""

    def __init__(self, context: Context, stage: Stage, chosen: Kept, numbers: Collection[int], memory: int = 0) -> None:
        """Find the shards of these numbers, of those that the vectors stage keeps of a model or feature.

        memory: bytes that the vectors may take; where they need more as float32, each search streams them from disk.
        """
        super().__init__(context)
        self._memory = memory
        catalog, folder = context.catalog, context.work.folder(stage.name) / chosen.key
        self.sources: list[Flat] = []
        self._kept_shares: dict[int, tuple[list[str], np.ndarray]] = {}
        videos = []
        for number, members in enumerate(catalog.shards("video")):
            if number not in numbers or not len(members):
                continue
            source = flat.of_shard(folder / f"{number:05d}.h5")
            if not source.rows:
                continue
            if source.rows != len(members):  # some have no vector
                members = np.array([catalog.row[id_] for id_ in shards.read_ids(source.path)], np.int64)
            self.sources.append(source)
            videos.append(members)
        self.videos = np.concatenate(videos) if videos else np.zeros(0, np.int64)
        self._starts = np.cumsum([0, *(source.rows for source in self.sources)])

    def best(self, questions: Questions, k: int, allowed: np.ndarray) -> Iterator[Nearest]:
        """The best videos for each question, as of a Place."""
        assert isinstance(questions, np.ndarray)
        yield from passes(questions, self._read, k, self.order, None if allowed.all() else allowed)

    @cached_property
    def _read(self) -> Sequence[Source]:
        """Where the vectors are read: in memory, where there is room for them."""
        return (hold(self.sources, self._memory) if self._memory else None) or self.sources

    def vector(self, number: int) -> np.ndarray:
        """The kept vector [W] as float32."""
        source = int(np.searchsorted(self._starts, number, side="right")) - 1
        row = number - self._starts[source]
        with flat.opened(self.sources[source].path) as file:
            values: np.ndarray = file["values"][row].astype(np.float32)
        return values

    def shares(self, numbers: np.ndarray) -> list[dict[str, float]]:
        """The kept shares; those of a file are read once."""
        shares: list[dict[str, float]] = []
        for number, source in zip(numbers, np.searchsorted(self._starts, numbers, side="right") - 1, strict=True):
            names, values = self._shares_of(int(source))
            row = values[number - self._starts[source]] if names else ()
            shares.append({name: float(value) for name, value in zip(names, row, strict=True)})
        return shares

    def _shares_of(self, source: int) -> tuple[list[str], np.ndarray]:
        """The features of a file's shares, and the shares [V, K]; none where the model weighs no features."""
        if source not in self._kept_shares:
            with flat.opened(self.sources[source].path) as file:
                names = json.loads(file.attrs["features"]) if "shares" in file else []
                self._kept_shares[source] = names, file["shares"][:] if names else np.zeros((0, 0), np.float32)
        return self._kept_shares[source]


class Computed(Place):
    """Vectors that a model makes of all cached features now, in memory; or scores, of a model without vectors."""

    def __init__(self, context: Context, chosen: Kept, model: Spaces | None) -> None:
        """Read the features; model: of `chosen`, None for a feature."""
        super().__init__(context)
        self._name, self._model = chosen.name, model
        self._filled: Tensor | None = None  # the vectors up to whole tiles
        self._weighed: list[str] = []  # the K features that the model weighs
        self._shares = np.zeros((0, 0), np.float32)  # [N or more, K]; none of a model that weighs no features
        every = np.arange(len(context.catalog.videos))
        if chosen.model is None or model is None:
            values, covered = features.read(context, chosen.name, "video", every)
            self._vectors = normalised(np.asarray(values)[covered]).numpy()
        else:
            from fusion.features import take

            self._features, covered = assemble.videos_of(context, chosen.model, every)
            if not model.scores_pairs:
                with watched(model) as calls:
                    self._vectors = embed_videos(model.embed_video, self._take(take), int(covered.sum())).numpy()
                if calls:
                    self._weighed, self._shares = names_of(model.video), np.concatenate(calls)
        self.videos = every[covered]

    def shares(self, numbers: np.ndarray) -> list[dict[str, float]]:
        """The shares that a vectors stage would keep."""
        if not len(self._shares):
            return super().shares(numbers)
        return [dict(zip(self._weighed, row, strict=True)) for row in self._shares[numbers].tolist()]

    def _take(self, take: Any) -> Any:
        return lambda rows: {name: take(values, rows) for name, values in self._features.items()}

    def best(self, questions: Questions, k: int, allowed: np.ndarray) -> Iterator[Nearest]:
        """The best videos for each question, as of a Place."""
        for scores in self._scores(questions):
            yield of_scores(scores, k, self.order, allowed)

    def _scores(self, questions: Questions) -> Iterator[np.ndarray]:
        """Scores [q, N] of a part of the queries after the other."""
        import torch

        from fusion.features import take

        if isinstance(questions, dict):
            count = len(next(iter(questions.values())))
            for number in range(count):
                query = {name: take(feature, torch.tensor([number])) for name, feature in questions.items()}
                alone = partial(_alone, self._model, query)
                yield embed(alone, self._take(take), len(self.videos)).numpy().T
            return
        if self._filled is None:
            self._filled = filled(torch.from_numpy(self._vectors))
        candidates = self._filled
        for block in blocks(np.arange(len(questions)), len(self.videos)):
            yield (torch.from_numpy(questions[block]) @ candidates.T)[:, : len(self.videos)].numpy()

    def vector(self, number: int) -> np.ndarray:
        """The vector [W]."""
        if self._model is not None and self._model.scores_pairs:
            raise LaffError(f"{self._name} scores captions and videos together, so no video has a vector to compare")
        vector: np.ndarray = self._vectors[number]
        return vector


def _alone(model: Any, query: dict[str, Any], videos: dict[str, Any]) -> Any:
    """Scores [V, 1] of videos, of a model that has no vectors."""
    return model.scores(videos, query).T
