"""The failures ledger."""

import json
from pathlib import Path

from pipeline.store import ledger


def test_a_line_has_the_public_fields():
    entry = ledger.line("v1", "decode", "no video stream", "InvalidDataError", "pyav")
    assert entry["reason"] == "no video stream"
    assert ledger.line("v1", "decode", "a link to a\nb\x1b[2J")["reason"] == r"a link to a\nb\x1b[2J"
    assert "time" not in entry  # a shard keeps it
    (line,) = ledger.timed([entry], "2026-01-02T03:04:05+00:00")
    assert tuple(line) == ledger.KEYS == ("video", "stage", "reason", "exception", "decoder", "time")
    assert line["time"] == "2026-01-02T03:04:05+00:00"
    assert ledger.timed([line], "later") == [line]  # of a shard of an earlier version


def test_one_json_a_line(tmp_path: Path):
    """Reasons quote what strange files say: line ends of every kind must not break the ledger."""
    path = tmp_path / "failures.jsonl"
    assert ledger.read(path) == []
    lines = [ledger.line("v1", "decode", "odd \n \x85 \u2028 \x1c title 猫"), ledger.line("v2", "x3d", "slow")]
    ledger.write(path, lines)
    assert ledger.read(path) == lines
    texts = path.read_text(encoding="utf-8").split("\n")
    assert [json.loads(text) for text in texts[:-1]] == lines
    assert texts[-1] == ""
    assert "猫" in texts[0]


def test_it_is_written_only_when_it_says_something_new(tmp_path: Path):
    """The report's content follows the ledger's bytes and a run with nothing to do writes nothing."""
    path = tmp_path / "failures.jsonl"
    lines = [ledger.line("v1", "decode", "broken")]
    ledger.write(path, [])
    assert not path.exists()
    ledger.write(path, lines)
    before = path.stat().st_ino, path.stat().st_mtime_ns
    ledger.write(path, lines)
    assert (path.stat().st_ino, path.stat().st_mtime_ns) == before
    ledger.write(path, [])
    assert path.read_text() == ""


def test_the_table():
    assert ledger.table([]) == "no failures"
    lines = [
        ledger.line("v1", "decode", "broken"),
        ledger.line("video2", "x3d", "slow"),
        ledger.line("v1", "x3d", "slow"),
    ]
    assert ledger.table(lines).split("\n") == [
        "video   stage   reason",
        "----------------------",
        "v1      decode  broken",
        "video2  x3d     slow",
        "v1      x3d     slow",
        "2 videos failed",
    ]


def test_notes_stand_beside_the_failures(tmp_path: Path):
    path = tmp_path / "failures.jsonl"
    failed, noted = ledger.line("v1", "decode", "broken"), ledger.line("v2", "x3d", "used, but …")
    ledger.write(path, [failed])
    ledger.append(path, [ledger.as_note(noted)])
    assert (ledger.read(path), ledger.notes(path)) == ([failed], [noted | {"kind": "note"}])
    assert ledger.table([failed], [noted]).split("\n") == [
        "video  stage   reason",
        "---------------------",
        "v1     decode  broken",
        "1 video failed",
        "",
        "video  stage  note",
        "-------------------------",
        "v2     x3d    used, but …",
        "1 video noted",
    ]
