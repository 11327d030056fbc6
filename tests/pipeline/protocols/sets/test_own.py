"""One's own tables, JSON lines and folders: columns by name or by choice, splits as they say or drawn."""

import json
from pathlib import Path
from typing import Any

import pytest

from pipeline.protocols.dataset import Choices

ROWS = [(f"c{number}", f"{number}, {text}") for number in range(10) for text in ("a cat", "one")]
CSV = "video,caption\n" + "".join(f'{video},"{text}"\n' for video, text in ROWS)
JSONL = "".join(json.dumps({"video": video, "caption": text}) + "\n" for video, text in ROWS)


def grouped() -> dict[str, list[str]]:
    videos: dict[str, list[str]] = {}
    for video, text in ROWS:
        videos.setdefault(video, []).append(text)
    return videos


@pytest.mark.parametrize(
    ("name", "files"),
    [
        ("csv", {"t.csv": CSV}),
        ("csv", {"t.csv": "\ufeff" + CSV.replace("\n", "\r\n")}),
        ("csv", {"t.csv": CSV.replace("video,caption", "Clip ID,Sentence")}),
        ("csv", {"t.csv": CSV.replace("video,caption", "video;caption").replace(',"', ';"')}),
        ("csv", {"t.tsv": "video\tcaption\n" + "".join(f"{video}.mp4\t{text}\n" for video, text in ROWS)}),
        ("csv", {"a.csv": CSV[:60], "b.csv": f"video,caption\n{CSV[60:]}"} if CSV[59] == "\n" else {"t.csv": CSV}),
        ("jsonl", {"t.jsonl": JSONL}),
        ("jsonl", {"t.json": json.dumps([{"path": f"{video}.mp4", "text": text} for video, text in ROWS])}),
        ("jsonl", {"t.json": json.dumps([{"id": video, "captions": texts} for video, texts in grouped().items()])}),
    ],
)
def test_each_form_is_the_same_collection(desk: Any, name: str, files: dict[str, str]):
    desk.prepare(name, files)
    made = desk.collection()
    assert {split: len(videos) for split, videos in made.ids.items()} == {"train": 8, "val": 1, "test": 1}
    captions = {id_: text for split in made.ids for id_, text in desk.captions(split).items()}
    assert captions == {
        f"{video}#{number}": text for video, texts in grouped().items() for number, text in enumerate(texts)
    }
    assert (made.name, made.protocol) == ("out", "")


def test_a_draw_depends_on_ids_and_seed_alone(desk: Any):
    head, *rows = CSV.splitlines(keepends=True)
    drawn = []
    for text, seed in ((CSV, 1), (head + "".join(reversed(rows)), 1), (CSV, 2)):
        desk.prepare("csv", {"t.csv": text}, choices=Choices(seed=seed, fractions=(0.5, 0.2, 0.3)), replace=True)
        drawn.append({split: set(videos) for split, videos in desk.collection().ids.items()})
    assert drawn[0] == drawn[1] != drawn[2]
    assert {split: len(videos) for split, videos in drawn[0].items()} == {"train": 5, "val": 2, "test": 3}


def test_full_paths_lose_their_first_slash_and_a_note_says_so(desk: Any):
    table = "video,text,split\n/data/a.mp4,x,train\n/data/a.mp4,y,train\nb.mp4,y,val\n/c,w,test\n"
    report = desk.prepare("csv", {"t.csv": table})
    assert "note: ids of videos that are named by full paths have no leading '/': data/a, c" in report
    assert desk.collection().ids == {"train": ["data/a"], "val": ["b"], "test": ["c"]}
    assert not any("full paths" in line for line in desk.prepare("csv", {"t.csv": CSV}, replace=True))


def test_splits_that_rows_say(desk: Any):
    table = "file,text,partition\na.mp4,x,Training\nb.avi,y,dev\nb.avi,z,dev\nc,w,test\n"
    report = desk.prepare("csv", {"t.csv": table})
    assert "chosen: columns: video = file, caption = text, split = partition" in report
    assert desk.collection().ids == {"train": ["a"], "val": ["b"], "test": ["c"]}
    desk.prepare("csv", {"t.csv": table}, "random", replace=True)
    assert sorted(map(len, desk.collection().ids.values())) == [1, 1, 1]


def test_splits_that_names_of_files_say(desk: Any):
    files = {f"{split}.csv": f"video,caption\n{split}0,x\n" for split in ("train", "val", "test")}
    desk.prepare("csv", files)
    assert desk.collection().ids == {"train": ["train0"], "val": ["val0"], "test": ["test0"]}


def test_columns_that_are_chosen(desk: Any):
    table = "a,b,name\nclips/x.mp4,a cat,n\n"
    desk.prepare("csv", {"t.csv": table}, choices=Choices(columns={"video": "a", "caption": "b"}, fractions=(0, 0, 1)))
    assert desk.captions("test") == {"clips/x#0": "a cat"}


def test_paths_of_files_find_them(desk: Any, tmp_path: Path):
    videos = tmp_path / "clips"
    (videos / "deep").mkdir(parents=True)
    (videos / "x.mp4").touch()
    (videos / "deep" / "y.webm").touch()
    table = "path,caption\nclips/x.mp4,a cat\ny,a dog\nz.mp4,a bird\n"
    report = desk.prepare("csv", {"t.csv": table}, videos=videos, choices=Choices(fractions=(0, 0, 1)))
    assert f"videos: 2 of 3 have a file in {videos}" in report
    assert desk.collection().files == {
        "clips/x": str(videos / "x.mp4"),
        "y": str(videos / "deep" / "y.webm"),
        "z": str(videos / "z.mp4"),
    }


@pytest.mark.parametrize(
    ("name", "files", "wanted"),
    [
        (
            "csv",
            {"t.csv": "clip,words\na,x\n"},
            "t.csv: which column holds the caption? Say --column caption=COLUMN; the columns are clip, words",
        ),
        (
            "csv",
            {"t.csv": "video,caption\na,x\nb,y,z\n"},
            "t.csv:3: has 3 columns instead of 2 (video, caption); a text that holds the separator needs quotes "
            "around it",
        ),
        (
            "csv",
            {"t.csv": "video,caption,split\na,x,train\nb,y,tset\n"},
            "t.csv:3: 'tset' is no split; did you mean 'test'? (known: train, training, val, valid, validate, "
            "validation, dev, test, testing, eval)",
        ),
        (
            "csv",
            {"t.csv": "video,caption,split\na,x,train\na,y,test\n"},
            "t.csv:3: 'a' is in test here, and in train in t.csv:2; a video belongs to one split",
        ),
        (
            "csv",
            {"t.csv": "video,caption,split\na,x,train\nb,y,\n"},
            "1 video has no split, and others have one, such as 'b'",
        ),
        ("csv", {"t.csv": "video,caption\n../a,x\n"}, None),
        (
            "csv",
            {"t.csv": b"video,caption\na,caf\xe9\n"},
            "t.csv:2: is not UTF-8 text: byte 0xe9 (invalid continuation byte); save it as UTF-8, say by `iconv -f "
            "LATIN1 -t UTF-8 t.csv`",
        ),
        (
            "jsonl",
            {"t.jsonl": b'{"video": "a", "caption": "caf\xe9"}\n'},
            "t.jsonl:1: is not UTF-8 text: byte 0xe9 (invalid continuation byte); save it as UTF-8, say by `iconv -f "
            "LATIN1 -t UTF-8 t.jsonl`",
        ),
        (
            "folder",
            {"a.mp4": "", "a.txt": b"caf\xe9\n"},
            "a.txt:1: is not UTF-8 text: byte 0xe9 (invalid continuation byte); save it as UTF-8, say by `iconv -f "
            "LATIN1 -t UTF-8 a.txt`",
        ),
        (
            "csv",
            {"t.txt": "a b\n"},
            "none of the files is a table: .csv or .tsv, with a header of the names of columns",
        ),
        (
            "jsonl",
            {"t.jsonl": JSONL[:-5]},
            "t.jsonl:20: is not JSON: Unterminated string starting at column 28; each line should be an object of "
            "its own",
        ),
        (
            "jsonl",
            {"t.jsonl": '{"video": "a", "caption": "x"}\n{"video": "b", "caption": 3}\n'},
            "t.jsonl:2: should be an object, such as {video: …, caption: …}; the video should be text, the caption "
            "a text or a list of texts",
        ),
        (
            "jsonl",
            {"t.jsonl": '{"video": "a", "caption": ' + "9" * 5000 + "}"},
            "t.jsonl:1: is not JSON: it has a number of too many digits; each line should be an object of its own",
        ),
        ("jsonl", {"t.json": '{"a": 1}'}, "t.json: should be a list of objects, or .jsonl with an object a line"),
        ("folder", {"a.txt": "x\n"}, ": has no text beside a video; the captions of a.mp4 are the lines of a.txt"),
    ],
)
def test_a_mistake_says_where_and_what_to_do(desk: Any, name: str, files: dict[str, Any], wanted: str | None):
    found = desk.mistakes(name, files)
    if wanted is None:
        assert "'../a' should be like a path" in found[0]
    else:
        assert any(text.endswith(wanted) for text in found), found


def test_a_column_that_is_not_there(desk: Any):
    files = {"t.csv": "clip,words\na,x\n"}
    assert desk.mistakes("csv", files, choices=Choices(columns={"caption": "word", "vidoe": "clip"})) == [
        "--column vidoe=…: there is no 'vidoe'; did you mean 'video'? (known: video, caption, split)",
        "t.csv: has no column 'word'; did you mean 'words'? (it has clip, words)",
    ]


def test_fractions_beside_splits_that_rows_say(desk: Any):
    assert desk.mistakes("csv", {"train.csv": "video,caption\na,x\n"}, choices=Choices(fractions=(0, 0, 1))) == [
        "--fractions is of a random split, but the rows say the splits; --protocol random draws one"
    ]


def test_a_folder_with_a_text_beside_each_video(desk: Any):
    files: dict[str, str] = {"readme.txt": "nothing"}
    for split, name in (("train", "a"), ("val", "b"), ("test", "c")):
        files |= {f"{split}/{name}.mp4": "", f"{split}/{name}.txt": "a cat\n\na dog\n"}
    files |= {"test/d.mp4": "", "test/d.json": '{"caption": "a bird", "url": "x"}', "test/silent.mp4": ""}
    report = desk.prepare("folder", files)
    assert "note: not used: readme.txt" in report
    made = desk.collection()
    assert made.ids == {"train": ["train/a"], "val": ["val/b"], "test": ["test/c", "test/d"]}
    assert desk.captions("test") == {"test/c#0": "a cat", "test/c#1": "a dog", "test/d#0": "a bird"}
    assert made.files["test/d"] == str(desk.folder / "annotations" / "test" / "d.mp4")
