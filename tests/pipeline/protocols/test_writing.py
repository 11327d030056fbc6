"""The files of a prepared collection: what they hold, and when they replace others."""

import itertools
from pathlib import Path

import pytest

from pipeline import files
from pipeline.errors import LaffError
from pipeline.items import collection
from pipeline.items.windows import Window
from pipeline.protocols import writing
from pipeline.protocols.finding import find_files
from pipeline.protocols.prepared import Caption, Prepared


def prepared() -> Prepared:
    result = Prepared()
    for split, video in (("train", "a b"), ("val", "c#d"), ("test", "50%")):
        result.take(split, [video], {video: [Caption(video, "0", f"a text of {split}")]})
    return result


def write(out: Path, content: Prepared, replace: bool = False, videos: Path | None = None) -> str:
    paths = (
        find_files(videos, [video for ids in content.ids.values() for video in ids], content.files) if videos else None
    )
    return writing.write(out, writing.texts(content, "mine", "mine/p", paths, ["how"], out), replace)


def test_ids_of_all_kinds_come_back(tmp_path: Path):
    write(tmp_path / "out", prepared())
    loaded = collection.load(tmp_path / "out" / "collection.yaml")
    assert loaded.ids == {"train": ["a b"], "val": ["c#d"], "test": ["50%"]}
    assert loaded.captions["val"].texts == ["a text of val"]
    assert (loaded.name, loaded.protocol, loaded.has_videos) == ("mine", "mine/p", False)
    text = (tmp_path / "out" / "collection.yaml").read_text()
    assert text.startswith("# Made by `laff prepare`\n# how\nname: mine\nprotocol: mine/p\n")


def test_queries_val_of_test_and_further_keys(tmp_path: Path):
    content = prepared()
    content.take("val", [], {})
    content.val_is_test, content.queries = True, [("501 a", "a cat")]
    content.keys = {"follow_links": True}
    write(tmp_path, content)
    loaded = collection.load(tmp_path / "collection.yaml")
    assert (loaded.val_is_test, loaded.queries.ids, loaded.queries.texts) == (True, ["501 a"], ["a cat"])
    assert "follow_links: true\n" in (tmp_path / "collection.yaml").read_text()


def test_videos_are_a_folder_where_ids_are_names(tmp_path: Path):
    videos = tmp_path / "out" / "clips"
    videos.mkdir(parents=True)
    (videos / "a b.mp4").touch()
    write(tmp_path / "out", prepared(), videos=videos)
    assert "\nvideos: clips\n" in (tmp_path / "out" / "collection.yaml").read_text()
    assert collection.load(tmp_path / "out" / "collection.yaml").files["a b"] == str(videos / "a b.mp4")


def test_videos_are_a_table_where_they_are_parts_of_files(tmp_path: Path):
    videos, content = tmp_path / "clips", prepared()
    videos.mkdir()
    (videos / "50%.mp4").touch()
    content.spans = {"50%": (0.0, 31.5)}
    write(tmp_path / "out", content, videos=videos)
    loaded = collection.load(tmp_path / "out" / "collection.yaml")
    assert loaded.windows == {"50%": Window(0.0, 31.5)}
    assert loaded.files["50%"] == str(videos / "50%.mp4")


def test_an_equal_collection_is_left_alone(tmp_path: Path):
    assert write(tmp_path, prepared()) == f"wrote {tmp_path / 'collection.yaml'}"
    before = {path.name: path.stat().st_mtime_ns for path in tmp_path.iterdir()}
    assert write(tmp_path, prepared()) == f"{tmp_path / 'collection.yaml'} is up to date already"
    assert before == {path.name: path.stat().st_mtime_ns for path in tmp_path.iterdir()}


def test_another_collection_is_replaced_when_asked_to(tmp_path: Path):
    write(tmp_path, prepared())
    (tmp_path / "my notes.txt").write_text("mine")
    other = prepared()
    other.take("val", [], {})
    with pytest.raises(LaffError, match=r"holds an earlier collection that differs .*collection.yaml.*--yes"):
        write(tmp_path, other)
    assert (tmp_path / "val.txt").exists()
    assert "in place of the earlier one" in write(tmp_path, other, replace=True)
    assert sorted(path.name for path in tmp_path.iterdir()) == [
        *("collection.yaml", "my notes.txt", "test.captions.txt", "test.txt", "train.captions.txt", "train.txt")
    ]


def test_videos_that_came_later_need_no_leave(tmp_path: Path):
    videos = tmp_path / "clips"
    (videos / "deep").mkdir(parents=True)
    (videos / "deep" / "a b.mp4").touch()
    write(tmp_path / "out", prepared(), videos=videos)
    assert (tmp_path / "out" / "missing.txt").read_text() == "c#d\n50%25\n"
    (videos / "deep" / "c#d.mp4").touch()
    assert write(tmp_path / "out", prepared(), videos=videos).startswith("wrote ")
    assert (tmp_path / "out" / "missing.txt").read_text() == "50%25\n"
    (videos / "deep" / "50%.mp4").touch()
    write(tmp_path / "out", prepared(), videos=videos)
    assert not (tmp_path / "out" / "missing.txt").exists()
    assert collection.load(tmp_path / "out" / "collection.yaml").files["50%"] == str(videos / "deep" / "50%.mp4")


def test_files_of_others_are_not_replaced(tmp_path: Path):
    (tmp_path / "train.txt").write_text("mine\n")
    for leave in (False, True):
        with pytest.raises(LaffError, match=r"holds files of the same names \(train.txt\) that .* did not write"):
            write(tmp_path, prepared(), replace=leave)
    assert [path.name for path in tmp_path.iterdir()] == ["train.txt"]
    assert (tmp_path / "train.txt").read_text() == "mine\n"


def test_files_beside_a_collection_that_it_does_not_name_are_not_its_own(tmp_path: Path):
    """Neither to be replaced nor to be removed, though a comment may have the name of one."""
    content = prepared()
    content.take("val", [], {})
    writing.write(tmp_path, writing.texts(content, "mine", "", None, ["from val.txt"], tmp_path), replace=False)
    for name in ("val.txt", "queries.txt"):
        (tmp_path / name).write_text("my own\n")
    with pytest.raises(LaffError, match=r"\(val.txt\) that `laff prepare` did not write"):
        write(tmp_path, prepared(), replace=True)
    (tmp_path / "val.txt").unlink()
    write(tmp_path, prepared(), replace=True)
    assert (tmp_path / "queries.txt").read_text() == "my own\n"


def test_a_kill_while_one_replaces_another(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    """No collection is left, and the files of both may be replaced when asked to."""
    write(tmp_path, prepared())
    other, real, count = prepared(), files.write_text, itertools.count()
    other.take("val", [], {})
    other.take("train", ["another"], {})

    def stop(path: Path, text: str) -> None:
        if next(count) == 2:
            raise KeyboardInterrupt
        real(path, text)

    monkeypatch.setattr(files, "write_text", stop)
    with pytest.raises(KeyboardInterrupt):
        write(tmp_path, other, replace=True)
    monkeypatch.undo()
    with pytest.raises(LaffError):
        collection.load(tmp_path / "collection.yaml")
    with pytest.raises(LaffError, match="an earlier collection that differs"):
        write(tmp_path, prepared())
    assert write(tmp_path, prepared(), replace=True).startswith("wrote ")
    assert collection.load(tmp_path / "collection.yaml").ids["train"] == ["a b"]


def test_a_file_in_place_of_the_folder(tmp_path: Path):
    (tmp_path / "out").write_text("")
    with pytest.raises(LaffError, match="is no folder"):
        write(tmp_path / "out", prepared())


def test_what_a_kill_left_is_completed(tmp_path: Path):
    write(tmp_path, prepared())
    (tmp_path / "collection.yaml").unlink()  # it is removed first and written last
    (tmp_path / "val.txt").unlink()
    write(tmp_path, prepared())
    assert collection.load(tmp_path / "collection.yaml").ids["val"] == ["c#d"]
