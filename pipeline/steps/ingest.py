"""ingest: write one table of all videos and captions, with digests, splits and shards.

If the division into windows depends on what a video shows (such as its shots), new and changed videos are looked at.
"""

import os
import time
from collections.abc import Mapping, Sequence
from contextlib import nullcontext
from dataclasses import dataclass
from pathlib import Path

from pipeline import files, progress
from pipeline.division import looking
from pipeline.division.looks import Limits, Looks
from pipeline.errors import LaffError
from pipeline.graph.graph import Stage
from pipeline.graph.options import DecodeOptions
from pipeline.items import table
from pipeline.items.catalog import LOST, Catalog, was_read
from pipeline.items.collection import Collection
from pipeline.items.recovered import recovered
from pipeline.items.refresh import dated, refresh, settle
from pipeline.items.windows import Window
from pipeline.plan.context import Context
from pipeline.plan.planned import Planned
from pipeline.plan.record import log_time
from pipeline.plan.units import Unit
from pipeline.store.workspace import Workspace
from pipeline.wording import number_of
from pipeline.workers.tasks import Made


@dataclass(frozen=True)
class Options:
    """Parameters of the step. They apply to new shards only; finished shards stay as they are."""

    HELP = "List all videos and captions, with digests, splits and shards."
    SINGLE = True
    MAKES = ("table.h5",)
    HOW = ("shard_videos", "shard_captions")
    COUNTS = False  # items are identified by their content, whichever code lists them

    shard_videos: int = 256  # videos in a shard
    shard_captions: int = 8192  # captions in a shard

    def __post_init__(self) -> None:
        if self.shard_videos < 1 or self.shard_captions < 1:
            raise LaffError(f"a shard holds at least one item, not {self.shard_videos} and {self.shard_captions}")


def units(context: Context, stage: Stage) -> list[Unit]:
    """One unit, the table."""
    return [Unit("table", "", context.fingerprint(stage.name), context.recipe(stage.name), stage.about.makes)]


def state(context: Context, stage: Stage) -> Planned:
    """The plan of the table, which is its own record: it is made again if the collection has changed."""
    planned, table_unit = Planned(stage.name), units(context, stage)
    if context.changes is None:
        planned.missing, planned.reasons = table_unit, ["not made yet"]
    elif context.changes:
        planned.stale, planned.reasons = table_unit, context.changes
    elif context.retry and (undivided := _count_undivided(context)):
        planned.stale, planned.reasons = (
            table_unit,
            [f"{number_of(undivided, 'videos')} without windows to be looked at again"],
        )
    else:
        planned.cached = table_unit
        if context.dated:
            planned.reasons = [
                f"{number_of(context.dated, 'videos', 'have')} another date; `laff run` looks for changes"
            ]
    return planned


def look(collection: Collection, work: Workspace, options: Options) -> tuple[Catalog, list[str] | None, int]:
    """Compare the collection with the last table.

    Reads no video and writes nothing, unless this process holds the workspace. Then videos with other dates are read,
    and the dates of those that did not change are noted; a lost table is made again.

    Returns:
        The table as an ingest would write it; the changes, or None if there is neither a table nor shards to make
        it from; and the number of videos with other dates, which may have changed.
    """
    old, damage = _last_table(collection, work)
    if damage and work.held:
        progress.say(f"ingest: {damage}")
        return update(collection, work, options), [], 0

    def refreshed() -> tuple[Catalog, list[str]]:
        items, unseen = _divided_without_looking(collection, old, work) if collection.windowing else (collection, 0)
        catalog, changes = refresh(items, old, options.shard_videos, options.shard_captions, read=None)
        if unseen:
            changes.append(f"{number_of(unseen, 'videos', 'are')} still to be looked at, to be divided into windows")
        return catalog, changes

    catalog, changes = refreshed()
    if damage:
        return catalog, [damage], 0
    rows = dated(catalog, old)
    if rows and work.held:
        count = len({catalog.paths[row] for row in rows})
        progress.say(f"ingest: {number_of(count, 'videos', 'have')} another date; looking whether the content changed")
        settle(old, catalog, rows, _hash_files([catalog.paths[row] for row in rows]))
        _write(collection, work, old)
        catalog, changes = refreshed()
        rows = []
    return catalog, changes if old.videos else None, len({catalog.paths[row] for row in rows})


def run(context: Context, planned: Planned) -> None:
    """Bring the table up to date; the run continues with it."""
    start = time.perf_counter()
    assert context.collection is not None
    decode = context.graph.stages_of("decode")
    looking = decode[0].options_as(DecodeOptions) if decode else DecodeOptions()
    limits = Limits(looking.timeout, looking.memory)
    options = context.stage(planned.stage).options_as(Options)
    context.catalog = update(context.collection, context.work, options, limits, context.retry)
    context.changes = []
    planned.unfinished.clear()
    result = Made(planned.stage, "table", len(context.catalog.videos), time.perf_counter() - start)
    log_time(context, result)


def update(
    collection: Collection, work: Workspace, options: Options, limits: Limits | None = None, retry: bool = False
) -> Catalog:
    """Bring the table up to date; only new and changed files are read, and looked at to find their windows.

    limits: what looking at one video may take; retry: whether to look again at videos that could not be divided.
    """
    old, damage = _last_table(collection, work)
    items, digests = collection, dict[str, str]()
    if collection.windowing or collection.windows:  # new items may be parts of files that the table has
        digests = _recorded_digests(collection, old, dates=True)
    if collection.windowing:
        looks = Looks(work.table.parent, collection.windowing)
        _look_at_videos(collection, digests, looks, limits or Limits(), retry)
        items = _divided(collection, digests, looks)
        if not old.videos:  # shards hold the windows of their items, if there are any
            old = recovered(work.root, items)
    catalog, _ = refresh(
        items, old, options.shard_videos, options.shard_captions, lambda paths: _hash_files(paths, digests)
    )
    if catalog != old or damage or not work.table.is_file():
        _write(collection, work, catalog)
    return catalog


def _last_table(collection: Collection, work: Workspace) -> tuple[Catalog, str]:
    """The table as it was last written, and ''; if it is lost, what the shards say of it, and a sentence on that."""
    damage = f"{work.table} is lost; a run makes it again from the shards"
    if work.table.is_file():
        try:
            return table.read(work.table)[0], ""
        except LaffError as error:
            damage = str(error)
    old = recovered(work.root, collection)
    return old, damage if old.videos or old.captions else ""


def _recorded_digests(collection: Collection, old: Catalog, dates: bool) -> dict[str, str]:
    """{path: digest} of files with the size in the table (with `dates`, also the date), and of files that are gone."""
    rows: dict[str, int] = {}
    for row, (id_, start, end) in enumerate(zip(old.videos, old.starts.tolist(), old.ends.tolist(), strict=True)):
        rows.setdefault(id_, row)
        rows.setdefault(id_.removesuffix(Window(start, end).name("")), row)  # the whole video of this part
    digests: dict[str, str] = {}
    for video, path in collection.files.items():
        row = rows.get(video, -1)
        if path in digests or row < 0 or not was_read(old.digests[row]):
            continue
        try:
            status = os.stat(path)  # noqa: PTH116 - a million Paths take longer than the files' answers
        except OSError:
            digests[path] = old.digests[row]
            continue
        if status.st_size == old.sizes[row] and (not dates or status.st_mtime_ns == old.mtimes[row]):
            digests[path] = old.digests[row]
    return digests


def _look_at_videos(collection: Collection, digests: dict[str, str], looks: Looks, limits: Limits, retry: bool) -> None:
    """Look at each file that has no look yet; digests that had to be computed are added to `digests`."""
    windowing = collection.windowing
    assert windowing
    paths = list(dict.fromkeys(collection.undivided.values()))
    unread = [path for path in paths if path not in digests and os.access(path, os.R_OK)]
    if unread:
        looking.check(windowing)  # before files are read, which takes a long time
    digests.update(zip(unread, _hash_files(unread), strict=True))
    unseen: dict[str, str] = {}  # digest -> one of its files
    for path in paths:
        digest = digests.get(path, LOST)
        look = looks.get(digest)
        if digest != LOST and (look is None or (retry and look.failed)):
            unseen.setdefault(digest, path)
    if unseen:
        new_looks = looking.looks(list(unseen.values()), windowing, limits)
        for digest, look in zip(unseen, new_looks, strict=True):
            looks.add(digest, look)


def _divided(collection: Collection, digests: Mapping[str, str], looks: Looks) -> Collection:
    """The items, with videos divided into their windows; videos without a usable look stay whole."""
    assert collection.windowing
    parts = {}
    for video, path in collection.undivided.items():
        look = looks.get(digests.get(path, LOST))
        if look and (windows := look.windows(collection.windowing)):
            parts[video] = [(window.name(video), window) for window in windows]
    return collection.divided(parts)


def _divided_without_looking(collection: Collection, old: Catalog, work: Workspace) -> tuple[Collection, int]:
    """The items as existing looks divide them, and the number of videos that have no look yet."""
    assert collection.windowing
    looks, digests = Looks(work.table.parent, collection.windowing), _recorded_digests(collection, old, dates=False)
    paths = set(collection.undivided.values())
    unseen = sum(looks.get(digests.get(path, LOST)) is None and os.access(path, os.R_OK) for path in paths)
    return _divided(collection, digests, looks), unseen


def _count_undivided(context: Context) -> int:
    """The number of files that could not be divided."""
    if not context.collection or not context.collection.windowing:
        return 0
    looks = Looks(context.work.table.parent, context.collection.windowing)
    video_looks = [looks.get(digest) for digest in set(context.catalog.digests)]
    return sum(look is not None and bool(look.failed) for look in video_looks)


def _write(collection: Collection, work: Workspace, catalog: Catalog) -> None:
    """Write the table."""
    catalog.digest_all()
    table.write(work.table, catalog, collection=collection.name)


def _hash_files(paths: Sequence[str], known: Mapping[str, str] | None = None) -> list[str]:
    """sha256 of each file, LOST if it cannot be read; files in `known` are not read, the others once."""
    digests = dict(known or {})
    unread = [path for path in dict.fromkeys(paths) if path not in digests]
    with progress.bar("ingest", len(unread), "video") if unread else nullcontext() as bar:
        for path in unread:
            try:
                digests[path] = files.sha256(Path(path))
            except OSError:
                digests[path] = LOST
            if bar:
                bar.advance()
    return [digests[path] for path in paths]
