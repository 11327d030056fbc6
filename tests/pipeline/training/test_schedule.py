"""Learning rates against arithmetic and against torch's schedulers."""

import random
import warnings

import pytest
import torch

from pipeline.graph.recipe import Recipe
from pipeline.training.schedule import Schedule


def rates(scores: list[float], recipe: Recipe) -> list[float]:
    schedule = Schedule(recipe.lr)
    used = []
    for score in scores:
        schedule.end_epoch(score, recipe)
        used.append(schedule.lr)
    return used


def test_halved_at_the_third_epoch_in_a_row_without_a_better_score() -> None:
    scores = [0.5, 0.4, 0.4, 0.6, 0.6, 0.6, 0.6, 0.6, 0.6, 0.6]  # epochs 5, 6, 7 bring nothing, then 8, 9, 10
    halved = [0, 0, 0, 0, 0, 0, 1, 1, 1, 2]
    wanted = [1e-4 * 0.99 ** (epoch + 1) * 0.5 ** halved[epoch] for epoch in range(10)]
    assert rates(scores, Recipe()) == pytest.approx(wanted, rel=1e-12)


def test_a_gain_below_the_threshold_is_none() -> None:
    assert rates([0.5, 0.50004, 0.50004, 0.50004], Recipe(decay=1.0)) == [1e-4, 1e-4, 1e-4, 5e-5]
    assert rates([0.5, 0.50006, 0.50006, 0.50006], Recipe(decay=1.0)) == [1e-4] * 4


@pytest.mark.parametrize("seed", range(5))
def test_equals_torchs_schedulers(seed: int) -> None:
    recipe = Recipe(lr=0.1)
    scores = [random.Random(seed).choice([0.1, 0.2, 0.3]) + 0.001 * epoch for epoch in range(40)]
    optimizer = torch.optim.SGD([torch.zeros(1)], lr=recipe.lr)
    decay = torch.optim.lr_scheduler.ExponentialLR(optimizer, recipe.decay)
    plateau = torch.optim.lr_scheduler.ReduceLROnPlateau(
        optimizer, mode="max", factor=0.5, patience=2, threshold=1e-4, threshold_mode="rel"
    )
    wanted = []
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # that no optimizer step was made
        for score in scores:
            decay.step()
            plateau.step(score)
            wanted.append(optimizer.param_groups[0]["lr"])
    assert rates(scores, recipe) == pytest.approx(wanted, rel=1e-6)


def test_warmup() -> None:
    recipe, schedule = Recipe(lr=1.0, warmup=4), Schedule(1.0)
    assert [schedule.next_step(recipe) for _ in range(6)] == [0.25, 0.5, 0.75, 1, 1, 1]
    schedule.end_epoch(0.1, recipe)
    assert schedule.next_step(recipe) == 0.99
    assert Schedule(0.5).next_step(Recipe()) == 0.5
    assert Schedule(**schedule.state()) == schedule  # type: ignore[arg-type]
