"""DiDeMo as paragraphs and as moments, names of videos with odd endings, and mistakes in its files."""

import json
from pathlib import Path
from typing import Any

import pytest

from pipeline.items.windows import Window

OTHER = {"accept_counts": True}


def row(video: str, text: str, number: int, times: Any = ((0, 0),)) -> dict[str, Any]:
    return {
        **{"video": video, "description": text, "annotation_id": number, "num_segments": 6},
        **{"times": [list(pair) for pair in times], "dl_link": "https://www.flickr.com/video_download.gne?id=1"},
    }


TRAIN = [row("1@N0_a.mov", "a cat", 1), row("2@N0_b.", "rain", 2), row("2@N0_b.avi", "more rain", 3)]
VAL = [row("3@N0_c.avi", "a dog", 4)]
TEST = [
    row("4@N0_d.", "first a car", 5, [(1, 1), (1, 1), (1, 1), (0, 0)]),
    row("4@N0_d.mp4", "then  a\tboat", 6, [(2, 5)]),
    row("4@N0_d.mp4", "a boat again", 7, [(2, 5), (2, 5)]),
]
FILES = {f"{split}_data.json": json.dumps(rows) for split, rows in (("train", TRAIN), ("val", VAL), ("test", TEST))}


def test_paragraphs(desk: Any):
    report = desk.prepare("didemo", FILES, **OTHER)
    assert report[1:4] == [
        "  train  2 videos (others say 8,395: unchecked); 2 captions (others say 8,395: unchecked)",
        "  val    1 video (1,065 were published); 1 caption (1,065 were published)",
        "  test   1 video (1,004 were published); 1 caption (1,004 were published)",
    ]
    assert desk.collection().ids == {"train": ["1@N0_a", "2@N0_b"], "val": ["3@N0_c"], "test": ["4@N0_d"]}
    assert desk.captions("train") == {"1@N0_a#0": "a cat", "2@N0_b#0": "rain more rain"}
    assert desk.captions("test") == {"4@N0_d#0": "first a car then a boat a boat again"}


def test_the_seconds_that_a_paragraph_tells_of(desk: Any, tmp_path: Path):
    """A file may have the name with its ending, with another one, or with the point alone."""
    names = {"1@N0_a": "1@N0_a.mov", "2@N0_b": "2@N0_b..mp4", "3@N0_c": "3@N0_c.mp4", "4@N0_d": "4@N0_d."}
    (tmp_path / "videos").mkdir()
    for name in names.values():
        (tmp_path / "videos" / name).touch()
    report = desk.prepare("didemo", FILES, videos=tmp_path / "videos", **OTHER)
    assert f"videos: all 4 have a file in {tmp_path}/videos" in report
    made = desk.collection()
    assert made.files == {video: f"{tmp_path}/videos/{name}" for video, name in names.items()}
    assert made.windows == dict.fromkeys(names, Window(0, 31))


def test_the_list_of_train_leaves_videos_out(desk: Any):
    report = desk.prepare("didemo", FILES | {"train_list.txt": "1@N0_a.mov\n"}, **OTHER)
    assert report[1] == "  train  1 video (8,392 were published); 1 caption (8,392 were published)"
    assert "note: 2 captions of 1 video are left out, for the protocol has these videos in no split: 2@N0_b" in report


def test_moments(desk: Any, tmp_path: Path):
    """Pieces 1, 1, 1, 0 of five seconds begin at 3.75 s and end at 8.75 s in the mean; 2 to 5 are 10 to 30 s."""
    (tmp_path / "videos").mkdir()
    (tmp_path / "videos" / "4@N0_d.mp4").touch()
    report = desk.prepare("didemo", FILES, "windows", videos=tmp_path / "videos", **OTHER)
    assert report[3] == "  test   2 moments (unchecked: no number is known); 3 captions (4,021 were published)"
    made = desk.collection()
    assert made.ids["test"] == ["4@N0_d@3.75-8.75", "4@N0_d@10-30"]
    assert made.windows["4@N0_d@3.75-8.75"] == Window(3.75, 8.75)
    assert made.windows["4@N0_d@10-30"] == Window(10, 30)
    assert made.files["4@N0_d@10-30"] == f"{tmp_path}/videos/4@N0_d.mp4"
    assert desk.captions("test") == {
        "4@N0_d@3.75-8.75#0": "first a car",
        "4@N0_d@10-30#0": "then a boat",
        "4@N0_d@10-30#1": "a boat again",
    }
    assert made.protocol == ""


def test_files_of_moments_are_counted_by_video(desk: Any, tmp_path: Path):
    """A person fetches videos, not moments; the name of a file is that of the annotations, where it has an ending."""
    (tmp_path / "videos").mkdir()
    (tmp_path / "videos" / "3@N0_c.avi").touch()
    files = {name: content for name, content in FILES.items() if name != "train_data.json"}
    report = desk.prepare("didemo", files, "windows", videos=tmp_path / "videos", **OTHER)
    assert f"videos: 1 of 2 have a file in {tmp_path}/videos" in report
    assert ("  test: 1 of 1 is missing, and their moments stay in the split for coverage to count: 4@N0_d") in report
    assert (desk.folder / "out" / "missing.txt").read_text() == "4@N0_d\n"
    assert f"4@N0_d@10-30,{tmp_path}/videos/4@N0_d.mp4,10,30\n" in (desk.folder / "out" / "videos.csv").read_text()
    assert desk.collection().files["4@N0_d@3.75-8.75"] == f"{tmp_path}/videos/4@N0_d.mp4"
    where = "they are in train_data.json, which is not among the files"
    assert f"note: train has no videos: {where} (33,005 captions were published)" in report
    assert report[-1] == "next: run this again with train_data.json: without captions of train nothing can be learned"


@pytest.mark.parametrize(
    ("files", "mistakes"),
    [
        ({"test_data.json": None}, ["DiDeMo needs test_data.json; it is not among the files"]),
        (
            {"test_data.json": FILES["test_data.json"][:-9]},
            ["test_data.json:1: ends in the middle, as a download that was cut off does; fetch it again"],
        ),
        ({"test_data.json": "{}"}, ["test_data.json: should be a list of {"]),
        (
            {
                "test_data.json": json.dumps(
                    [row("a.mp4", "x", 1, []), row("a.mp4", "x", 1, [(3, 2)]), row("a.mp4", "x", 1, [(0, 6)]), 3]
                )
            },
            [
                "test_data.json: entry 0 should be {",
                "test_data.json: entry 1 should be {",
                "test_data.json: entry 2 should be {",
                "test_data.json: entry 3 should be {",
            ],
        ),
        (
            {"test_data.json": json.dumps([row("a.mp4", "x", 7), row("b.mp4", "y", 7)])},
            ["test_data.json: entry 1: annotation_id 7 stands again; first in entry 0: remove one of the two"],
        ),
        (
            {"test_data.json": json.dumps([row("4@N0_d.", "x", 1), row("3@N0_c.", "y", 2)])},
            ["test_data.json: video '3@N0_c' is in val too (val_data.json); a video belongs"],
        ),
        (
            {"test_list.txt": "4@N0_d.\n4@N0_d.mp4\n"},
            ["test_list.txt:2: video '4@N0_d' stands again; first in line 1: remove one of the two"],
        ),
        (
            {"mine.json": FILES["val_data.json"]},
            ["mine.json: is it train_data.json, val_data.json or test_data.json? Its name should say so"],
        ),
    ],
    ids=["missing", "cut off", "object", "entries", "twice", "two splits", "list", "unknown"],
)
def test_damage(desk: Any, files: dict[str, str | None], mistakes: list[str]):
    given = {name: content for name, content in (FILES | files).items() if content is not None}
    told = desk.mistakes("didemo", given)
    assert len(told) == len(mistakes)
    for text, wanted in zip(told, mistakes, strict=True):
        assert text.startswith(wanted)


def test_a_description_of_a_video_of_another_split(desk: Any):
    [mistake] = desk.mistakes(
        "didemo",
        FILES | {"val_list.txt": "3@N0_c.avi\n", "val_data.json": json.dumps([*VAL, row("4@N0_d.mp4", "x", 9)])},
    )
    assert mistake.startswith(
        "val_data.json: '4@N0_d' is a video of test, and this file has the captions of val; move the line"
    )


def test_real_paragraphs_and_moments(data: Path, desk: Any):
    folder = data / "annotations" / "didemo"
    files = {path.name: path.read_bytes() for path in folder.iterdir()}
    report = desk.prepare("didemo", files)
    assert report[1:4] == [
        "  train  8,392 videos (as published); 0 captions",
        "  val    1,065 videos (as published); 1,065 captions (as published)",
        "  test   1,004 videos (as published); 1,004 captions (as published)",
    ]
    report = desk.prepare("didemo", files, "windows", replace=True)
    assert report[1:3] == [
        "  val    3,648 moments (unchecked: no number is known); 4,180 captions (as published)",
        "  test   3,497 moments (unchecked: no number is known); 4,021 captions (as published)",
    ]
