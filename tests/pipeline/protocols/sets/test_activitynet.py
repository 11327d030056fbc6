"""ActivityNet Captions as paragraphs, tested on val_1 or val_2, and mistakes in its files."""

import json
from pathlib import Path
from typing import Any

import pytest

from pipeline.protocols.dataset import Choices

OTHER = {"accept_counts": True}


def official(*videos: str) -> str:
    rows = {
        video: {"duration": 9.5, "timestamps": [[4, 9], [0, 3.5]], "sentences": [f"In {video}.", " A man\nsings. "]}
        for video in videos
    }
    return json.dumps(rows)


FILES = {
    "train.json": official("v_a", "v_b", "v_c"),
    "val_1.json": official("v_x", "v_y"),
    "val_2.json": official("v_y"),
}


def test_paragraphs_are_the_sentences_as_listed(desk: Any):
    report = desk.prepare("activitynet", FILES, choices=Choices(val="test"), **OTHER)
    assert report[1:5] == [
        "chosen: val: test, as others have it: the best epoch is chosen by the test queries",
        "  train  3 videos (10,009 were published); 3 captions (10,009 were published)",
        "  val    the videos of test: the best epoch is chosen by the very queries of the figures",
        "  test   2 videos (4,917 were published); 2 captions (4,917 were published)",
    ]
    assert desk.captions("train")["v_b#0"] == "In v_b. A man sings."
    made = desk.collection()
    assert (made.ids["train"], made.ids["test"], made.val_is_test) == (["v_a", "v_b", "v_c"], ["v_x", "v_y"], True)
    assert "note: not used: val_2.json" in report


def test_val_2_and_videos_held_out(desk: Any):
    report = desk.prepare("activitynet", FILES, "val2", choices=Choices(held_out=1, seed=3), **OTHER)
    made = desk.collection()
    assert made.ids["test"] == ["v_y"]
    assert len(made.ids["train"]) == 2
    assert sorted(made.ids["train"] + made.ids["val"]) == ["v_a", "v_b", "v_c"]
    assert report[1].startswith("chosen: val: 1 of the 3 train videos, drawn by seed 3, since no other video is left")
    again = desk.prepare("activitynet", FILES, "val2", choices=Choices(held_out=1, seed=3), **OTHER)
    assert "is up to date already" in again[-2]


def test_videos_by_their_names_at_youtube(desk: Any, tmp_path: Path):
    (tmp_path / "videos").mkdir()
    for name in ("a.mkv", "v_b.mp4", "v_c.mp4", "x.mp4"):
        (tmp_path / "videos" / name).touch()
    report = desk.prepare("activitynet", FILES, choices=Choices(val="test"), videos=tmp_path / "videos", **OTHER)
    assert desk.collection().files["v_a"] == f"{tmp_path}/videos/a.mkv"
    assert "  test: 1 of 2 is missing, and stays in the split for coverage to count: v_y" in report


def test_lists_without_paragraphs(desk: Any):
    files = {"train.json": FILES["train.json"], "val_1_list.txt": "v_x\nv_y\n"}
    report = desk.prepare("activitynet", files, choices=Choices(val="test"), **OTHER)
    assert desk.collection().ids["test"] == ["v_x", "v_y"]
    where = "they are in val_1.json, which is not among the files"
    assert f"note: test has no captions: {where} (4,917 captions were published)" in report


@pytest.mark.parametrize(
    ("files", "mistakes"),
    [
        ({"train.json": FILES["train.json"]}, ["val1 needs val_1.json; it is not among the files"]),
        (
            {"mine.json": FILES["val_1.json"]},
            ["mine.json: is it train.json, val_1.json or val_2.json? Its name should say so"],
        ),
        (
            {"val_1.json": FILES["val_1.json"][:60]},
            ["val_1.json:1: ends in the middle, as a download that was cut off does; fetch it again"],
        ),
        ({"val_1.json": "[1]"}, ['val_1.json: should be {"v_…": {"sentences": […], …}}, as ActivityNet Captions']),
        (
            {"val_1.json": '{"v_x": {"sentences": "one"}, "v_y": 3}'},
            [
                """val_1.json: 'v_x' should be {"sentences": […], …} with a list of texts""",
                """val_1.json: 'v_y' should be {"sentences": […], …} with a list of texts""",
            ],
        ),
        (
            {"val_1.json": '{"v_x": {"sentences": []}, "v_x": {"sentences": []}}'},
            ["val_1.json: 'v_x' stands twice; remove one of the two"],
        ),
        (
            {"val_1.json": official("v_a")},
            ["val_1.json: video 'v_a' is in train too (train.json); a video belongs to one split"],
        ),
        (
            {"val_1_list.txt": "v_x\nv_z\n"},
            ["val_1.json: 'v_y' is no video of the lists of ActivityNet Captions; remove the caption, or mend the id"],
        ),
        (
            {"val_1.json": FILES["val_1.json"].encode("utf-16-be")},
            ["val_1.json:1: is not JSON: Expecting value at column 1"],
        ),
    ],
    ids=["missing", "unknown", "cut off", "list", "texts", "twice", "two splits", "other list", "no mark"],
)
def test_damage(desk: Any, files: dict[str, str | bytes], mistakes: list[str]):
    given = files if files.keys() == {"train.json"} else FILES | files
    told = desk.mistakes("activitynet", given, choices=Choices(val="test"))
    assert len(told) == len(mistakes)
    for text, wanted in zip(told, mistakes, strict=True):
        assert text.startswith(wanted)


def test_a_held_out_part_that_is_all(desk: Any):
    assert desk.mistakes("activitynet", FILES, choices=Choices(held_out=3)) == [
        "--held-out 3: should be from 1 to 2, the videos of train less one"
    ]


def test_an_empty_paragraph_is_told(desk: Any):
    files = FILES | {"val_1.json": '{"v_x": {"sentences": [" "]}, "v_y": {"sentences": ["one"]}}'}
    report = desk.prepare("activitynet", files, choices=Choices(val="test"), **OTHER)
    assert "note: val_1.json: 1 caption is empty and left out (v_x)" in report


def test_real_paragraphs(data: Path, desk: Any):
    folder = data / "annotations" / "activitynet"
    files = {path.name: path.read_bytes() for path in folder.iterdir()}
    report = desk.prepare("activitynet", files, choices=Choices(val="test"))
    assert report[2] == "  train  10,009 videos (as published); 10,009 captions (as published)"
    assert report[4] == "  test   4,917 videos (as published); 0 captions"
    assert desk.captions("train")["v_QOlSCBRmfWY#0"] == (
        "A young woman is seen standing in a room and leads into her dancing. The girl dances around the room while "
        "the camera captures her movements. She continues dancing around the room and ends by laying on the floor."
    )
