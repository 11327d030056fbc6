"""What a run notes of itself comes back, the newest last, also where it was cut off or another version wrote it."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import datetime
from pathlib import Path

import pytest

from pipeline.store import circumstances


def test_a_run_that_ends_has_its_seconds(tmp_path: Path) -> None:
    with circumstances.noted(tmp_path, "main", "laff run -w 'my work'", ["train", "rank"]):
        begun = circumstances.last(tmp_path, "main")
        assert begun is not None
        assert begun.seconds is None
    ended = circumstances.last(tmp_path, "main")
    assert ended is not None
    assert ended == replace(begun, seconds=ended.seconds)
    assert ended.seconds is not None
    assert (ended.command, ended.stages) == ("laff run -w 'my work'", ("train", "rank"))
    assert datetime.fromisoformat(ended.time).utcoffset() is not None
    assert {"laff", "python", "numpy", "torch"} <= ended.versions.keys()
    assert ended.hardware["cores"] >= 1
    assert ended.hardware["memory"].endswith(" GiB")


def test_a_run_that_is_cut_off_has_none(tmp_path: Path) -> None:
    with pytest.raises(KeyboardInterrupt), circumstances.noted(tmp_path, "main", "laff run", ["train"]):
        raise KeyboardInterrupt
    known = circumstances.read(tmp_path, "main")
    assert [one.seconds for one in known] == [None]


def test_the_newest_are_kept(tmp_path: Path) -> None:
    here = circumstances.now("laff run", ["train"])
    for second in range(circumstances.MOST + 3):
        circumstances.write(tmp_path, "main", replace(here, time=f"2026-01-01T00:00:{second:02d}+00:00"))
    known = circumstances.read(tmp_path, "main")
    assert len(known) == circumstances.MOST
    assert (known[0].time[17:19], known[-1].time[17:19]) == ("03", "22")


def test_the_last_that_made_a_stage(tmp_path: Path) -> None:
    for second, stages in enumerate((("train", "report"), ("report",))):
        one = replace(circumstances.now("laff run", stages), time=f"2026-01-01T00:00:0{second}+00:00")
        circumstances.write(tmp_path, "main", one)
    last, trained = (circumstances.last(tmp_path, "main", stages) for stages in ((), ("train", "rank")))
    assert last is not None
    assert trained is not None
    assert (last.stages, trained.stages) == (("report",), ("train", "report"))
    assert circumstances.last(tmp_path, "main", ("decode",)) is None
    assert circumstances.last(tmp_path, "other") is None


@pytest.mark.parametrize("text", ["", "{", "{}", "[1]", '[{"command": "laff run"}]'])
def test_what_another_wrote_is_left_out(tmp_path: Path, text: str) -> None:
    file = circumstances.path(tmp_path, "main")
    file.parent.mkdir(parents=True)
    file.write_text(text)
    assert circumstances.read(tmp_path, "main") == []


def test_keys_of_a_later_version_are_left_out(tmp_path: Path) -> None:
    circumstances.write(tmp_path, "main", circumstances.now("laff run"))
    file = circumstances.path(tmp_path, "main")
    file.write_text(json.dumps([json.loads(file.read_text())[0] | {"later": 1}]))
    known = circumstances.last(tmp_path, "main")
    assert known is not None
    assert known.command == "laff run"
