"""MSVD in its three forms gives the same collection, and each kind of damage its message."""

import io
import json
import pickle
from pathlib import Path
from typing import Any

import pytest

from pipeline.protocols.dataset import Choices

TEXTS = {"a_1_2": ["a cat runs", "a cat"], "b_1_2": ["a dog"], "-c_0_9": ["a bird", "two birds"]}
SPLIT = {"train": ["a_1_2"], "val": ["b_1_2"], "test": ["-c_0_9"]}
LISTS = {f"{split}_list.txt": "".join(f"{video}\n" for video in videos) for split, videos in SPLIT.items()}
WORDS = {video: [text.split() for text in texts] for video, texts in TEXTS.items()}
LINES = {
    f"msvd{split}.caption.txt": "".join(
        f"{video}#{number} {text}\n" for video in videos for number, text in enumerate(TEXTS[video])
    )
    for split, videos in SPLIT.items()
}
OTHER = {"accept_counts": True}  # a handful of videos is not what was published


def info() -> str:
    """The videodatainfo.json of these captions, with the ids vid1, vid1201, vid1301."""
    names = {"a_1_2": ("vid1", "train"), "b_1_2": ("vid1201", "validate"), "-c_0_9": ("vid1301", "test")}
    videos = [{"video_id": name, "split": split} for name, split in names.values()]
    sentences = [{"video_id": names[video][0], "caption": text} for video, texts in TEXTS.items() for text in texts]
    return json.dumps({"info": {}, "videos": videos, "sentences": sentences})


MAPPING = "a_1_2 vid1\nb_1_2 vid1201\n-c_0_9 vid1301\n"


@pytest.mark.parametrize(
    "files",
    [
        LISTS | {"raw-captions.pkl": pickle.dumps(WORDS)},
        LISTS | {"raw-captions.pkl": pickle.dumps(WORDS, protocol=0)},
        LISTS | LINES,
        LINES,
        {"videodatainfo.json": info(), "youtube_mapping.txt": MAPPING},
        {name: text.replace("\n", "\r\n") for name, text in (LISTS | LINES).items()},
        {name: b"\xef\xbb\xbf" + text.encode() for name, text in (LISTS | LINES).items()},
        {name: text.encode("utf-16") for name, text in (LISTS | LINES).items()},
        {name: text.replace(" ", "\t", 1) for name, text in (LISTS | LINES).items()},
    ],
    ids=["pickle", "pickle of text", "lines", "lines alone", "json", "CRLF", "BOM", "UTF-16", "tabs"],
)
def test_each_form_is_the_same_collection(desk: Any, files: dict[str, Any]):
    desk.prepare("msvd", files, **OTHER)
    made = desk.collection()
    assert made.ids == SPLIT
    assert desk.captions("train") == {"a_1_2#0": "a cat runs", "a_1_2#1": "a cat"}
    assert desk.captions("test") == {"-c_0_9#0": "a bird", "-c_0_9#1": "two birds"}
    assert (made.name, made.protocol) == ("msvd", "msvd/official, other counts")


def test_a_pickle_of_python_2(desk: Any):
    """{'a_1_2': [['a', 'cat']]} as Python 2 writes it, where a text is bytes: é is not ASCII."""
    old = b"(dp0\nS'a_1_2'\np1\n(lp2\n(lp3\nS'a'\naS'caf\\xc3\\xa9'\naas."
    assert pickle.load(io.BytesIO(old), encoding="utf-8") == {"a_1_2": [["a", "café"]]}
    desk.prepare("msvd", {"raw-captions.pkl": old, "train_list.txt": "a_1_2\n"}, **OTHER)
    assert desk.captions("train") == {"a_1_2#0": "a café"}


def test_a_pickle_that_runs_something_is_not_read(desk: Any, tmp_path: Path):
    class Bad:
        def __reduce__(self) -> Any:
            return Path.touch, (tmp_path / "ran",)

    bad = desk.mistakes("msvd", LISTS | {"raw-captions.pkl": pickle.dumps({"a_1_2": Bad()})})
    assert bad == [
        "raw-captions.pkl: is not read: it names pathlib.Path.touch; plain texts, lists and dicts alone are, since "
        "anything else could run code"
    ] or bad[0].startswith("raw-captions.pkl: is not read: it names ")
    assert not (tmp_path / "ran").exists()


def test_a_pickle_that_claims_a_bytearray_is_not_read(desk: Any, capfd: pytest.CaptureFixture[str]):
    """Nor one that claims more than there is: Python would say so on stderr."""
    for content, why in (
        (pickle.dumps({"a_1_2": bytearray(b"a cat")}, protocol=5), "is not read: it holds a bytearray; "),
        (b"\x80\x05\x96" + (1 << 40).to_bytes(8, "little") + b"abc.", "is no whole pickle; fetch it again"),
    ):
        [bad] = desk.mistakes("msvd", LISTS | {"raw-captions.pkl": content})
        assert bad.startswith(f"raw-captions.pkl: {why}")
    assert capfd.readouterr() == ("", "")
    desk.prepare("msvd", {"raw-captions.pkl": pickle.dumps({"a_1_2": [["Öl"]]}), "train_list.txt": "a_1_2\n"}, **OTHER)
    assert desk.captions("train") == {"a_1_2#0": "Öl"}


@pytest.mark.parametrize(
    ("files", "wanted"),
    [
        ({"raw-captions.pkl": pickle.dumps(WORDS)[:-20]}, "raw-captions.pkl: is no whole pickle; fetch it again"),
        (
            {"raw-captions.pkl": pickle.dumps({"a_1_2": [[1]]})},
            "raw-captions.pkl: 'a_1_2', caption 0: captions of MSVD should be {video: [[word, word, …], …]}",
        ),
        (
            {"raw-captions.pkl": pickle.dumps({"zz": [["a"]]})},
            "raw-captions.pkl: 'zz' is no video of the lists; remove the caption, or mend the id",
        ),
        (
            {"msvdtrain.caption.txt": "a_1_2#0 a cat\na_1_2 a cat\n"},
            "msvdtrain.caption.txt:2: should be `VIDEO#n text`, not 'a_1_2 a cat'",
        ),
        (
            {"msvdtrain.caption.txt": "a_1_2#0 a cat\na_1_2#0 a dog\n"},
            "msvdtrain.caption.txt:2: caption 'a_1_2#0' stands again; first in line 1: remove one of the two, or "
            "give it another number",
        ),
        (
            {"msvdtrain.caption.txt": "a_1_2#0 a cat\nb_1_2#5 a dog\n"},
            "msvdtrain.caption.txt:2: 'b_1_2' is a video of val, and this file has the captions of train; move the "
            "line, or mend the lists of ids",
        ),
        (
            {"msvdtrain.caption.txt": b"a_1_2#0 a cat\na_1_2#1 caf\xe9\n"},
            "msvdtrain.caption.txt:2: is not UTF-8 text: byte 0xe9 (invalid continuation byte); save it as UTF-8, "
            "say by `iconv -f LATIN1 -t UTF-8 msvdtrain.caption.txt`",
        ),
        (
            {"msvdtrain.caption.txt": "a_1_2#0 a \x07cat\n"},
            "msvdtrain.caption.txt:1: a caption of 'a_1_2' has the character '\\x07', which is no text",
        ),
        (
            {"test_list.txt": "-c_0_9\na_1_2\n"},
            "test_list.txt:2: video 'a_1_2' is in train too (train_list.txt:1); a video belongs to one split: "
            "remove one of the two",
        ),
        (
            {"test_list.txt": "-c_0_9\n-c_0_9\n"},
            "test_list.txt:2: video '-c_0_9' stands again; first in line 1: remove one of the two",
        ),
        ({"my.txt": "a_1_2\n"}, "my.txt: is it of train, val or test? The name should say it, as train_list.txt does"),
        (
            {"youtube_mapping.txt": "a_1_2 vid1\nb_1_2 1201\n"},
            "youtube_mapping.txt:2: should be `CLIP vidN`, as youtube_mapping.txt, not 'b_1_2 1201'",
        ),
    ],
)
def test_a_mistake_says_where_and_what_to_do(desk: Any, files: dict[str, Any], wanted: str):
    assert wanted in desk.mistakes("msvd", LISTS | files, **OTHER)


def test_an_empty_caption_is_told_and_left_out(desk: Any):
    files = LISTS | LINES | {"msvdtrain.caption.txt": "a_1_2#0 a cat\na_1_2#1\n"}
    report = desk.prepare("msvd", files, **OTHER)
    assert "note: msvdtrain.caption.txt: 1 caption is empty and left out (line 2)" in report
    assert desk.captions("train") == {"a_1_2#0": "a cat"}


def test_numbers_that_nothing_translates_are_not_used_beside_other_ids(desk: Any):
    report = desk.prepare("msvd", LISTS | LINES | {"videodatainfo.json": info()}, **OTHER)
    assert any(line.startswith("note: videodatainfo.json is not used: its ids (vid1, vid1201,") for line in report)
    assert desk.collection().ids == SPLIT


def test_videos_may_be_named_by_either_id(desk: Any, tmp_path: Path):
    videos = tmp_path / "clips"
    videos.mkdir()
    (videos / "vid1.avi").touch()
    (videos / "b_1_2.avi").touch()
    report = desk.prepare("msvd", {"i.json": info(), "youtube_mapping.txt": MAPPING}, videos=videos, **OTHER)
    assert "videos: 2 of 3 have a file in " + str(videos) in report
    assert "  test: 1 of 1 is missing, and stays in the split for coverage to count: -c_0_9" in report
    assert desk.collection().files == {
        "a_1_2": str(videos / "vid1.avi"),
        "b_1_2": str(videos / "b_1_2.avi"),
        "-c_0_9": str(videos / "-c_0_9.mp4"),
    }


def test_the_first_captions_of_each(desk: Any):
    desk.prepare("msvd", LISTS | LINES, choices=Choices(first=1), **OTHER)
    assert list(desk.captions("train") | desk.captions("test")) == ["a_1_2#0", "-c_0_9#0"]


def test_published_counts_in_the_real_files(desk: Any, data: Path):
    files = {path.name: path.read_bytes() for path in sorted((data / "annotations" / "msvd").iterdir())}
    report = desk.prepare("msvd", files)
    assert report[1:4] == [
        "  train  1,200 videos (as published); 48,779 captions (as published)",
        "  val    100 videos (as published); 4,291 captions (as published)",
        "  test   670 videos (as published); 27,767 captions (as published)",
    ]
    assert len(desk.collection().captions["test"]) == 27767
    assert desk.collection().protocol == "msvd/official"
