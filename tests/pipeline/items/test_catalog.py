"""Who is in which shard: known items stay, new ones open new shards, and contents follow the bytes."""

import os
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from pipeline import files
from pipeline.items import collection
from pipeline.items.catalog import Catalog
from pipeline.items.refresh import dated, refresh, settle

Collect = Callable[..., Path]


def unread(paths: list[str]) -> list[str]:
    assert paths == [], "they were read"
    return []


def digests(paths: list[str]) -> list[str]:
    return [files.sha256(Path(path)) for path in paths]


def ingest(path: Path, old: Catalog | None = None, videos: int = 2, captions: int = 3) -> tuple[Catalog, list[str]]:
    return refresh(collection.load(path), old or Catalog(), videos, captions, digests)


def many(*names: str) -> dict[str, list[str]]:
    return {name: [f"one of {name}", f"two of {name}"] for name in names}


def test_the_first_ingest(collect: Collect, tmp_path: Path):
    catalog, changes = ingest(collect(train=many("b", "a"), val=many("c"), test=many("e", "d")))
    assert changes == []
    assert catalog.videos == ["b", "a", "c", "e", "d"]  # as the lists have them
    assert catalog.video_shard.tolist() == [0, 0, 1, 1, 2]
    assert catalog.video_split.tolist() == [0, 0, 1, 2, 2]
    assert catalog.captions[:3] == ["b#0", "b#1", "a#0"]
    assert catalog.caption_shard.tolist() == [0, 0, 0, 1, 1, 1, 2, 2, 2, 3]
    assert catalog.caption_video.tolist() == [0, 0, 1, 1, 2, 2, 3, 3, 4, 4]
    assert catalog.paths[0] == str(tmp_path / "videos" / "b.mp4")
    assert catalog.digests[0] == files.sha256(tmp_path / "videos" / "b.mp4")
    assert catalog.sizes.tolist() == [1] * 5
    assert catalog.row["e"] == 3
    assert catalog.split_videos("test").tolist() == [3, 4]
    assert catalog.split_captions("train").tolist() == [0, 1, 2, 3]
    assert [rows.tolist() for rows in catalog.shards("video")] == [[0, 1], [2, 3], [4]]
    assert [rows.tolist() for rows in catalog.shards("text")] == [[0, 1, 2], [3, 4, 5], [6, 7, 8], [9]]
    assert catalog.ids("video", [4, 0]) == ["d", "b"]
    assert catalog.ids("text", [9]) == ["d#1"]


def test_nothing_new_reads_nothing(collect: Collect):
    path = collect(train=many("a", "b"))
    first, _ = ingest(path)
    again, changes = refresh(collection.load(path), first, 2, 3, unread)
    assert again == first
    assert changes == []


def test_new_items_open_new_shards(collect: Collect):
    """The last shard stays half empty: it is finished."""
    first, _ = ingest(collect(train=many("b", "a"), val=many("c"), test=many("d", "e")))
    path = collect(train=many("n1", "b", "a"), val=many("c"), test=many("d", "n2", "e", "n3"))
    second, changes = ingest(path, first)
    assert second.videos == ["b", "a", "c", "d", "e", "n1", "n2", "n3"]
    assert second.video_shard.tolist() == [0, 0, 1, 1, 2, 3, 3, 4]
    assert second.video_split.tolist() == [0, 0, 1, 2, 2, 0, 2, 2]
    assert second.caption_shard.tolist() == [0, 0, 0, 1, 1, 1, 2, 2, 2, 3, 4, 4, 4, 5, 5, 5]
    assert changes == [
        "3 videos new (n1, n2, n3)",
        "6 captions new (n1#0, n1#1, n2#0, …)",
    ]
    for side, shards in (("video", 3), ("text", 4)):
        for number in range(shards):
            rows, before = second.shards(side)[number], first.shards(side)[number]
            assert second.content(side, rows) == first.content(side, before)


def test_another_shard_size_moves_nothing(collect: Collect):
    first, _ = ingest(collect(train=many("a", "b", "c")), videos=2)
    second, changes = ingest(collect(train=many("a", "b", "c", "d", "e", "f")), first, videos=3)
    assert second.video_shard.tolist() == [*first.video_shard, 3, 3, 3]  # a b | c val0 | test0 | d e f
    assert changes[0] == "3 videos new (d, e, f)"


def test_a_replaced_video_changes_its_shard_only(collect: Collect, tmp_path: Path):
    path = collect(train=many("a", "b", "c"))
    first, _ = ingest(path)
    (tmp_path / "videos" / "b.mp4").write_bytes(b"another film")
    read = []

    def count(paths: list[str]) -> list[str]:
        read.extend(Path(path).name for path in paths)
        return digests(paths)

    second, changes = refresh(collection.load(path), first, 2, 3, count)
    assert read == ["b.mp4"]
    assert changes == ["1 video changed (b)"]
    assert second.video_shard.tolist() == first.video_shard.tolist()
    same = [
        second.content("video", rows) == first.content("video", before)
        for rows, before in zip(second.shards("video"), first.shards("video"), strict=True)
    ]
    assert same == [False, True, True]


def test_a_touched_video_is_read_again_and_found_the_same(collect: Collect, tmp_path: Path):
    path = collect(train=many("a"))
    first, _ = ingest(path)
    os.utime(tmp_path / "videos" / "a.mp4", ns=(1, 1))
    second, changes = ingest(path, first)
    assert changes == []
    assert second.digests == first.digests
    assert second.mtimes[0] == 1


def test_without_reading_a_touched_video_is_what_it_was(collect: Collect, tmp_path: Path):
    """Unless its size is another; which have another date is told beside it."""
    path = collect(train=many("a", "b", "c"))
    first, _ = ingest(path)
    for name in "ab":
        os.utime(tmp_path / "videos" / f"{name}.mp4", ns=(1, 1))
    (tmp_path / "videos" / "c.mp4").write_bytes(b"another film")
    second, changes = refresh(collection.load(path), first, 2, 3, None)
    assert (second.digests[:2], changes) == (first.digests[:2], ["1 video changed (c)"])
    assert dated(second, first) == [0, 1]
    settle(first, second, [0, 1], [first.digests[0], "other"])
    third, changes = refresh(collection.load(path), first, 2, 3, None)
    assert changes == ["2 videos changed (b, c)"]
    assert dated(third, first) == []


def test_a_plan_reads_no_video(collect: Collect, tmp_path: Path):
    """What a plan cannot know without reading is pending, and differs from what was there."""
    path = collect(train=many("a"))
    first, _ = ingest(path)
    (tmp_path / "videos" / "a.mp4").write_bytes(b"12345")
    os.utime(tmp_path / "videos" / "a.mp4", ns=(7, 7))
    second, changes = refresh(collection.load(path), first, 2, 3, None)
    assert second.digests[0] == "pending:5:7"
    assert second.digests[1:] == first.digests[1:]
    assert changes == ["1 video changed (a)"]


def test_gone_and_moved_items(collect: Collect):
    first, _ = ingest(collect(train=many("a", "b", "c", "d"), val=many("e"), test=many("f")))
    second, changes = ingest(collect(train=many("a", "d"), val=many("b"), test=many("f")), first)
    assert second.videos == ["a", "b", "d", "f"]
    assert second.video_shard.tolist() == [0, 0, 1, 2]
    assert changes == [
        "2 videos gone (c, e)",
        "4 captions gone (c#0, c#1, e#0, …)",
        "1 video moved to another split (b)",
    ]
    assert second.content("video", second.shards("video")[0]) == first.content("video", first.shards("video")[0])


def test_an_emptied_shard_has_no_rows(collect: Collect):
    first, _ = ingest(collect(train=many("a", "b", "c", "d")))
    second, _ = ingest(collect(train=many("c", "d")), first)
    assert [rows.tolist() for rows in second.shards("video")] == [[], [0, 1], [2, 3]]
    assert Catalog().shards("text")[0].tolist() == []


def test_captions_that_change(collect: Collect):
    first, _ = ingest(collect(train={"a": ["one", "two"], "b": ["three", "four"]}))
    second, changes = ingest(collect(train={"a": ["one", "two", "five"], "b": ["three", "Vier"]}), first)
    assert changes == ["1 caption new (a#2)", "1 caption changed (b#1)"]
    assert second.captions == ["a#0", "a#1", "b#0", "b#1", "val0#0", "test0#0", "a#2"]
    assert second.caption_shard.tolist() == [0, 0, 0, 1, 1, 1, 2]
    same = [
        second.content("text", second.shards("text")[number]) == first.content("text", first.shards("text")[number])
        for number in (0, 1)
    ]
    assert same == [True, False]


def test_contents_are_ids_with_digests_or_texts():
    catalog = Catalog(videos=["a", "b"], digests=["x", "y"], captions=["a#0"], texts=["eine Katze 猫"])
    assert catalog.content("video", np.array([1, 0])) == files.digest([["b", "y"], ["a", "x"]])
    assert catalog.content("text", np.array([0])) == files.digest([["a#0", "eine Katze 猫"]])


def test_a_split_changes_with_its_videos_and_captions_only(collect: Collect, tmp_path: Path):
    first, _ = ingest(collect(test=many("a")))
    more, _ = ingest(collect(test=many("a", "b")), first)
    (tmp_path / "videos" / "val0.mp4").write_bytes(b"another")
    other, _ = ingest(collect(test=many("a", "b")), more)
    before, after, last = (
        {split: catalog.split_content(split) for split in collection.SPLITS} for catalog in (first, more, other)
    )
    assert (before["train"], before["val"]) == (after["train"], after["val"])
    assert before["test"] != after["test"]
    assert (after["train"], after["test"]) == (last["train"], last["test"])
    assert after["val"] != last["val"]


def test_without_videos(collect: Collect):
    path = collect(train=many("a"))
    path.write_text(path.read_text().replace("videos: videos\n", ""))
    catalog, _ = refresh(collection.load(path), Catalog(), 2, 3, unread)
    assert catalog.paths == catalog.digests == ["", "", ""]
    assert refresh(collection.load(path), catalog, 2, 3, unread) == (catalog, [])


def test_a_video_without_a_file(collect: Collect, tmp_path: Path):
    """It differs once, when the file comes; one that goes changes nothing, for what was made of it stays."""
    path = collect(train=many("a", "b"))
    file = tmp_path / "videos" / "a.mp4"
    file.unlink()
    first, _ = ingest(path)
    assert (first.digests[0], first.sizes.tolist()) == ("no file", [-1, 1, 4, 5])
    assert refresh(collection.load(path), first, 2, 3, unread) == (first, [])
    file.write_bytes(b"here")
    second, changes = ingest(path, first)
    assert changes == ["1 video changed (a)"]
    assert second.digests[0] == files.sha256(file)
    file.unlink()
    third, changes = refresh(collection.load(path), second, 2, 3, unread)
    assert (third.digests, third.sizes.tolist(), changes) == (second.digests, [4, 1, 4, 5], [])


def test_a_file_that_may_not_be_read_costs_itself(collect: Collect, tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    path, closed = collect(train=many("a", "b")), tmp_path / "videos" / "a.mp4"
    monkeypatch.setattr(os, "access", lambda file, how: Path(file) != closed)
    first, _ = ingest(path)
    assert first.digests[0] == "no file"
    assert refresh(collection.load(path), first, 2, 3, unread) == (first, [])
    monkeypatch.undo()
    second, changes = ingest(path, first)
    assert changes == ["1 video changed (a)"]
    os.utime(closed, ns=(7, 7))  # read once, and not now: what was made of it stays, by a run as by a plan
    third, changes = refresh(collection.load(path), second, 2, 3, lambda paths: ["no file"] * len(paths))
    assert (third.digests, changes) == (second.digests, [])
    looked, _ = refresh(collection.load(path), second, 2, 3, None)
    settle(second, looked, dated(looked, second), ["no file"])
    assert refresh(collection.load(path), second, 2, 3, None)[1] == []


def test_digests_are_kept_where_nothing_changed(collect: Collect, tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    """A plan of a collection as it was looks at no item; after a change, at the shards and splits that it touches."""
    first, _ = ingest(collect(train=many("a", "b", "c")))  # a b | c val0 | test0, and captions by threes
    first.digest_all()
    asked: list[tuple[str, list[int]]] = []
    content = Catalog.content

    def spy(self: Catalog, side: str, rows: np.ndarray) -> str:
        asked.append((side, rows.tolist()))
        return content(self, side, rows)

    monkeypatch.setattr(Catalog, "content", spy)
    again, _ = ingest(tmp_path / "collection.yaml", first)
    again.digest_all()
    assert asked == []
    (tmp_path / "videos" / "c.mp4").write_bytes(b"another film")
    changed, _ = ingest(tmp_path / "collection.yaml", first)
    for number in range(3):
        changed.shard_content("video", number)
    changed.shard_content("text", 0)
    assert asked == [("video", [2, 3])]
    fewer, _ = ingest(collect(train=many("a", "c")), first)
    asked.clear()
    fewer.digest_all()
    assert [rows for side, rows in asked if side == "text"][:1] == [[0, 1]]  # b's captions went from two shards
    fresh, _ = ingest(tmp_path / "collection.yaml", first)
    fresh.contents.clear()
    fresh.digest_all()
    assert fresh.contents == fewer.contents


def test_a_content_in_pieces_is_the_digest_of_the_whole(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr("pipeline.items.catalog.CHUNK", 2)
    catalog = Catalog(videos=list("abcde"), digests=list("vwxyz"))
    for count in range(6):
        whole = [[video, digest] for video, digest in zip("abcde", "vwxyz", strict=True)][:count]
        assert catalog.content("video", np.arange(count)) == files.digest(whole)


def test_captions_that_come_later_are_news(collect: Collect, tmp_path: Path):
    """A collection may start without any."""
    path = collect(test=many("a", "b"))
    whole = path.read_text()
    path.write_text("videos: videos\n")
    first, changes = ingest(path)
    assert changes == []
    assert len(first.captions) == 0
    assert first.split_videos("test").tolist() == [0, 1, 2, 3]
    first.digest_all()
    path.write_text(whole)
    second, changes = ingest(path, first)
    assert changes == [
        "6 captions new (train0#0, val0#0, a#0, …)",
        "2 videos moved to another split (train0, val0)",
    ]
    assert second.split_side("text", "test") != first.split_side("text", "test")


def test_queries_of_no_video(collect: Collect, tmp_path: Path):
    """They are embedded with the captions, and belong to no video; a caption that becomes one is a change."""
    path = collect(test=many("a", "b"))
    before, _ = ingest(path)
    assert (before.queries().tolist(), before.query_content()) == ([], "")
    path.write_text(path.read_text().replace("captions: test.txt", "captions: test.txt, queries: q.txt"))
    (tmp_path / "q.txt").write_text("1 a fish\n2 a bird\n")
    catalog, changes = ingest(path, before)
    assert changes == ["2 captions new (1, 2)"]
    assert catalog.caption_video.tolist()[-2:] == [-1, -1]
    assert catalog.ids("text", catalog.queries()) == ["1", "2"]
    for split in ("train", "val", "test"):
        assert catalog.split_captions(split).tolist() == before.split_captions(split).tolist()
        assert catalog.split_content(split) == before.split_content(split)  # nothing that learns is stale
    catalog.digest_all()
    assert ingest(path, catalog)[0].contents == catalog.contents
    lines = (tmp_path / "test.txt").read_text().splitlines()
    (tmp_path / "test.txt").write_text("\n".join(lines[1:]))
    (tmp_path / "q.txt").write_text(f"1 a fish\n2 a bird\n{lines[0]}\n")
    turned, changes = ingest(path, catalog)
    assert changes == ["1 caption turned into queries of no video, or back (a#0)"]
    assert turned.query_content() != catalog.query_content()


def test_val_is_test(collect: Collect):
    """Its videos and captions are those of test, whichever stage asks; to say so is a change."""
    path = collect(test=many("a", "b"))
    before, _ = ingest(path)
    path.write_text("".join("val: test\n" if line.startswith("val:") else line for line in path.open()))
    catalog, changes = ingest(path, before)
    assert changes == [
        "1 video gone (val0)",
        "1 caption gone (val0#0)",
        "val has the videos of test",
    ]
    assert catalog.split_videos("val").tolist() == catalog.split_videos("test").tolist() == [1, 2]
    assert catalog.split_content("val") == catalog.split_content("test") != before.split_content("val")


def test_the_bounds_of_windows_count_in_what_items_are():
    """A whole video counts by its id and its file alone, as before there were windows."""
    catalog = Catalog(videos=["v", "w"], digests=["d", "d"])
    assert catalog.starts.tolist() == [0.0, 0.0]
    assert catalog.ends.tolist() == [np.inf, np.inf]
    rows = np.arange(2)
    assert catalog.content("video", rows) == files.digest([["v", "d"], ["w", "d"]])
    catalog.starts, catalog.ends = np.array([0.0, 1.5]), np.array([np.inf, 2.0])
    assert catalog.content("video", rows) == files.digest([["v", "d"], ["w", "d", 1.5, 2.0]])
