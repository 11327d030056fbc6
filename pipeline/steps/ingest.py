"""ingest: one table of all videos and captions, with digests, splits and shards."""

from dataclasses import dataclass
from pathlib import Path

from pipeline import files, progress
from pipeline.errors import LaffError
from pipeline.items import table
from pipeline.items.catalog import Catalog
from pipeline.items.collection import Collection
from pipeline.items.refresh import refresh
from pipeline.store.workspace import Workspace


@dataclass(frozen=True)
class Options:
    """Parameters of the step. They decide about new shards only: finished ones stay as they are."""

    HOW = ("shard_videos", "shard_captions")

    shard_videos: int = 256  # videos in a shard
    shard_captions: int = 8192  # captions in a shard

    def __post_init__(self) -> None:
        if self.shard_videos < 1 or self.shard_captions < 1:
            raise LaffError(f"a shard holds at least one item, not {self.shard_videos} and {self.shard_captions}")


def look(collection: Collection, work: Workspace, options: Options) -> tuple[Catalog, list[str], bool]:
    """The table as it would be after an ingest, what changed, and whether it is new. Reads no video, writes nothing."""
    old, _ = table.read(work.table)
    catalog, changes = refresh(collection, old, options.shard_videos, options.shard_captions, read=None)
    return catalog, changes, not old.videos


def run(collection: Collection, work: Workspace, options: Options) -> Catalog:
    """Bring the table up to date; only files that are new or changed are read."""
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
