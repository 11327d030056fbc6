"""Noting what is finished: the index, the ledger, the log of times."""

from collections.abc import Callable
from pathlib import Path

import pytest

from pipeline.plan import steps
from pipeline.plan.context import Context
from pipeline.plan.plan import stage_plan
from pipeline.plan.record import TIMES, record, seconds_of, write_ledger
from pipeline.plan.units import Unit
from pipeline.store import journal, ledger
from pipeline.workers.tasks import Made

Collect = Callable[..., Path]
Surroundings = Callable[..., Context]


@pytest.fixture
def context(collect: Collect, surroundings: Surroundings) -> Context:
    """Five videos in three shards."""
    return surroundings(collect(train={name: [f"one of {name}"] for name in "abc"}))


def make(context: Context, stage: str, failed: dict[str, list[str]], count: int = 9) -> list[dict[str, str]]:
    """Note the first `count` of the units that a stage lacks, and who failed in them; the ledger after."""
    planned = stage_plan(context, stage)
    for unit in list(planned.todo)[:count]:
        lines = [ledger.line(video, stage, "broken") for video in failed.get(unit.key, [])]
        file = context.work.folder(stage) / unit.key
        file.parent.mkdir(exist_ok=True)
        file.touch()
        record(context, planned, Made(stage, unit.key, 2, 0.5, lines))
    return ledger.read(context.work.ledger)


def failed_videos(lines: list[dict[str, str]]) -> list[tuple[str, str]]:
    return [(line["stage"], line["video"]) for line in lines]


def test_no_failure_no_ledger(context: Context):
    assert make(context, "decode", {}) == []
    assert not context.work.ledger.exists()
    assert context.spent == {"decode": 1.5}
    assert [line["unit"] for line in journal.read(context.work.root / TIMES)] == ["00000.h5", "00001.h5", "00002.h5"]
    assert stage_plan(context, "decode").todo == []


def test_times_are_those_of_what_stands(context: Context):
    """Not those of attempts that were replaced; a training has those of all its runs."""
    make(context, "decode", {"00001.h5": ["c"]})  # three shards, half a second each
    context.retry = True
    make(context, "decode", {})  # one of them again
    assert context.spent == {"decode": 2.0}

    def units(*names: str) -> dict[str, list[Unit]]:
        return {name: steps.units(context, name) for name in names}

    assert seconds_of(context, units("decode", "x3d")) == {"decode": 1.5, "x3d": 0.0}
    entry = context.work.index("decode").entries["00000.h5"]
    entry.training = {"epochs": 2, "seconds": 7.0}
    assert seconds_of(context, units("decode")) == {"decode": 8.0}
    entry.training, entry.seconds = {}, 0.0  # as of a shard that spoke for itself
    assert seconds_of(context, units("decode")) == {"decode": 1.5}


def test_failures_are_told_while_a_stage_runs_and_ordered_when_it_is_done(context: Context):
    assert failed_videos(make(context, "decode", {"00000.h5": ["b"]}, count=1)) == [("decode", "b")]
    make(context, "x3d", {"00001.h5": ["c"]})
    failures = make(context, "decode", {"00002.h5": ["test0"]})
    assert failed_videos(failures) == [
        ("decode", "b"),
        ("decode", "test0"),
        ("x3d", "c"),
    ]  # by stage and shard, not by time


def test_what_succeeds_at_last_leaves_the_ledger(context: Context):
    make(context, "decode", {"00000.h5": ["a", "b"]})
    context.retry = True
    assert failed_videos(make(context, "decode", {"00000.h5": ["b"]})) == [("decode", "b")]
    assert make(context, "decode", {}) == []
    assert context.work.ledger.read_text() == ""


def test_a_kill_between_index_and_ledger_is_mended(context: Context):
    make(context, "decode", {"00000.h5": ["b"]}, count=1)
    context.work.ledger.unlink()
    assert failed_videos(make(context, "decode", {})) == [("decode", "b")]


def test_items_that_went_leave_the_ledger(context: Context, collect: Collect, surroundings: Surroundings):
    make(context, "decode", {"00000.h5": ["a", "b"]})
    later = surroundings(collect(train={name: [f"one of {name}"] for name in "bc"}))
    write_ledger(later)
    assert failed_videos(ledger.read(later.work.ledger)) == [("decode", "b")]


def test_failures_of_a_shard_that_no_item_is_in_any_more_are_forgotten(collect: Collect, surroundings: Surroundings):
    context = surroundings(collect(train={name: [f"one of {name}"] for name in "abcd"}))
    make(context, "decode", {"00001.h5": ["d"]})  # a b | c d | val0 test0
    assert context.failed("decode") == {"d"}
    collect(train={name: [f"one of {name}"] for name in "ab"})
    later = surroundings(collect(train={name: [f"one of {name}"] for name in "ab"}))
    later.catalog.video_shard[later.catalog.video_shard == 1] = 5  # as if both had gone and one had come again
    assert later.failed("decode") == set()
    write_ledger(later)
    assert ledger.read(later.work.ledger) == []
