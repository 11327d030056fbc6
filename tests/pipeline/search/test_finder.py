"""Which model searches where a person names none."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from pipeline.errors import LaffError
from pipeline.graph.kept import Kept
from pipeline.plan.context import Context
from pipeline.search.finder import choose

INGEST = """
stages:
  ingest: {step: ingest}
  decode: {step: decode, from: ingest}
"""
CONSE = """  conse: {step: extract, uses: extractors.conse.Conse, from: decode}
  train:
    step: train
    uses: fusion.laff.LAFF
    from: [conse]
    params: {own: false, singles: false, baselines: {}}
"""
X3D = "  x3d: {step: extract, uses: extractors.x3d.X3D, from: decode, params: {weights: random}}\n"


def test_where_nothing_is_trained_it_is_a_feature_of_videos_and_texts(
    collect: Callable[..., Path], surroundings: Callable[..., Context]
) -> None:
    context = surroundings(collect(), text=INGEST + X3D + CONSE)
    assert choose(context) == Kept("conse")


def test_without_such_a_feature_nothing_can_be_searched(
    collect: Callable[..., Path], surroundings: Callable[..., Context]
) -> None:
    context = surroundings(collect(), text=INGEST + X3D)
    with pytest.raises(LaffError, match="trains no model and has no feature of videos and texts: nothing to search"):
        choose(context)
