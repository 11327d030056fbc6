"""What a vectors stage keeps, told from the graph alone."""

from __future__ import annotations

from pathlib import Path

import pytest

from pipeline.errors import LaffError
from pipeline.graph.graph import Graph
from pipeline.graph.kept import kept
from pipeline.graph.stages import load

SHIPPED = Path(__file__).resolve().parents[3] / "stages.yaml"
TIGHT = (
    "train.from=[clip-ft-frames, clip-ft, bow]",
    "train.own=false",
    "train.singles=false",
    "train.baselines={tight: {uses: fusion.clip4clip.Clip4Clip, video: [clip-ft-frames], text: [clip-ft], "
    "params: {frames: [clip-ft-frames], aggregate: fusion.frames.tight.TightTransf, aggregate_params: {layers: 2}}}}",
)
MEAN = "train.baselines={mean: {uses: fusion.mean.Mean, video: [clip-ft]}}"


def graph(*sets: str) -> Graph:
    return load(SHIPPED, "small", sets)


def keys(*sets: str) -> list[str]:
    parsed = graph(*sets)
    return [one.key for one in kept(parsed, parsed.of_step("vectors"))]


def test_by_default_the_main_model_with_its_first_seed() -> None:
    assert keys() == ["laff/seed2"]
    assert keys("train.seeds=[5, 1]") == ["laff/seed5"]


def test_models_seeds_and_pairs_of_features_by_name() -> None:
    named = "vectors.models=[concat, laff/seed1, laff/seed2, clip-ft]"
    assert keys(named, "train.seeds=[1, 2]") == ["concat/seed1", "laff/seed1", "laff/seed2", "clip-ft/seed0"]


def test_without_a_train_stage_the_pairs_that_it_reads() -> None:
    assert keys("vectors.from=[clip]", "rank.from=[train]") == ["clip/seed0"]
    assert keys("vectors.from=[train, clip]") == ["laff/seed2", "clip/seed0"]


def test_a_model_that_scores_pairs_is_refused_by_name_and_left_out_where_it_is_not_named() -> None:
    assert keys(*TIGHT) == []
    with pytest.raises(LaffError) as caught:
        keys(*TIGHT, "vectors.models=[tight]")
    assert (
        "'tight' has no vectors to keep: fusion.frames.tight.TightTransf scores each caption and video together; it is "
        "ranked and searched pair by pair" in str(caught.value)
    )


def test_without_the_stages_own_model_the_first_that_has_vectors() -> None:
    assert keys("train.own=false", "train.singles=false", MEAN) == ["mean/seed2"]


def test_a_feature_without_vectors_of_videos_is_refused() -> None:
    sets = (
        "finetune.aggregate=fusion.frames.tight.TightTransf",
        "finetune.aggregate_params={layers: 2}",
        "clip-ft.level=frame",
        "train.from=[clip-ft, x3d, bow]",
        "train.own=false",
        "train.singles=false",
        "train.baselines={laff: {uses: fusion.laff.LAFF, video: [x3d]}}",
    )
    assert keys(*sets) == ["laff/seed2"]
    with pytest.raises(LaffError, match="'clip-ft' has no vectors to keep: 'clip-ft' comes from a CLIP that learned"):
        keys(*sets, "vectors.models=[clip-ft]")
