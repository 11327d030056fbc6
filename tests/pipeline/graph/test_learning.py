"""What the parameters of a training refuse, wherever they stand."""

from typing import Any

import pytest
import torch

from pipeline.errors import LaffError
from pipeline.graph.learning import MOST, Fit, Learning
from pipeline.steps import finetune, train
from pipeline.training.trainer import order


@pytest.mark.parametrize("options", [Learning, Fit, train.Options, finetune.Options])
@pytest.mark.parametrize("prior", [0.0, -0.1, float("inf"), float("nan")])
def test_a_prior_is_above_0(options: Any, prior: float) -> None:
    assert options().prior == 0.1
    with pytest.raises(LaffError, match=f"prior is {prior}; it should be above 0"):
        options(prior=prior)


@pytest.mark.parametrize("seed", [-1, 10**12 + 1, 99999999999999999999])
def test_seeds_are_numbers_that_a_generator_takes(seed: int) -> None:
    for make in (lambda: Fit(seed=seed), lambda: train.Options(seeds=[2, seed]), lambda: finetune.Options(seed=seed)):
        with pytest.raises(LaffError, match=f"seed {seed} should be a whole number from 0 to 1000000000000"):
            make()


def test_the_highest_seed_serves_every_epoch() -> None:
    train.Options(seeds=[0, MOST])
    assert sorted(order(5, MOST, 10**6).tolist()) == [0, 1, 2, 3, 4]
    torch.Generator().manual_seed(MOST)
