"""MSR-VTT by its protocols, from each form of its files, with the published counts; damage of each kind."""

import json
import random
from pathlib import Path
from typing import Any

import pytest

from pipeline.errors import LaffError
from pipeline.protocols.dataset import Choices

# Short captions of all videos: twenty of each test video, one of the others.
CAPTIONS = {f"video{number}": [f"{number} {n}" for n in range(20 if number >= 7010 else 1)] for number in range(10000)}
TEST = random.Random(0).sample(range(7010, 10000), 1000)  # stands for JSFusion's test videos
JSFUSION = "key,vid_key,video_id,sentence\n" + "".join(
    f'ret{place},msr{number},video{number},"one, of {number}"\n' for place, number in enumerate(TEST)
)
OTHER = {"accept_counts": True}


def split_of(number: int) -> str:
    return "train" if number < 6513 else "validate" if number < 7010 else "test"


def lines(between: str, videos: dict[str, list[str]] | None = None) -> str:
    """The captions as lines, with `between` before the number."""
    return "".join(
        f"{video}#{between}{number} {text}\n"
        for video, texts in (videos or CAPTIONS).items()
        for number, text in enumerate(texts)
    )


def info(low: int = 0, high: int = 10000) -> str:
    """The official json of the videos from `low` to `high`."""
    videos = [{"video_id": f"video{number}", "split": split_of(number)} for number in range(low, high)]
    sentences = [
        {"video_id": f"video{number}", "caption": text, "sen_id": 0}
        for number in range(low, high)
        for text in CAPTIONS[f"video{number}"]
    ]
    return json.dumps({"info": {}, "videos": videos, "sentences": sentences})


@pytest.mark.parametrize(
    "files",
    [
        {"train_val_videodatainfo.json": info(0, 7010), "test_videodatainfo.json": info(7010, 10000)},
        {"MSRVTT_data.json": "\ufeff" + info().replace("}, ", "},\r\n")},
        {"a.caption.txt": lines("")},
        {"a.caption.txt": lines("enc#").replace("\n", "\r\n")},
    ],
    ids=["json of two", "json of all with BOM and CRLF", "VisualSearch", "VisualSearch with #enc#"],
)
def test_the_official_split(desk: Any, files: dict[str, str]):
    report = desk.prepare("msrvtt", files)
    assert report[1:4] == [
        "  train  6,513 videos (as published); 6,513 captions (others say 130,260: unchecked)",
        "  val    497 videos (as published); 497 captions (others say 9,940: unchecked)",
        "  test   2,990 videos (as published); 59,800 captions (as published)",
    ]
    made = desk.collection()
    assert {split: (videos[0], videos[-1]) for split, videos in made.ids.items()} == {
        "train": ("video0", "video6512"),
        "val": ("video6513", "video7009"),
        "test": ("video7010", "video9999"),
    }
    captions = desk.captions("test")
    assert (len(captions), captions["video7010#0"], captions["video9999#19"]) == (59800, "7010 0", "9999 19")
    assert made.protocol == "msrvtt/full, 6,513 of 130,260 train captions"


def test_1k_a_holds_a_thousand_train_videos_out(desk: Any):
    report = desk.prepare("msrvtt", {"a.caption.txt": lines(""), "MSRVTT_JSFUSION_test.csv": JSFUSION}, "1k-A")
    train, val, test = report[2:5]
    assert train.startswith("  train  8,000 videos (9,000 as published, less 1,000); ")
    assert val.startswith("  val    1,000 videos (of train); ")
    assert test == "  test   1,000 videos (as published); 1,000 captions (as published)"
    made = desk.collection()
    assert {split: len(videos) for split, videos in made.ids.items()} == {"train": 8000, "val": 1000, "test": 1000}
    assert set(made.ids["test"]) == {f"video{number}" for number in TEST}
    assert len({*made.ids["train"], *made.ids["val"], *made.ids["test"]}) == 10000
    assert desk.captions("test") == {f"video{number}#0": f"one, of {number}" for number in TEST}
    assert made.protocol == "msrvtt/1k-a, 41,497 of 160,000 train captions"


def test_1k_a_by_a_list_of_visualsearch(desk: Any):
    one = "".join(f"video{number}#enc#0 one, of {number}\n" for number in TEST)
    desk.prepare("msrvtt", {"a.caption.txt": lines(""), "msrvtt1kAtest.caption.txt": one}, "1k-a")
    assert desk.captions("test") == {f"video{number}#0": f"one, of {number}" for number in TEST}


def test_1k_a_by_7k_and_by_the_test_videos(desk: Any):
    files = {"a.caption.txt": lines(""), "MSRVTT_JSFUSION_test.csv": JSFUSION}
    report = desk.prepare("msrvtt", files, "1k-a-7k", Choices(val="test"))
    assert report[2] == "  train  7,010 videos (as published); 7,010 captions (others say 140,200: unchecked)"
    made = desk.collection()
    assert made.ids["train"] == [f"video{number}" for number in range(7010)]
    assert (made.val_is_test, made.protocol) == (
        True,
        "msrvtt/1k-a-7k, 7,010 of 140,200 train captions",
    )


def test_the_draw_depends_on_the_seed_alone(desk: Any):
    files = {"a.caption.txt": lines(""), "MSRVTT_JSFUSION_test.csv": JSFUSION}
    held = []
    for seed, give in ((1, {}), (1, {"replace": True}), (2, {"replace": True})):
        desk.prepare("msrvtt", files, "1k-a-7k", Choices(held_out=10, seed=seed), **give)
        held.append(desk.collection().ids["val"])
    assert len(held[0]) == 10
    assert held[0] == held[1] != held[2]


@pytest.mark.parametrize(
    ("protocol", "choices", "wanted"),
    [
        ("full", Choices(val="test"), "full has a validation split of its own; --val and --held-out are for 1k-a"),
        (
            "1k-a",
            Choices(val="test", held_out=5),
            "--held-out takes videos of train as val, and --val test those of test",
        ),
        ("1k-a", Choices(held_out=9000), "--held-out 9000: should be from 1 to 8999"),
    ],
)
def test_choices_that_do_not_fit(desk: Any, protocol: str, choices: Choices, wanted: str):
    files = {"a.caption.txt": "video0#0 x\n", "MSRVTT_JSFUSION_test.csv": JSFUSION}
    assert any(text.startswith(wanted) for text in desk.mistakes("msrvtt", files, protocol, choices=choices))


def test_left_out_captions_that_two_files_have_count_once(desk: Any):
    """1k-A by 7k leaves the other 1,990 test videos out, each with twenty captions."""
    files = {"a.caption.txt": lines(""), "b.caption.txt": lines(""), "MSRVTT_JSFUSION_test.csv": JSFUSION}
    report = desk.prepare("msrvtt", files, "1k-a-7k")
    assert any(
        line.startswith("note: 39,800 captions of 1,990 videos are left out, for the protocol") for line in report
    )
    where = "those of a.caption.txt are taken, since those of b.caption.txt are the same"
    assert f"note: 8,010 videos have captions in two files: {where}" in report


def test_fewer_captions_by_choice(desk: Any):
    files = {"a.caption.txt": lines("")}
    with pytest.raises(LaffError, match="note: --captions 5 keeps 5 of each video in train, val and test") as error:
        desk.prepare("msrvtt", files, choices=Choices(first=5))
    assert "note: test:" not in str(error.value)  # the cut itself is no remark
    desk.prepare("msrvtt", files, choices=Choices(first=5), **OTHER)
    assert desk.collection().protocol == "msrvtt/full, other counts"


def test_too_many_captions_are_told(desk: Any):
    more = lines("") + "video7020#20 7020 3\nvideo7021#20 new\n"
    assert desk.mistakes("msrvtt", {"a.caption.txt": more}) == [
        "test has 59,802 captions instead of 59,800 as published"
    ]
    report = desk.prepare("msrvtt", {"a.caption.txt": more}, **OTHER)
    assert (
        "note: test: 2 videos have more captions than 20, such as video7020 (21), video7021 (21); 1 of their captions "
        "repeat another one of the same video"
    ) in report
    assert desk.collection().protocol == "msrvtt/full, other counts"
    desk.prepare("msrvtt", {"a.caption.txt": more}, choices=Choices(first=20), replace=True)
    assert (len(desk.captions("test")), desk.collection().protocol) == (
        59800,
        "msrvtt/full, 6,513 of 130,260 train captions",
    )


def test_of_two_files_the_one_with_the_published_number_counts(desk: Any):
    few = {video: [*CAPTIONS[video], "one more"] for video in ("video7020", "video8000")}
    files = {
        "a.caption.txt": lines("enc#", CAPTIONS | few),
        "b.caption.txt": lines("", {"video7020": CAPTIONS["video7020"]}),
    }
    assert desk.mistakes("msrvtt", files) == ["test has 59,801 captions instead of 59,800 as published"]
    files["b.caption.txt"] += "video8000#0 something else\n"
    assert desk.mistakes("msrvtt", files) == [
        "b.caption.txt: 'video8000' has other captions in a.caption.txt; give one of the two files"
    ]


@pytest.mark.parametrize(
    ("files", "wanted"),
    [
        (
            {"a.json": info(0, 9)[:-20]},
            "a.json:1: ends in the middle, as a download that was cut off does; fetch it again",
        ),
        ({"a.json": '{"videos": [], "sentences": [,]}'}, "a.json:1: is not JSON: Expecting value at column 30"),
        ({"a.json": '{"videos": [], "videos": []}'}, "a.json: 'videos' stands twice; remove one of the two"),
        (
            {"a.json": '{"videos": [],\n"sentences": [{"caption": "caf\xe9"}]}'.encode("latin-1")},
            "a.json:2: is not UTF-8 text: byte 0xe9 (invalid continuation byte); save it as UTF-8, say by `iconv -f "
            "LATIN1 -t UTF-8 a.json`",
        ),
        ({"a.json": ""}, "a.json: is empty"),
        ({"a.json": "[]"}, "a.json: should be {videos: […], sentences: […]}, as videodatainfo.json has it"),
        (
            {"a.json": '{"sentences": [{"video_id": 3, "caption": "x"}]}'},
            'a.json: sentences[0] should be {"video_id": …, "caption": …}, both texts',
        ),
        (
            {"a.json": '{"videos": [{"video_id": "video7", "split": "test"}], "sentences": []}'},
            "a.json: 'video7' is in test there; officially it is in train",
        ),
        (
            {"a.json": '{"videos": [{"video_id": "video7"}, {"video_id": "video7"}], "sentences": []}'},
            "a.json: videos[1]: 'video7' stands again; remove one of the two",
        ),
        (
            {"a.caption.txt": "video0#0 x\nvideo10000#0 x\n"},
            "a.caption.txt:2: 'video10000' is no video of MSR-VTT (video0 to video9999); remove the caption, or "
            "mend the id",
        ),
        (
            {"a.caption.txt": "video0#enc#0 x\nvideo0#0 x\n"},
            "a.caption.txt:2: caption 'video0#0' stands again; first in line 1: remove one of the two, or give it "
            "another number",
        ),
    ],
)
def test_a_mistake_says_where_and_what_to_do(desk: Any, files: dict[str, Any], wanted: str):
    assert wanted in desk.mistakes("msrvtt", files, **OTHER)


@pytest.mark.parametrize(
    ("csv", "wanted"),
    [
        (
            "video_id\nvideo9770\n",
            "1k-a needs one list of 1k-A, MSRVTT_JSFUSION_test.csv with the header key,vid_key,video_id,sentence; "
            "none of the files is it",
        ),
        (
            "key,video_id,sentence\nret0,video0,x\n",
            "t.csv:2: 'video0' is no test video of MSR-VTT (video7010 to video9999)",
        ),
        (
            "key,video_id,sentence\nret0,video9000,x\nret1,video9000,y\n",
            "t.csv:3: video 'video9000' stands again; first in line 2: remove one of the two",
        ),
        ("key,video_id,sentence\nret0,video9000,\n", "t.csv:2: 'video9000' has no sentence"),
        (
            "key,video_id,sentence\nret0,video9000,a cat, a dog\n",
            "t.csv:2: has 4 columns instead of 3 (key, video_id, sentence); a text that holds the separator needs "
            "quotes around it",
        ),
        (
            "key\tvideo_id\tsentence\nret0\tvideo9000\ta cat\tx\n",
            "t.csv:2: has 4 columns instead of 3 (key, video_id, sentence); a text that holds the separator needs "
            "quotes around it",
        ),
        (
            'key,video_id,sentence\nret0,video9000,"a cat\nret1,video9001,a dog\n',
            "t.csv:2: is not valid CSV: unexpected end of data; look for a quote that is not closed",
        ),
    ],
)
def test_a_list_of_1k_a_that_is_damaged(desk: Any, csv: str, wanted: str):
    assert wanted in desk.mistakes("msrvtt", {"a.caption.txt": "video0#0 x\n", "t.csv": csv}, "1k-a", **OTHER)


def test_published_counts_in_the_real_files(desk: Any, data: Path):
    place = data / "annotations" / "msrvtt"
    files = {path.name: path.read_bytes() for path in sorted(place.iterdir())}
    report = desk.prepare("msrvtt", files)
    assert "  test   2,990 videos (as published); 59,800 captions (as published)" in report
    assert any(
        "35 videos have captions in two files: those of msrvtt10ktest.caption.txt are taken" in r for r in report
    )
    for protocol, train in (("1k-a", 9000), ("1k-a-7k", 7010)):
        report = desk.prepare("msrvtt", files, protocol, Choices(val="test"), replace=True)
        assert report[2].startswith(f"  train  {train:,} videos (as published)")
        assert "  test   1,000 videos (as published); 1,000 captions (as published)" in report


def test_a_file_of_which_35_test_videos_have_21_captions(desk: Any, data: Path):
    text = (data / "annotations" / "msrvtt" / "available.caption.txt").read_bytes()
    assert desk.mistakes("msrvtt", {"available.caption.txt": text}) == [
        "test has 59,835 captions instead of 59,800 as published"
    ]
    report = desk.prepare("msrvtt", {"available.caption.txt": text}, **OTHER)
    assert any(
        line.startswith("note: test: 35 videos have more captions than 20, such as video7020 (21)") for line in report
    )
    desk.prepare("msrvtt", {"available.caption.txt": text}, choices=Choices(first=20), replace=True)
    assert len(desk.captions("test")) == 59800
