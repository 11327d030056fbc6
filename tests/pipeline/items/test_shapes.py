"""Collections of any shape: a folder alone, subfolders, tables, splits with some of their parts."""

import json
import unicodedata
from collections.abc import Callable
from pathlib import Path

import pytest

from pipeline.errors import LaffError
from pipeline.items import collection
from pipeline.items.collection import Collection
from pipeline.items.lists import Caption

Load = Callable[..., Collection]
MP4 = b"\0\0\0\x18ftypisom"


@pytest.fixture
def load(tmp_path: Path) -> Load:
    """`load("videos: v", "v/a.mp4", "t.txt", **{"t.txt": "a"})`: the collection of these files, in bytes or text."""

    def read(yaml: str, *empty: str, **files: str | bytes) -> Collection:
        for name, content in (dict.fromkeys(empty, b"") | files).items():
            path = tmp_path / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(content if isinstance(content, bytes) else content.encode())
        (tmp_path / "c.yaml").write_text(yaml, encoding="utf-8")
        return collection.load(tmp_path / "c.yaml")

    return read


def mistakes(load: Load, yaml: str, *empty: str, **files: str | bytes) -> list[str]:
    with pytest.raises(LaffError) as error:
        load(yaml, *empty, **files)
    folder, *lines = str(error.value).split("\n")
    return [line.removeprefix("  - ").replace(folder.partition("c.yaml")[0], "") for line in lines]


def test_a_folder_is_enough(load: Load, tmp_path: Path) -> None:
    """An id is the path below it without the ending; what is no video is left alone, and told where it surprises."""
    beside = ("v/b.srt", "v/b.jpg", "v/b.description", "v/.hidden.mp4", "v/.trash/c.mp4", "v/list.bin")
    loaded = load(
        "videos: v", "v/b.MP4", "v/day 1/été #2.webm", "v/day 1/deep/x.y.avi", "v/anim.gif", *beside, **{"v/raw": MP4}
    )
    assert loaded.ids == {"train": [], "val": [], "test": ["anim", "b", "day 1/deep/x.y", "day 1/été #2", "raw"]}
    assert loaded.files["day 1/deep/x.y"] == f"{tmp_path}/v/day 1/deep/x.y.avi"
    assert loaded.notes == [f"1 file of {tmp_path}/v left alone, as unlike a video: list.bin"]
    assert loaded.has_videos
    assert not loaded.captions["test"]


def test_a_folder_that_has_none(load: Load, tmp_path: Path) -> None:
    endings = "videos have endings such as .mp4, .mkv, .webm, .avi, .mov, .gif"
    (tmp_path / "v").mkdir()
    assert mistakes(load, "videos: v") == [f"v: holds no video; {endings}"]
    assert mistakes(load, "videos: v", "v/a.jpg", "v/notes.pdf") == [
        f"v: holds no video: 2 files, such as a.jpg; {endings}"
    ]


def test_two_files_of_one_id(load: Load) -> None:
    """Of the same name, of the same letters, or apart by case only; nothing is chosen in silence."""
    nfd = unicodedata.normalize("NFD", "été")
    problems = mistakes(
        load, "videos: v", "v/a.mp4", "v/a.mov", "v/été.mp4", f"v/{nfd}.mp4", "v/Clip.mp4", "v/clip.mp4", "v/a.jpg"
    )
    table = "a table (CSV with the header `video,path`, or JSONL) can give each file an id of its own"
    assert problems == [
        f"v: id 'a' means 2 videos: a.mov, a.mp4; rename all but one, or {table}",
        f"v: id 'été' means 2 videos: e\\u0301te\\u0301.mp4, \\xe9t\\xe9.mp4; rename all but one, or {table}",
        f"v: ids 'Clip' and 'clip' differ in upper and lower case only; rename one, or {table}",
    ]
    rows = "video,path\na,v/a.mp4\nb,v/a.mov\n1,v/été.mp4\n2,v/" + nfd + ".mp4\nClip,v/Clip.mp4\nclip,v/clip.mp4\n"
    assert load("videos: t.csv", **{"t.csv": rows}).ids["test"] == ["a", "b", "1", "2", "Clip", "clip"]


def test_a_name_that_is_no_text_costs_itself(load: Load, tmp_path: Path) -> None:
    (tmp_path / "v").mkdir()
    with open(bytes(tmp_path) + b"/v/caf\xe9.mp4", "wb"):  # noqa: PTH123 - a Path is text
        pass
    loaded = load("videos: v", "v/a.mp4")
    assert loaded.ids["test"] == ["a"]
    assert "1 video of" in loaded.notes[0]
    assert "caf\\udce9.mp4; rename them" in loaded.notes[0]


@pytest.mark.parametrize("form", ["csv", "jsonl"])
def test_a_table_is_enough(load: Load, tmp_path: Path, form: str) -> None:
    paths = {"my clip": "elsewhere/1.mp4", "été": str(tmp_path / "v/2.mp4")}
    text = "video,path\n" + "".join(f"{video},{path}\n" for video, path in paths.items())
    if form == "jsonl":
        text = "\n".join(json.dumps({"video": video, "path": path}) for video, path in paths.items())
    loaded = load(f"videos: t.{form}", "elsewhere/1.mp4", "v/2.mp4", **{f"t.{form}": text})
    assert loaded.ids["test"] == ["my clip", "été"]
    assert loaded.files == {"my clip": f"{tmp_path}/elsewhere/1.mp4", "été": f"{tmp_path}/v/2.mp4"}


def test_mistakes_of_a_jsonl_table(load: Load) -> None:
    lines = ['{"video": "a", "path": "v/a.mp4"}', "{", '{"video": "b"}', '{"video": 1, "path": "x"}', "[]"]
    message = 'should be {"video": …, "path": …}, both texts, or with "start" and "end" in seconds too'
    assert mistakes(load, "videos: t.jsonl", "v/a.mp4", **{"t.jsonl": "\n".join(lines)}) == [
        f"t.jsonl:{line}: {message}" for line in (2, 3, 4, 5)
    ]


def test_a_split_without_ids_has_what_its_captions_describe_or_all_that_is_left(load: Load) -> None:
    files = {"train.csv": "video,caption\nb,a cat\na,a dog\nb,again\n", "topics.txt": "1 a fish\n2 a bird\n"}
    yaml = "videos: v\ntrain: {captions: train.csv}\ntest: {queries: topics.txt}\n"
    loaded = load(yaml, *(f"v/{name}.mp4" for name in "abcd"), **files)
    assert loaded.ids == {"train": ["b", "a"], "val": [], "test": ["c", "d"]}
    assert list(loaded.queries) == [Caption("1", "", "a fish"), Caption("2", "", "a bird")]
    assert loaded.notes == []


def test_an_id_with_its_ending_is_not_listed_twice(load: Load) -> None:
    """A video of train is no candidate under its other name."""
    files = {"ids": "a.mp4\n", "cap": "a.mp4#0 a cat\n"}
    loaded = load("videos: v\ntrain: {ids: ids, captions: cap}\ntest: {}\n", "v/a.mp4", "v/b.mp4", **files)
    assert loaded.ids == {"train": ["a.mp4"], "val": [], "test": ["b"]}


def test_candidates_without_a_caption_are_told_by_number(load: Load) -> None:
    files = {"test.ids": "a\nb\nc\n", "test.cap": "b#0 a cat\n"}
    loaded = load(
        "videos: v\ntest: {ids: test.ids, captions: test.cap}\n", *(f"v/{name}.mp4" for name in "abc"), **files
    )
    assert loaded.ids["test"] == ["a", "b", "c"]
    assert loaded.notes == ["2 of 3 videos of test have no caption: a, c"]


def test_val_may_be_test(load: Load) -> None:
    files = {"cap": "a#0 a cat\n"}
    loaded = load("videos: v\nval: test\ntest: {captions: cap}\n", "v/a.mp4", **files)
    assert (loaded.val_is_test, loaded.ids["val"], loaded.ids["test"]) == (True, [], ["a"])
    assert mistakes(load, "videos: v\nval: test\n") == ["c.yaml: val: test: there is no test; describe it"]


def test_captions_that_leave_nothing_to_a_split(load: Load) -> None:
    files = {"cap": "a#0 a cat\n", "none": "\n"}
    yaml = "videos: v\ntrain: {captions: cap}\nval: {captions: none}\ntest: {captions: cap}\n"
    assert mistakes(load, yaml, "v/a.mp4", **files) == [
        "none: describes no video for val, or only those of other splits",
        "cap: describes no video for test, or only those of other splits",
    ]


@pytest.mark.parametrize(
    ("name", "head", "taken"),
    [
        ("x.png", b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR", False),
        ("x.webp", b"RIFF\0\0\0\0WEBPVP8X\x0a\0\0\0\x02\0\0\0", True),  # an animation
        ("x.webp", b"RIFF\0\0\0\0WEBPVP8X\x0a\0\0\0\0\0\0\0", False),
        ("x.gif", b"", True),
        ("x.part", MP4, False),
        ("x", b"\x1aE\xdf\xa3", True),
        ("x.0001", b"text", False),
    ],
)
def test_which_files_are_videos(load: Load, name: str, head: bytes, taken: bool) -> None:
    assert ("x" in load("videos: v", "v/a.mp4", **{f"v/{name}": head}).ids["test"]) is taken


def test_mistakes_of_splits(load: Load) -> None:
    files = {"cap": "a#0 a cat\n", "q": "a#0 a fish\n2\n", "none": "\n"}
    yaml = "videos: v\ntrain: {queries: q}\nval: {}\ntest: {captions: cap, queries: q}\n"
    assert mistakes(load, yaml, "v/a.mp4", "v/b.mp4", **files) == [
        "c.yaml: train: queries have no known answer to learn from; give them to test, which is ranked",
        "c.yaml: train and val have neither ids nor captions; one split at most can take what is left",
        "q:2: query '2' has no text; a line is an id, white space, and what is asked",
        "q: query 'a#0' has the id of a caption; give it another one",
    ]
    assert mistakes(load, "videos: v\ntest: {queries: none}\n") == ["none: lists no query"]
    assert mistakes(load, "test: {queries: q}\n")[0] == (
        "c.yaml: test: which videos are in it? Name `ids:`, or `videos:` of the collection"
    )
    assert mistakes(load, "name: x\n") == ["c.yaml: names no videos and no split: give `videos:` a folder or a table"]


def test_a_subfolder_that_leads_elsewhere(load: Load, tmp_path: Path) -> None:
    """It and a file that does are followed only when the collection says so; one that leads back is not gone twice."""
    load("videos: v", "v/a.mp4", "out/b.mp4")
    (tmp_path / "v" / "back").symlink_to(tmp_path / "v")
    assert load("videos: v").ids["test"] == ["a"]
    (tmp_path / "v" / "link").symlink_to(tmp_path / "out")
    (tmp_path / "v" / "c.mp4").symlink_to(tmp_path / "out" / "b.mp4")
    loaded = load("videos: v")
    assert loaded.ids["test"] == ["a"]
    told = "; `follow_links: true` in collection.yaml, or `laff index --follow-links`, follows them"
    for what in (
        "file of {} left out, as links out of it: c.mp4",
        "subfolder of {} left out, as links out of it: link",
    ):
        assert f"1 {what.format(tmp_path / 'v')}{told}" in loaded.notes
    assert load("videos: v\nfollow_links: true").ids["test"] == ["a", "c", "link/b"]
    (tmp_path / "v" / "a.mp4").unlink()
    assert mistakes(load, "videos: v") == [f"v: holds no video; 2 links lead out of it: c.mp4, link{told}"]


def test_a_link_to_nothing_costs_itself(load: Load, tmp_path: Path) -> None:
    (tmp_path / "v").mkdir()
    (tmp_path / "v" / "b.mp4").symlink_to("gone.mp4")
    loaded = load("videos: v", "v/a.mp4")
    assert loaded.ids["test"] == ["a", "b"]
    assert "1 of 2 videos have no file" in loaded.notes[0]


def test_accents_may_be_written_either_way(load: Load, tmp_path: Path) -> None:
    """Of a list, captions and a file, each in another form; percent-encoded or not."""
    nfc, nfd = "été 1", unicodedata.normalize("NFD", "été 1")
    files = {"ids": f"{nfd}\n", "cap": f"{nfc.replace(' ', '%20')}#0 a cat\n", f"v/{nfd}.mp4": ""}
    loaded = load("videos: v\ntest: {ids: ids, captions: cap}\n", **files)
    assert loaded.ids["test"] == [nfc]
    assert loaded.captions["test"].ids == [f"{nfc}#0"]
    assert loaded.files == {nfc: f"{tmp_path}/v/{nfd}.mp4"}


def test_the_current_folder_itself(load: Load, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """By `.`, and from a folder inside it by `..`, which then stands in no path of a video."""
    (tmp_path / "a.mp4").write_bytes(b"x")
    (tmp_path / ".inside").mkdir()
    monkeypatch.chdir(tmp_path)
    for name, text in (("c.yaml", "videos: .\n"), (".inside/c.yaml", "videos: ..\n")):
        Path(name).write_text(text)
        assert collection.load(Path(name)).files == {"a": "a.mp4"}
