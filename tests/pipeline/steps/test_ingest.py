"""The table against the collection: dates are a hint, content decides, and a lost table is made again."""

import os
from collections.abc import Callable
from pathlib import Path

import pytest

from pipeline import files
from pipeline.items import table
from pipeline.items.collection import Collection, load
from pipeline.plan.context import Context
from pipeline.rows import container
from pipeline.steps import ingest
from pipeline.store.workspace import Workspace

OPTIONS = ingest.Options(2, 2)
VIDEOS = ("a", "b", "val0", "test0")


@pytest.fixture
def listed(collect: Callable[..., Path], tmp_path: Path) -> Collection:
    """Four videos, and their table in WORK."""
    items = load(collect(train={"a": ["one"], "b": ["two"]}))
    ingest.update(items, Workspace(tmp_path / "WORK"), OPTIONS)
    return items


def touch(tmp_path: Path, *videos: str) -> None:
    for video in videos:
        os.utime(tmp_path / "videos" / f"{video}.mp4", ns=(7, 7))


def test_a_plan_takes_files_with_other_dates_for_what_they_were(listed: Collection, tmp_path: Path):
    before = table.read(tmp_path / "WORK" / "ingest" / "table.h5")[0]
    touch(tmp_path, *VIDEOS)
    catalog, changes, dated = ingest.look(listed, Workspace(tmp_path / "WORK"), OPTIONS)
    assert (catalog.digests, changes, dated) == (before.digests, [], 4)
    assert catalog.contents == before.contents
    assert table.read(tmp_path / "WORK" / "ingest" / "table.h5")[0] == before


def test_a_run_reads_them_once_and_notes_their_dates(
    listed: Collection, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    """Content decides: of two that were touched, one has other bytes of the same number."""
    touch(tmp_path, "b", "val0")
    (tmp_path / "videos" / "b.mp4").write_bytes(b"x")
    read = []
    real = files.sha256
    monkeypatch.setattr(files, "sha256", lambda path: read.append(path.stem) or real(path))
    work = Workspace(tmp_path / "WORK")
    with work.lock():
        catalog, changes, dated = ingest.look(listed, work, OPTIONS)
    assert (sorted(read), changes, dated) == (["b", "val0"], ["1 video changed (b)"], 0)
    assert catalog.digests[1].startswith("pending:1:")
    assert not catalog.unread
    noted = table.read(work.table)[0]
    assert noted.mtimes[2] == 7
    read.clear()
    _, changes, dated = ingest.look(listed, Workspace(tmp_path / "WORK"), OPTIONS)  # a run that was cut off there
    assert (changes, dated, read) == (["1 video changed (b)"], 0, [])
    updated = ingest.update(listed, work, OPTIONS)
    assert read == ["b"]
    assert updated.digests[1] == real(tmp_path / "videos" / "b.mp4")
    assert ingest.look(listed, Workspace(tmp_path / "WORK"), OPTIONS)[1:] == ([], 0)


def test_a_table_without_shards_is_new(listed: Collection, tmp_path: Path):
    work = Workspace(tmp_path / "WORK")
    for spoil in (lambda path: path.write_bytes(b"damaged"), Path.unlink):
        spoil(work.table)
        catalog, changes, _ = ingest.look(listed, work, OPTIONS)
        assert changes is None
        assert catalog.unread
    with work.lock():
        assert ingest.look(listed, work, OPTIONS)[1] is None
    ingest.update(listed, work, OPTIONS)
    assert container.check(work.table) == ""


def test_the_plan_says_it(collect: Callable[..., Path], surroundings: Callable[..., Context]):
    context = surroundings(collect())
    context.dated = 3
    state = ingest.state(context, context.stage("ingest"))
    assert [unit.key for unit in state.cached] == ["table"]
    assert state.reasons == ["3 videos have another date; `laff run` looks for changes"]
