"""ingest: one table of all videos and captions, with digests, splits and shards."""

import time
from dataclasses import dataclass
from pathlib import Path

from pipeline import files, progress
from pipeline.errors import LaffError
from pipeline.graph.graph import Stage
from pipeline.items import table
from pipeline.items.catalog import Catalog
from pipeline.items.collection import Collection
from pipeline.items.refresh import refresh
from pipeline.plan.context import Context
from pipeline.plan.planned import Planned
from pipeline.plan.record import log_time
from pipeline.plan.units import Unit
from pipeline.store.workspace import Workspace
from pipeline.workers.tasks import Made


@dataclass(frozen=True)
class Options:
    """Parameters of the step. They decide about new shards only: finished ones stay as they are."""

    HELP = "List all videos and captions, with digests, splits and shards."
    SINGLE = True
    MAKES = ("table.h5",)
    HOW = ("shard_videos", "shard_captions")
    COUNTS = False  # items count by their content, whichever code lists them

    shard_videos: int = 256  # videos in a shard
    shard_captions: int = 8192  # captions in a shard

    def __post_init__(self) -> None:
        if self.shard_videos < 1 or self.shard_captions < 1:
            raise LaffError(f"a shard holds at least one item, not {self.shard_videos} and {self.shard_captions}")


def units(context: Context, stage: Stage) -> list[Unit]:
    """The table."""
    return [Unit("table", "", context.fingerprint(stage.name), context.recipe(stage.name), stage.about.makes)]


def state(context: Context, stage: Stage) -> Planned:
    """The table is its own record: what has changed tells whether it is to be made."""
    planned, made = Planned(stage.name), units(context, stage)
    if context.changes is None:
        planned.missing, planned.reasons = made, ["not made yet"]
    elif context.changes:
        planned.stale, planned.reasons = made, context.changes
    else:
        planned.cached = made
    return planned


def look(collection: Collection, work: Workspace, options: Options) -> tuple[Catalog, list[str] | None]:
    """The table as it would be after an ingest, and what changed; None where there is none yet.

    Reads no video, writes nothing.
    """
    old, _ = table.read(work.table)
    catalog, changes = refresh(collection, old, options.shard_videos, options.shard_captions, read=None)
    return catalog, changes if old.videos else None


def run(context: Context, planned: Planned) -> None:
    """Bring the table up to date; the run goes on with it."""
    start = time.perf_counter()
    assert context.collection is not None
    context.catalog = update(context.collection, context.work, Options(**context.stage(planned.stage).options))
    context.changes = []
    planned.unfinished.clear()
    log_time(context.work.root, Made(planned.stage, "table", len(context.catalog.videos), time.perf_counter() - start))


def update(collection: Collection, work: Workspace, options: Options) -> Catalog:
    """The table brought up to date; only files that are new or changed are read."""
    old, _ = table.read(work.table)
    catalog, _ = refresh(collection, old, options.shard_videos, options.shard_captions, _digests)
    if catalog != old or not work.table.is_file():
        catalog.digest_all()
        table.write(work.table, catalog, collection=collection.name)
    return catalog


def _digests(paths: list[str]) -> list[str]:
    """sha256 of files."""
    found = []
    with progress.bar("ingest", len(paths), "video") as bar:
        for path in paths:
            try:
                found.append(files.sha256(Path(path)))
            except OSError as error:
                raise LaffError(f"{path}: cannot be read: {error.strerror}") from None
            bar.advance()
    return found
