"""The small collection of the comparisons, with stages that are named as features of the LAFF paper."""

from __future__ import annotations

from typing import Any

import pytest

from tests.pipeline.compare.conftest import STAGES, small

__all__ = ["named", "small"]
IMPORTED = "step: import, from: ingest, params: {file: text.npz, side: text, array: pair}"


@pytest.fixture
def named(small: Any) -> Any:
    """The features of Table 11 but for wsl and the video side of clip, on its protocol by name."""
    stages = STAGES.replace("  train:\n", f"  w2v: {{{IMPORTED}}}\n  gru: {{{IMPORTED}}}\n  train:\n")
    for mine, papers in (("pair-frames", "frames"), ("words", "clip"), ("pair:", "rx101:"), ("other:", "re152:")):
        stages = stages.replace(
            f"  {mine}" if mine.endswith(":") else mine, f"  {papers}" if mine.endswith(":") else papers
        )
    stages = stages.replace("from: [pair, other, clip, bow]", "from: [rx101, re152, bow, w2v, gru, clip]")
    stages = stages.replace("raw: [pair, clip]", "raw: [clip]").replace("pairs: {pair: [pair, clip]}", "pairs: {}")
    (small.folder / "stages.yaml").write_text(stages)
    path = small.folder / "collection.yaml"
    path.write_text(f"protocol: msrvtt/full\n{path.read_text()}")
    return small
