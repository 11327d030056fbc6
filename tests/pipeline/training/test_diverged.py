"""A learning rate far too high ends every kind of training with the same message."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from extractors.base import Pairs
from extractors.clip_ft import ClipFt
from extractors.gru import Gru
from fusion.losses import make
from pipeline.errors import Diverged
from pipeline.graph.recipe import Recipe
from pipeline.training.trainer import Trainer

CAPTIONS = ["a red square", "a blue circle", "two things", "a red circle"]


def clip() -> Any:
    part = ClipFt(model="tiny-64", frames=2, weights="random")
    part.load("cpu", None)
    frames = np.random.default_rng(1).integers(0, 256, (4, 2, 64, 64, 3), dtype=np.uint8)
    pairs = Pairs(CAPTIONS, np.arange(4), frames)
    return part.task(pairs, pairs, make("infonce"))


def gru() -> Any:
    pairs = Pairs(CAPTIONS, np.arange(4), np.random.default_rng(1).normal(size=(4, 6)).astype("f4"))
    return Gru(hidden=6, vector_dim=4, threshold=1).task(pairs, pairs, make("infonce"))


@pytest.mark.parametrize("task", [clip, gru])
def test_a_score_that_is_no_number(tmp_path: Path, task: Any) -> None:
    """One step with a finite loss spoils the weights; validation is the first to see it."""
    torch.set_num_threads(1)
    diverging = task()

    def score(real: Any = diverging.score) -> float:
        with torch.no_grad():
            for parameter in diverging.model.parameters():
                parameter.fill_(torch.nan)
        return float(real())

    diverging.score = score
    with pytest.raises(Diverged, match="epoch 1, step 1 of 1: the validation score is nan; try a smaller lr"):
        Trainer(diverging, Recipe(epochs=2, batch=4, lr=1e-3, optimizer="adamw"), 2, tmp_path, "f").run()
    assert not (tmp_path / "best.pt").exists()


@pytest.mark.parametrize("task", [clip, gru])
def test_a_rate_that_is_far_too_high(tmp_path: Path, task: Any) -> None:
    with pytest.raises(Diverged, match="try a smaller lr"):
        Trainer(task(), Recipe(epochs=9, batch=4, lr=1e30, optimizer="adamw"), 2, tmp_path, "f").run()
