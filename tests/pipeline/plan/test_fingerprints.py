"""A change in any module that computes makes the right stages stale, and only these; moves and words make none."""

from __future__ import annotations

import ast
import re
from collections.abc import Callable
from functools import cache, partial
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from pipeline.graph import step_facts
from pipeline.graph.graph import Stage
from pipeline.parts import code
from pipeline.parts.code import ROOT
from pipeline.plan import fingerprints
from pipeline.plan.context import Context
from pipeline.plan.fingerprints import SHAPE_NOTHING
from pipeline.plan.planned import Planned

GRAPH = """
stages:
  ingest: {step: ingest, params: {shard_videos: 2, shard_captions: 4}}
  decode: {step: decode, from: ingest}
  finetune:
    step: finetune
    uses: extractors.clip_ft.ClipFt
    from: decode
    params: {model: tiny-64, weights: random, frames: 4}
  clip-ft: {step: extract, from: [decode, finetune]}
  x3d: {step: extract, uses: extractors.x3d.X3D, from: decode, params: {size: XS, frames: 13, weights: random}}
  effnet: {step: import, from: ingest, params: {file: rows.npz, side: video}}
  bow: {step: extract, uses: extractors.bow.Bow, from: ingest, params: {threshold: 1}}
  gru: {step: extract, uses: extractors.gru.Gru, from: [ingest, effnet], params: {vector_dim: 8}}
  train:
    step: train
    uses: fusion.laff.LAFF
    from: [clip-ft, x3d, effnet, bow, gru]
    params: {seeds: [1], singles: false}
  vectors: {step: vectors, from: train}
  rank: {step: rank, from: [train, vectors]}
  evaluate: {step: evaluate, from: rank}
  report: {step: report, from: evaluate}
"""
VIDEO = {"finetune", "clip-ft", "x3d"}
EXTRACT = {"clip-ft", "x3d", "bow", "gru"}
LEARN = {"finetune", "gru", "train"}
# Whose code it is: the longest name that a module begins with. All that read these follow.
SHAPED: dict[str, set[str]] = {
    "pipeline.video": {"decode", *VIDEO},
    "pipeline.rows": {"effnet"},  # formats of others; import counts its whole room
    "pipeline.rows.shards": {"decode", "finetune", "effnet", *EXTRACT, "train", "vectors", "rank", "evaluate"},
    "pipeline.rows.container": {"decode", "finetune", "effnet", *EXTRACT, "train", "vectors", "rank", "evaluate"},
    "pipeline.extraction": VIDEO,
    "pipeline.extraction.passes": {"clip-ft", "x3d"},
    "pipeline.build": {"finetune", *EXTRACT, "train", "vectors", "rank"},
    "pipeline.build.learned": {*EXTRACT, "train", "vectors", "rank"},
    "pipeline.training": LEARN,
    "pipeline.training.fit": {"gru"},
    "pipeline.training.checkpoint": {*LEARN, "bow"},
    "pipeline.training.frame_cache": {"finetune"},
    "pipeline.training.jobs": {"train"},
    "pipeline.training.start": {"train"},
    "pipeline.assembly": {"train", "vectors", "rank"},
    "pipeline.assembly.packed": set(),  # looks before a run
    "pipeline.assembly.features": {*LEARN, "vectors", "rank"},
    "pipeline.ranking": {"rank"},
    "pipeline.ranking.embed": {"vectors", "rank"},
    "pipeline.ranking.scores": {"vectors", "rank"},
    "pipeline.ranking.shares": {"vectors"},
    "pipeline.ranking.storing": {"vectors"},
    "pipeline.ranking.nearest": set(),  # of search
    "pipeline.ranking.best": set(),  # of search
    "pipeline.ranking.held": set(),  # of search
    "pipeline.ranking.products": set(),  # of search
    "pipeline.ranking.tiles": {"vectors", "rank"},
    "pipeline.ranking.ranks": {"rank", "evaluate"},
    "pipeline.ranking.ranks_file": {"rank", "evaluate"},
    "pipeline.runfiles": set(),  # of score and search
    **{f"pipeline.runfiles.{name}": {"rank"} for name in ("trec", "run", "fields", "numbered", "opened")},
    "pipeline.evaluation": {"evaluate"},
    "pipeline.evaluation.significance": {"report"},
    "pipeline.inspection": {"report"},
    "pipeline.pictures": {"report"},
    "pipeline.report": {"report"},
    "pipeline.views": {"report"},
    **{f"pipeline.views.{name}": set() for name in ("formats", "latex", "markdown")},  # of commands
    **{f"pipeline.views.{name}": set() for name in ("printed", "results_table")},  # of commands
    "pipeline.steps.decode": {"decode"},
    "pipeline.steps.finetune": {"finetune"},
    "pipeline.steps.extract": EXTRACT,
    "pipeline.steps.import_": {"effnet"},
    "pipeline.steps.ingest": set(),  # items count by their content
    "pipeline.steps.train": {"train"},
    "pipeline.steps.vectors": {"vectors"},
    "pipeline.steps.rank": {"rank"},
    "pipeline.steps.evaluate": {"evaluate"},
    "pipeline.steps.report": {"report"},
    "fusion.losses": LEARN,
    "fusion.laff": {"train"},
    "fusion.paired": {"train"},
    "extractors.x3d": {"x3d"},
    "extractors.pixels": {"finetune", "x3d"},
    "fusion.frames.mean": {"finetune"},
}
Look = Callable[[Context], dict[str, Planned]]


def modules() -> list[str]:
    """All modules of the rooms whose code counts, and some of extractors and fusion."""
    names = []
    for path in sorted((ROOT / "pipeline").rglob("*.py")):
        name = ".".join(path.relative_to(ROOT).with_suffix("").parts)
        held = any(name == room or name.startswith(f"{room}.") for room in SHAPE_NOTHING)
        if path.name != "__init__.py" and "." in name.removeprefix("pipeline.") and not held:
            names.append(name)
    return [*names, *(name for name in SHAPED if name.startswith(("pipeline.steps.", "extractors.", "fusion.")))]


def planted(text: str) -> str:
    """The source with another result of its first function that returns something, or with one more constant."""
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.Return) and node.value is not None:
            segment = ast.get_source_segment(text, node.value)
            lines = text.splitlines(keepends=True)
            start = len("".join(lines[: node.value.lineno - 1]).encode()) + node.value.col_offset
            raw, old = text.encode(), (segment or "").encode()
            assert raw[start : start + len(old)] == old
            return (raw[:start] + b"(" + old + b", 0)[0]" + raw[start + len(old) :]).decode()
    return text + "\nPLANTED = 0\n"


@pytest.fixture
def stale(
    collect: Callable[..., Path],
    surroundings: Callable[..., Context],
    finish: Callable[[Context], None],
    planned: Look,
    copied: Path,
) -> Callable[[], dict[str, list[str]]]:
    """`stale()`: the stages that a plan finds stale now, and why; all were finished with the code as it was."""
    yaml = collect()
    finish(surroundings(yaml, text=GRAPH))

    def look() -> dict[str, list[str]]:
        context = surroundings(yaml, text=GRAPH)
        return {name: state.reasons for name, state in planned(context).items() if state.todo}

    assert look() == {}
    return look


def followed(context_of: set[str]) -> set[str]:
    """Stages and all that read them."""
    reads = {
        "finetune": ["decode"],
        "clip-ft": ["decode", "finetune"],
        "x3d": ["decode"],
        "gru": ["effnet"],
        "train": ["clip-ft", "x3d", "effnet", "bow", "gru"],
        "vectors": ["train"],
        "rank": ["train", "vectors"],
        "evaluate": ["rank"],
        "report": ["evaluate"],
    }
    stages = set(context_of)
    for name, sources in reads.items():  # in running order
        if stages.intersection(sources):
            stages.add(name)
    return stages


def test_a_change_in_each_module_that_computes(
    stale: Callable[[], dict[str, list[str]]], copied: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # Imports and constants stay as they are, so that only the digest of the changed file is to be made anew.
    digest = code.code_digest.__wrapped__
    by_time = cache(lambda file, time: (code.tree.cache_clear(), digest(file))[1])
    look = partial(lambda file: by_time(file, file.stat().st_mtime_ns))
    look.cache_clear = by_time.cache_clear  # type: ignore[attr-defined]
    monkeypatch.setattr(code, "code_digest", look)
    names, wrong = modules(), []
    assert len(names) > 45
    for module in names:
        file = (copied / Path(*module.split("."))).with_suffix(".py")
        text = file.read_text(encoding="utf-8")
        file.write_text(planted(text), encoding="utf-8")
        known = max((name for name in SHAPED if f"{module}.".startswith(f"{name}.")), key=len, default=None)
        assert known is not None, f"{module}: say in SHAPED whose results it shapes"
        reasons = stale()
        direct = {name for name, why in reasons.items() if any(f"code of {module} changed" in one for one in why)}
        if not SHAPED[known] <= direct or set(reasons) != followed(SHAPED[known]):
            wrong.append(f"{module}: directly {sorted(direct)}, in all {sorted(reasons)}; not {sorted(SHAPED[known])}")
        file.write_text(text, encoding="utf-8")
    assert not wrong, "\n".join(wrong)
    assert stale() == {}


def test_no_video_feature_depends_on_fusion(collect: Callable[..., Path], surroundings: Callable[..., Context]) -> None:
    """But for what it was fine-tuned with: else an edit of a block would ask for days of extraction."""
    context = surroundings(collect(), text=GRAPH)
    assert [module for module in context.recipe("x3d")["code"] if module.startswith("fusion")] == []
    assert "fusion.paired" in context.recipe("train")["code"]


def test_rooms_that_shape_nothing_make_nothing_stale(
    stale: Callable[[], dict[str, list[str]]], copied: Path, fresh_sources: Callable[[], None]
) -> None:
    for room in sorted(SHAPE_NOTHING):
        place = copied / Path(*room.split("."))
        for file in [place.with_suffix(".py")] if not place.is_dir() else sorted(place.rglob("*.py")):
            if "steps" not in file.parts:  # a step's own file is another test's
                file.write_text(planted(file.read_text(encoding="utf-8")), encoding="utf-8")
        fresh_sources()
        assert stale() == {}, room


def test_words_and_moves_make_nothing_stale(
    stale: Callable[[], dict[str, list[str]]], copied: Path, fresh_sources: Callable[[], None]
) -> None:
    """Comments, docstrings, HELP; a file that moves, with the import lines of those who use it."""
    for file in sorted((copied / "pipeline").rglob("*.py")):
        text = file.read_text(encoding="utf-8")
        text = re.sub(r'HELP = "', 'HELP = "Well, ', text)
        file.write_text(text.replace('"""', '"""Well: ', 1) + "\n# a comment\n", encoding="utf-8")
    (copied / "pipeline/far").mkdir()
    (copied / "pipeline/far/__init__.py").write_text("")
    (copied / "pipeline/training/schedule.py").rename(copied / "pipeline/far/schedule.py")
    moved = 0
    for file in sorted(copied.rglob("*.py")):
        text = file.read_text(encoding="utf-8")
        file.write_text(text.replace("pipeline.training.schedule", "pipeline.far.schedule"), encoding="utf-8")
        moved += "pipeline.training.schedule" in text
    assert moved
    fresh_sources()
    assert stale() == {}


def test_a_room_that_is_misspelt_is_told(
    stale: Callable[[], dict[str, list[str]]], copied: Path, fresh_sources: Callable[[], None]
) -> None:
    file = copied / "pipeline/steps/extract.py"
    text = file.read_text(encoding="utf-8")
    file.write_text(text.replace('"pipeline.extraction"', '"pipeline.extracting"'), encoding="utf-8")
    fresh_sources()
    with pytest.raises(code.PartError, match=r"no module and no room 'pipeline\.extracting'"):
        stale()


# What a step's file imports and yet does not count, because other words say that it does no harm.
UNCOUNTED = {
    "decode": {"pipeline.extraction", "pipeline.build", "extractors"},  # the decoder processes, and names in shards
    "import": {"pipeline.extraction", "pipeline.build", "pipeline.video", "extractors"},  # names in shards
    "ingest": {"pipeline.rows", "pipeline.video", "pipeline.extraction", "pipeline.build", "extractors"},  # see COUNTS
}


@pytest.mark.parametrize("word", step_facts.names())
def test_no_step_uses_code_that_does_not_count(word: str) -> None:
    """What a step's file imports, late or early, is in its fingerprint in one case or another."""
    step, module = step_facts.about(word), step_facts.module_of(word)
    named = [*(step.shaped_by or ()), *step.shaped_by_video, *step.shaped_by_task]
    counted = set(code.closure([module] if step.shaped_by is None else named, leave=SHAPE_NOTHING)) | {module}
    used = set(code.closure([module], leave=SHAPE_NOTHING))
    rooms = UNCOUNTED.get(word, set())
    left = {name for name in used - counted if not any(name.startswith(room) for room in rooms)}
    assert {name for name in left if not str(code.source_file(name)).endswith("__init__.py")} == set()


def test_a_machine_that_does_not_decode_takes_the_version_by_which_each_stage_was_decoded(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Not that of another stage, which may be older; and none for what was never made."""
    monkeypatch.setattr(fingerprints, "DECODERS", ("av", "pillow"))
    monkeypatch.setattr(fingerprints, "installed", lambda name: {"av": fingerprints.ABSENT, "pillow": "12"}[name])

    def index(name: str) -> Any:
        versions_noted = {"decode": {"av": "16", "pillow": "11"}, "x3d": {"av": "17", "pillow": "12"}}.get(name)
        entries = {"00000.h5": SimpleNamespace(fingerprint="print")} if versions_noted else {}
        return SimpleNamespace(entries=entries, recipes={"print": {"decoder": versions_noted}})

    graph, work = SimpleNamespace(decoder=lambda name: "pyav"), SimpleNamespace(index=index)
    recipes = fingerprints.Recipes(graph, work, Path())  # type: ignore[arg-type]
    versions = {name: recipes.decoded_by(Stage(name, "extract")) for name in ("decode", "x3d", "timm")}
    assert versions == {
        "decode": {"av": "16", "pillow": "12"},
        "x3d": {"av": "17", "pillow": "12"},
        "timm": {"av": "absent", "pillow": "12"},
    }
