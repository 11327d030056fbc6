"""Each setting of a graph says where its value comes from, with the file and line."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from pipeline.graph import origins, stages
from pipeline.graph.origins import CHOSEN, DEFAULT, FILE, PROFILE, SET, WEIGHTS, Origin, Resolved
from pipeline.graph.stages_file import shipped
from pipeline.parts.code import ROOT

TEXT = """stages:
  ingest: {step: ingest}
  decode:
    step: decode
    from: ingest
  colour:
    step: extract
    uses: extractors.brightness.Brightness
    from: decode
    params:
      frames: 3
      batch: 2
  x3d: {step: extract, uses: extractors.x3d.X3D, from: decode, params: {weights: x3d-xs-k400}}
profiles:
  quick:
    colour:
      frames: 1
      crop: 16
"""


def settings(tmp_path: Path, profile: str | None = None, *sets: str) -> dict[str, dict[str, Resolved]]:
    path = tmp_path / "stages.yaml"
    path.write_text(TEXT, encoding="utf-8")
    by_stage = origins.resolved(stages.load(path, profile, sets))
    return {stage: {one.key: one for one in listed} for stage, listed in by_stage.items()}


def line_of(file: str, text: str) -> str:
    """FILE:LINE of the first line with a text, as an origin names it."""
    lines = (ROOT / file).read_text(encoding="utf-8").splitlines()
    return f"{file}:{next(number for number, line in enumerate(lines, 1) if text in line)}"


def test_the_file_and_the_defaults(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    colour = settings(tmp_path)["colour"]
    assert colour["step"] == Resolved("step", "extract", Origin(FILE, "stages.yaml:7"))
    assert colour["from"] == Resolved("from", ["decode"], Origin(FILE, "stages.yaml:9"))
    assert colour["frames"] == Resolved("frames", 3, Origin(FILE, "stages.yaml:11"))
    assert colour["batch"] == Resolved("batch", 2, Origin(FILE, "stages.yaml:12"))
    assert colour["scale"].origin == Origin(DEFAULT, line_of("extractors/brightness.py", "scale: float"))
    assert colour["precision"].origin == Origin(DEFAULT, line_of("pipeline/steps/extract.py", "    precision:"))
    assert colour["on"] == Resolved("on", "auto", Origin(DEFAULT, "laff's own"))


def test_a_profile_and_settings_on_top_of_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    colour = settings(tmp_path, "quick", "colour.frames=5", "colour.on=cpu")["colour"]
    assert colour["frames"] == Resolved("frames", 5, Origin(SET, "--set colour.frames=5"))
    assert colour["crop"] == Resolved("crop", 16, Origin(PROFILE, "profile quick, stages.yaml:18"))
    assert colour["on"] == Resolved("on", "cpu", Origin(SET, "--set colour.on=cpu"))
    assert colour["batch"].origin == Origin(FILE, "stages.yaml:12")


def test_what_published_weights_fix(tmp_path: Path) -> None:
    x3d = settings(tmp_path)["x3d"]
    entry = line_of("extractors/weights.yaml", "x3d-xs-k400:")
    assert x3d["size"] == Resolved("size", "XS", Origin(WEIGHTS, f"weights x3d-xs-k400, {entry}"))
    assert x3d["crops"].origin.kind == DEFAULT


def test_a_file_that_has_gone_has_no_lines(tmp_path: Path) -> None:
    path = tmp_path / "stages.yaml"
    path.write_text(TEXT, encoding="utf-8")
    graph = stages.load(path)
    path.unlink()
    values = {one.key: one.value for one in origins.resolved(graph)["colour"]}
    assert values["frames"] == 3


@pytest.fixture(scope="module")
def of_shipped() -> dict[str, dict[str, Resolved]]:
    sets = (
        *("train.baselines.mine=fusion.concat.Concat", "gru.fit.epochs=5"),
        *("timm.uses=extractors.brightness.Brightness", "x3d.frames=7", "x3d.frames=8"),
    )
    by_stage = origins.resolved(stages.load(shipped(), "small", sets))
    return {stage: {one.key: one for one in listed} for stage, listed in by_stage.items()}


def test_a_mapping_that_two_have_filled(of_shipped: dict[str, dict[str, Resolved]]) -> None:
    train = of_shipped["train"]["baselines"]
    assert set(train.value) == {"concat", "mine"}
    file = line_of("stages.yaml", "baselines: {concat")
    assert train.origin == Origin(SET, f"{file}; --set train.baselines.mine=fusion.concat.Concat")


def test_keys_inside_fit_have_origins_of_their_own(of_shipped: dict[str, dict[str, Resolved]]) -> None:
    gru = of_shipped["gru"]
    profile = line_of("stages.yaml", "gru: {hidden: 256")
    assert gru["fit.epochs"] == Resolved("fit.epochs", 5, Origin(SET, "--set gru.fit.epochs=5"))
    assert gru["fit.lr"] == Resolved("fit.lr", 0.001, Origin(PROFILE, f"profile small, {profile}"))
    assert gru["fit.batch"].origin.kind == DEFAULT


def test_what_laff_chooses_itself(of_shipped: dict[str, dict[str, Resolved]]) -> None:
    assert of_shipped["gru"]["from"].value == ["ingest", "w2v", "clip-ft"]
    assert of_shipped["gru"]["from"].origin == Origin(CHOSEN, "learns towards clip-ft, which train fuses")
    head = of_shipped["finetune"]["head_rate"]  # the profile says 1, which means nothing where no head is trained
    assert (head.value, head.origin.kind) == (100.0, CHOSEN)


def test_what_a_stage_takes_from_the_one_that_trained_it(of_shipped: dict[str, dict[str, Resolved]]) -> None:
    profile = line_of("stages.yaml", "finetune: {model: tiny-64")
    model = of_shipped["clip-ft"]["model"]
    assert model == Resolved("model", "tiny-64", Origin(PROFILE, f"as 'finetune' has it: profile small, {profile}"))
    frames = of_shipped["clip-ft-frames"]["frames"]
    assert frames.origin == Origin(PROFILE, f"profile small, {line_of('stages.yaml', 'clip-ft-frames: {frames: 8}')}")


def test_the_last_of_equal_settings_counts(of_shipped: dict[str, dict[str, Resolved]]) -> None:
    assert of_shipped["x3d"]["frames"] == Resolved("frames", 8, Origin(SET, "--set x3d.frames=8"))


def test_another_class_has_its_own_defaults(of_shipped: dict[str, dict[str, Resolved]]) -> None:
    timm = of_shipped["timm"]
    assert timm["uses"].origin == Origin(SET, "--set timm.uses=extractors.brightness.Brightness")
    assert timm["scale"].origin.kind == DEFAULT
    assert "model" not in timm


def test_every_value_fits_in_json_and_says_where_it_stands(of_shipped: dict[str, dict[str, Resolved]]) -> None:
    every = [one for listed in of_shipped.values() for one in listed.values()]
    assert json.dumps([one.value for one in every])
    assert [one for one in every if not one.origin.text] == []
