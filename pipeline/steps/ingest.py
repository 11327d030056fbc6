"""ingest: one table of all videos and captions, with digests, splits and shards.

Where videos are to be divided into windows that only a look at them tells, it looks at those that are new or changed.
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
    elif context.retry and (again := _not_divided(context)):
        planned.stale, planned.reasons = made, [f"{again} video(s) without windows to be looked at again"]
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

    def now() -> tuple[Catalog, list[str]]:
        items, unseen = _as_known(collection, old, work) if collection.windowing else (collection, 0)
        found, changes = refresh(items, old, options.shard_videos, options.shard_captions, read=None)
        if unseen:
            changes.append(f"{unseen} video(s) are still to be looked at, to be divided into windows")
        return found, changes

    catalog, changes = now()
    if lost:
        return catalog, [lost], 0
    rows = dated(catalog, old)
    if rows and work.held:
        count = len({catalog.paths[row] for row in rows})
        progress.say(f"ingest: {count} video(s) have other dates; looking whether they changed")
        settle(old, catalog, rows, _digests([catalog.paths[row] for row in rows]))
        _write(collection, work, old)
        catalog, changes = now()
        rows = []
    return catalog, changes if old.videos else None, len({catalog.paths[row] for row in rows})


def run(context: Context, planned: Planned) -> None:
    """Bring the table up to date; the run goes on with it."""
    start = time.perf_counter()
    assert context.collection is not None
    decode = context.graph.stages_of("decode")
    looking = decode[0].options_as(DecodeOptions) if decode else DecodeOptions()
    limits = Limits(looking.timeout, looking.memory)
    options = context.stage(planned.stage).options_as(Options)
    context.catalog = update(context.collection, context.work, options, limits, context.retry)
    context.changes = []
    planned.unfinished.clear()
    made = Made(planned.stage, "table", len(context.catalog.videos), time.perf_counter() - start)
    log_time(context, made)


def update(
    collection: Collection, work: Workspace, options: Options, limits: Limits | None = None, retry: bool = False
) -> Catalog:
    """The table brought up to date; only files that are new or changed are read, and looked at for their windows.

    retry: whether those are looked at once more of which nothing was found.
    """
    old, lost = _old(collection, work)
    items, known = collection, dict[str, str]()
    if collection.windowing or collection.windows:  # new items may be of files that are known
        known = _known(collection, old, dates=True)
    if collection.windowing:
        looks = Looks(work.table.parent, collection.windowing)
        _look_at_videos(collection, known, looks, limits or Limits(), retry)
        items = _divided(collection, known, looks)
        if not old.videos:  # shards tell of windows, should there be any
            old = recovered(work.root, items)
    catalog, _ = refresh(items, old, options.shard_videos, options.shard_captions, lambda paths: _digests(paths, known))
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


def _known(collection: Collection, old: Catalog, dates: bool) -> dict[str, str]:
    """{path: digest} of files that have the size, and with `dates` the date, that the table says; and of those gone."""
    rows: dict[str, int] = {}
    for row, (id_, start, end) in enumerate(zip(old.videos, old.starts.tolist(), old.ends.tolist(), strict=True)):
        rows.setdefault(id_, row)
        rows.setdefault(id_.removesuffix(Window(start, end).name("")), row)  # the video that it is a part of
    found: dict[str, str] = {}
    for video, path in collection.files.items():
        row = rows.get(video, -1)
        if path in found or row < 0 or not was_read(old.digests[row]):
            continue
        try:
            status = os.stat(path)  # noqa: PTH116 - a million Paths take longer than the files' answers
        except OSError:
            found[path] = old.digests[row]
            continue
        if status.st_size == old.sizes[row] and (not dates or status.st_mtime_ns == old.mtimes[row]):
            found[path] = old.digests[row]
    return found


def _look_at_videos(collection: Collection, known: dict[str, str], looks: Looks, limits: Limits, retry: bool) -> None:
    """Look at each file that nobody has looked at; digests that this takes are added to `known`."""
    windowing = collection.windowing
    assert windowing
    paths = list(dict.fromkeys(collection.files.values()))
    unread = [path for path in paths if path not in known and os.access(path, os.R_OK)]
    if unread:
        looking.check(windowing)  # before files are read, which takes long
    known.update(zip(unread, _digests(unread), strict=True))
    unseen: dict[str, str] = {}  # digest -> one of its files
    for path in paths:
        digest = known.get(path, LOST)
        look = looks.get(digest)
        if digest != LOST and (look is None or (retry and look.failed)):
            unseen.setdefault(digest, path)
    if unseen:
        found = looking.looks(list(unseen.values()), windowing, limits)
        for digest, look in zip(unseen, found, strict=True):
            looks.add(digest, look)


def _divided(collection: Collection, known: Mapping[str, str], looks: Looks) -> Collection:
    """The items, as far as they can be told: videos at which nobody has looked, or in vain, are whole."""
    assert collection.windowing
    parts = {}
    for video, path in collection.files.items():
        look = looks.get(known.get(path, LOST))
        if look and (windows := look.windows(collection.windowing)):
            parts[video] = [(window.name(video), window) for window in windows]
    return collection.divided(parts)


def _as_known(collection: Collection, old: Catalog, work: Workspace) -> tuple[Collection, int]:
    """The items without a look at any video, and how many wait for one."""
    assert collection.windowing
    looks, known = Looks(work.table.parent, collection.windowing), _known(collection, old, dates=False)
    paths = set(collection.files.values())
    unseen = sum(looks.get(known.get(path, LOST)) is None and os.access(path, os.R_OK) for path in paths)
    return _divided(collection, known, looks), unseen


def _not_divided(context: Context) -> int:
    """Files that were looked at in vain."""
    if not context.collection or not context.collection.windowing:
        return 0
    looks = Looks(context.work.table.parent, context.collection.windowing)
    found = [looks.get(digest) for digest in set(context.catalog.digests)]
    return sum(look is not None and bool(look.failed) for look in found)


def _write(collection: Collection, work: Workspace, catalog: Catalog) -> None:
    catalog.digest_all()
    table.write(work.table, catalog, collection=collection.name)


def _digests(paths: Sequence[str], known: Mapping[str, str] | None = None) -> list[str]:
    """sha256 of files, each read once, those of `known` not at all; LOST for one that cannot be read."""
    found = dict(known or {})
    unread = [path for path in dict.fromkeys(paths) if path not in found]
    with progress.bar("ingest", len(unread), "video") if unread else nullcontext() as bar:
        for path in unread:
            try:
                found[path] = files.sha256(Path(path))
            except OSError:
                found[path] = LOST
            if bar:
                bar.advance()
    return [found[path] for path in paths]
