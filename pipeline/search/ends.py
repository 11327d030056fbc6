"""Where windows really end: one may be listed as longer than its video is."""

from pipeline.items.windows import DIGITS
from pipeline.plan.context import Context
from pipeline.rows import shards


class Ends:
    """The ends of windows as `decode` has seen them; shards are read when they are asked for."""

    def __init__(self, context: Context) -> None:
        """Take the surroundings."""
        self._context = context
        self._stage = next(iter(context.graph.stages_of("decode")), None)
        self._seconds: dict[int, dict[str, float]] = {}  # shard -> item -> seconds that there are of it

    def end(self, row: int) -> float:
        """When an item of the table is over, in seconds: as listed, or with its video where that ends before."""
        catalog = self._context.catalog
        start, end = float(catalog.starts[row]), float(catalog.ends[row])
        seconds = self._of_shard(int(catalog.video_shard[row])).get(catalog.videos[row], 0.0)
        return min(end, round(start + seconds, DIGITS)) if seconds > 0 else end

    def _of_shard(self, number: int) -> dict[str, float]:
        if number not in self._seconds:
            self._seconds[number] = {}
            path = self._context.work.folder(self._stage.name) / f"{number:05d}.h5" if self._stage else None
            if path and path.is_file():
                seconds = shards.column(path, "seconds").tolist()
                self._seconds[number] = dict(zip(shards.read_ids(path), seconds, strict=True))
        return self._seconds[number]
