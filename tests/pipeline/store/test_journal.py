"""Files of one JSON a line that grow: what is whole is read, whatever was torn."""

from pathlib import Path

import pytest

from pipeline.store import journal


def test_lines_are_added_and_read(tmp_path: Path):
    path = tmp_path / "new" / "some.jsonl"
    assert list(journal.read(path)) == []
    journal.append(path, [{"a": 1}, {"b": "猫\n"}])
    journal.append(path, [{"a": 2}], sync=True)
    assert list(journal.read(path)) == [{"a": 1}, {"b": "猫\n"}, {"a": 2}]
    assert path.read_text(encoding="utf-8").count("\n") == 3


@pytest.mark.parametrize("torn", [b'{"b": ', b"\0\0\0\0", b"\xff", b'{"b": 1'])
def test_a_torn_line_is_skipped_and_the_next_starts_afresh(tmp_path: Path, torn: bytes):
    path = tmp_path / "some.jsonl"
    journal.append(path, [{"a": 1}])
    path.write_bytes(path.read_bytes() + torn)
    assert list(journal.read(path)) == [{"a": 1}]
    journal.append(path, [{"c": 3}])
    assert list(journal.read(path)) == [{"a": 1}, {"c": 3}]


def test_what_is_no_object_is_skipped(tmp_path: Path):
    path = tmp_path / "some.jsonl"
    path.write_text('[1]\n\n3\n{"a": 1}\n')
    assert list(journal.read(path)) == [{"a": 1}]
    assert list(journal.read(tmp_path)) == []  # a folder
