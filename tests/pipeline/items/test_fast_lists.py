"""Reading in bulk says what reading line by line says, or leaves it to that."""

from collections.abc import Callable
from pathlib import Path

import pytest

from pipeline.errors import LaffError
from pipeline.items import collection, fast_lists
from pipeline.items.lists import Caption

Collect = Callable[..., Path]
Told = tuple[dict[str, list[str]], list[list[Caption]], dict[str, str], list[str]]


def told(path: Path) -> Told:
    found = collection.load(path)
    return found.ids, [list(found.captions[split]) for split in collection.SPLITS], found.files, found.notes


@pytest.fixture
def both(monkeypatch: pytest.MonkeyPatch) -> Callable[[Path], bool]:
    """`both(yaml)`: whether bulk read it; what it found is what reading line by line finds."""

    def compare(path: Path) -> bool:
        read, took = fast_lists.read, []

        def spy(*given: object) -> object:
            took.append(read(*given))  # type: ignore[arg-type]
            return took[-1]

        monkeypatch.setattr(fast_lists, "read", spy)
        first = told(path)
        monkeypatch.setattr(fast_lists, "read", lambda *_: None)
        assert told(path) == first
        monkeypatch.setattr(fast_lists, "read", read)
        return took[0] is not None

    return compare


def sound(collect: Collect, folder: Path, videos: str = "videos", **files: str) -> Path:
    """A collection of a, b, val0, test0, with some files replaced."""
    path = collect(train={"a": ["one  cat", "two"], "b": ["ein Hündchen 猫"]})
    for name, text in files.items():
        file = folder / name
        file.parent.mkdir(exist_ok=True)
        file.write_text(text, encoding="utf-8")
    path.write_text(path.read_text().replace("videos: videos", f"videos: {videos}"))
    return path


TABLE = "video,path\na,{0}a.mp4\nb,{0}b.mp4\nval0,{0}val0.mp4\ntest0,{0}test0.mp4\nmore,{0}a.mp4\n"


@pytest.mark.parametrize(
    ("files", "videos"),
    [
        ({}, "videos"),
        ({"videos/a.srt": "", "videos/.a.webm": "", "videos/c.mp4": "", "videos/c.webm": ""}, "videos"),
        ({"train.ids": "\ufeffb\r\n\r\n a \r\n"}, "videos"),
        ({"videos/a.webp": "", "videos/a.description": "", "videos/b.jpg": "", "videos/c.jpg": ""}, "videos"),
        ({"table.csv": TABLE.format("videos/")}, "table.csv"),
        ({"table.csv": TABLE.format("../{folder}/videos/")}, "table.csv"),
        ({"table.csv": TABLE.format(".//videos/./")}, "table.csv"),
        ({"table.csv": TABLE.format("{root}/videos/")}, "table.csv"),
        (
            {"videos/table.csv": 'video,path\n"a", a.mp4\n\nb,"b.mp4"\nval0,val0.mp4\ntest0,test0.mp4\n'},
            "videos/table.csv",
        ),
    ],
)
def test_what_is_sound(
    collect: Collect, both: Callable[[Path], bool], tmp_path: Path, files: dict[str, str], videos: str
):
    files = {
        name: text.replace("{folder}", tmp_path.name).replace("{root}", str(tmp_path)) for name, text in files.items()
    }
    assert both(sound(collect, tmp_path, videos, **files))


def test_forms_of_captions(collect: Collect, both: Callable[[Path], bool], tmp_path: Path):
    path = sound(collect, tmp_path)
    (tmp_path / "train.csv").write_text('video,caption\na,"one, or\ntwo"\nb,x\na,y\n')
    (tmp_path / "val.jsonl").write_text('{"video": "val0", "captions": ["a  b", "c"]}\n')
    path.write_text(path.read_text().replace("train.txt", "train.csv").replace("val.txt", "val.jsonl"))
    assert both(path)
    shared = "test0#0 a\nb#1 b\nval0#0 c\na#0 d\nb#0 e\n"
    (tmp_path / "all.txt").write_text(shared)
    path.write_text(path.read_text().replace("train.csv", "all.txt").replace("val.jsonl", "all.txt"))
    path.write_text(path.read_text().replace("test.txt", "all.txt"))
    assert both(path)


@pytest.mark.parametrize(
    "table",
    [
        TABLE.format("videos/").replace("val0,", "val1,"),
        TABLE.format("videos/").replace("videos/b.mp4", "videos/.."),
        TABLE.format("videos/").replace("videos/b.mp4", "videos/gone.mp4"),
    ],
)
def test_a_video_without_a_file_is_left_to_the_other(
    collect: Collect, both: Callable[[Path], bool], tmp_path: Path, table: str
):
    path = sound(collect, tmp_path, "table.csv", **{"table.csv": table})
    assert not both(path)
    assert collection.load(path).notes[0].startswith("1 of 4 videos have no file in ")


def test_links(collect: Collect, both: Callable[[Path], bool], tmp_path: Path):
    """Those that stay inside are read in bulk, and all if the collection says so; links to nothing are not."""
    path = sound(collect, tmp_path)
    (tmp_path / "videos" / "a.mp4").unlink()
    (tmp_path / "videos" / "a.mp4").symlink_to("b.mp4")
    assert both(path)
    (tmp_path / "outside.mp4").touch()
    (tmp_path / "videos" / "a.mp4").unlink()
    (tmp_path / "videos" / "a.mp4").symlink_to("../outside.mp4")
    with pytest.raises(LaffError, match="links out of"):
        collection.load(path)
    path.write_text(path.read_text() + "follow_links: true\n")
    assert both(path)
    (tmp_path / "outside.mp4").unlink()
    assert not both(path)


def test_ids_that_name_the_ending(collect: Collect, both: Callable[[Path], bool], tmp_path: Path):
    path = collect(train={"a.mp4": ["x"], "b": ["y"]})
    (tmp_path / "videos" / "a.mp4.mp4").rename(tmp_path / "videos" / "a.mp4")
    assert both(path)


def test_without_videos(collect: Collect, both: Callable[[Path], bool]):
    path = collect()
    path.write_text(path.read_text().replace("videos: videos\n", ""))
    assert both(path)


def test_a_name_that_ends_with_a_dot(collect: Collect, both: Callable[[Path], bool], tmp_path: Path):
    path = sound(collect, tmp_path)
    (tmp_path / "videos" / "odd.").touch()
    assert both(path)


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("train.ids", "a\nb\nc\n"),
        ("train.ids", "a\nb\na%20c\n"),
        ("train.txt", "a#0 one\n"),
        ("train.ids", "a\nb\né\n"),
    ],
)
def test_other_shapes_are_read_line_by_line(
    collect: Collect, both: Callable[[Path], bool], tmp_path: Path, name: str, text: str
):
    """A video without a caption, ids that are written in another way than they are."""
    assert not both(sound(collect, tmp_path, **{name: text}))


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("train.ids", "a\nb\na\n"),
        ("train.ids", "a\nb\nval0\n"),
        ("train.ids", "a\nb\n../c\n"),
        ("train.txt", "b..#0 one\n"),
        ("train.txt", "a#0 one\nb#0 two\na#0 again\n"),
        ("train.txt", "a#0 one\nb#0 \n"),
        ("train.txt", "a#0 one\nb#0 x\x01\n"),
        ("train.txt", "a#0 one\nb#0 x\nb y\n"),
        ("train.txt", "a#0 one\nb#0 x\nval0#7 y\n"),
        ("videos/a.webm", ""),
        ("collection.yaml", "name: x\n"),
    ],
)
def test_no_mistake_passes(collect: Collect, tmp_path: Path, name: str, text: str):
    path = sound(collect, tmp_path, **{name: text})
    with pytest.raises(LaffError):
        collection.load(path)


@pytest.mark.parametrize(
    "table",
    [
        TABLE.format("gone/"),
        TABLE.format("videos/") + "a,videos/b.mp4\n",
        TABLE.format("videos/") + "../b,videos/b.mp4\n",
        TABLE.format("videos/") + "x\n",
        TABLE.format("videos/") + 'x,"open\n',
        TABLE.format("videos/").replace("path", "file"),
        "",
    ],
)
def test_no_mistake_of_a_table_passes(collect: Collect, tmp_path: Path, table: str):
    path = sound(collect, tmp_path, "table.csv", **{"table.csv": table})
    with pytest.raises(LaffError):
        collection.load(path)
