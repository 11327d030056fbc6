"""What `decode` saw of each item: its thumbnail, how long it is, its codec and container; read when it is asked for."""

from __future__ import annotations

from collections import OrderedDict
from dataclasses import dataclass
from pathlib import Path
from threading import Lock

import numpy as np

from pipeline.errors import LaffError
from pipeline.plan.context import Context
from pipeline.rows import flat, shards

MOST = 256  # shards whose columns are kept in memory


@dataclass(frozen=True)
class Look:
    """The columns of one shard of decode, without its thumbnails."""

    path: Path
    place: dict[str, int]  # id -> its row in the shard
    seconds: np.ndarray  # [V] float64; 0 where the file has no times
    codecs: list[str]
    containers: list[str]
    starts: np.ndarray  # [V + 1] int64, where the thumbnails begin


@dataclass(frozen=True)
class Seen:
    """What decode saw of an item."""

    seconds: float = 0.0
    codec: str = ""
    container: str = ""
    picture: bool = False  # whether there is a thumbnail


class Looks:
    """The shards of a workspace's decode stage. Any thread may ask."""

    def __init__(self, context: Context) -> None:
        """Take the surroundings; nothing is read yet."""
        self._catalog = context.catalog
        stage = next(iter(context.graph.stages_of("decode")), None)
        self._folder = context.work.folder(stage.name) if stage else None
        self._known: OrderedDict[int, Look | None] = OrderedDict()
        self._lock = Lock()

    def seen(self, row: int) -> Seen:
        """What was seen of a row of the table."""
        look, at = self._look(row)
        if look is None:
            return Seen()
        return Seen(float(look.seconds[at]), look.codecs[at], look.containers[at], _size(look, at) > 0)

    def thumbnail(self, row: int) -> bytes:
        """The JPEG of a row of the table; b"" where there is none."""
        look, at = self._look(row)
        if look is None or not _size(look, at):
            return b""
        with flat.opened(look.path) as file:
            jpeg: np.ndarray = file["thumbnails"][look.starts[at] : look.starts[at + 1]]
        return jpeg.tobytes()

    def _look(self, row: int) -> tuple[Look | None, int]:
        number = int(self._catalog.video_shard[row])
        with self._lock:
            if number not in self._known:
                self._known[number] = self._read(number)
                while len(self._known) > MOST:
                    self._known.popitem(last=False)
            self._known.move_to_end(number)
            look = self._known[number]
        at = look.place.get(self._catalog.videos[row]) if look else None
        return (None, 0) if at is None else (look, at)

    def _read(self, number: int) -> Look | None:
        path = self._folder / f"{number:05d}.h5" if self._folder else None
        if path is None or not path.is_file():
            return None
        try:
            names = ("seconds", "codec", "container", "thumbnail_starts")
            seconds, codecs, containers, starts = (shards.column(path, name) for name in names)
            place = {id_: at for at, id_ in enumerate(shards.read_ids(path))}
        except (KeyError, OSError, LaffError):  # damaged, or of a version without pictures: `laff verify` tells
            return None
        return Look(path, place, seconds, _words(codecs), _words(containers), starts)


def _size(look: Look, at: int) -> int:
    return int(look.starts[at + 1] - look.starts[at])


def _words(column: np.ndarray) -> list[str]:
    return [word.decode() if isinstance(word, bytes) else str(word) for word in column.tolist()]
