"""Collections: the forms they may have, and every mistake in them, with its file and line, all at once."""

import csv
import json
import os
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from pipeline.errors import LaffError
from pipeline.items import collection
from pipeline.items.lists import Caption
from pipeline.wording import number_of

Write = Callable[..., Path]
KNOWN = "(known: name, protocol, videos, follow_links, windows, train, val, test)"


@pytest.fixture
def write(tmp_path: Path) -> Write:
    """`write(**{"train.ids": "a\\n"})` changes files of a sound collection (None removes one); returns its yaml."""
    (tmp_path / "videos").mkdir()
    sound: dict[str, str | bytes | None] = {
        "train.ids": "t1\nt2\n",
        "val.ids": "v1\n",
        "test.ids": "s1\n",
        "train.txt": "t1#0 a cat runs\nt1#1 a cat\nt2#0 a dog\n",
        "val.txt": "v1#0 a bird\n",
        "test.txt": "s1#0 a fish\n",
        "videos/t1.mp4": "",
        "videos/t2.webm": "",
        "videos/v1.mp4": "",
        "videos/s1.mp4": "",
        "collection.yaml": "name: zoo\nvideos: videos\n"
        + "".join(f"{split}: {{ids: {split}.ids, captions: {split}.txt}}\n" for split in ("train", "val", "test")),
    }

    def change(**files: str | bytes | None) -> Path:
        for name, text in (sound | files).items():
            if text is None:
                (tmp_path / name).unlink(missing_ok=True)
            else:
                (tmp_path / name).write_bytes(text if isinstance(text, bytes) else text.encode("utf-8"))
        return tmp_path / "collection.yaml"

    return change


def mistakes(path: Path) -> list[str]:
    """The lines of the error, without the folder, in order."""
    with pytest.raises(LaffError) as error:
        collection.load(path)
    head, *lines = str(error.value).split("\n")
    assert head == f"{path}: {number_of(lines, 'problems')}"
    return [line.removeprefix("  - ").replace(f"{path.parent}/", "") for line in lines]


def yaml_with(**captions: str) -> str:
    """collection.yaml with other caption files."""
    return "name: zoo\nvideos: videos\n" + "".join(
        f"{split}: {{ids: {split}.ids, captions: {captions.get(split, f'{split}.txt')}}}\n"
        for split in ("train", "val", "test")
    )


def test_a_sound_one(write: Write, tmp_path: Path):
    loaded = collection.load(write())
    assert loaded.name == "zoo"
    assert loaded.ids == {"train": ["t1", "t2"], "val": ["v1"], "test": ["s1"]}
    assert list(loaded.captions["train"]) == [
        Caption("t1#0", "t1", "a cat runs"),
        Caption("t1#1", "t1", "a cat"),
        Caption("t2#0", "t2", "a dog"),
    ]
    assert loaded.files == {
        "t1": f"{tmp_path}/videos/t1.mp4",
        "t2": f"{tmp_path}/videos/t2.webm",
        "v1": f"{tmp_path}/videos/v1.mp4",
        "s1": f"{tmp_path}/videos/s1.mp4",
    }
    assert loaded.has_videos


def test_text_as_people_have_it(write: Write):
    """A byte order mark, Windows line ends, blank lines, spaces, letters of many scripts."""
    files = {
        "train.ids": "\ufefft1\r\n\r\n  t2\r\n",
        "train.txt": "\ufefft1#0   ein   Hündchen läuft\r\n\r\nt2#first 一只猫在跑 🐈\u2028weiter\r\n",
    }
    loaded = collection.load(write(**files))
    assert loaded.ids["train"] == ["t1", "t2"]
    assert [caption.text for caption in loaded.captions["train"]] == ["ein Hündchen läuft", "一只猫在跑 🐈 weiter"]
    assert [caption.id for caption in loaded.captions["train"]] == ["t1#0", "t2#first"]


def test_captions_that_say_their_language(write: Write):
    """`VIDEO#enc#n`, as W2VV and its followers call them; an encoded id may end so itself."""
    ids = {"train.ids": "t1\nt2#enc\n", "videos/t2#enc.webm": "", "videos/t2.webm": None}
    loaded = collection.load(write(**ids, **{"train.txt": "t1#enc#0 a cat\nt1#1 a cat\nt2%23enc#enc#0 a dog\n"}))
    assert list(loaded.captions["train"]) == [
        Caption("t1#enc#0", "t1", "a cat"),
        Caption("t1#1", "t1", "a cat"),
        Caption("t2#enc#enc#0", "t2#enc", "a dog"),
    ]


def test_csv_and_jsonl_say_the_same_as_text(write: Write, tmp_path: Path):
    with (tmp_path / "train.csv").open("w", newline="", encoding="utf-8") as file:
        csv.writer(file).writerows(
            [["video", "caption"], ["t1", "a cat runs"], ["t1", 'a "big", cat\nand a dog'], ["t2", "ein Hündchen"]]
        )
    rows = [
        {"video": "t1", "captions": ["a cat runs", 'a "big", cat and a dog']},
        {"video": "t2", "caption": "ein Hündchen"},
    ]
    (tmp_path / "train.jsonl").write_text("\n".join(json.dumps(row) for row in rows), encoding="utf-8")
    wanted = [
        Caption("t1#0", "t1", "a cat runs"),
        Caption("t1#1", "t1", 'a "big", cat and a dog'),
        Caption("t2#0", "t2", "ein Hündchen"),
    ]
    for form in ("csv", "jsonl"):
        loaded = collection.load(write(**{"collection.yaml": yaml_with(train=f"train.{form}")}))
        assert list(loaded.captions["train"]) == wanted


def test_one_caption_file_for_all_splits(write: Write):
    everything = "s1#0 a fish\nt1#0 a cat\nv1#0 a bird\nt2#0 a dog\n"
    names = dict.fromkeys(("train", "val", "test"), "all.txt")
    loaded = collection.load(write(**{"all.txt": everything, "collection.yaml": yaml_with(**names)}))
    assert [[c.id for c in loaded.captions[split]] for split in ("train", "val", "test")] == [
        ["t1#0", "t2#0"],
        ["v1#0"],
        ["s1#0"],
    ]


def test_a_caption_in_the_file_of_another_split(write: Write):
    """Two splits share a file; what it says of the third would be lost in silence, as in a file of one split."""
    shared = "t1#0 a cat\nv1#0 a bird\nt2#0 a dog\ns1#7 a shark\n"
    path = write(**{"both.txt": shared, "collection.yaml": yaml_with(train="both.txt", val="both.txt")})
    assert mistakes(path) == ["both.txt:4: caption 's1#7': 's1' is in test, which reads another file"]
    path = write(**{"val.txt": "v1#0 a bird\nt1#0 a cat\n"})
    assert mistakes(path) == ["val.txt:2: caption 't1#0': 't1' is in train, which reads another file"]


def test_a_table_renames_files(write: Write, tmp_path: Path):
    (tmp_path / "odd (1).mp4").write_bytes(b"")
    table = 'video,path\nt1,odd (1).mp4\nt2,videos/t2.webm\nv1,videos/v1.mp4\n"s1","videos/s1.mp4"\nx,videos/v1.mp4\n'
    path = write(**{"table.csv": table, "collection.yaml": yaml_with().replace("videos: videos", "videos: table.csv")})
    loaded = collection.load(path)
    assert loaded.files["t1"] == f"{tmp_path}/odd (1).mp4"
    assert set(loaded.files) == {"t1", "t2", "v1", "s1"}


def test_ids_may_name_the_ending(write: Write, tmp_path: Path):
    (tmp_path / "videos" / "s1.webm").write_bytes(b"")
    loaded = collection.load(write(**{"test.ids": "s1.webm\n", "test.txt": "s1.webm#0 a fish\n"}))
    assert loaded.files["s1.webm"] == f"{tmp_path}/videos/s1.webm"


def test_no_videos_for_imported_features(write: Write):
    loaded = collection.load(write(**{"collection.yaml": yaml_with().replace("videos: videos\n", "")}))
    assert not loaded.has_videos


def test_a_name_from_the_folder(write: Write, tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    write(**{"collection.yaml": yaml_with().replace("name: zoo\n", "")})
    monkeypatch.chdir(tmp_path)
    assert collection.load(Path("collection.yaml")).name == tmp_path.name


def test_every_mistake_at_once(write: Write):
    files = {
        "collection.yaml": yaml_with().replace("name:", "nam: zoo\nname:").replace("test.ids", "tset.ids"),
        "train.ids": "t1\nt2\nt1\n../t3\na b\nt4\nt5\n.t6\x07\n",
        "val.ids": "v1\nt2\nv2\n",
        "train.txt": "t1#0 a cat\nt1#0 a cat again\nt2#0 \nt2#1\nx9#0 a fox\n"
        "no caption\na/b#0 a path\nt4#0 a\x00b\nt4#1 ok\n",
        "val.txt": b"v1#0 a bird\nv2#0 l\xe9zard\n",
    }
    assert mistakes(write(**files)) == [
        f"collection.yaml: unknown key 'nam'; did you mean 'name'? {KNOWN}",
        "collection.yaml: test.ids: no such file: tset.ids; did you mean 'test.ids'?",
        "train.ids:3: video 't1' stands again; first in train.ids:1",
        "train.ids:4: id '../t3' should be like a path below the videos' folder, without '.', '..' or '//'",
        "train.ids:8: id '.t6\\x07' has the control character '\\x07'; a table `video,path` can give the file "
        "another id",
        "val.ids:2: video 't2' stands in val too (a video belongs to one split); first in train.ids:2",
        "train.txt:2: caption id 't1#0' stands again; first in line 1",
        "train.txt:3: caption 't2#0' is empty",
        "train.txt:4: caption 't2#1' is empty",
        "train.txt:5: caption 'x9#0' has no video: 'x9' is in no split",
        "train.txt:6: should be 'VIDEO#n text' (white space, % and # of a video id are percent-encoded there), not "
        "'no caption'",
        "train.txt:7: caption 'a/b#0' has no video: 'a/b' is in no split",
        "train.txt:8: caption 't4#0' has the character '\\x00', which is no text",
        "val.txt: is not UTF-8 text: invalid continuation byte at byte 18",
        "val.txt: describes no video of val, which has 2 videos such as 'v1'",
        "test.txt:1: caption 's1#0' has no video: 's1' is in no split",
        "train.ids:5: video 'a b' has no file in videos",
        "train.ids:6: video 't4' has no file in videos",
        "train.ids:7: video 't5' has no file in videos",
        "val.ids:3: video 'v2' has no file in videos",
    ]


def test_the_name_of_a_protocol(write: Write):
    named = collection.load(write(**{"collection.yaml": f"protocol: msrvtt/1k-a\n{yaml_with()}"}))
    assert (named.protocol, named.name) == ("msrvtt/1k-a", "zoo")
    assert collection.load(write()).protocol == ""
    folder = collection.load(write(**{"collection.yaml": "protocol: mine/all\nvideos: videos\n"}))
    assert (folder.protocol, folder.ids["test"]) == ("mine/all", ["s1", "t1", "t2", "v1"])
    assert mistakes(write(**{"collection.yaml": f"protocol: 3\n{yaml_with()}"})) == [
        "collection.yaml: protocol: should be a word such as msrvtt/1k-a, not 3"
    ]


def test_yaml_mistakes(write: Write, tmp_path: Path):
    assert mistakes(
        write(**{"collection.yaml": "videos: 3\ntrain: x\nval: {ids: val.ids, caption: val.txt}\ntset: {}\n"})
    ) == [
        f"collection.yaml: unknown key 'tset'; did you mean 'test'? {KNOWN}",
        "collection.yaml: train: should be {ids: FILE, captions: FILE, queries: FILE}, each of them optional, or one "
        "or several other collection.yaml; not 'x'",
        "collection.yaml: val: unknown key 'caption'; did you mean 'captions'?",
        "collection.yaml: videos: should name a file, not 3",
    ]
    assert mistakes(write(**{"collection.yaml": f"{yaml_with().replace('zoo', '[a, b]')}"})) == [
        "collection.yaml: name: should be a word, not a list or a mapping",
    ]
    with pytest.raises(LaffError) as error:
        collection.load(write(**{"collection.yaml": "name: a\nvideos: b\nname: c\n"}))
    assert str(error.value) == f"{tmp_path}/collection.yaml:3: not valid YAML: 'name' stands twice"
    with pytest.raises(LaffError) as error:
        collection.load(write(**{"collection.yaml": "- a\n"}))
    assert str(error.value) == f"{tmp_path}/collection.yaml: should be a mapping; `videos: FOLDER` is enough"
    with pytest.raises(LaffError) as error:
        collection.load(tmp_path / "none.yaml")
    assert str(error.value) == f"{tmp_path}/none.yaml: cannot be read: No such file or directory"


def test_csv_mistakes(write: Write):
    yaml = yaml_with(train="train.csv")
    lines = [
        "video,caption",
        "",
        't1,"a cat',
        'and more"',
        "t2,one, two",
        "t2",
        "x9,a fox",
        "t2,ok",
        't1,"open',
        "t1,x",
    ]
    assert mistakes(write(**{"train.csv": "\r\n".join(lines), "collection.yaml": yaml})) == [
        "train.csv:5: has 3 columns instead of 2 (put a caption with commas into quotes)",
        "train.csv:6: has 1 columns instead of 2 (put a caption with commas into quotes)",
        "train.csv:7: caption 'x9#0' has no video: 'x9' is in no split",
        "train.csv:9: is not valid CSV: unexpected end of data",
    ]
    assert mistakes(write(**{"train.csv": "id,text\nt1,a\nt2,b\n", "collection.yaml": yaml})) == [
        "train.csv:1: the first line should be 'video,caption', not 'id,text'",
        "train.csv: describes no video of train, which has 2 videos such as 't1'",
    ]


def test_jsonl_mistakes(write: Write):
    lines = [
        '{"video": "t1", "caption": "a"}',
        "{broken",
        '["t1", "a"]',
        '"t1"',
        "3",
        '{"video": "t1"}',
        '{"video": 7, "caption": "a"}',
        '{"video": "t1", "captions": "a"}',
        '{"video": "t1", "captions": ["a", 3]}',
        '{"video": "t1", "captions": [" "]}',
        '{"video": "t1", "caption": "\\ud83d"}',
        '{"video": "t2", "caption": "b"}',
    ]
    form = 'should be {"video": …, "caption": …} or {"video": …, "captions": […]}'
    types = "video should be text, captions a list of texts"
    path = write(**{"train.jsonl": "\n".join(lines), "collection.yaml": yaml_with(train="train.jsonl")})
    assert mistakes(path) == [
        *(f"train.jsonl:{line}: {form}" for line in (2, 3, 4, 5, 6)),
        *(f"train.jsonl:{line}: {types}" for line in (7, 8, 9)),
        "train.jsonl:10: caption 't1#1' is empty",
        "train.jsonl:11: caption 't1#2' has the character '\\ud83d', which is no text",
    ]


def test_mistakes_of_lists(write: Write, tmp_path: Path):
    (tmp_path / "folder").mkdir()
    yaml = yaml_with(val="folder").replace("test.ids", "empty.ids")
    assert mistakes(write(**{"collection.yaml": yaml, "empty.ids": "\n \n", "train.ids": b"t\xff1\n"})) == [
        "train.ids: is not UTF-8 text: invalid start byte at byte 1",
        "train.ids: lists no video for train",
        "empty.ids: lists no video for test",
        "train.txt:1: caption 't1#0' has no video: 't1' is in no split",
        "train.txt:2: caption 't1#1' has no video: 't1' is in no split",
        "train.txt:3: caption 't2#0' has no video: 't2' is in no split",
        "folder: cannot be read: Is a directory",
        "folder: describes no video of val, which has 1 video such as 'v1'",
        "test.txt:1: caption 's1#0' has no video: 's1' is in no split",
    ]


def test_mistakes_of_a_folder(write: Write, tmp_path: Path):
    (tmp_path / "videos" / "t1.webm").write_bytes(b"")
    (tmp_path / "videos" / "t1.srt").write_bytes(b"")  # no video
    path = write(**{"val.ids": "clip_0001\n", "val.txt": "clip_0001#0 a bird\n", "videos/clip-0001.mp4": ""})
    assert mistakes(path) == [
        "train.ids:1: video 't1' has 2 files in videos: t1.mp4, t1.webm",
        "val.ids:1: video 'clip_0001' has no file in videos; did you mean 'clip-0001'?",
    ]


def test_names_that_differ_in_a_number_are_not_meant(write: Write):
    """Another clip of a numbered series is no guess; a number that is written otherwise is."""
    names = {
        "val.ids": "clip99\nclip7\n",
        "val.txt": "clip99#0 a bird\nclip7#0 a dog\n",
        "test.txt": "",
        "test.ids": "",
    }
    assert mistakes(write(**names, **{"videos/clip9.mp4": "", "videos/clip007.mp4": ""}))[-2:] == [
        "val.ids:1: video 'clip99' has no file in videos",
        "val.ids:2: video 'clip7' has no file in videos; did you mean 'clip007'?",
    ]


def test_an_id_list_that_names_windows_is_told_to_name_videos(write: Write):
    names = {
        "val.ids": "v1@0-2\nx@0-2.5\n",
        "val.txt": "v1@0-2#0 a bird\nx@0-2.5#0 a dog\n",
        "test.ids": "",
        "test.txt": "",
    }
    assert mistakes(write(**names))[-2:] == [
        "val.ids:1: video 'v1@0-2' has no file in videos; id lists name videos, not their windows: 'v1'",
        "val.ids:2: video 'x@0-2.5' has no file in videos",
    ]


def test_a_file_that_another_video_has_is_not_meant(write: Write):
    names = {"val.ids": "birds\nbirda\n", "val.txt": "birds#0 a bird\nbirda#0 a dog\n"}
    names |= {"test.txt": "lost#0 x\n", "test.ids": "gone\n", "videos/birds.mp4": ""}
    assert "val.ids:2: video 'birda' has no file in videos" in mistakes(write(**names))
    assert "val.ids:2: video 'birda' has no file in videos; did you mean 'bird'?" in mistakes(
        write(**names, **{"videos/bird.mp4": ""})
    )


def test_a_pipe_or_a_folder_is_no_video(write: Write, tmp_path: Path):
    os.mkfifo(tmp_path / "videos" / "pipe.mp4")
    (tmp_path / "sub.mp4").mkdir()
    lists = {"val.ids": "pipe\nsub\n", "val.txt": "pipe#0 a bird\nsub#0 a dog\n", "test.txt": "lost#0 x\n"}
    assert (
        "val.ids:1: video 'pipe' has no file: videos/pipe.mp4 is no regular file (a pipe, socket or device)"
    ) in mistakes(write(**lists))
    table = {"table.csv": "video,path\npipe,videos/pipe.mp4\nsub,sub.mp4\n"}
    message = mistakes(
        write(**lists, **table, **{"collection.yaml": yaml_with().replace("videos: videos", "videos: table.csv")})
    )
    assert (
        "val.ids:1: video 'pipe' has no file: videos/pipe.mp4 is no regular file (a pipe, socket or device)" in message
    )
    assert "val.ids:2: video 'sub' has no file: sub.mp4 is a folder" in message


def test_an_id_that_is_a_file_name(write: Write):
    path = write(**{"val.ids": "v1.mp4\n"})
    assert mistakes(path) == [
        "val.txt:1: caption 'v1#0' has no video: 'v1' is in no split",
        "val.txt: describes no video of val, which has 1 video such as 'v1.mp4'; write 'v1': an id has no ending",
    ]


def test_mistakes_of_a_table(write: Write):
    table = "video,path\nt1,videos/t1.mp4\nt1,videos/t1.mp4\nt2,gone.mp4\n../x,videos/t1.mp4\nv1\ns1,videos/s1.mp4\n"
    yaml = yaml_with().replace("videos: videos", "videos: table.csv")
    assert mistakes(write(**{"table.csv": table, "collection.yaml": yaml})) == [
        "table.csv:3: video 't1' stands again; first in line 2",
        "table.csv:5: id '../x' should be like a path below the videos' folder, without '.', '..' or '//'",
        "table.csv:6: has 1 columns instead of 2",
        "train.ids:2: video 't2' has no file: there is no gone.mp4",
        "val.ids:1: video 'v1' has no file in table.csv",
    ]
    assert mistakes(write(**{"table.csv": "id,file\nt1,videos/t1.mp4\n", "collection.yaml": yaml}))[0] == (
        "table.csv:1: the first line should be 'video,path' or 'video,path,start,end', not 'id,file'"
    )


def test_many_mistakes_are_counted_and_quickly_found(write: Write, tmp_path: Path):
    """3000 missing videos in a folder of 800 others: did-you-mean for each would take a minute."""
    for number in range(800):
        (tmp_path / "videos" / f"movie{number}x.mp4").touch()
    names = [f"movie{number}" for number in range(3000)]
    path = write(
        **{
            "test.ids": "\n".join(names),
            "test.txt": "".join(f"{name}#0 a\n" for name in names),
            "val.txt": "v1#0 a bird\nv1#0 again\n",
            "videos/s1.mp4": None,
        }
    )
    start = time.perf_counter()
    with pytest.raises(LaffError) as error:
        collection.load(path)
    assert time.perf_counter() - start < 10
    head, *lines = str(error.value).split("\n")
    assert head == f"{path}: 3,001 problems"
    assert len(lines) == 1001
    assert lines[1].startswith(f"  - {tmp_path}/test.ids:1: video 'movie0' has no file in {tmp_path}/videos; did you")
    assert lines[-1] == "  - … and 2,001 more of these"


def test_a_video_without_a_file_costs_itself(write: Write, tmp_path: Path):
    """It is told once, with what might be meant; only where no video has a file, or much else is wrong, it stops."""
    (tmp_path / "videos" / "part2").mkdir()
    (tmp_path / "videos" / "part2" / "clip_2.mp4").touch()
    path = write(**{"val.ids": "clip_1\nclip_2\n", "val.txt": "clip_1#0 a\nclip_2#0 b\n", "videos/clip-1.mp4": ""})
    loaded = collection.load(path)
    assert loaded.notes == [
        f"2 of 5 videos have no file in {tmp_path}/videos, which costs these videos: 'clip_1', did you mean 'clip-1'?, "
        "'clip_2', did you mean 'part2/clip_2'?"
    ]
    assert loaded.files["t1"] == f"{tmp_path}/videos/t1.mp4"
    assert not Path(loaded.files["clip_1"]).exists()
    (tmp_path / "videos").rename(tmp_path / "elsewhere")
    (tmp_path / "videos").mkdir()
    assert len(mistakes(tmp_path / "collection.yaml")) == 5


def test_a_link_to_nothing_is_told_as_such(write: Write, tmp_path: Path):
    path = write(**{"videos/v1.mp4": None})
    (tmp_path / "videos" / "v1.mp4").symlink_to(".git/annex/objects/v1.mp4")
    loaded = collection.load(path)
    assert loaded.files["v1"] == f"{tmp_path}/videos/v1.mp4"
    assert loaded.notes == [
        f"1 of 4 videos have no file in {tmp_path}/videos, which costs these videos: 'v1'; "
        "1 of them are links to nothing"
    ]


PNG = b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR"
WEBP = b"RIFF\0\0\0\0WEBPVP8X\x0a\0\0\0%c\0\0\0"


@pytest.mark.parametrize(
    ("beside", "taken"),
    [
        ({"v1.mp4": b"", "v1.webp": WEBP % b"\0", "v1.description": b"text", "v1.info": b"x"}, "v1.mp4"),
        ({"v1.MOV": b"", "v1.HEIC": b"\0\0\0\x18ftypheic"}, "v1.MOV"),
        ({"v1.gif": b"GIF89a", "v1.jpg": b"\xff\xd8\xff"}, "v1.gif"),
        ({"v1.webp": WEBP % b"\x02", "v1.png": PNG}, "v1.webp"),  # an animation
        ({"v1": b"", "v1.png": PNG, "v1.mp3": b""}, "v1"),
        ({"v1.jpg": b"\xff\xd8\xff", "v1.m4a": b""}, "v1.jpg"),  # who opens it says that it is a picture
        ({"v1.m\np4": b"", "v1.mkv": b""}, "v1.mkv"),
    ],
)
def test_what_lies_beside_a_video(write: Write, tmp_path: Path, beside: dict[str, bytes], taken: str):
    path = write(**{"videos/v1.mp4": None, **{f"videos/{name}": content for name, content in beside.items()}})
    loaded = collection.load(path)
    assert loaded.files["v1"] == f"{tmp_path}/videos/{taken}"
    (message,) = loaded.notes
    assert message.startswith(f"{number_of(len(beside) - 1, 'files', 'share')} a name with a video, left alone: v1.")
    assert message.isprintable()


def test_of_two_videos_none_is_taken(write: Write, tmp_path: Path):
    """Unless the id names one whole."""
    path = write(**{"videos/v1.mp4": "", "videos/v1.m\nkv": "", "videos/v1.mkv": "", "videos/v1.png": PNG})
    message = "val.ids:1: video 'v1' has 4 files in videos: v1.m\\nkv, v1.mkv, v1.mp4, v1.png"
    assert mistakes(path) == [message]
    names = {"val.ids": "v1.mp4\n", "val.txt": "v1.mp4#0 a bird\n", "videos/v1.mp4.mkv": ""}
    loaded = collection.load(write(**names))
    assert loaded.files["v1.mp4"] == f"{tmp_path}/videos/v1.mp4"


@pytest.mark.parametrize("table", [False, True])
def test_a_link_out_of_the_folder_is_followed_only_when_the_collection_says_so(
    write: Write, tmp_path: Path, table: bool
):
    """Links inside of it are no matter, nor is the folder itself if it is one."""
    (tmp_path / "private").mkdir()
    (tmp_path / "private" / "key").write_text("secret")
    inside = tmp_path / "zoo"
    yaml = yaml_with()
    if table:
        rows = "".join(f"{video},files/{video}.mp4\n" for video in ("t1", "t2", "v1", "s1"))
        yaml = yaml.replace("videos: videos", "videos: zoo/table.csv")
    else:
        yaml = yaml.replace("videos: videos", "videos: zoo")
    path = write(**{"collection.yaml": yaml})
    inside.mkdir()
    if table:
        (inside / "table.csv").write_text("video,path\n" + rows)
        inside = inside / "files"
        inside.mkdir()
    for video in ("t1", "t2", "v1"):
        (inside / f"{video}.mp4").touch()
    (inside / "s1.mp4").symlink_to("t1.mp4")
    assert collection.load(path).files["s1"].endswith("/s1.mp4")
    (inside / "s1.mp4").unlink()
    (inside / "s1.mp4").symlink_to(tmp_path / "private" / "key")
    (message,) = mistakes(path)
    assert "1 link out of zoo, such as s1.mp4 (to private/key)" in message
    assert "`follow_links: true`" in message
    path.write_text(path.read_text() + "follow_links: true\n")
    assert collection.load(path).files["s1"].endswith("/s1.mp4")
    path.write_text(path.read_text().replace("links: true", "links: maybe"))
    assert "follow_links: should be true or false, not 'maybe'" in mistakes(path)[0]
    path.write_text(path.read_text().replace("follow_links: maybe\n", ""))
    if table:  # a folder amid the path that is a link leads out as well
        (inside / "s1.mp4").unlink()
        (inside / "s1.mp4").touch()
        inside.rename(tmp_path / "moved")
        inside.symlink_to(tmp_path / "moved")
        assert "4 links out of zoo" in mistakes(path)[0]


@pytest.mark.parametrize("encoding", ["utf-8-sig", "utf-16"])
def test_byte_order_marks_everywhere(write: Write, tmp_path: Path, encoding: str):
    """As Notepad and PowerShell write text: in lists, captions of each form, a table, collection.yaml itself."""
    yaml = yaml_with(train="train.csv", val="val.jsonl").replace("videos: videos", "videos: table.csv")
    texts = {
        "train.ids": "t1\r\nt2\r\n",
        "train.csv": 'video,caption\r\nt1,ein Hündchen\r\nt2,"two, 2"\r\n',
        "val.jsonl": '{"video": "v1", "caption": "猫"}\r\n',
        "test.txt": "s1#0 a fish\r\n",
        "table.csv": "video,path\n" + "".join(f"{video},videos/t1.mp4\n" for video in ("t1", "t2", "v1", "s1")),
        "collection.yaml": yaml,
    }
    loaded = collection.load(write(**{name: text.encode(encoding) for name, text in texts.items()}))
    assert loaded.ids["train"] == ["t1", "t2"]
    assert loaded.captions["train"].texts == ["ein Hündchen", "two, 2"]
    assert loaded.captions["val"].texts == ["猫"]
    assert loaded.name == "zoo"


def test_deep_json_is_one_mistake(write: Write):
    deep = '{"video": "t1", "captions": ' + "[" * 100_000 + "]" * 100_000 + "}"
    lines = [deep, '{"video": "t1", "caption": "a"}', '{"video": "t2", "caption": "b"}']
    path = write(**{"train.jsonl": "\n".join(lines), "collection.yaml": yaml_with(train="train.jsonl")})
    form = 'should be {"video": …, "caption": …} or {"video": …, "captions": […]}'
    assert mistakes(path) == [f"train.jsonl:1: {form}"]
