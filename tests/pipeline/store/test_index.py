"""What is finished: the record, and shards that speak for themselves where there is none."""

import json
import os
from pathlib import Path

import numpy as np
import pytest

from pipeline import files
from pipeline.rows import shards
from pipeline.store.index import NAME, Entry, Index


def shard(folder: Path, key: str, fingerprint: str) -> None:
    about = {"fingerprint": fingerprint, "content": "content", "recipe": json.dumps({"made": fingerprint})}
    shards.write(folder / key, ["a", "b"], np.zeros((2, 3)), about, [{"video": "c"}])


def test_a_record_is_read_back(tmp_path: Path):
    (tmp_path / "best.pt").write_bytes(b"123")
    index = Index(tmp_path)
    assert index.entry("fit") is None
    entry = Entry("f1", "c1", index.made(["best.pt"]), [{"video": "x"}], 1.5, 7)
    assert entry.made["best.pt"][0] == 3
    index.record("fit", entry, {"frames": 13})
    again = Index(tmp_path)
    assert again.entry("fit") == entry
    assert again.recipes == {"f1": {"frames": 13}}


def test_a_file_that_changed_or_went_is_not_finished(tmp_path: Path):
    file = tmp_path / "best.pt"
    file.write_bytes(b"123")
    index = Index(tmp_path)
    index.record("fit", Entry("f", "c", index.made(["best.pt"])), {})
    assert Index(tmp_path).entry("fit") is not None
    for other in (b"124", b"1234"):
        file.write_bytes(other)
        os.utime(file, ns=(5, 5))
        assert Index(tmp_path).entry("fit") is None
    file.unlink()
    assert Index(tmp_path).entry("fit") is None


def test_a_file_with_another_date_is_looked_into_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    """As in a copy. Looking writes nothing; a run notes the date, and nobody looks again."""
    for name in ("best.pt", "last.pt"):
        (tmp_path / name).write_bytes(b"123")
    index = Index(tmp_path)
    index.record("fit", Entry("f", "c", index.made(["best.pt", "last.pt"]), seconds=2.5), {})
    before = (tmp_path / NAME).read_bytes()
    looked = []
    real = files.sha256
    monkeypatch.setattr(files, "sha256", lambda path: looked.append(path.name) or real(path))
    assert Index(tmp_path).entry("fit") == index.entries["fit"]
    assert looked == []  # as noted: not read
    os.utime(tmp_path / "best.pt", ns=(5, 5))
    other = Index(tmp_path)
    for _ in range(2):
        entry = other.entry("fit")
        assert entry is not None
        assert entry.seconds == 2.5
    assert looked == ["best.pt"]  # only that one, once
    assert (tmp_path / NAME).read_bytes() == before
    other.note()
    again = Index(tmp_path)
    assert again.entry("fit") == entry
    assert again.entries["fit"].made["best.pt"] == [3, 5]
    assert looked == ["best.pt"]


def test_a_record_without_digests_does_not_stand_with_another_date(tmp_path: Path):
    """Of an earlier version: nobody can tell whether its file is the one that was recorded."""
    (tmp_path / "best.pt").write_bytes(b"123")
    status = (tmp_path / "best.pt").stat()
    line = {"unit": "fit", "fingerprint": "f", "content": "c", "made": {"best.pt": [3, status.st_mtime_ns]}}
    (tmp_path / NAME).write_text(json.dumps(line) + "\n")
    assert Index(tmp_path).entry("fit") is not None
    os.utime(tmp_path / "best.pt", ns=(5, 5))
    assert Index(tmp_path).entry("fit") is None


def test_a_shard_with_another_date_keeps_what_it_cannot_say(tmp_path: Path):
    shard(tmp_path, "00000.h5", "f1")
    index = Index(tmp_path)
    index.record("00000.h5", Entry("f1", "content", index.made(["00000.h5"]), [{"video": "c"}], 1.5, 2), {})
    recorded = index.entries["00000.h5"]
    assert recorded.digests == {}  # its checksum is in it
    os.utime(tmp_path / "00000.h5", ns=(0, 5))
    entry = Index(tmp_path).entry("00000.h5")
    assert entry is not None
    assert (entry.seconds, entry.time) == (1.5, recorded.time)
    (tmp_path / NAME).unlink()
    entry = Index(tmp_path).entry("00000.h5")
    assert entry is not None
    assert (entry.seconds, entry.time) == (0.0, "1970-01-01T00:00:00+00:00")  # the file's date is all there is


def test_a_shard_it_does_not_know_is_asked(tmp_path: Path):
    """A kill between the shard and the index costs nothing."""
    shard(tmp_path, "video/00000.h5", "f1")
    index = Index(tmp_path)
    entry = index.entry("video/00000.h5")
    assert entry is not None
    assert (entry.fingerprint, entry.content, entry.rows, entry.failed) == ("f1", "content", 2, [{"video": "c"}])
    assert index.recipes["f1"] == {"made": "f1"}
    assert not (tmp_path / NAME).exists()  # looking writes nothing


def test_a_shard_that_is_newer_than_its_record_is_asked(tmp_path: Path):
    index = Index(tmp_path)
    shard(tmp_path, "00000.h5", "f1")
    index.record("00000.h5", Entry("f1", "content", index.made(["00000.h5"])), {"made": "f1"})
    shard(tmp_path, "00000.h5", "f2")
    os.utime(tmp_path / "00000.h5", ns=(5, 5))
    entry = Index(tmp_path).entry("00000.h5")
    assert entry is not None
    assert entry.fingerprint == "f2"


def test_a_broken_or_missing_shard_is_not_finished(tmp_path: Path):
    (tmp_path / "00000.h5").write_text("half")
    (tmp_path / "00002.pt").write_text("no shard")
    for key in ("00000.h5", "00001.h5", "00002.pt"):
        assert Index(tmp_path).entry(key) is None


def test_recipes_that_nothing_was_made_with_are_forgotten(tmp_path: Path):
    index = Index(tmp_path)
    for fingerprint in ("f1", "f2"):
        index.record("one", Entry(fingerprint, "c", {}), {"made": fingerprint})
    assert Index(tmp_path).recipes == {"f2": {"made": "f2"}}


def test_a_record_adds_a_line_and_a_recipe_stands_once(tmp_path: Path):
    index = Index(tmp_path)
    sizes = []
    for number in range(4):
        index.record(f"{number:05d}.h5", Entry("f1", "c", {}), {"made": "f1"})
        sizes.append((tmp_path / NAME).stat().st_size)
    assert (tmp_path / NAME).read_text().count('"recipe"') == 1
    assert sizes[2] - sizes[1] == sizes[3] - sizes[2]
    assert list(Index(tmp_path).entries) == [f"{number:05d}.h5" for number in range(4)]


def test_a_shard_that_was_asked_is_noted_with_the_next_record(tmp_path: Path):
    shard(tmp_path, "00000.h5", "f1")
    index = Index(tmp_path)
    entry = index.entry("00000.h5")
    index.record("00001.h5", Entry("f2", "c", {}), {"made": "f2"})
    again = Index(tmp_path)
    assert again.entries["00000.h5"] == entry
    assert again.recipes == {"f1": {"made": "f1"}, "f2": {"made": "f2"}}


def test_a_line_that_a_kill_tore(tmp_path: Path):
    """The unit is made again, or its shard asked; whatever is noted next is whole."""
    index = Index(tmp_path)
    index.record("one", Entry("f1", "c", {}), {"made": "f1"})
    index.record("two", Entry("f1", "c", {}), {"made": "f1"})
    path = tmp_path / NAME
    path.write_bytes(path.read_bytes()[:-20])
    index = Index(tmp_path)
    assert list(index.entries) == ["one"]
    index.record("three", Entry("f1", "c", {}), {"made": "f1"})
    assert list(Index(tmp_path).entries) == ["one", "three"]


def test_dead_lines_are_swept_out(tmp_path: Path):
    index = Index(tmp_path)
    index.record("kept", Entry("old", "c", {}), {"made": "old"})
    for number in range(200):
        index.record("one", Entry(f"f{number}", "c", {}, rows=number), {"made": number})
    again = Index(tmp_path)
    again.record("two", Entry("f199", "c", {}), {"made": 199})
    assert (tmp_path / NAME).read_text().count("\n") == 5  # two recipes, three units
    last = Index(tmp_path)
    assert list(last.entries) == ["kept", "one", "two"]
    assert last.entries["one"].rows == 199
    assert last.recipes == {"old": {"made": "old"}, "f199": {"made": 199}}
    assert [file.name for file in tmp_path.iterdir()] == [NAME]


def test_a_damaged_index_is_an_empty_one(tmp_path: Path):
    shard(tmp_path, "00000.h5", "f1")
    for text in ("{half", "[1]", '{"units": [1]}', '{"unit": "a", "odd": 1}', '{"unit": ["a"]}', "\0" * 99):
        (tmp_path / NAME).write_text(text)
        index = Index(tmp_path)
        assert index.entries == {}
        assert index.entry("00000.h5") is not None
