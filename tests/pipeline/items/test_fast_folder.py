"""A folder read in bulk is what reading it file by file gives, or is left to that."""

from pathlib import Path

import pytest

from pipeline.items import collection, fast_folder


def folder_of(folder: Path, *names: str) -> Path:
    """A collection.yaml beside a folder with these files."""
    for name in names:
        file = folder / "videos" / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.touch()
    path = folder / "collection.yaml"
    path.write_text("videos: videos\n")
    return path


def read(path: Path) -> tuple[object, ...]:
    read = collection.load(path)
    return read.ids, read.captions, list(read.files.items()), read.notes, read.windows


def is_read_in_bulk(path: Path, monkeypatch: pytest.MonkeyPatch) -> bool:
    """Whether it is; what it gives then has to be equal to what the other way gives."""
    in_bulk = fast_folder.read({"videos": "videos"}, path)
    if in_bulk is None:
        return False
    first = read(path)
    monkeypatch.setattr(fast_folder, "read", lambda *given: None)
    assert read(path) == first
    assert list(in_bulk.files.items()) == first[2]
    return True


@pytest.mark.parametrize(
    "names",
    [
        ("b.mp4", "a.MKV", "c.gif"),
        ("z/b.mp4", "a b/c d.mp4", "z/y/a.avi", "b.mp4"),
        ("Two.mp4", "two2.mp4", "a.b.c.webm", "a..mp4"),
        ("a.mp4", "a.srt", "a.jpg", "notes.txt", ".hidden.mp4", ".hidden/b.mp4", "z/cover.JPG"),
        ("b2.mp4", "b10.mp4", "b-1.mp4", "b/1.mp4", "b.1.mp4"),
    ],
)
def test_sound_folders(tmp_path: Path, names: tuple[str, ...], monkeypatch: pytest.MonkeyPatch) -> None:
    assert is_read_in_bulk(folder_of(tmp_path, *names), monkeypatch)


@pytest.mark.parametrize(
    "names",
    [
        ("a.mp4", "a.avi"),  # two of one id
        ("a.mp4", "A.mp4"),  # apart by case
        ("été.mp4",),  # which may be written in two ways
        ("a .mp4",),  # white space at an end
        ("a\tb.mp4", "c.mp4"),
        ("a.mp4", "b"),  # no ending: its first bytes tell
        ("a.mp4", "b.webp"),  # may move
        ("a.mp4", "b.xyz"),  # a note tells of it
        ("notes.txt",),  # no video
    ],
)
def test_others_are_left_to_the_reading_of_each_file(
    tmp_path: Path, names: tuple[str, ...], monkeypatch: pytest.MonkeyPatch
) -> None:
    assert not is_read_in_bulk(folder_of(tmp_path, *names), monkeypatch)


def test_links_are_left_to_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = folder_of(tmp_path, "a.mp4")
    (tmp_path / "videos" / "b.mp4").symlink_to(tmp_path / "videos" / "a.mp4")
    assert not is_read_in_bulk(path, monkeypatch)


def test_a_folder_above_is_named_plainly(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """As in FOLDER/.laff, where `laff index` says `videos: ..`."""
    path = folder_of(tmp_path, "a.mp4")
    inside = tmp_path / "videos" / ".laff" / "collection.yaml"
    inside.parent.mkdir()
    inside.write_text("videos: ..\n")
    first = read(inside)
    assert first[2] == [("a", str(tmp_path / "videos" / "a.mp4"))]
    monkeypatch.setattr(fast_folder, "read", lambda *given: None)
    assert read(inside) == first == read(path)


@pytest.mark.parametrize("more", ["train: {ids: train.txt}", "windows: {seconds: 10}", "follow_links: maybe"])
def test_more_than_a_folder_is_left_to_it(tmp_path: Path, more: str) -> None:
    path = folder_of(tmp_path, "a.mp4")
    key, _, value = more.partition(": ")
    assert fast_folder.read({"videos": "videos", key: value}, path) is None
