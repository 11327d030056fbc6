"""Where one model looks for videos: vectors that are kept in the workspace, or computed for this search alone."""

from __future__ import annotations

import json
from collections.abc import Iterator
from functools import cached_property, partial
from typing import TYPE_CHECKING, Any

import numpy as np

from pipeline.assembly import assemble, features
from pipeline.errors import LaffError
from pipeline.graph.graph import Stage
from pipeline.graph.kept import Kept
from pipeline.plan.context import Context
from pipeline.ranking.embed import blocks, embed, embed_videos
from pipeline.ranking.nearest import Nearest, of_scores, passes
from pipeline.ranking.scores import normalised
from pipeline.rows import flat, shards
from pipeline.rows.flat import Flat

if TYPE_CHECKING:
    from fusion.spaces import Spaces

Asked = Any  # what one model makes of the queries: vectors [Q, W] float32; features, of a model that scores pairs


class Place:
    """The videos that one model can find, numbered 0..N-1."""

    videos: np.ndarray  # [N] catalog rows

    def __init__(self, context: Context) -> None:
        self._context = context

    @cached_property
    def order(self) -> np.ndarray:
        """[N] the place of each video in the order of ids: of equal scores the first id comes first."""
        ids = self._context.catalog.ids("video", self.videos)
        place = np.empty(len(ids), np.int64)
        place[sorted(range(len(ids)), key=ids.__getitem__)] = np.arange(len(ids))
        return place

    def best(self, asked: Asked, k: int, allowed: np.ndarray) -> Iterator[Nearest]:
        """The k best of the videos that count, [N] bool: of some queries after the other, in their order."""
        raise NotImplementedError

    def vector(self, number: int) -> np.ndarray:
        """The vector [W] float32 of a video. LaffError where the model gives none."""
        raise NotImplementedError

    def shares(self, numbers: np.ndarray) -> list[dict[str, float]]:
        """{feature: its share in the video's vector} of these videos; {} where it is not known."""
        return [{} for _ in numbers]


class Stored(Place):
    """What a vectors stage has kept: streamed from the files, exact over the kept values."""

    def __init__(self, context: Context, stage: Stage, one: Kept) -> None:
        super().__init__(context)
        catalog, folder = context.catalog, context.work.folder(stage.name) / one.key
        self.sources: list[Flat] = []
        self._kept_shares: dict[int, tuple[list[str], np.ndarray]] = {}
        rows = []
        for number, members in enumerate(catalog.shards("video")):
            if not len(members):
                continue
            source = flat.of_shard(folder / f"{number:05d}.h5")
            if not source.rows:
                continue
            if source.rows != len(members):  # some have no vector
                members = np.array([catalog.row[id_] for id_ in shards.read_ids(source.path)], np.int64)
            self.sources.append(source)
            rows.append(members)
        self.videos = np.concatenate(rows) if rows else np.zeros(0, np.int64)
        self._starts = np.cumsum([0, *(source.rows for source in self.sources)])

    def best(self, asked: Asked, k: int, allowed: np.ndarray) -> Iterator[Nearest]:
        """As of a Place; memory does not grow with the number of videos."""
        yield from passes(asked, self.sources, k, lambda: self.order, None if allowed.all() else allowed)

    def vector(self, number: int) -> np.ndarray:
        """The kept vector [W] as float32."""
        source = int(np.searchsorted(self._starts, number, side="right")) - 1
        row = number - self._starts[source]
        with flat.opened(self.sources[source].path) as file:
            values: np.ndarray = file["values"][row].astype(np.float32)
        return values

    def shares(self, numbers: np.ndarray) -> list[dict[str, float]]:
        """As they were kept; those of a file are read once."""
        found: list[dict[str, float]] = []
        for number, source in zip(numbers, np.searchsorted(self._starts, numbers, side="right") - 1, strict=True):
            names, values = self._shares_of(int(source))
            row = values[number - self._starts[source]] if names else ()
            found.append({name: float(value) for name, value in zip(names, row, strict=True)})
        return found

    def _shares_of(self, source: int) -> tuple[list[str], np.ndarray]:
        """The features of a file's shares, and the shares [V, K]; none where the model weighs no features."""
        if source not in self._kept_shares:
            with flat.opened(self.sources[source].path) as file:
                names = json.loads(file.attrs["features"]) if "shares" in file else []
                self._kept_shares[source] = names, file["shares"][:] if names else np.zeros((0, 0), np.float32)
        return self._kept_shares[source]


class Computed(Place):
    """What a model makes of all cached features now, in memory; a model without vectors scores them with each query."""

    def __init__(self, context: Context, one: Kept, model: Spaces | None) -> None:
        super().__init__(context)
        self._name, self._model = one.name, model
        every = np.arange(len(context.catalog.videos))
        if one.model is None or model is None:
            values, found = features.read(context, one.name, "video", every)
            self._vectors = normalised(np.asarray(values)[found]).numpy()
        else:
            from fusion.features import take

            self._features, found = assemble.videos_of(context, one.model, every)
            if not model.scores_pairs:
                self._vectors = embed_videos(model.embed_video, self._take(take), int(found.sum())).numpy()
        self.videos = every[found]

    def _take(self, take: Any) -> Any:
        return lambda rows: {name: take(values, rows) for name, values in self._features.items()}

    def best(self, asked: Asked, k: int, allowed: np.ndarray) -> Iterator[Nearest]:
        """As of a Place."""
        for scores in self._scores(asked):
            yield of_scores(scores, k, lambda: self.order, allowed)

    def _scores(self, asked: Asked) -> Iterator[np.ndarray]:
        """Scores [q, N] of some queries after the other."""
        from fusion.features import take

        if self._model is not None and self._model.scores_pairs:
            count = len(next(iter(asked.values())))
            for number in range(count):
                import torch

                query = {name: take(values, torch.tensor([number])) for name, values in asked.items()}
                alone = partial(_alone, self._model, query)
                yield embed(alone, self._take(take), len(self.videos)).numpy().T
            return
        for block in blocks(np.arange(len(asked)), len(self.videos)):
            yield asked[block] @ self._vectors.T

    def vector(self, number: int) -> np.ndarray:
        """The vector [W]."""
        if self._model is not None and self._model.scores_pairs:
            raise LaffError(f"{self._name} scores captions and videos together, so no video has a vector to compare")
        found: np.ndarray = self._vectors[number]
        return found


def _alone(model: Any, query: dict[str, Any], videos: dict[str, Any]) -> Any:
    """Scores [V, 1] of videos, of a model that has no vectors."""
    return model.scores(videos, query).T
