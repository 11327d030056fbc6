"""A step's file at work: what it has to give, and that one which makes nothing is an error, never "cached"."""

from __future__ import annotations

import importlib
import importlib.util
import re
import shutil
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest

from pipeline.errors import LaffError
from pipeline.graph import stages, step_facts
from pipeline.graph.graph import Stage
from pipeline.graph.stages_file import StagesFile
from pipeline.parts.code import ROOT
from pipeline.plan import packages, steps
from pipeline.plan.context import Context
from pipeline.plan.plan import stage_plan
from pipeline.plan.units import whole
from pipeline.request import Request
from pipeline.run import run
from tests.pipeline.conftest import GRAPH

Surroundings = Callable[..., Context]


@pytest.fixture
def made_up(monkeypatch: pytest.MonkeyPatch) -> Callable[..., Stage]:
    """`made_up(units=…, run=…)`: a stage whose step's file gives these."""

    def make(**gives: object) -> Stage:
        module = ModuleType("pipeline.steps.export")
        module.__file__ = "pipeline/steps/export.py"
        vars(module).update(gives)
        monkeypatch.setitem(sys.modules, "pipeline.steps.export", module)
        return Stage("out", "export", sources=("bow",))

    return make


@pytest.mark.parametrize("name", step_facts.names())
def test_shipped_steps_give_what_they_have_to(name: str) -> None:
    module = steps.module(Stage("any", name))
    assert module.Options.__doc__
    assert module.units.__doc__
    assert module.run.__doc__


def test_what_a_file_lacks_is_told(made_up: Callable[..., Stage]) -> None:
    with pytest.raises(LaffError, match=r"^pipeline/steps/export\.py has no Options, run; pipeline/plan"):
        steps.module(made_up(units=lambda context, stage: []))


def test_a_stage_without_units_is_an_error(
    made_up: Callable[..., Stage], collect: Callable[..., Path], surroundings: Surroundings
) -> None:
    context = surroundings(collect())
    stage = made_up(Options=object, units=lambda context, stage: [], run=print)
    context.graph = replace(context.graph, stages=context.graph.stages | {"out": stage})
    context.__dict__.pop("recipes", None)
    with pytest.raises(LaffError, match=r"^'out' has no units: its step 'export' makes nothing of this collection$"):
        stage_plan(context, "out")


def test_a_file_that_the_step_does_not_say_is_an_error(
    made_up: Callable[..., Stage],
    collect: Callable[..., Path],
    surroundings: Surroundings,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Else `verify` would not look at it, and `gc` take it for a person's."""
    context = surroundings(collect())
    stage = made_up(Options=object, units=lambda context, stage: [whole(context, stage, [], ("b.npz",))], run=print)
    context.graph = replace(context.graph, stages=context.graph.stages | {"out": stage})
    monkeypatch.setattr(Stage, "about", step_facts.StepFacts("export", {}, makes=("a.npz",), counts=False))
    with pytest.raises(LaffError, match=r"^'out' makes b\.npz, which MAKES of its step 'export' does not say$"):
        steps.units(context, "out")


def test_what_is_made_of_a_stage_changes_when_a_lost_video_is_back(
    collect: Callable[..., Path], surroundings: Surroundings, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its units stay the same, so a step that counts only these would leave the video out in silence."""
    context = surroundings(collect())
    monkeypatch.setattr(context, "failed", lambda name: {"v1"} if name == "x3d" else set())
    units, lost = steps.content_of(context, "x3d")
    assert lost == ["v1"]
    assert units == [["x3d", unit.key, unit.content] for unit in steps.units(context, "x3d")]
    monkeypatch.setattr(context, "failed", lambda name: set())
    assert steps.content_of(context, "x3d") == [units, []]


def test_a_unit_may_have_no_files(collect: Callable[..., Path], surroundings: Surroundings) -> None:
    context = surroundings(collect())
    assert whole(context, context.stage("x3d"), [], ()).makes == ()
    assert whole(context, context.stage("x3d"), []).makes == context.stage("x3d").about.makes


def test_stages_that_run_together_need_a_function_for_it(
    made_up: Callable[..., Stage], monkeypatch: pytest.MonkeyPatch
) -> None:
    stage = made_up(Options=object, units=print, run=print)
    monkeypatch.setattr(Stage, "about", step_facts.StepFacts("export", {}, together="video"))
    with pytest.raises(LaffError, match="TOGETHER of its Options and a function run_together go together"):
        steps.module(stage)
    assert steps.module(made_up(Options=object, units=print, run=print, run_together=print))


def test_what_stands_in_the_way_is_told_of_all_stages(
    made_up: Callable[..., Stage], collect: Callable[..., Path], surroundings: Surroundings
) -> None:
    def problems(context: Context, stage: Stage) -> list[str]:
        raise ValueError("too wide")

    context = surroundings(collect())
    stage = made_up(Options=object, units=print, run=print, problems=problems)
    context.graph = replace(context.graph, stages=context.graph.stages | {"out": stage})
    assert steps.problems(context, ["bow", "out", "rank"]) == ["'out': too wide"]


def test_mistakes_in_a_step_s_own_code_say_whose_they_are(
    made_up: Callable[..., Stage],
    collect: Callable[..., Path],
    surroundings: Surroundings,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def misspelt(*given: object) -> list[str]:
        raise NameError("stag")

    context = surroundings(collect())
    stage = made_up(Options=object, units=misspelt, run=print, problems=misspelt)
    context.graph = replace(context.graph, stages=context.graph.stages | {"out": stage})
    for call, which in (
        (lambda: steps.units(context, "out"), "units"),
        (lambda: steps.problems(context, ["out"]), "problems"),
    ):
        with pytest.raises(NameError) as error:
            call()
        assert error.value.__notes__ == [f"in stage 'out', {which} of step '{stage.step}'"]
    monkeypatch.setattr(importlib, "import_module", misspelt)
    with pytest.raises(NameError) as error:
        steps.module(stage)
    assert error.value.__notes__ == [f"in stage 'out', step '{stage.step}': while its file was imported"]


def test_shapes_are_told_where_they_are_known(collect: Callable[..., Path], surroundings: Surroundings) -> None:
    context = surroundings(collect())
    assert steps.shape(context, context.stage("x3d")) == (2048, 13 * 10)  # ten clips of 13 frames
    assert steps.shape(context, context.stage("ingest")) == (1, 1)


def test_a_folder_of_the_hub_tells_its_shape(
    collect: Callable[..., Path], surroundings: Surroundings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("LAFF_WEIGHTS", str(tmp_path))
    shutil.copytree(ROOT / "extractors" / "hf_configs" / "tiny", tmp_path / "a--b")
    stage = "  hf: {step: extract, uses: extractors.hf.Hf, from: decode, params: {weights: hf:a/b, frames: 3}}"
    context = surroundings(collect(), [], f"{GRAPH}\n{stage}")
    assert steps.shape(context, context.stage("hf")) == (64, 3)


@pytest.mark.parametrize("profile", [None, *StagesFile(ROOT / "stages.yaml").content["profiles"]])
def test_every_shipped_profile_fits_together(
    collect: Callable[..., Path], surroundings: Surroundings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, profile
) -> None:
    """Widths, heads and features, as the preflight of a run looks at them, without a file of weights."""
    monkeypatch.setenv("LAFF_WEIGHTS", str(tmp_path / "none"))
    words = "a cat runs on the grass"
    context = surroundings(collect(train={"v1": [words] * 6}))
    context.graph = stages.load(ROOT / "stages.yaml", profile)
    names = context.graph.needed(["report"])
    lacking = [name for some in packages.lacking(context.graph, names).values() for name in some]
    if lacking:
        pytest.skip(f"{', '.join(lacking)} cannot be built here")
    assert steps.problems(context, names) == []


def test_the_step_of_the_documents_runs_as_pasted(
    copied: Path,
    fresh_sources: Callable[[], None],
    collect: Callable[..., Path],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Two features of three videos come out as one file, and a second run finds nothing to do."""
    blocks = re.findall(r"^```python\n(.*?)^```", (ROOT / "docs" / "extend.md").read_text(), re.MULTILINE | re.DOTALL)
    (text,) = (block for block in blocks if block.startswith('"""export: '))
    place = copied / "pipeline" / "steps" / "export.py"
    place.write_text(text, encoding="utf-8")
    monkeypatch.setattr(step_facts, "ROOT", copied)
    fresh_sources()
    spec = importlib.util.spec_from_file_location("pipeline.steps.export", place)
    assert spec
    assert spec.loader
    monkeypatch.setitem(sys.modules, "pipeline.steps.export", module := importlib.util.module_from_spec(spec))
    spec.loader.exec_module(module)
    path = collect(train={"a": ["one"]}, val={"b": ["two"]}, test={"c": ["three"]})
    path.write_text(path.read_text().replace("videos: videos\n", ""))
    features = {name: np.arange(3 * width, dtype="f4").reshape(3, width) for name, width in (("wide", 4), ("slim", 2))}
    for name, values in features.items():
        np.savez(tmp_path / f"{name}.npz", ids=["a", "b", "c"], features=values)
    entries = "".join(
        f"  {n}: {{step: import, from: ingest, params: {{file: {n}.npz, side: video}}}}\n" for n in features
    )
    (tmp_path / "s.yaml").write_text(
        f"stages:\n  ingest: {{step: ingest}}\n{entries}  together: {{step: export, from: [wide, slim]}}\n"
    )
    request = Request(path, tmp_path / "WORK", tmp_path / "s.yaml")
    assert run(request, ["together"]).made["together"] == 1
    exported = np.load(tmp_path / "WORK" / "together" / "features.npz")
    assert sorted(exported) == ["slim", "slim-ids", "wide", "wide-ids"]
    for name, values in features.items():
        assert dict(zip(exported[f"{name}-ids"], exported[name].tolist(), strict=True)) == dict(
            zip("abc", values.tolist(), strict=True)
        )
    assert not run(request, ["together"]).made
