"""Which kind each annotation file is, by name and first lines; and which split its name says."""

from pathlib import Path

import pytest

from pipeline.errors import LaffError
from pipeline.protocols import sources


@pytest.mark.parametrize(
    ("name", "text", "form"),
    [
        ("a.json", '{"a": 1}', "json"),
        ("a.json", '{"a": 1}\n{"a": 2}\n', "jsonl"),
        ("a.jsonl", "", "jsonl"),
        ("a.pkl", "anything", "pickle"),
        ("a.csv", "a,b\n1,2\n", "table"),
        ("a.tsv", "a\tb\n1\t2\n", "table"),
        ("a.tsv", "https://a.com/b.gif\ttwo words\n", "pairs"),
        ("a.txt", "video0#0 a cat\n", "captions"),
        ("a.txt", "\n\nvideo0 a cat\nvideo0#enc#0\ta cat\n", "captions"),
        ("a.txt", "501 a person playing guitar\n", "pairs"),
        ("a.txt", "video0\nvideo1\n", "ids"),
        ("a.txt", "{not-json}\n", "ids"),
        ("a.txt", "", "ids"),
    ],
)
def test_kinds(tmp_path: Path, name: str, text: str, form: str):
    for encoding in ("utf-8", "utf-8-sig", "utf-16"):
        (tmp_path / name).write_bytes(text.encode(encoding))
        assert sources.look(tmp_path / name).form == form, encoding


def test_the_header_of_a_table(tmp_path: Path):
    (tmp_path / "a.csv").write_text('\ufeffkey, video_id ,"a, b"\r\n1,2,3\r\n', encoding="utf-8")
    assert sources.look(tmp_path / "a.csv").header == ("key", "video_id", "a, b")


@pytest.mark.parametrize(
    ("name", "split"),
    [
        ("msvdtrain", "train"),
        ("msvdtrain.caption", "train"),
        ("train_list", "train"),
        ("val_1_list", "val"),
        ("validation", "val"),
        ("test1k5_sec_list", "test"),
        ("MSRVTT_train.9k", "train"),
        ("msrvtt10ktest.caption", "test"),
        ("train_val_videodatainfo", ""),
        ("trainval", ""),
        ("available.caption", ""),
        ("tgif-v1.0", ""),
        ("evaluation", ""),
    ],
)
def test_the_split_that_a_name_says(name: str, split: str):
    assert sources.split_of(name) == split


def test_a_folder_and_files_each_once(tmp_path: Path):
    for name in ("b.txt", "a/a.csv", "a/video.mp4", ".hidden.txt", "a/.git/x.txt", "readme"):
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("x\n")
    given = sources.read([tmp_path, tmp_path / "b.txt"])
    assert [one.path.relative_to(tmp_path).as_posix() for one in given.files] == ["b.txt", "a/a.csv"]
    assert [one.path.name for one in given.of("table", "x")] == ["a.csv"]
    assert given.unused == [tmp_path / "b.txt"]


def test_paths_without_files(tmp_path: Path):
    with pytest.raises(LaffError, match="no such file or folder"):
        sources.read([tmp_path / "none"])
    with pytest.raises(LaffError, match="holds no annotation file"):
        sources.read([tmp_path])
