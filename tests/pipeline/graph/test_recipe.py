"""What the parameters of a training refuse, wherever they stand; bad values are all named at once."""

import subprocess
import sys
from pathlib import Path
from typing import Any, get_args

import pytest
import torch

from fusion.losses import LOSSES
from pipeline.errors import LaffError
from pipeline.graph.recipe import MOST, Fit, Learning, Loss, Recipe
from pipeline.steps import finetune, train
from pipeline.training.trainer import order


def test_the_losses_that_a_training_may_name_are_those_that_there_are() -> None:
    assert list(get_args(Loss)) == list(LOSSES)


def test_bad_values_are_all_named() -> None:
    with pytest.raises(LaffError) as error:
        Recipe(epochs=0, lr=-1.0, decay=1.5, optimizer="sgd", clip=float("nan"))  # type: ignore[arg-type]
    text = str(error.value)
    for part in (
        "5 problem",
        "epochs is 0",
        "lr is -1.0",
        "decay is 1.5",
        "'sgd'; choose rmsprop or adamw",
        "clip is nan",
    ):
        assert part in text


def test_no_torch_is_imported() -> None:
    code = "import sys, pipeline.graph.recipe; sys.exit('torch' in sys.modules)"
    root = Path(__file__).resolve().parents[3]
    assert subprocess.run([sys.executable, "-c", code], cwd=root, check=False).returncode == 0


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
