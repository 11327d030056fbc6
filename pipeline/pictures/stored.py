"""The thumbnails that `decode` keeps beside its rows, read back by video."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from pipeline.errors import LaffError
from pipeline.plan.context import Context
from pipeline.rows import flat, shards


class Thumbnails:
    """The thumbnails of a workspace; ids of shards are read once."""

    def __init__(self, context: Context) -> None:
        """Take the surroundings; without a decode stage no video has a picture."""
        self._context = context
        self._stage = next(iter(context.graph.stages_of("decode")), None)
        self._rows: dict[int, dict[str, int]] = {}  # shard -> video -> its row there

    def read(self, videos: Sequence[int]) -> list[bytes]:
        """A JPEG of each catalog row, at most 160 pixels a side; b"" where there is none."""
        catalog = self._context.catalog
        pictures = [b""] * len(videos)
        if self._stage is None:
            return pictures
        shard_of = np.asarray(catalog.video_shard)[list(videos)]
        for number in np.unique(shard_of).tolist():
            places = np.flatnonzero(shard_of == number).tolist()
            path = self._context.work.folder(self._stage.name) / f"{number:05d}.h5"
            ids = catalog.ids("video", [videos[place] for place in places])
            for place, picture in zip(places, self._of_shard(number, path, ids), strict=True):
                pictures[place] = picture
        return pictures

    def _of_shard(self, number: int, path: Path, ids: Sequence[str]) -> list[bytes]:
        """The pictures of some videos of one shard; none where the file is missing or of an earlier version."""
        try:
            if number not in self._rows:
                self._rows[number] = {id_: row for row, id_ in enumerate(shards.read_ids(path))}
            rows = [self._rows[number].get(id_, -1) for id_ in ids]
            with flat.opened(path) as file:
                starts, packed = file["thumbnail_starts"][:], file["thumbnails"]
                return [packed[starts[row] : starts[row + 1]].tobytes() if row >= 0 else b"" for row in rows]
        except (OSError, KeyError, LaffError):
            return [b""] * len(ids)
