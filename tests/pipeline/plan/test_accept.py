"""accept: what earlier code made stands when a person says so, and nothing but code can be accepted."""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from pipeline.errors import LaffError
from pipeline.parts.code import ROOT
from pipeline.plan.accept import accept, earlier_code
from pipeline.plan.context import Context
from pipeline.plan.losses import WouldReplace, losses, trained_by_earlier_code
from pipeline.plan.planned import Planned
from pipeline.plan.steps import units
from pipeline.rows import shards
from pipeline.store.index import Entry

GRAPH = """
stages:
  ingest: {step: ingest, params: {shard_videos: 2, shard_captions: 4}}
  decode: {step: decode, from: ingest}
  x3d: {step: extract, uses: extractors.x3d.X3D, from: decode, params: {size: XS, frames: 13, weights: random}}
  bow: {step: extract, uses: extractors.bow.Bow, from: ingest, params: {threshold: 1}}
  train: {step: train, uses: fusion.laff.LAFF, from: [x3d, bow], params: {seeds: [1], singles: false}}
  rank: {step: rank, from: train}
"""
TUNED = """  finetune:
    {step: finetune, uses: extractors.clip_ft.ClipFt, from: decode, params: {model: tiny-64, weights: random}}
  clip-ft: {step: extract, from: [decode, finetune]}
"""
Surroundings = Callable[..., Context]
Look = Callable[[Context], dict[str, Planned]]


@pytest.fixture
def yaml(collect: Callable[..., Path], surroundings: Surroundings, finish: Callable[[Context], None]) -> Path:
    """A collection of which everything is made."""
    path = collect()
    finish(surroundings(path))
    return path


@pytest.fixture
def edit(copied: Path, fresh_sources: Callable[[], None]) -> Callable[[str], None]:
    """`edit("pipeline/video/positions.py")` makes the code of a file another."""

    def change(name: str) -> None:
        with (copied / name).open("a", encoding="utf-8") as file:
            file.write("\nPLANTED = 0\n")
        fresh_sources()

    return change


def stale(planned: Look, context: Context) -> dict[str, list[str]]:
    return {name: state.reasons for name, state in planned(context).items() if state.todo}


def test_what_follows_stands_too_but_what_tells_of_it(
    yaml: Path, surroundings: Surroundings, planned: Look, edit: Callable[[str], None]
) -> None:
    edit("extractors/x3d.py")
    before = planned(surroundings(yaml))
    assert before["x3d"].only_code
    assert before["train"].only_code
    accepted = accept(surroundings(yaml), ["x3d"])
    assert accepted.units == {"x3d": 2, "train": 2, "rank": 2}  # shards; two seeds of laff
    assert accepted.modules == {"x3d": ["extractors.x3d"], "train": [], "rank": []}
    after = surroundings(yaml)  # as another process sees it
    assert stale(planned, after) == {"evaluate": ["follows rank"], "report": ["follows evaluate"]}
    assert earlier_code(after, ["rank"]) == {name: ["extractors.x3d"] for name in ("x3d", "train", "rank")}
    entry = after.work.index("x3d").entries["00000.h5"]
    (old, new) = entry.earlier["extractors.x3d"]
    assert old != new
    assert entry.accepted == after.fingerprint("x3d") != entry.fingerprint


def test_own_code_of_what_follows_has_to_be_named(
    yaml: Path, surroundings: Surroundings, planned: Look, edit: Callable[[str], None]
) -> None:
    edit("extractors/x3d.py")
    edit("fusion/laff.py")
    accepted = accept(surroundings(yaml), ["x3d"])
    assert list(accepted.units) == ["x3d"]
    assert accepted.left == {"train": "code of fusion.laff changed; follows x3d", "rank": "follows laff"} | {
        name: accepted.left[name] for name in ("evaluate", "report")
    }
    accepted = accept(surroundings(yaml), ["train"])
    assert list(accepted.units) == ["train", "rank"]
    both = ["extractors.x3d", "fusion.laff"]
    assert earlier_code(surroundings(yaml), ["rank"]) == {"x3d": both[:1], "train": both, "rank": both}


def test_who_would_replace_features_is_told_of_the_models_too(
    yaml: Path, surroundings: Surroundings, edit: Callable[[str], None]
) -> None:
    """`laff accept x3d` alone would leave all models to be trained anew."""
    edit("extractors/x3d.py")
    context = surroundings(yaml)
    names = list(context.graph.stages)
    assert trained_by_earlier_code(context, names) == []  # train follows x3d by itself
    edit("fusion/laff.py")
    context = surroundings(yaml)
    trained = trained_by_earlier_code(context, names)
    assert trained == ["train"]
    assert trained_by_earlier_code(context, ["x3d"]) == []
    lost = losses(context, names, {})
    assert str(WouldReplace(lost, "W", trained=trained)).splitlines()[-1] == (
        "only code has changed: `laff accept x3d train -w W` keeps them as they are, "
        "and the models (train), which would be trained anew"
    )
    assert str(WouldReplace(lost, "W")).endswith("only code has changed: `laff accept x3d -w W` keeps them as they are")


def test_code_that_changes_again_is_noted_from_the_first_on(
    yaml: Path, surroundings: Surroundings, planned: Look, edit: Callable[[str], None]
) -> None:
    edit("extractors/x3d.py")
    accept(surroundings(yaml), ["x3d"])
    first = surroundings(yaml).work.index("x3d").entries["00000.h5"]
    edit("extractors/pixels.py")
    assert stale(planned, surroundings(yaml))["x3d"] == ["code of extractors.pixels, extractors.x3d changed"]
    accept(surroundings(yaml), ["x3d"])
    second = surroundings(yaml).work.index("x3d").entries["00000.h5"]
    assert second.fingerprint == first.fingerprint
    assert set(second.earlier) == {"extractors.pixels", "extractors.x3d"}
    assert second.earlier["extractors.x3d"] == first.earlier["extractors.x3d"]


def test_code_that_is_as_it_was_needs_no_note(
    yaml: Path,
    surroundings: Surroundings,
    planned: Look,
    edit: Callable[[str], None],
    copied: Path,
    fresh_sources: Callable[[], None],
) -> None:
    edit("extractors/x3d.py")
    accept(surroundings(yaml), ["x3d"])
    (copied / "extractors/x3d.py").write_text((ROOT / "extractors/x3d.py").read_text(encoding="utf-8"))
    fresh_sources()
    assert stale(planned, surroundings(yaml)) == {}
    assert earlier_code(surroundings(yaml), ["rank"]) == {}


@pytest.mark.parametrize(
    ("names", "sets", "message"),
    [
        (["x3d"], ["x3d.frames=16"], "'x3d': only changed code can be accepted, but here it says: frames 13 → 16"),
        (["bow"], [], "'bow' is up to date; there is nothing to accept"),
        (["evaluate"], [], "'evaluate' is made again in seconds; accept what it reads"),
        (["x3d", "bow"], [], "laff accept: 1 problem"),
        (["x3e"], [], "has no stage 'x3e'; did you mean 'x3d'?"),
    ],
)
def test_what_is_refused(
    yaml: Path,
    surroundings: Surroundings,
    planned: Look,
    edit: Callable[[str], None],
    names: list[str],
    sets: list[str],
    message: str,
) -> None:
    edit("extractors/x3d.py")
    context = surroundings(yaml, sets)
    before = stale(planned, context)
    with pytest.raises(LaffError) as error:
        accept(context, names)
    assert message.replace("1 problem", "'bow' is up to date") in str(error.value)
    assert stale(planned, surroundings(yaml, sets)) == before


def test_changed_items_are_refused(
    yaml: Path, collect: Callable[..., Path], surroundings: Surroundings, edit: Callable[[str], None]
) -> None:
    edit("extractors/x3d.py")
    (yaml.parent / "videos" / "train0.mp4").write_bytes(b"another video")
    with pytest.raises(LaffError, match="only changed code can be accepted"):
        accept(surroundings(yaml), ["x3d"])


def remake(context: Context, name: str, *keys: str) -> None:
    """Note units as made by the code as it is now."""
    index = context.work.index(name)
    for unit in units(context, name):
        if unit.key in keys:
            index.record(unit.key, Entry(unit.fingerprint, unit.content, {}), unit.recipe)


def test_what_reads_units_that_were_made_anew_does_not_follow(
    yaml: Path, surroundings: Surroundings, edit: Callable[[str], None]
) -> None:
    edit("extractors/x3d.py")
    remake(surroundings(yaml), "x3d", "00000.h5")
    accepted = accept(surroundings(yaml), ["x3d"])
    assert accepted.units == {"x3d": 1}
    assert accepted.left["train"] == "follows x3d"
    accepted = accept(surroundings(yaml), ["train"])  # a person may say so
    assert list(accepted.units) == ["train", "rank"]
    assert earlier_code(surroundings(yaml), ["rank"])["train"] == ["x3d as it was"]


def test_ranks_of_a_model_that_was_trained_anew_do_not_follow(
    yaml: Path, surroundings: Surroundings, edit: Callable[[str], None]
) -> None:
    edit("fusion/laff.py")
    remake(surroundings(yaml), "train", "laff/seed1")
    accepted = accept(surroundings(yaml), ["train"])
    assert accepted.units == {"train": 1}
    assert accepted.left["rank"] == "follows laff"


def test_the_note_outlives_what_it_came_from(
    yaml: Path, surroundings: Surroundings, edit: Callable[[str], None]
) -> None:
    """x3d is lost and made again by the new code: the models have still learned from the old."""
    edit("extractors/x3d.py")
    accept(surroundings(yaml), ["x3d"])
    remake(surroundings(yaml), "x3d", "00000.h5", "00001.h5")
    assert earlier_code(surroundings(yaml), ["rank"]) == {name: ["extractors.x3d"] for name in ("train", "rank")}


def test_a_part_that_is_borrowed_is_code_of_its_own(
    collect: Callable[..., Path],
    surroundings: Surroundings,
    finish: Callable[[Context], None],
    edit: Callable[[str], None],
) -> None:
    """clip-ft computes with the class that finetune has trained."""
    text = GRAPH.replace("  bow:", TUNED + "  bow:").replace("from: [x3d, bow]", "from: [clip-ft, bow]")
    yaml = collect()
    finish(surroundings(yaml, text=text))
    edit("extractors/clip_ft.py")
    accepted = accept(surroundings(yaml, text=text), ["finetune"])
    assert list(accepted.units) == ["finetune"]
    assert accepted.left["clip-ft"] == "code of extractors.clip_ft changed; follows finetune"


def test_a_joint_encoder_is_code_of_the_model(
    collect: Callable[..., Path],
    surroundings: Surroundings,
    finish: Callable[[Context], None],
    planned: Look,
    edit: Callable[[str], None],
) -> None:
    text = GRAPH.replace("  bow:", "  gru: {step: extract, uses: extractors.gru.Gru, from: [ingest, x3d]}\n  bow:")
    text = text.replace("from: [x3d, bow], params: {", "from: [x3d, gru], params: {joint: [gru], ")
    yaml = collect()
    finish(surroundings(yaml, text=text))
    edit("extractors/gru.py")
    state = planned(surroundings(yaml, text=text))["train"]
    assert (state.only_code, list(state.by_code)) == (True, ["extractors.gru"])
    accept(surroundings(yaml, text=text), ["train"])
    assert earlier_code(surroundings(yaml, text=text), ["train"])["train"] == ["extractors.gru"]


def test_a_note_outlives_another_date(
    yaml: Path, surroundings: Surroundings, edit: Callable[[str], None], planned: Look
) -> None:
    """A workspace that was copied without its dates: the shards speak for themselves, the notes stay."""
    context = surroundings(yaml)
    for unit in units(context, "x3d"):
        about = {"fingerprint": unit.fingerprint, "content": unit.content, "recipe": json.dumps(unit.recipe)}
        path = context.work.folder("x3d") / unit.key
        shards.write(path, ["a"], np.zeros((1, 2), np.float32), about)
        recorded = context.work.index("x3d").made(unit.makes)
        context.work.index("x3d").record(unit.key, Entry(unit.fingerprint, unit.content, recorded), unit.recipe)
    edit("extractors/x3d.py")
    accept(surroundings(yaml), ["x3d"])
    for path in surroundings(yaml).work.folder("x3d").glob("*.h5"):
        os.utime(path, ns=(1, 1))
    assert planned(surroundings(yaml))["x3d"].todo == []
    assert earlier_code(surroundings(yaml), ["x3d"]) == {"x3d": ["extractors.x3d"]}
