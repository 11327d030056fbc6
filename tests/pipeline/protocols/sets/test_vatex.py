"""VATEX by HGR's lists and by the random one, and mistakes in its files."""

import json
from pathlib import Path
from typing import Any

import pytest

from pipeline.protocols.dataset import Choices

OTHER = {"accept_counts": True}  # a handful of clips is not what was published
CLIPS = [f"clip{number}_000000_000010" for number in range(8)]
TRAIN, OFFICIAL = CLIPS[:2], CLIPS[2:]  # official training and validation
VAL, TEST = [CLIPS[2], CLIPS[4], CLIPS[6]], [CLIPS[3], CLIPS[5], CLIPS[7]]  # HGR's halves
DRAWN = [CLIPS[7], CLIPS[2], CLIPS[3]]  # the random list of test


def official(clips: list[str]) -> str:
    rows = [{"videoID": clip, "enCap": [f"{clip} one", f" two of\t{clip}"], "chCap": ["一"]} for clip in clips]
    return json.dumps(rows, ensure_ascii=False)


def listed(clips: list[str]) -> str:
    return "".join(f"{clip}\n" for clip in clips)


JSON = {"vatex_training_v1.0.json": official(TRAIN), "vatex_validation_v1.0.json": official(OFFICIAL)}
LISTS = {"val_list.txt": listed(VAL), "test_list.txt": listed(TEST), "test1k5_sec_list.txt": listed(DRAWN)}


def test_the_split_of_hgr(desk: Any):
    report = desk.prepare("vatex", JSON | LISTS, **OTHER)
    assert report[1:4] == [
        "  train  2 videos (25,991 were published); 4 captions (others say 259,910: unchecked)",
        "  val    3 videos (1,500 were published); 6 captions (others say 15,000: unchecked)",
        "  test   3 videos (1,500 were published); 6 captions (others say 15,000: unchecked)",
    ]
    assert desk.collection().ids == {"train": TRAIN, "val": VAL, "test": TEST}
    assert list(desk.captions("val").items())[:2] == [
        ("clip2_000000_000010#0", "clip2_000000_000010 one"),
        ("clip2_000000_000010#1", "two of clip2_000000_000010"),
    ]
    assert "note: not used: test1k5_sec_list.txt" in report


def test_the_random_split(desk: Any):
    report = desk.prepare("vatex", JSON | LISTS, "random", **OTHER)
    assert desk.collection().ids == {"train": TRAIN, "val": [CLIPS[4], CLIPS[5], CLIPS[6]], "test": DRAWN}
    assert report[1].startswith("chosen: val: those of the 3,000 clips of official validation that are not in the list")


def test_lists_alone_say_the_random_split_too(desk: Any):
    files = LISTS | {"train_list.txt": listed(TRAIN)}
    report = desk.prepare("vatex", files, "random", **OTHER)
    made = desk.collection()
    assert (set(made.ids["val"]), made.ids["test"]) == ({CLIPS[4], CLIPS[5], CLIPS[6]}, DRAWN)
    where = "they are in vatex_validation_v1.0.json, which is not among the files"
    assert f"note: test has no captions: {where} (15,000 captions were published)" in report
    assert report[-1].startswith("next: run this again with vatex_training_v1.0.json and vatex_validation_v1.0.json: ")


def test_only_the_first_captions(desk: Any):
    desk.prepare("vatex", JSON | LISTS, choices=Choices(first=1), **OTHER)
    assert len(desk.captions("test")) == 3


def test_what_is_missing(desk: Any):
    assert desk.mistakes("vatex", {"vatex_validation_v1.0.json": official(OFFICIAL)}) == [
        "hgr needs vatex_training_v1.0.json or train_list.txt, which says the videos of train",
        "hgr needs val_list.txt, which says the videos of val",
        "hgr needs test_list.txt, which says the videos of test",
    ]


def test_the_random_split_of_unknown_clips(desk: Any):
    files = JSON | {"test1k5_sec_list.txt": listed([*DRAWN, "gone_000000_000010"])}
    assert desk.mistakes("vatex", files, "random") == [
        "test1k5_sec_list.txt:4: 'gone_000000_000010' is none of the 3,000 clips of official validation"
    ]


def test_the_random_split_without_the_official_clips(desk: Any):
    files = {"train_list.txt": listed(TRAIN), "test1k5_sec_list.txt": listed(DRAWN)}
    assert desk.mistakes("vatex", files, "random")[0] == (
        "random needs the 3,000 clips of official validation: vatex_validation_v1.0.json, or the val_list.txt and "
        "test_list.txt of HGR"
    )


@pytest.mark.parametrize(
    ("file", "content", "mistakes"),
    [
        (
            "vatex_validation_v1.0.json",
            official(OFFICIAL)[:-40],
            [
                "vatex_validation_v1.0.json:1: ends in the middle, as a download that was cut off does; fetch it again",
            ],
        ),
        (
            "vatex_validation_v1.0.json",
            json.dumps([{"videoID": VAL[0], "enCap": ["x"]}, {"videoID": VAL[0], "enCap": ["y"]}, {"enCap": "x"}]),
            [
                "vatex_validation_v1.0.json: entry 1: 'clip2_000000_000010' stands again; first in entry 0: remove one "
                "of the two",
                'vatex_validation_v1.0.json: entry 2 should be {"videoID": …, "enCap": […]}, a text and a list of '
                "texts",
            ],
        ),
        (
            "vatex_training_v1.0.json",
            json.dumps({"a": 1}),
            [
                'vatex_training_v1.0.json: should be a list of {"videoID": …, "enCap": […]}, as VATEX publishes it',
            ],
        ),
        (
            "val_list.txt",
            listed([*VAL, VAL[0], TEST[0]]),
            [
                "val_list.txt:4: video 'clip2_000000_000010' stands again; first in line 1: remove one of the two",
                "test_list.txt:1: video 'clip3_000000_000010' is in val too (val_list.txt:5); a video belongs to one "
                "split: remove one of the two",
            ],
        ),
        (
            "val_list.txt",
            "clip2\xe9_000000_000010".encode("latin-1"),
            [
                "val_list.txt:1: is not UTF-8 text: byte 0xe9 (invalid continuation byte); save it as UTF-8, say by "
                "`iconv -f LATIN1 -t UTF-8 val_list.txt`"
            ],
        ),
    ],
    ids=["cut off", "twice", "no list", "lists", "Latin 1"],
)
def test_damage(desk: Any, file: str, content: str | bytes, mistakes: list[str]):
    told = desk.mistakes("vatex", JSON | LISTS | {file: content})
    assert [text for text in mistakes if text not in told] == []


def test_a_caption_of_a_clip_of_another_split(desk: Any):
    lists = LISTS | {"train_list.txt": listed(TRAIN)}
    [mistake] = desk.mistakes("vatex", lists | {"vatex_training_v1.0.json": official([*TRAIN, VAL[0]])})[:1]
    assert mistake.startswith(
        "vatex_training_v1.0.json: 'clip2_000000_000010' is a video of val, and this file has the captions of train"
    )


@pytest.mark.parametrize("encoding", ["utf-8-sig", "utf-16"])
def test_marks_and_line_ends(desk: Any, encoding: str):
    files = {name: text.replace("\n", "\r\n").encode(encoding) for name, text in (JSON | LISTS).items()}
    desk.prepare("vatex", files, **OTHER)
    assert desk.collection().ids == {"train": TRAIN, "val": VAL, "test": TEST}


def test_real_lists(data: Path, desk: Any):
    """The lists of both splits as CLIP2Video gives them; their tests share 724 clips, 776 are val of HGR."""
    folder = data / "annotations" / "vatex"
    files = {path.name: path.read_bytes() for path in folder.iterdir()}
    report = desk.prepare("vatex", files)
    assert report[1:4] == [
        "  train  25,991 videos (as published); 0 captions",
        "  val    1,500 videos (as published); 0 captions",
        "  test   1,500 videos (as published); 0 captions",
    ]
    by_hgr = desk.collection().ids
    desk.prepare("vatex", files, "random", replace=True)
    drawn = desk.collection().ids
    assert {split: len(videos) for split, videos in drawn.items()} == {"train": 25991, "val": 1500, "test": 1500}
    assert len(set(drawn["test"]) & set(by_hgr["test"])) == 724
    assert len(set(drawn["test"]) & set(by_hgr["val"])) == 776
