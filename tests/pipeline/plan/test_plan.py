"""What is cached, stale or missing, and why: fingerprints of configurations, contents of shards and splits."""

import json
import os
import re
import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from pipeline.errors import LaffError
from pipeline.parts import code
from pipeline.parts.code import ROOT
from pipeline.plan import fingerprints
from pipeline.plan.context import Context
from pipeline.plan.fingerprints import Recipes
from pipeline.plan.plan import Planned, explain, remarks, stage_plan
from pipeline.plan.steps import units
from pipeline.plan.units import data_content
from pipeline.rows import shards
from pipeline.store import ledger
from pipeline.store.index import Entry

Collect = Callable[..., Path]
Surroundings = Callable[..., Context]
Finish = Callable[[Context], None]
Look = Callable[[Context], dict[str, Planned]]

TWO = """
stages:
  ingest: {step: ingest}
  decode: {step: decode, from: ingest}
  x3d: {step: extract, uses: extractors.x3d.X3D, from: decode, params: {weights: random}}
  tf: {step: extract, uses: extractors.tf.TimeSformer, from: decode, params: {weights: random}}
  bow: {step: extract, uses: extractors.bow.Bow, from: ingest}
  train:
    step: train
    uses: fusion.laff.LAFF
    from: [x3d, tf, bow]
    params: {baselines: {concat: fusion.concat.Concat}}
  rank: {step: rank, from: train, params: {pairs: {odd: [x3d, bow]}}}
"""


@pytest.fixture
def done(collect: Collect, surroundings: Surroundings, finish: Finish) -> Callable[..., Path]:
    """`done(train=…)`: a collection whose every stage is finished; returns its yaml."""

    def make(text: str | None = None, **splits: dict[str, list[str]]) -> Path:
        path = collect(**splits)
        finish(surroundings(path, text=text) if text else surroundings(path))
        return path

    return make


def many(*names: str) -> dict[str, list[str]]:
    return {name: [f"one of {name}", f"two of {name}"] for name in names}


def reasons(plans: dict[str, Planned]) -> dict[str, list[str]]:
    """Of the stages that are not cached."""
    return {name: plan.reasons for name, plan in plans.items() if plan.todo}


def test_a_fresh_workspace(collect: Collect, surroundings: Surroundings, planned: Look):
    plans = planned(surroundings(collect(train=many("a", "b", "c"))))  # 5 videos in shards of 2, 8 captions of 4
    assert {name: [unit.key for unit in plan.missing] for name, plan in plans.items()} == {
        "decode": ["00000.h5", "00001.h5", "00002.h5"],
        "x3d": ["00000.h5", "00001.h5", "00002.h5"],
        "bow": ["fit", "00000.h5", "00001.h5"],
        "train": ["laff/seed1", "laff/seed2"],
        "rank": ["laff/seed1", "laff/seed2"],
        "evaluate": ["evaluate"],
        "report": ["report"],
    }
    assert plans["bow"].summary() == {
        "stage": "bow",
        "shards": 3,
        "cached": 0,
        "stale": 0,
        "missing": 3,
        "reasons": ["not made yet"],
        "code": [],
    }


def test_what_was_set_aside_is_told(collect: Collect, surroundings: Surroundings, planned: Look):
    """It was made, so "not made yet" would be wrong; the shards after it were not."""
    context = surroundings(collect(train=many("a", "b", "c")))
    folder = context.work.folder("x3d")
    folder.mkdir(parents=True)
    (folder / "00000.h5.damaged").touch()
    assert planned(context)["x3d"].reasons == ["damaged, and set aside by `laff verify`", "not made yet"]


def test_nothing_to_do(done: Callable[..., Path], surroundings: Surroundings, planned: Look):
    plans = planned(surroundings(done()))
    assert reasons(plans) == {}
    assert all(plan.cached for plan in plans.values())


FOLLOWS = {"rank": ["follows laff"], "evaluate": ["follows rank"], "report": ["follows evaluate"]}


@pytest.mark.parametrize(
    ("sets", "wanted"),
    [
        (["x3d.frames=16"], {"x3d": ["frames 13 → 16"], "train": ["follows x3d"], **FOLLOWS}),
        (["bow.threshold=2"], {"bow": ["threshold 1 → 2"], "train": ["follows bow"], **FOLLOWS}),
        (
            ["x3d.size=S", "x3d.dtype=float16"],
            {"x3d": ["dtype float32 → float16; size XS → S"], "train": ["follows x3d"], **FOLLOWS},
        ),
        (["train.lr=5e-4"], {"train": ["lr 0.0001 → 0.0005"], **FOLLOWS}),
        (["train.heads=2"], {"train": ["heads 8 → 2"], **FOLLOWS}),
        (["rank.k=7"], {"rank": ["k 100 → 7"], "evaluate": ["follows rank"], "report": ["follows evaluate"]}),
        (
            ["train.seeds=[1,2,3]"],
            {
                "train": ["not made yet"],
                "rank": ["not made yet"],
                "evaluate": ["the runs changed"],
                "report": ["the results changed"],
            },
        ),
    ],
)
def test_a_changed_parameter(
    done: Callable[..., Path], surroundings: Surroundings, planned: Look, sets: list[str], wanted: dict[str, list[str]]
):
    assert reasons(planned(surroundings(done(), sets))) == wanted


@pytest.mark.parametrize(
    "sets",
    [
        ["x3d.clips=10", "x3d.stride=null", "x3d.dtype=float32"],  # defaults, typed
        ["train.clip=2", "train.lr=0.0001", "train.heads=8"],  # 2 for the default 2.0
        ["train.lr=1e-4", "train.weight_decay=2e-1"],
        ["x3d.batch=3", "x3d.timeout=7", "decode.timeout=7", "train.checkpoint=5", "ingest.shard_videos=9"],  # how
        ["x3d.on=cpu", "train.from=[bow, x3d]"],
    ],
)
def test_what_changes_nothing(done: Callable[..., Path], surroundings: Surroundings, planned: Look, sets: list[str]):
    assert reasons(planned(surroundings(done(), sets))) == {}


def test_only_the_models_that_change(done: Callable[..., Path], surroundings: Surroundings, planned: Look):
    """A model that does not read the changed feature stays."""
    path = done(TWO)
    plans = planned(surroundings(path, ["tf.frames=4"], TWO))
    assert [unit.key for unit in plans["train"].stale] == ["laff/seed2", "concat/seed2", "laff-tf/seed2"]
    assert [unit.key for unit in plans["train"].cached] == ["laff-x3d/seed2"]
    assert plans["train"].reasons == ["follows tf"]
    assert [unit.key for unit in plans["rank"].cached] == ["laff-x3d/seed2", "odd/seed0"]
    plans = planned(surroundings(path, ["train.from=[x3d, bow]"], TWO))
    assert plans["train"].reasons == ["no longer reads tf"]
    plans = planned(surroundings(path, ["train.from=[tf, x3d, bow]"], TWO))
    assert plans["train"].reasons == ["order of video features changed"]
    assert [unit.key for unit in plans["train"].cached] == ["laff-tf/seed2", "laff-x3d/seed2"]


def test_new_test_items_leave_what_was_learned(
    done: Callable[..., Path], collect: Collect, surroundings: Surroundings, planned: Look
):
    done(train=many("a", "b"), val=many("c"), test=many("d"))
    context = surroundings(collect(train=many("a", "b"), val=many("c"), test=many("d", "e")))
    plans = planned(context)
    assert {name: [unit.key for unit in plan.missing] for name, plan in plans.items() if plan.missing} == {
        "decode": ["00002.h5"],
        "x3d": ["00002.h5"],
        "bow": ["00002.h5"],
    }
    assert {name: [unit.key for unit in plan.stale] for name, plan in plans.items() if plan.stale} == {
        "rank": ["laff/seed1", "laff/seed2"],
        "evaluate": ["evaluate"],
        "report": ["report"],
    }
    assert plans["rank"].reasons == ["the test split changed, or what the models learned from"]


def test_new_train_items_stale_what_was_learned(
    done: Callable[..., Path], collect: Collect, surroundings: Surroundings, planned: Look
):
    done(train=many("a", "b"))
    plans = planned(surroundings(collect(train=many("a", "b", "n"))))
    assert [unit.key for unit in plans["x3d"].todo] == ["00002.h5"]  # learned from nothing
    assert [unit.key for unit in plans["bow"].stale] == ["fit", "00000.h5", "00001.h5"]
    assert plans["bow"].todo[0].key == "fit"
    assert plans["train"].reasons == ["the train or val split changed"]
    assert [len(plans[name].stale) for name in ("train", "rank", "evaluate")] == [2, 2, 1]


def test_a_vocabulary_does_not_look_at_val(
    done: Callable[..., Path], collect: Collect, surroundings: Surroundings, planned: Look
):
    done(val=many("a"))
    plans = planned(surroundings(collect(val=many("a", "b"))))
    assert [unit.key for unit in plans["bow"].todo] == ["00001.h5"]
    assert plans["train"].reasons == ["the train or val split changed"]


def test_a_replaced_video_stales_its_shard(
    done: Callable[..., Path], surroundings: Surroundings, planned: Look, tmp_path: Path
):
    path = done(train=many("a", "b", "c"))
    (tmp_path / "videos" / "test0.mp4").write_bytes(b"another film")
    plans = planned(surroundings(path))
    for name in ("decode", "x3d"):
        assert [unit.key for unit in plans[name].stale] == ["00002.h5"]
        assert plans[name].reasons == ["its videos changed, or those that an earlier stage learned from"]
    assert not plans["bow"].todo
    assert not plans["train"].todo
    assert plans["rank"].reasons == ["the test split changed, or what the models learned from"]


def test_a_video_that_decode_lost_stales_the_shard_after_it(
    done: Callable[..., Path], surroundings: Surroundings, planned: Look
):
    """It is not tried again there, and the test split's coverage changes; a retry looks at its shard only."""
    path = done(test=many("s1", "s2"))
    context = surroundings(path)
    unit = next(unit for unit in units(context, "decode") if unit.shard == 1)
    entry = Entry(unit.fingerprint, unit.content, {}, [{"video": "s2"}])
    context.work.index("decode").record(unit.key, entry, unit.recipe)
    plans = planned(context)
    assert {name for name in plans if plans[name].todo} == {"x3d", "rank", "evaluate", "report"}
    assert [unit.key for unit in plans["x3d"].stale] == ["00001.h5"]
    assert context.lost(["x3d"]) == {"s2"}
    again = surroundings(path)
    again.retry = True
    assert [unit.key for unit in stage_plan(again, "decode").stale] == ["00001.h5"]
    assert stage_plan(again, "decode").reasons == ["1 failed video to be tried again"]


def test_a_shard_without_a_record_counts(collect: Collect, surroundings: Surroundings):
    """A kill came after the shard and before the index."""
    context = surroundings(collect())
    unit = units(context, "x3d")[0]
    about = {"fingerprint": unit.fingerprint, "content": unit.content, "recipe": json.dumps(unit.recipe)}
    shards.write(context.work.folder("x3d") / unit.key, ["a"], np.zeros((1, 2)), about)
    assert [unit.key for unit in stage_plan(context, "x3d").cached] == ["00000.h5"]
    other = surroundings(collect(), ["x3d.frames=16"])
    assert stage_plan(other, "x3d").reasons == ["frames 13 → 16", "not made yet"]


def test_the_report_follows_the_ledger(
    done: Callable[..., Path], surroundings: Surroundings, finish: Finish, planned: Look
):
    path = done()
    context = surroundings(path)
    lines = [ledger.line("a", "decode", "broken"), ledger.line("b", "decode", "broken")]
    ledger.write(context.work.ledger, lines[:1])
    assert reasons(planned(context)) == {"report": ["the results changed"]}
    finish(context)
    ledger.write(context.work.ledger, [lines[0] | {"time": "later"}])  # the same failure, found again
    assert reasons(planned(surroundings(path))) == {}
    ledger.write(context.work.ledger, lines)
    assert reasons(planned(surroundings(path))) == {"report": ["the results changed"]}


def test_versions_of_decoders(
    done: Callable[..., Path], surroundings: Surroundings, planned: Look, monkeypatch: pytest.MonkeyPatch
):
    path = done()
    monkeypatch.setattr(Recipes, "decoders", {"av": "99", "pillow": "1"})
    why_stale = reasons(planned(surroundings(path)))
    assert why_stale["decode"][0].endswith(" → av 99 pillow 1")
    assert why_stale["x3d"][0].endswith("; follows decode")
    assert "bow" not in why_stale


def test_another_decoder_makes_what_it_reads_anew_and_no_look(
    done: Callable[..., Path], surroundings: Surroundings, planned: Look, monkeypatch: pytest.MonkeyPatch
):
    path = done()
    why_stale = reasons(planned(surroundings(path, ("decode.decoder=decord",))))
    (why,) = why_stale["x3d"]
    assert re.fullmatch(r"decoder av \S+ pillow \S+ → av \S+ pillow \S+ decord \S+", why)
    assert not {"decode", "bow"} & why_stale.keys()
    monkeypatch.setattr(fingerprints, "installed", {"av": "99", "pillow": "1", "decord": "0.7"}.get)
    why_stale = reasons(planned(surroundings(path, ("decode.decoder=decord",))))
    assert why_stale["decode"][0].endswith(" → av 99 pillow 1")
    assert "decord" not in str(reasons(planned(surroundings(path))))


def test_an_edited_function_in_another_module(
    done: Callable[..., Path],
    surroundings: Surroundings,
    planned: Look,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    fresh_sources: Callable[[], None],
):
    """extractors.x3d calls extractors.pixels: a comment and a docstring there change nothing, a function does."""
    path = done()
    copy = tmp_path / "copy"
    for room in code.ROOMS:
        shutil.copytree(ROOT / room, copy / room, ignore=shutil.ignore_patterns("__pycache__"))
    monkeypatch.setattr(code, "ROOT", copy)
    file = copy / "extractors" / "pixels.py"
    text = file.read_text(encoding="utf-8")
    fresh_sources()
    assert reasons(planned(surroundings(path))) == {}
    file.write_text('"""Another docstring."""\n# a comment\n' + text.split('"""', 2)[2], encoding="utf-8")
    fresh_sources()
    assert reasons(planned(surroundings(path))) == {}
    before, define, after = text.partition("def check(")
    file.write_text(before + define + after.replace("    if ", "    if not ", 1), encoding="utf-8")
    fresh_sources()
    assert file.read_text(encoding="utf-8") != text
    why_stale = reasons(planned(surroundings(path)))
    assert why_stale["x3d"] == ["code of extractors.pixels changed"]
    assert why_stale["train"] == ["follows x3d"]
    assert "decode" not in why_stale
    assert "bow" not in why_stale
    file.write_text("def check(:\n", encoding="utf-8")
    fresh_sources()
    with pytest.raises(LaffError, match=r"^pixels\.py:1: "):  # a slip of the editing hand is told as such
        planned(surroundings(path))


def test_weights(done: Callable[..., Path], surroundings: Surroundings, planned: Look, tmp_path: Path):
    """What counts is the file's bytes, not where it lies."""
    path = done()
    (tmp_path / "w.pt").write_bytes(b"one")
    (tmp_path / "other.pt").write_bytes(b"one")
    first = surroundings(path, [f"x3d.weights={tmp_path}/w.pt"])
    [reason] = stage_plan(first, "x3d").reasons
    assert reason == "weights random → 7692c3ad3540…"  # sha256 of b"one"
    moved = surroundings(path, [f"x3d.weights={tmp_path}/other.pt"])
    assert moved.fingerprint("x3d") == first.fingerprint("x3d")
    os.utime(tmp_path / "w.pt", ns=(2, 2))  # nor its date
    dated = surroundings(path, [f"x3d.weights={tmp_path}/w.pt"])
    assert dated.fingerprint("x3d") == first.fingerprint("x3d")
    (tmp_path / "w.pt").write_bytes(b"two")
    os.utime(tmp_path / "w.pt", ns=(3, 3))
    changed = surroundings(path, [f"x3d.weights={tmp_path}/w.pt"])
    assert changed.fingerprint("x3d") != first.fingerprint("x3d")


def test_a_file_that_a_parameter_names(collect: Collect, surroundings: Surroundings, tmp_path: Path):
    """w2v's vectors count by their bytes; a path is relative to collection.yaml; a BigFile is a folder."""
    text = TWO.replace("rank:", "w2v: {step: extract, uses: extractors.w2v.W2v, from: ingest}\n  rank:")
    path = collect()
    (tmp_path / "vec.txt").write_text("one")
    relative = surroundings(path, ["w2v.vectors=vec.txt"], text)
    absolute = surroundings(path, [f"w2v.vectors={tmp_path}/vec.txt"], text)
    assert relative.fingerprint("w2v") == absolute.fingerprint("w2v")
    (tmp_path / "big").mkdir()
    (tmp_path / "big" / "id.txt").write_text("a")
    folder = surroundings(path, ["w2v.vectors=big"], text)
    before = folder.fingerprint("w2v")
    assert explain(relative.recipe("w2v"), folder.recipe("w2v")) == "the file that vectors names has other content"
    (tmp_path / "big" / "shape.txt").write_text("1 2")
    assert surroundings(path, ["w2v.vectors=big"], text).fingerprint("w2v") != before
    assert surroundings(path, ["w2v.vectors=none"], text).recipe("w2v")["file of vectors"] == "missing:none"


def test_what_has_learned_from_what(collect: Collect, surroundings: Surroundings):
    """x3d has learned from no item; train has, and rank by it."""
    context = surroundings(collect())
    assert data_content(context, "x3d") == ""
    learned = [data_content(context, name) for name in ("bow", "train", "rank")]
    assert all(learned)
    assert learned[0] != learned[1] == learned[2]


OLD = {
    "step": "extract",
    "uses": "a.B",
    "params": {"frames": 13, "size": "L"},
    "code": {"a": "1", "b": "2"},
    "from": {"decode": "x", "ingest": "y"},
    "decoder": {"av": "1"},
}


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"params": {"frames": 16, "size": "L"}}, "frames 13 → 16"),
        ({"params": {"frames": 13}}, "size L → nothing"),
        ({"params": {"frames": 13, "size": "L", "crop": 8}}, "crop nothing → 8"),
        ({"params": {"frames": 13, "size": "x" * 41}}, "size L → xxxxxxxxxxxx…"),
        ({"uses": "a.C"}, "uses a.B → a.C"),
        ({"step": "import"}, "step extract → import"),
        ({"weights": "random"}, "weights nothing → random"),
        ({"decoder": {"av": "2", "pillow": "1"}}, "decoder av 1 → av 2 pillow 1"),
        ({"code": {"a": "1", "b": "3", "c": "4"}}, "code of b changed"),
        ({"from": {"decode": "z", "ingest": "y"}}, "follows decode"),
        ({"from": {"decode": "x", "bow": "y"}}, "now reads bow; no longer reads ingest"),
        ({"file of vectors": "1"}, "the file that vectors names has other content"),
        ({"joint gru": "1"}, "joint gru changed"),
        (
            {"params": {"frames": 16, "size": "L"}, "from": {"decode": "z"}},
            "frames 13 → 16; no longer reads ingest; follows decode",
        ),
        ({}, "made by an unknown configuration"),
    ],
)
def test_reasons_in_words(change: dict[str, object], words: str):
    assert explain(OLD, OLD | change) == words


def test_code_that_other_settings_bring_has_not_changed():
    """As that of an encoder, where a model is trained with it inside for the first time."""
    old, more = OLD | {"settings": "s"}, {"code": {"a": "1", "b": "2", "c": "4"}}
    assert explain(old, old | more) == "code of c changed"
    assert explain(old, old | more | {"settings": "t", "joint gru": "1"}) == "joint gru changed"
    assert explain(old | more, old | {"settings": "t", "joint gru": "1"}) == "joint gru changed"


def test_each_reason_of_a_stage_is_told_once():
    """Units of one stage may have some of them in common."""
    planned = Planned("train", reasons=["no longer reads gru; follows x3d", "not made yet", "no longer reads gru"])
    assert planned.why == "no longer reads gru; follows x3d; not made yet"
    units = Planned("rank", reasons=["follows laff", "k 100 → 7; follows concat", "follows laff; follows vectors"])
    assert units.why == "follows laff, concat, vectors; k 100 → 7"


def test_the_remarks():
    plans = [Planned("x3d", reasons=["frames 13 → 16", "not made yet"]), Planned("clip-ft")]
    assert remarks(plans, ["x3d"], {"ircsn": "ircsn-152-ig65m", "tf": "mine"}) == [
        "RANDOM WEIGHTS in x3d: good for trying out, not for results",
        "weights to be fetched first: ircsn-152-ig65m (ircsn), mine (tf); their sizes are not published",
    ]
