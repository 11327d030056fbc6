"""What every preparation does, whatever the data set."""

from pathlib import Path
from typing import Any

import pytest

from pipeline.errors import LaffError
from pipeline.protocols.dataset import Choices

ROWS = {"train.csv": "video,caption\na,x\n", "test.csv": "video,caption\nb,y\n"}


def test_a_choice_that_a_data_set_does_not_have(desk: Any):
    assert desk.mistakes("csv", ROWS, choices=Choices(val="test")) == [
        "csv has nothing to choose by --val (it has --seed, --fractions, --column, --captions)"
    ]


def test_an_output_among_the_annotations_is_not_read_again(desk: Any):
    place = desk.give(ROWS)
    desk.prepare("csv", ROWS)
    (desk.folder / "out").rename(place / "out")
    (desk.folder / "out").symlink_to(place / "out")
    desk.prepare("csv", ROWS)
    assert desk.collection().ids == {"train": ["a"], "val": [], "test": ["b"]}


def test_an_output_in_place_of_the_annotations(desk: Any):
    (desk.folder / "out").symlink_to(desk.give(ROWS))
    with pytest.raises(LaffError, match="the annotations lie there"):
        desk.prepare("csv", ROWS)


def test_the_collection_says_where_it_comes_from(desk: Any):
    desk.prepare("csv", ROWS, name="zoo")
    text = (desk.folder / "out" / "collection.yaml").read_text()
    # By `printf 'video,caption\na,x\n' | sha256sum`.
    assert "# from train.csv, sha256 4de6ba2621233a277675a826f36a1a205e7391bad48de39a7afa9829859d9b87\n" in text
    assert "\nname: zoo\n" in text


def test_videos_that_are_missing_are_counted(desk: Any, tmp_path: Path):
    videos = tmp_path / "clips"
    videos.mkdir()
    (videos / "a.mp4").touch()
    report = desk.prepare("csv", ROWS, videos=videos)
    assert f"videos: 1 of 2 have a file in {videos}" in report
    assert "  test: 1 of 1 is missing, and stays in the split for coverage to count: b" in report
    assert (
        f"  all that are missing: {desk.folder / 'out' / 'missing.txt'}; prepare again when more of them are there"
        in report
    )
    assert (desk.folder / "out" / "missing.txt").read_text() == "b\n"
    loaded = desk.collection()
    assert loaded.ids == {"train": ["a"], "val": [], "test": ["b"]}
    assert loaded.notes == [f"1 of 2 videos have no file in {videos}, which costs these videos: 'b'"]


def test_what_to_do_next(desk: Any, tmp_path: Path):
    file = desk.folder / "out" / "collection.yaml"
    assert desk.prepare("csv", ROWS)[-1] == (
        f"next: give {file} captions of val, without which nothing can be learned: `val: test` there chooses the best "
        "epoch by test"
    )
    whole = ROWS | {"val.csv": "video,caption\nc,z\n"}
    assert desk.prepare("csv", whole, replace=True)[-1] == f"next: laff import FEATURES --out FOLDER -c {file}"
    videos = tmp_path / "clips"
    videos.mkdir()
    wish = {"videos": videos, "replace": True, "command": "python cli.py"}
    assert desk.prepare("csv", whole, **wish)[-1] == f"next: put videos into {videos}, and run this again"
    (videos / "a.mp4").touch()
    assert desk.prepare("csv", whole, **wish)[-1] == f"next: python cli.py plan -c {file} -w WORK"


def test_files_of_another_data_set(desk: Any):
    with pytest.raises(LaffError) as error:
        desk.prepare("msvd", {"a.caption.txt": "".join(f"video{number}#0 x\n" for number in range(9))})
    lines = str(error.value).split("\n")
    assert lines[-1] == "The files look like those of another data set: `laff prepare msrvtt`"


def test_a_folder_without_texts_says_what_to_put_there(desk: Any):
    with pytest.raises(
        LaffError, match=r"holds no annotation file .*:\n  a folder of videos: the captions of a.mp4 are"
    ):
        desk.prepare("folder", {"a.mp4": ""})


def test_links_out_of_the_folder_are_told_and_followed_when_asked(desk: Any, tmp_path: Path):
    videos = tmp_path / "clips"
    videos.mkdir()
    for name in ("a", "b"):
        (tmp_path / f"{name}.mp4").touch()
        (videos / f"{name}.mp4").symlink_to(tmp_path / f"{name}.mp4")
    report = desk.prepare("csv", ROWS, videos=videos)
    told = f"note: 2 files are links out of {videos}, such as a.mp4; a run refuses them until --follow-links lets it"
    assert told in report
    with pytest.raises(LaffError, match="follow_links: true"):
        desk.collection()
    assert told not in desk.prepare("csv", ROWS, videos=videos, follow_links=True, replace=True)
    assert desk.collection().files["a"] == str(videos / "a.mp4")
