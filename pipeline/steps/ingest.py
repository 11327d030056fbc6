"""ingest: one table of all videos and captions, with digests, splits and shards."""

import time
from dataclasses import dataclass
from pathlib import Path

from pipeline import files, progress
from pipeline.errors import LaffError
from pipeline.graph.graph import Stage
from pipeline.items import table
from pipeline.items.catalog import LOST, Catalog
from pipeline.items.collection import Collection
from pipeline.items.recovered import recovered
from pipeline.items.refresh import dated, refresh, settle
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
        if context.dated:
            planned.reasons = [f"{context.dated} video(s) have other dates; `laff run` looks whether they changed"]
    return planned


def look(collection: Collection, work: Workspace, options: Options) -> tuple[Catalog, list[str] | None, int]:
    """The table as it would be after an ingest; what changed; how many videos may have, since their dates did.

    What changed is None where there is no table yet, nor shards to make it from. Reads no video and writes nothing
    unless the workspace is held. Then it reads videos with other dates, and notes the dates of those that are the
    same; and a table that was lost is made again.
    """
    old, lost = _old(collection, work)
    if lost and work.held:
        progress.say(f"ingest: {lost}")
        return update(collection, work, options), [], 0
    catalog, changes = refresh(collection, old, options.shard_videos, options.shard_captions, read=None)
    if lost:
        return catalog, [lost], 0
    rows = dated(catalog, old)
    if rows and work.held:
        progress.say(f"ingest: {len(rows)} video(s) have other dates; looking whether they changed")
        settle(old, catalog, rows, _digests([catalog.paths[row] for row in rows]))
        _write(collection, work, old)
        catalog, changes = refresh(collection, old, options.shard_videos, options.shard_captions, read=None)
        rows = []
    return catalog, changes if old.videos else None, len(rows)


def run(context: Context, planned: Planned) -> None:
    """Bring the table up to date; the run goes on with it."""
    start = time.perf_counter()
    assert context.collection is not None
    context.catalog = update(context.collection, context.work, Options(**context.stage(planned.stage).options))
    context.changes = []
    planned.unfinished.clear()
    made = Made(planned.stage, "table", len(context.catalog.videos), time.perf_counter() - start)
    log_time(context, made)


def update(collection: Collection, work: Workspace, options: Options) -> Catalog:
    """The table brought up to date; only files that are new or changed are read."""
    old, lost = _old(collection, work)
    catalog, _ = refresh(collection, old, options.shard_videos, options.shard_captions, _digests)
    if catalog != old or lost or not work.table.is_file():
        _write(collection, work, catalog)
    return catalog


def _old(collection: Collection, work: Workspace) -> tuple[Catalog, str]:
    """The table as it was last written, and ''. Where it is lost: what the shards tell of it, and words for that."""
    lost = f"{work.table} is lost; a run makes it again from the shards"
    if work.table.is_file():
        try:
            return table.read(work.table)[0], ""
        except LaffError as error:
            lost = str(error)
    old = recovered(work.root, collection)
    return old, lost if old.videos or old.captions else ""


def _write(collection: Collection, work: Workspace, catalog: Catalog) -> None:
    catalog.digest_all()
    table.write(work.table, catalog, collection=collection.name)


def _digests(paths: list[str]) -> list[str]:
    """sha256 of files; LOST for one that cannot be read."""
    found = []
    with progress.bar("ingest", len(paths), "video") as bar:
        for path in paths:
            try:
                found.append(files.sha256(Path(path)))
            except OSError:
                found.append(LOST)
            bar.advance()
    return found
