"""Files of queries without a known answer: three forms, and every mistake with its line."""

from pathlib import Path

import pytest

from pipeline.errors import LaffError
from pipeline.items.queries import load
from pipeline.wording import number_of

TEXTS = {
    "a.txt": "1501 find shots of a cat,  running\n\nmy%20topic\tein Hündchen\n",
    "b.csv": 'query,text\n1501,"find shots of a cat, running"\nmy topic,ein Hündchen\n',
    "c.jsonl": '{"query": 1501, "text": "find shots of a cat, running"}\n{"query": "my topic", "text": '
    '"ein Hündchen"}\n',
}


@pytest.mark.parametrize("name", TEXTS)
def test_three_forms_say_the_same(tmp_path: Path, name: str) -> None:
    (tmp_path / name).write_text(TEXTS[name], encoding="utf-8")
    assert load(tmp_path / name) == [("1501", "find shots of a cat, running"), ("my topic", "ein Hündchen")]


@pytest.mark.parametrize(
    ("name", "text", "mistakes"),
    [
        (
            "a.txt",
            "1 a cat\n2\n1 again\n3 a\x07b\n../4 a dog\n",
            [
                "a.txt:2: query '2' has no text; a line is an id, white space, and what is asked",
                "a.txt:3: query '1' stands again; first in line 1",
                "a.txt:4: query '3' has the character '\\x07', which is no text",
                "a.txt:5: id '../4' should be like a path below the videos' folder, without '.', '..' or '//'",
            ],
        ),
        ("b.csv", "id,text\n1,a\n", ["b.csv:1: the first line should be 'query,text', not 'id,text'"]),
        (
            "b.csv",
            "query,text\n1,a, b\n2,\n",
            [
                "b.csv:2: has 3 columns instead of 2 (put a text with commas into quotes)",
                "b.csv:3: query '2' has no text; a line is `query,text`, where text is what is asked",
            ],
        ),
        (
            "c.jsonl",
            '{"query": "1"}\n[1]\n{"query": true, "text": "a"}\n',
            [f'c.jsonl:{line}: should be {{"query": …, "text": …}}, both texts' for line in (1, 2, 3)],
        ),
        ("d.txt", "\n", ["d.txt: lists no query"]),
    ],
)
def test_every_mistake_at_once(tmp_path: Path, name: str, text: str, mistakes: list[str]) -> None:
    (tmp_path / name).write_text(text, encoding="utf-8")
    with pytest.raises(LaffError) as error:
        load(tmp_path / name)
    head, *lines = str(error.value).replace(f"{tmp_path}/", "").split("\n")
    assert head == f"{name}: {number_of(mistakes, 'problems')}"
    assert [line.removeprefix("  - ") for line in lines] == mistakes
