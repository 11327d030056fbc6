"""Reading in bulk says what reading line by line says, or leaves it to that."""

import os
from collections.abc import Callable
from pathlib import Path
from random import Random

import pytest

from pipeline import ids, yamls
from pipeline.errors import LaffError
from pipeline.items import collection, fast_lists
from pipeline.items.lists import Caption

Collect = Callable[..., Path]
Contents = tuple[dict[str, list[str]], list[list[Caption]], dict[str, str], list[str]]


def contents(path: Path) -> Contents:
    loaded = collection.load(path)
    return loaded.ids, [list(loaded.captions[split]) for split in collection.SPLITS], loaded.files, loaded.notes


@pytest.fixture
def both(monkeypatch: pytest.MonkeyPatch) -> Callable[[Path], bool]:
    """`both(yaml)`: whether bulk read it; what it found is what reading line by line finds."""

    def compare(path: Path) -> bool:
        read, took = fast_lists.read, []

        def spy(*given: object) -> object:
            took.append(read(*given))  # type: ignore[arg-type]
            return took[-1]

        monkeypatch.setattr(fast_lists, "read", spy)
        first = contents(path)
        monkeypatch.setattr(fast_lists, "read", lambda *_: None)
        assert contents(path) == first
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


IDS = ["a", "b", "val0", "test0", "a.mp4", "b.", "a..b", ".a", "..", "%61", "é", "a b", "~x", "K", "a.txt", "d/a"]
ENDINGS = [".mp4", ".webm", ".MP4", ".jpg", ".txt", ".", ""]
TEXTS = [
    "one  cat",
    "ein Hündchen 猫",
    "x",
    " y\u3000z ",
    "",
    " ",
    "\x01",
    "\x1c",
    "\x85q",
    "\udcff",
    "a\tb",
    "\u200b",
    "#",
]


def outcome(path: Path) -> Contents | list[str]:
    """What a collection is, or what is wrong with it."""
    try:
        return contents(path)
    except LaffError as error:
        return error.problems


def odd_collection(folder: Path, random: Random) -> Path:
    """A small collection, most of whose parts are as they should be and some odd in any way."""

    def some(good: list[str], odd: list[str], rate: float) -> list[str]:
        kept = [random.choice(odd) if random.random() < rate else member for member in good]
        return random.sample(kept, len(kept)) if random.random() < 0.5 else kept

    (folder / "videos").mkdir(parents=True)
    rate = random.choice([0.0, 0.0, 0.1, 0.3])
    text = "videos: videos\n" if random.random() < 0.6 else "videos: table.csv\n"
    videos = {"train": ["a", "b"], "val": ["val0"], "test": ["test0"]}
    for split, members in videos.items():
        ids = some(members, IDS, rate)
        lines = [f"{id_}#{n} {random.choice(TEXTS[:4])}" for id_ in ids for n in range(2)]
        odd = [f"{random.choice(IDS)}#{random.choice(['0', '1', '', 'é'])} {line}" for line in TEXTS]
        write(folder / f"{split}.ids", some(ids, ["", " a ", "\t", *IDS], rate / 2))
        write(folder / f"{split}.txt", some(lines, ["", " ", "a", *odd], rate / 2))
        text += f"{split}: {{ids: {split}.ids, captions: {split}.txt}}\n"
    for id_ in some(["a", "b", "val0", "test0"], IDS, rate / 2) + some(["c", "c"], IDS, rate):
        name = f"{id_}{random.choice(ENDINGS) if random.random() < rate else '.mp4'}"
        if random.random() < rate / 3:
            name = f" {name}"
        if name not in (".", "..") and "/" not in name and not os.path.lexists(folder / "videos" / name):
            if random.random() < rate / 3:
                (folder / "videos" / name).symlink_to(random.choice(["a.mp4", "gone.mp4", "../train.ids", "."]))
            else:
                (folder / "videos" / name).touch()
    rows = [f"{id_},videos/{id_}.mp4" for id_ in ("a", "b", "val0", "test0")]
    odd_rows = [f"{id_}, {path}" for id_ in IDS for path in ("videos//a.mp4", "./videos/b.mp4", '"v', "", ".", "a,b")]
    write(folder / "table.csv", ["video,path", *some(rows, ["", *odd_rows], rate / 2)])
    (folder / "collection.yaml").write_text(text + random.choice(["", "follow_links: true\n"]))
    return folder / "collection.yaml"


def write(file: Path, lines: list[str]) -> None:
    file.write_text("\n".join(lines) + "\n", encoding="utf-8", errors="surrogateescape")


@pytest.mark.parametrize("seed", range(8))
def test_both_ways_say_the_same_of_odd_collections(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, seed: int) -> None:
    """Of random collections, odd in ids, captions, names of files, links and rows; bulk takes some of them."""
    random, taken, read = Random(seed), 0, fast_lists.read
    for number in range(40):
        path = odd_collection(tmp_path / str(number), random)
        with monkeypatch.context() as patch:
            first = outcome(path)
            patch.setattr(fast_lists, "read", lambda *_: None)
            assert outcome(path) == first, "\n".join(f"{f.name}: {f.read_bytes()!r}" for f in path.parent.glob("*.*"))
        raw = yamls.load(path)
        taken += read(raw, path, collection.SPLITS) is not None
    assert 5 <= taken <= 35


@pytest.mark.parametrize("id_", ["a", "A.b-c_9", "~", "@+=,", "a..b", "b."])
def test_a_plain_id_is_held_by_all_formats_as_it_is(id_: str) -> None:
    """What `ids.PLAIN` promises, which reading in bulk relies on."""
    assert ids.PLAIN.fullmatch(id_)
    assert not ids.wrong(id_)
    assert ids.decoded(id_) == ids.encoded(id_) == ids.encoded_before_hash(id_) == id_


def test_no_other_character_is_plain() -> None:
    """Whatever one format writes in another way, or no id may be, is left to reading line by line."""
    for code in range(0x3100):
        id_ = chr(code)
        if ids.PLAIN.fullmatch(id_):
            assert not ids.wrong(id_), repr(id_)
            assert ids.decoded(id_) == ids.encoded_before_hash(id_) == id_
    assert not any(map(ids.PLAIN.fullmatch, ["", ".", "..", ".a", "a b", "a%20b", "a#b", "d/a", "é", "a\n", "\x00"]))


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
    with pytest.raises(LaffError, match="1 link out of"):
        collection.load(path)
    path.write_text(path.read_text() + "follow_links: true\n")
    assert both(path)
    (tmp_path / "outside.mp4").unlink()
    assert not both(path)


@pytest.mark.parametrize("videos", ["videos", "table.csv"])
def test_a_link_to_itself_is_a_video_without_a_file(collect: Collect, tmp_path: Path, videos: str):
    path = sound(collect, tmp_path, videos, **{"table.csv": TABLE.format("videos/")})
    (tmp_path / "videos" / "a.mp4").unlink()
    (tmp_path / "videos" / "a.mp4").symlink_to("a.mp4")
    (note,) = collection.load(path).notes
    assert note.startswith("1 of 4 videos have no file in ")
    assert "1 of them are links to nothing" in note


@pytest.mark.parametrize("name", [" a.mp4", "a .mp4"])
def test_white_space_around_a_name_makes_no_other_id(collect: Collect, tmp_path: Path, name: str):
    path = sound(collect, tmp_path)
    (tmp_path / "videos" / name).touch()
    with pytest.raises(LaffError, match="video 'a' has 2 files in "):
        collection.load(path)


def test_a_folder_beside_is_written_without_dots(collect: Collect, both: Callable[[Path], bool], tmp_path: Path):
    path = sound(collect, tmp_path, f"../{tmp_path.name}/videos")
    assert both(path)
    assert collection.load(path).files["a"] == str(tmp_path / "videos" / "a.mp4")


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


def test_a_collection_of_some_splits(collect: Collect, both: Callable[[Path], bool], tmp_path: Path):
    """Those that others put together with more have one split, often a large one; the others are empty."""
    path = sound(collect, tmp_path)
    text = [line for line in path.read_text().split("\n") if not line.startswith(("val", "test"))]
    path.write_text("\n".join(text))
    assert both(path)
    assert contents(path)[0] == {"train": ["a", "b"], "val": [], "test": []}
