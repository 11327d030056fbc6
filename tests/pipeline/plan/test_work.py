"""The work that a plan leaves, how long it takes, and the tree that shows it."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from pipeline.plan import tree
from pipeline.plan.context import Context
from pipeline.plan.planned import Planned
from pipeline.plan.work import Times, Work, kind_of, work
from pipeline.views.printed import Paper

GRAPH = """
stages:
  ingest: {step: ingest, params: {shard_videos: 2, shard_captions: 4}}
  decode: {step: decode, from: ingest}
  x3d: {step: extract, uses: extractors.x3d.X3D, from: decode, params: {weights: random}}
  bow: {step: extract, uses: extractors.bow.Bow, from: ingest}
  train: {step: train, uses: fusion.laff.LAFF, from: [x3d, bow], params: {seeds: [1, 2, 3], singles: false}}
  rank: {step: rank, from: train}
"""


@pytest.fixture
def context(collect: Callable[..., Path], surroundings: Callable[..., Context]) -> Context:
    """5 videos in shards of 2, 8 captions in shards of 4; nothing is made."""
    train = {name: [f"one of {name}", f"two of {name}"] for name in ("a", "b", "c")}
    return surroundings(collect(train=train), text=GRAPH)


def noted(context: Context, *lines: tuple[str, str, float, int]) -> None:
    """Write WORK/times.jsonl with lines of (stage, unit, seconds, rows)."""
    keys = ("stage", "unit", "seconds", "rows")
    texts = [json.dumps(dict(zip(keys, line, strict=True))) for line in lines]
    (context.work.root / "times.jsonl").write_text("\n".join([*texts, "no JSON", ""]))


def test_units_are_alike_by_their_keys() -> None:
    assert kind_of("00000.h5") == kind_of("00017.h5") != kind_of("text/00000.h5")
    assert kind_of("laff/seed1") == kind_of("laff/seed2") != kind_of("concat/seed1")
    assert kind_of("fit") == "fit"


def test_counts_and_no_time_where_nothing_was_made(
    context: Context, planned: Callable[[Context], dict[str, Planned]]
) -> None:
    plans, times = planned(context), Times.of(context)
    left = {name: work(context, plan, times) for name, plan in plans.items()}
    assert left["x3d"] == Work({"videos": 5}, None)
    assert left["train"].items == {"trainings": 3}
    assert left["bow"].items == {"captions": 8}
    assert left["rank"] == Work({}, None)


def test_time_by_what_was_made_here(context: Context, planned: Callable[[Context], dict[str, Planned]]) -> None:
    """x3d: 3 s for 2 videos and, the second time, 1 s for 2, so 4 s for 4 and 5 s for 5. train: (2 + 4) / 2 each."""
    noted(
        context,
        ("x3d", "00000.h5", 3.0, 2),
        ("x3d", "00001.h5", 9.0, 2),
        ("x3d", "00001.h5", 1.0, 2),
        ("train", "laff/seed1", 2.0, 6),
        ("train", "laff/seed9", 4.0, 6),
        ("bow", "fit", 1.0, 6),  # of its shards nothing is known
    )
    plans, times = planned(context), Times.of(context)
    assert work(context, plans["x3d"], times).seconds == pytest.approx(5.0)
    assert work(context, plans["train"], times).seconds == pytest.approx(9.0)
    assert work(context, plans["bow"], times).seconds is None


def test_nothing_takes_no_time(context: Context) -> None:
    assert work(context, Planned("x3d"), Times.of(context)) == Work({}, 0.0)


def test_the_tree(context: Context, planned: Callable[[Context], dict[str, Planned]]) -> None:
    states = planned(context)
    plans = [Planned("ingest"), *(states[name] for name in ("decode", "x3d", "bow", "train", "rank"))]
    plans[2].cached, plans[2].missing = plans[2].missing[:1], plans[2].missing[1:]
    plans[3].stale, plans[3].missing, plans[3].reasons = plans[3].missing, [], ["least 1 → 2"]
    works = {plan.stage: Work({}, 90.0 if plan.stage == "x3d" else None) for plan in plans}
    works["x3d"] = Work({"videos": 3}, 90.0)
    lines = tree.text(context.graph, plans, works).splitlines()
    assert [line.split("  ")[0] for line in lines] == [
        "stage",
        "-" * len(max(lines, key=len)),
        *("videos and captions", "├─ ingest", "└─ decode", "features", "├─ x3d", "└─ bow"),
        *("models", "└─ train", "results", "└─ rank"),
    ]
    of = {line.split()[1]: line.split() for line in lines if line[0] in "├└"}
    assert of["ingest"][2:] == ["cached", "0", "of", "0"]
    assert of["x3d"][2:] == ["partly", "missing", "2", "of", "3", "3", "videos", "2", "min", "not", "made", "yet"]
    assert of["bow"][2:] == ["stale", *f"{len(plans[3].stale)} of {len(plans[3].stale)} ? least 1 → 2".split()]
    assert tree.totals(plans, works) == (
        f"to make: {sum(len(plan.todo) for plan in plans)} of {sum(len(plan.todo) for plan in plans) + 1} units, about "
        "2 min of work by the times of this workspace; ?: nothing like it was made here yet, so the time of the rest "
        "is not known (decode, bow, train, rank)"
    )
    narrow = tree.text(context.graph, plans, works, Paper(60)).splitlines()
    assert max(map(len, narrow)) <= 60


def test_nothing_to_do() -> None:
    assert tree.totals([Planned("x3d")], {"x3d": Work({}, 0.0)}) == "nothing to do: everything is cached"
