"""What a stage's help lists: each param with its value and what it means."""

from pathlib import Path

import pytest

from pipeline.graph.params import Param, listed
from pipeline.graph.stages_file import StagesFile, shipped

SMALL = """
stages:
  ingest: {step: ingest}
  decode: {step: decode, from: ingest}
  colour: {step: extract, uses: extractors.brightness.Brightness, from: decode, params: {frames: 3, batch: 2}}
  x3d: {step: extract, uses: extractors.x3d.X3D, from: decode, params: {weights: x3d-xs-k400}}
  theirs: {step: import, from: ingest, params: {side: video}}
"""


def file(tmp_path: Path, text: str = SMALL) -> StagesFile:
    path = tmp_path / "stages.yaml"
    path.write_text(text, encoding="utf-8")
    return StagesFile(path)


@pytest.mark.parametrize("name", StagesFile(shipped()).entries)
def test_every_param_of_the_shipped_stages_says_what_it_means(name: str) -> None:
    params = [one for members in listed(name, StagesFile(shipped())).values() for one in members]
    assert [one.name for one in params if not one.meaning or one.meaning.startswith(("one of", "a number"))] == []
    assert name == "report" or params


def test_the_params_of_the_class_and_of_the_step(tmp_path: Path) -> None:
    tables = listed("colour", file(tmp_path))
    assert tables["Params of extractors.brightness.Brightness"] == [
        Param("frames", "3", "spread over the video"),
        Param("crop", "32", "pixels of the central square"),
        Param("scale", "255.0", "values are divided by it"),
    ]
    step = {one.name: one for one in tables["Params of step extract"]}
    assert step["batch"].value == "2"
    assert step["dtype"] == Param("dtype", "float32", "of the stored values; float32 | float16")
    assert "fit" not in step


def test_what_published_weights_fix(tmp_path: Path) -> None:
    """The smallest X3D sees 4 frames, 12 apart, in crops of 160: extractors/weights.yaml."""
    values = {one.name: one.value for one in listed("x3d", file(tmp_path))["Params of extractors.x3d.X3D"]}
    assert {"size": "XS", "weights": "x3d-xs-k400"}.items() <= values.items()


def test_a_param_that_must_be_given_and_a_file_with_mistakes(tmp_path: Path) -> None:
    by_name = {one.name: one for one in listed("theirs", file(tmp_path))["Params of step import"]}
    assert by_name["file"].value == ""
    assert by_name["side"] == Param("side", "video", "whether its ids are videos or captions; video | text")
    params = listed("colour", file(tmp_path))["Params of extractors.brightness.Brightness"]
    assert params[0].value == "3"  # theirs lacks its file all the same


def test_what_is_trained_and_what_is_borrowed() -> None:
    gru = {one.name: one.value for one in listed("gru", StagesFile(shipped()))["How it is trained"]}
    assert gru["fit.epochs"] == "30"
    borrowed = listed("clip-ft", StagesFile(shipped()))
    (title,) = (title for title in borrowed if "'finetune'" in title)
    assert {"frames", "level"} <= {one.name for one in borrowed[title]}
    assert "weights" not in {one.name for one in borrowed[title]}
    (aggregator,) = listed("finetune", StagesFile(shipped()))["Params of fusion.frames.mean.Mean"]
    assert (aggregator.name, aggregator.value) == ("aggregate_params.pre_norm", "false")


@pytest.mark.parametrize("entry", ["{step: ranc}", "{step: extract, uses: os.system}", "{step: extract}", "3", "{}"])
def test_entries_that_say_nothing_usable(tmp_path: Path, entry: str) -> None:
    assert isinstance(listed("a", file(tmp_path, f"stages: {{a: {entry}}}")), dict)
