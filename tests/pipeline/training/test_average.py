"""The mean of the last epochs' weights: against a sum by hand, at every end, killed and resumed."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from fusion.measures import MEASURES
from pipeline.errors import LaffError
from pipeline.graph.options import ModelTraining
from pipeline.graph.recipe import Recipe
from pipeline.training.average import fresh_statistics, has_statistics, next_batch
from pipeline.training.trainer import Trainer

SAMPLES, BATCH = 22, 4  # 6 steps an epoch, the last with 2 samples
RECIPE = Recipe(epochs=5, batch=BATCH, lr=1e-2, patience=0)


class Stop(Exception):
    """What stands for an interruption."""


class Regression:
    """A network that fits a line, with dropout and batch statistics; it stops before a step if asked, and keeps what
    its weights were after each epoch."""

    def __init__(self, stop: int = -1, scores: Iterator[float] | None = None, norm: bool = True) -> None:
        torch.manual_seed(9)
        layers = [nn.Linear(3, 8), nn.BatchNorm1d(8) if norm else nn.Identity(), nn.Dropout(0.5), nn.Linear(8, 1)]
        self.model = nn.Sequential(*layers)
        self.x = torch.randn(SAMPLES, 3)
        self.samples = SAMPLES
        self.stop, self.steps, self.scores = stop, 0, scores
        self.after: list[dict[str, Tensor]] = []

    def loss(self, numbers: Tensor) -> Tensor:
        if self.steps == self.stop:
            raise Stop
        self.steps += 1
        return (self.model(self.x[numbers])[:, 0] - self.x[numbers].sum(dim=1)).square().mean()

    def score(self) -> float:
        assert not self.model.training
        self.after.append(self.state())
        return next(self.scores) if self.scores else 1 / (1 + float(self.model(self.x).square().mean()))

    def state(self) -> dict[str, Any]:
        return {name: value.clone() for name, value in self.model.state_dict().items()}


def trainer(folder: Path, task: Regression, recipe: Recipe = RECIPE, average: int = 3) -> Trainer:
    return Trainer(task, recipe, 2, folder, "f", 0.0, average=average)


def best(folder: Path) -> dict[str, Any]:
    content: dict[str, Any] = torch.load(folder / "best.pt", weights_only=True)
    return content


def mean(states: list[dict[str, Tensor]], name: str) -> Tensor:
    return torch.stack([state[name].double() for state in states]).mean(dim=0).float()


def test_the_last_epochs_by_hand(tmp_path: Path) -> None:
    task = Regression(norm=False)
    summary = trainer(tmp_path, task).run()
    content = best(tmp_path)
    assert len(task.after) == 6  # five epochs, and the mean
    for name, value in content["state"].items():
        torch.testing.assert_close(value, mean(task.after[2:5], name))
        assert not torch.equal(value, task.after[4][name])
    assert (content["epoch"], content["averaged"], summary.epochs) == (5, 3, 5)
    assert content["best"] == {"epoch": summary.epoch, "score": summary.score}
    assert summary.averaged == {"first": 3, "last": 5, "score": content["score"]}
    assert summary.words.startswith("kept the mean weights of epochs 3 to 5, mrr 0.")
    assert f"; best epoch {summary.epoch}, mrr {summary.score:.4f} on val" in summary.words


@pytest.mark.parametrize(
    ("scores", "epochs"),
    [
        ([0.1, 0.5, 0.4, 0.3, 0.2], 5),  # three epochs without a new best end it
        ([0.1, 0.5, 0.4, 0.3, 0.6, 0.2, 0.2, 0.2], 8),  # a new best begins anew
        ([0.5, 0.4, 0.3, 0.6, 0.1, 0.7, 0.8, 0.9, 0.1, 0.1], 10),  # the last epoch comes amid a stretch without
        ([0.1] * 3 + [0.1 * k for k in range(4, 11)], 10),
    ],
)
@pytest.mark.parametrize("average", [1, 2, 3])
def test_whichever_epoch_is_the_last(tmp_path: Path, scores: list[float], epochs: int, average: int) -> None:
    recipe = replace(RECIPE, epochs=10, patience=3)
    task = Regression(scores=iter([*scores, 0.25]), norm=False)
    summary = trainer(tmp_path, task, recipe, average).run()
    assert summary.epochs == epochs
    content = best(tmp_path)
    for name, value in content["state"].items():
        torch.testing.assert_close(value, mean(task.after[epochs - average : epochs], name))
    assert content["score"] == 0.25  # it is kept though others scored better
    assert summary.score == max(scores[:epochs])


@pytest.mark.parametrize("stop", [3, 13, 20, 25, 29, 31, 33])
@pytest.mark.parametrize("patience", [0, 3])
def test_killed_and_resumed_is_equal(tmp_path: Path, stop: int, patience: int) -> None:
    """Also amid the pass over the samples at the end, which makes the statistics: from its 31st batch on."""
    recipe = replace(RECIPE, patience=patience)
    summary = trainer(tmp_path / "whole", Regression(), recipe).run()
    with pytest.raises(Stop):
        trainer(tmp_path / "parts", Regression(stop), recipe).run()
    torch.rand(5)
    resumed = trainer(tmp_path / "parts", Regression(), recipe).run()
    assert (tmp_path / "whole" / "best.pt").read_bytes() == (tmp_path / "parts" / "best.pt").read_bytes()
    assert replace(summary, seconds=0) == replace(resumed, seconds=0)
    last = [torch.load(tmp_path / name / "last.pt", weights_only=True) for name in ("whole", "parts")]
    for summed in ("at_end", "stale"):
        one, other = (content["sums"][summed] for content in last)
        assert one["epochs"] == other["epochs"]
        assert all(torch.equal(value, other["total"][name]) for name, value in one["total"].items())
    again = trainer(tmp_path / "parts", Regression(0), recipe).run()  # finished: it takes no step
    assert again.averaged == summary.averaged


def test_statistics_of_batches_are_those_of_the_mean_weights(tmp_path: Path) -> None:
    """Means over the batches of one more pass, in which dropout is as in training: here there is none before them."""
    task = Regression()
    trainer(tmp_path, task).run()
    state = best(tmp_path)["state"]
    first = nn.Linear(3, 8)
    first.load_state_dict({"weight": state["0.weight"], "bias": state["0.bias"]})
    from pipeline.training.trainer import order

    batches = torch.split(order(SAMPLES, 2, 5), BATCH)
    with torch.no_grad():
        outputs = [first(task.x[batch]) for batch in batches]
    torch.testing.assert_close(state["1.running_mean"], torch.stack([out.mean(dim=0) for out in outputs]).mean(dim=0))
    torch.testing.assert_close(state["1.running_var"], torch.stack([out.var(dim=0) for out in outputs]).mean(dim=0))
    assert not torch.allclose(state["1.running_mean"], mean(task.after[2:5], "1.running_mean"))
    assert task.model[1].momentum == 0.1


def test_tiles_count_as_layers_with_statistics() -> None:
    from fusion.transform import Tile

    tile = Tile("clip", 2, 2, 2)
    assert has_statistics(tile)
    assert not has_statistics(nn.Sequential(nn.Linear(2, 2), nn.LayerNorm(2)))
    with torch.no_grad(), fresh_statistics(tile):
        for number, values in enumerate(([[0.0, 2.0], [2.0, 2.0]], [[4.0, 0.0], [6.0, 4.0]]), 1):
            next_batch(tile, number)
            tile(torch.tensor(values))
    assert tile.mean.tolist() == [3, 2]
    assert tile.var.tolist() == [2, 4]
    assert tile.momentum == 0.1


def test_lower_is_better_for_ranks(tmp_path: Path) -> None:
    """MedR 9, 4, 6, 4, 5: the second epoch is the best, and three epochs without a lower one end it."""
    task = Regression(scores=iter([9.0, 4.0, 6.0, 4.0, 5.0, 1.0]))
    task.measure = MEASURES["medr"]  # type: ignore[attr-defined]
    summary = Trainer(task, replace(RECIPE, epochs=9, patience=3), 2, tmp_path, "f", 0.0).run()
    assert (summary.score, summary.epoch, summary.epochs, summary.measure) == (4.0, 2, 5, "medr")
    assert [entry["score"] for entry in summary.history] == [9, 4, 6, 4, 5]
    assert [entry["lr"] for entry in summary.history][-1] == pytest.approx(1e-2 * 0.99**4)
    content = best(tmp_path)
    assert (content["score"], content["epoch"], content["measure"]) == (4.0, 2, "medr")
    assert summary.words == "best epoch 2, medr 4.0000 on val"
    again = Trainer(task, replace(RECIPE, epochs=9, patience=3), 2, tmp_path, "f", 0.0).run()
    assert (again.score, again.measure) == (4.0, "medr")


def test_a_rank_that_stands_still_lowers_the_learning_rate(tmp_path: Path) -> None:
    task = Regression(scores=iter([4.0, 4.0, 4.0, 4.0, 4.0]))
    task.measure = MEASURES["meanr"]  # type: ignore[attr-defined]
    history = Trainer(task, replace(RECIPE, decay=1.0), 2, tmp_path, "f", 0.0).run().history
    assert [entry["lr"] for entry in history] == [1e-2, 1e-2, 1e-2, 1e-2, 5e-3]


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ({"average": -1}, "average is -1; it should be 0 to epochs, 80"),
        ({"average": 6, "epochs": 5}, "average is 6; it should be 0 to epochs, 5"),
        ({"average": 6, "patience": 5}, "may end 5 epochs after its best: set patience to 6 or more, or to 0"),
        ({"joint_rates": {"bert": -0.1}}, "joint_rates: bert -0.1; a rate should not be negative"),
    ],
)
def test_mistakes(wrong: dict[str, Any], message: str) -> None:
    with pytest.raises(LaffError, match=message):
        ModelTraining(**wrong)
    ModelTraining(average=6, patience=0)
