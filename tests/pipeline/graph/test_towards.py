"""A sentence encoder that names no video feature learns towards one that is fused with it."""

from collections.abc import Sequence
from pathlib import Path

import pytest

from pipeline.graph import stages
from pipeline.parts.code import ROOT

SHIPPED = (ROOT / "stages.yaml").read_text(encoding="utf-8")
IMPORTED = """
  clip4: {step: import, from: ingest, params: {file: clip4.npz, side: video}}
  i3d_rgb: {step: import, from: ingest, params: {file: i3d.npz, side: video}}
  sentence: {step: import, from: ingest, params: {file: s.npz, side: text}}
"""
MINE = SHIPPED.replace("\nstages:\n", f"\nstages:\n{IMPORTED}", 1)


def sources(tmp_path: Path, sets: Sequence[str], profile: str | None = None) -> tuple[str, ...]:
    (tmp_path / "stages.yaml").write_text(MINE, encoding="utf-8")
    return stages.load(tmp_path / "stages.yaml", profile, sets).stages["gru"].sources


@pytest.mark.parametrize("profile", [None, "small"])
def test_as_shipped_it_is_the_fine_tuned_clip(profile: str | None):
    """The order counts in its fingerprint, which stays as it was."""
    assert stages.load(ROOT / "stages.yaml", profile).stages["gru"].sources == ("ingest", "w2v", "clip-ft")


def test_imported_features_ask_for_no_videos_and_no_clip(tmp_path: Path):
    (tmp_path / "stages.yaml").write_text(MINE, encoding="utf-8")
    graph = stages.load(tmp_path / "stages.yaml", None, ["train.from=[sentence, i3d_rgb, clip4, bow, w2v, gru]"])
    assert graph.stages["gru"].sources == ("ingest", "w2v", "i3d_rgb")
    assert set(graph.needed(["report"])) == {
        *(
            "ingest",
            "sentence",
            "i3d_rgb",
            "clip4",
            "bow",
            "w2v",
            "gru",
            "train",
            "vectors",
            "rank",
            "evaluate",
            "report",
        )
    }


@pytest.mark.parametrize(
    ("sets", "feature"),
    [
        (["train.from=[i3d_rgb, clip4, gru]", "train.raw=[sentence, clip4]"], "clip4"),  # the first of raw
        (["train.from=[x3d, clip4, gru]"], "x3d"),  # raw's default, clip-ft, is not fused
        (["train.from=[x3d, clip-ft, gru]"], "clip-ft"),
        (["train.from=[x3d, clip, gru]", "train.uses=fusion.mmt.MMT"], "x3d"),  # no parameter raw
        (["train.from=[bow, clip-ft-frames, x3d]"], "clip-ft-frames"),  # its means; gru itself is not fused
        (["train.from=[x3d, gru]", "gru.from=[ingest, w2v, tf]"], "tf"),  # it names one
        (
            [
                "finetune.aggregate=fusion.frames.tight.TightTransf",
                "clip-ft.level=frame",
                "train.from=[clip-ft, x3d, gru]",
            ],
            "x3d",  # clip-ft has no vectors then
        ),
    ],
)
def test_which_it_is(tmp_path: Path, sets: list[str], feature: str):
    assert sources(tmp_path, sets) == (*(("ingest", "w2v") if feature else ()), feature)


def test_without_video_features_it_stays_as_it_is(tmp_path: Path):
    """What is wrong with the train stage is told of that."""
    (tmp_path / "stages.yaml").write_text(
        "stages:\n  ingest: {step: ingest}\n  gru: {step: extract, uses: extractors.gru.Gru, from: ingest}\n"
    )
    assert stages.load(tmp_path / "stages.yaml").stages["gru"].sources == ("ingest",)


@pytest.mark.parametrize(
    ("models", "sources"),
    [
        ("[]", ("train",)),
        ("[conse]", ("conse",)),  # no captions of train are needed
        ("[clip/seed0, conse]", ("clip", "conse")),
        ("[laff, conse]", ("train", "conse")),
        ("[laff, clip-ft]", ("train",)),  # which reads clip-ft
    ],
)
def test_vectors_are_read_from_the_features_that_models_names(models: str, sources: tuple[str, ...]) -> None:
    graph = stages.load(sets=[f"vectors.models={models}"])
    assert graph.stages["vectors"].sources == sources
