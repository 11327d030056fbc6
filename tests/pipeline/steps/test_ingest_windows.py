"""Windows that only a look at the videos tells: found once a file, kept, and followed by the table."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import numpy as np
import pytest

from pipeline import files
from pipeline.division import looking
from pipeline.division.looks import JOURNAL, Look
from pipeline.items.catalog import Catalog
from pipeline.items.collection import Collection, load
from pipeline.items.windows import Window
from pipeline.plan.context import Context
from pipeline.rows import shards
from pipeline.steps import ingest
from pipeline.store.workspace import Workspace
from tests.conftest import Clips

OPTIONS = ingest.Options(4, 4)
SHOTS = "windows: shots"
GRAPH = "stages:\n  ingest: {step: ingest}\n  decode: {step: decode, from: ingest}\n"
EVEN = "windows: {seconds: 1, stride: 1}"
Write = Callable[..., Collection]


@pytest.fixture
def write(clips: Clips, tmp_path: Path) -> Write:
    """`write(EVEN, a=25, …)`: a collection of videos with so many frames, 10 a second; a text makes a broken one."""

    def make(windows: str, **videos: int | str) -> Collection:
        for name, frames in videos.items():
            if isinstance(frames, str):
                (tmp_path / "v" / f"{name}.mp4").write_text(frames)
            else:
                shade = sum(map(ord, name)) % 200
                clips(f"v/{name}.mp4", np.full((frames, 32, 32, 3), shade, np.uint8))
        (tmp_path / "c.yaml").write_text(f"videos: v\n{windows}\n")
        return load(tmp_path / "c.yaml")

    return make


@pytest.fixture
def work(tmp_path: Path) -> Workspace:
    return Workspace(tmp_path / "WORK")


@pytest.fixture
def looked(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Names of the files that are looked at, without decoder processes; `.stop` in a name ends the process there."""
    seen: list[str] = []

    def look(paths: Sequence[str], windowing: object, limits: object) -> Iterator[Look]:
        from pipeline.video.reading import VideoError, probe

        for path in paths:
            if "stop" in path:
                raise KeyboardInterrupt
            seen.append(Path(path).stem)
            try:
                yield Look(seconds=probe(Path(path)).seconds)
            except VideoError as error:
                yield Look(failed=str(error))

    monkeypatch.setattr(looking, "looks", look)
    return seen


def plan(items: Collection, work: Workspace) -> tuple[Catalog, list[str] | None]:
    catalog, changes, _ = ingest.look(items, work, OPTIONS)
    return catalog, changes


def test_windows_are_items_of_the_table(write: Write, work: Workspace) -> None:
    """By decoder processes: 2.5 seconds are three windows, and all of a file stand in one shard."""
    items = write(EVEN, a=25, b=20)
    pending, changes = plan(items, work)
    assert (pending.videos, changes) == (["a", "b"], None)
    catalog = ingest.update(items, work, OPTIONS)
    assert catalog.videos == ["a@0-1", "a@1-2", "a@2-2.5", "b@0-1", "b@1-2"]
    assert list(zip(catalog.starts, catalog.ends, strict=True)) == [(0, 1), (1, 2), (2, 2.5), (0, 1), (1, 2)]
    assert catalog.video_shard.tolist() == [0, 0, 0, 1, 1]
    assert len(set(catalog.digests)) == 2
    assert plan(items, work) == (catalog, [])


def test_a_file_is_looked_at_once(write: Write, work: Workspace, looked: list[str], tmp_path: Path) -> None:
    items = write(EVEN, a=25, b=20)
    ingest.update(items, work, OPTIONS)
    assert looked == ["a", "b"]
    (tmp_path / "v" / "b.mp4").rename(tmp_path / "v" / "c.mp4")
    catalog = ingest.update(write(EVEN), work, OPTIONS)
    assert catalog.videos[3:] == ["c@0-1", "c@1-2"]
    catalog = ingest.update(write("windows: {seconds: 2, stride: 1}"), work, OPTIONS)
    assert catalog.videos == ["a@0-2", "a@1-2.5", "c@0-2"]
    assert looked == ["a", "b"]


def test_from_another_folder_all_is_as_it_was(
    write: Write, work: Workspace, looked: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Paths are relative where collection.yaml was named so; the table is the same all the same."""
    write(EVEN, a=25, b=20)
    monkeypatch.chdir(tmp_path)
    before = ingest.update(load(Path("c.yaml")), work, OPTIONS)
    assert before.paths[0] == "v/a.mp4"
    monkeypatch.chdir("/")
    catalog, changes = plan(load(tmp_path / "c.yaml"), work)
    assert (catalog.videos, catalog.digests, changes) == (before.videos, before.digests, [])
    assert ingest.update(load(tmp_path / "c.yaml"), work, OPTIONS).digests == before.digests
    assert looked == ["a", "b"]


def test_a_plan_says_what_is_to_be_looked_at(write: Write, work: Workspace, looked: list[str]) -> None:
    ingest.update(write(EVEN, a=25), work, OPTIONS)
    catalog, changes = plan(write(EVEN, n=10), work)
    assert catalog.videos == ["a@0-1", "a@1-2", "a@2-2.5", "n"]
    assert catalog.digests[3].startswith("pending:")
    assert changes == ["1 video new (n)", "1 video is still to be looked at, to be divided into windows"]
    assert looked == ["a"]


def test_only_the_windows_of_a_replaced_video_change(write: Write, work: Workspace, looked: list[str]) -> None:
    """Shards of the others stay; windows that are there before and after stay in their shards, too."""
    first = ingest.update(write(EVEN, a=30, b=20), work, OPTIONS)
    second = ingest.update(write(EVEN, b=21, c=10), work, OPTIONS)  # 0.1 seconds more go to the last window
    assert second.videos == ["a@0-1", "a@1-2", "a@2-3", "b@0-1", "b@1-2.1", "c@0-1"]
    assert second.video_shard.tolist() == [0, 0, 0, 1, 2, 2]
    assert second.shard_content("video", 0) == first.shard_content("video", 0)
    assert second.shard_content("video", 1) != first.shard_content("video", 1)
    assert looked == ["a", "b", "b", "c"]


def test_other_windows_are_other_items(write: Write, work: Workspace, looked: list[str]) -> None:
    ingest.update(write(EVEN, a=30), work, OPTIONS)
    items = write("windows: {seconds: 1, stride: 0.5}")
    catalog, changes = plan(items, work)
    assert changes == ["2 videos new (a@0.5-1.5, a@1.5-2.5)"]
    assert ingest.update(items, work, OPTIONS).videos == catalog.videos
    assert looked == ["a"]
    assert sorted(zip(catalog.video_shard, catalog.videos, strict=True))[3:] == [(1, "a@0.5-1.5"), (1, "a@1.5-2.5")]
    whole = ingest.update(write(""), work, OPTIONS)
    assert whole.videos == ["a"]
    assert whole.ends.tolist() == [np.inf]


def test_a_video_that_cannot_be_looked_at_stays_whole(write: Write, work: Workspace, looked: list[str]) -> None:
    """Its failure is told by the decode step. It is looked at again when a person asks for it."""
    (work.root.parent / "v").mkdir()
    items = write(EVEN, broken="no video", a=10)
    catalog = ingest.update(items, work, OPTIONS)
    assert catalog.videos == ["a@0-1", "broken"]
    assert plan(items, work) == (catalog, [])
    ingest.update(items, work, OPTIONS)
    assert looked == ["a", "broken"]
    ingest.update(items, work, OPTIONS, retry=True)
    assert looked == ["a", "broken", "broken"]


def test_the_plan_of_a_retry_looks_again(
    write: Write, work: Workspace, looked: list[str], surroundings: Callable[..., Context]
) -> None:
    (work.root.parent / "v").mkdir()
    items = write(EVEN, broken="no video", a=10)
    context = surroundings(items.path, text=GRAPH)
    context.collection = items
    assert ingest.state(context, context.stage("ingest")).cached
    context.retry = True
    state = ingest.state(context, context.stage("ingest"))
    assert state.reasons == ["1 video without windows to be looked at again"]
    ingest.run(context, state)
    assert looked == ["a", "broken", "broken"]
    assert context.catalog.videos == ["a@0-1", "broken"]


def test_a_window_more_reads_no_file_again(
    write: Write, work: Workspace, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write("", a=20)
    yaml = tmp_path / "c.yaml"
    yaml.write_text("videos: t.csv\n")
    (tmp_path / "t.csv").write_text("video,path,start,end\nx,v/a.mp4,0,1\ny,v/a.mp4,1,2\n")
    read = []
    real = files.sha256
    monkeypatch.setattr(files, "sha256", lambda path: read.append(path.stem) or real(path))
    ingest.update(load(yaml), work, OPTIONS)
    assert read == ["a"]
    with (tmp_path / "t.csv").open("a") as table:
        table.write("z,v/a.mp4,0.5,1.5\n")
    catalog = ingest.update(load(yaml), work, OPTIONS)
    assert (catalog.videos, catalog.starts.tolist(), read) == (["x", "y", "z"], [0, 1, 0.5], ["a"])


def test_a_kill_costs_the_look_at_one_video(write: Write, work: Workspace, looked: list[str], tmp_path: Path) -> None:
    items = write(EVEN, a=10, stop=10, z=10)
    with pytest.raises(KeyboardInterrupt):
        ingest.update(items, work, OPTIONS)
    assert looked == ["a"]
    assert not work.table.is_file()
    (tmp_path / "v" / "stop.mp4").rename(tmp_path / "v" / "go.mp4")
    catalog = ingest.update(write(EVEN), work, OPTIONS)
    assert (catalog.videos, looked) == (["a@0-1", "go@0-1", "z@0-1"], ["a", "go", "z"])


def test_a_lost_table_is_made_again_from_the_shards(write: Write, work: Workspace, looked: list[str]) -> None:
    items = write(EVEN, b=20)
    ingest.update(items, work, OPTIONS)
    items = write(EVEN, a=10)
    before = ingest.update(items, work, OPTIONS)
    assert before.videos == ["b@0-1", "b@1-2", "a@0-1"]
    for number, rows in enumerate(before.shards("video")):
        ids = before.ids("video", rows)
        shards.write(
            work.root / "x3d" / f"{number:05d}.h5", ids, np.zeros((len(ids), 1), np.float32), {}, [], order=ids
        )
    work.table.unlink()
    assert ingest.update(items, work, OPTIONS) == before
    assert looked == ["b", "a"]


def test_a_file_that_is_gone_keeps_its_windows(
    write: Write, work: Workspace, looked: list[str], tmp_path: Path
) -> None:
    write("", a=20)
    (tmp_path / "t.csv").write_text("video,path\na,v/a.mp4\nb,v/b.mp4\n")
    write("", b=10)
    (tmp_path / "c.yaml").write_text(f"videos: t.csv\n{EVEN}\n")
    before = ingest.update(load(tmp_path / "c.yaml"), work, OPTIONS)
    (tmp_path / "v" / "a.mp4").unlink()
    items = load(tmp_path / "c.yaml")
    assert plan(items, work) == (before, [])
    assert ingest.update(items, work, OPTIONS) == before


def test_ids_of_any_text_and_splits(write: Write, work: Workspace, looked: list[str], tmp_path: Path) -> None:
    write(EVEN, **{"été #1/a@b": 10, "x": 20})
    (tmp_path / "ids.txt").write_text("été%20#1/a@b\n")
    (tmp_path / "c.yaml").write_text(f"videos: v\n{EVEN}\ntrain: {{ids: ids.txt}}\ntest: {{}}\n")
    catalog = ingest.update(load(tmp_path / "c.yaml"), work, OPTIONS)
    assert catalog.videos == ["été #1/a@b@0-1", "x@0-1", "x@1-2"]
    assert catalog.ids("video", catalog.split_videos("train")) == ["été #1/a@b@0-1"]
    assert catalog.ids("video", catalog.split_videos("test")) == ["x@0-1", "x@1-2"]


def test_shots_are_looked_for_anew(
    write: Write, work: Workspace, looked: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    ingest.update(write(EVEN, a=30), work, OPTIONS)

    def shots(paths: Sequence[str], windowing: object, limits: object) -> Iterator[Look]:
        for _ in paths:
            yield Look(shots=(Window(0, 1.2), Window(1.2, 1.5), Window(1.5, 3.0)))

    monkeypatch.setattr(looking, "looks", shots)
    monkeypatch.setattr(looking, "check", lambda windowing: None)
    catalog = ingest.update(write(SHOTS), work, OPTIONS)
    assert catalog.videos == ["a@0-1.5", "a@1.5-3"]
    assert len((work.table.parent / JOURNAL).read_text().splitlines()) == 2


def test_of_several_collections_only_those_with_windows_are_divided(
    write: Write, work: Workspace, looked: list[str], clips: Clips, tmp_path: Path
) -> None:
    write(EVEN, a=25)
    (tmp_path / "c.yaml").write_text(f"name: films\nvideos: v\n{EVEN}\n")
    clips("w/b.mp4", np.full((25, 32, 32, 3), 90, np.uint8))
    (tmp_path / "w.txt").write_text("b#0 a grey film\n")
    (tmp_path / "w.yaml").write_text("name: described\nvideos: w\ntrain: {captions: w.txt}\n")
    (tmp_path / "all.yaml").write_text("name: all\ntrain: w.yaml\ntest: c.yaml\n")
    items = load(tmp_path / "all.yaml")
    catalog, _ = plan(items, work)
    assert catalog.videos == ["described/b", "a"]  # not looked at yet
    catalog = ingest.update(items, work, OPTIONS)
    assert looked == ["a"]
    assert catalog.videos == ["described/b", "a@0-1", "a@1-2", "a@2-2.5"]
    assert catalog.ids("video", catalog.split_videos("train")) == ["described/b"]
    assert plan(items, work)[1] == []
