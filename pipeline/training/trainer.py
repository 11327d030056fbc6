"""Trainer: trains any task that has a loss and a score, and after a kill at any moment goes on with the same result.

Imports torch: import this module where training starts, not where it is planned (`pipeline.graph.recipe` is for that).
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Iterable
from contextlib import AbstractContextManager
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING

import torch
from torch import Tensor

from fusion.measures import MEASURES, MRR, Measure
from pipeline.errors import Diverged, LaffError
from pipeline.files import remove_partials
from pipeline.graph.recipe import Recipe
from pipeline.training import checkpoint
from pipeline.training.average import LastEpochs, fresh_statistics, has_statistics, next_batch
from pipeline.training.checkpoint import Last, Position
from pipeline.training.optimizer import make_optimizer, step
from pipeline.training.schedule import Schedule
from pipeline.training.summary import Summary

if TYPE_CHECKING:
    from extractors.base import Task

Progress = Callable[[int, int, str], None]
"""progress(steps done, steps at most, a note on the last epoch)"""

CHEAP = 50  # an epoch ends with a checkpoint where it takes this many times as long as the checkpoint
LOOK = 50  # steps between two looks at the loss on a GPU: each look waits for the GPU


def order(samples: int, seed: int, epoch: int) -> Tensor:
    """Order of the sample numbers [samples] in this epoch (counted from 0); it depends on the seed and epoch alone."""
    return torch.randperm(samples, generator=torch.Generator().manual_seed(seed * 1_000_003 + epoch))


class Trainer:
    """Trains a task by its recipe, and leaves `best.pt` and `last.pt` in `folder`.

    best.pt: fingerprint, state (the task's), score, epoch; `measure`, where the score is another than the mean
    reciprocal rank; `averaged` and `best` with `average`. last.pt: fingerprint and everything that is needed to go on.
    Both are written after any step where `checkpoint_seconds` have passed since the last time, at the end of an epoch
    where that costs a fiftieth of the time at most, and at the end. A run whose last.pt has this fingerprint goes on
    from it; any other starts over. On a CPU with the same number of threads the result equals that of an uninterrupted
    run bit for bit.
    A task without parameters that learn is scored once, as it is: epoch 0 is its best.
    A task's `measure` says what its score is, and whether lower is better; without it, it is the mean reciprocal rank.
    average: with N above 0, the model that is kept in the end has the mean of the weights after each of the last N
    epochs, whether or not it scores better than the best epoch. Statistics of batches are then made anew by one more
    pass over the samples, since those of the epochs belong to other weights.
    The task draws random numbers from torch's global generators only; `run` restores their state. A task's `factors`,
    {prefix of parameter names in its model: factor}, multiply the learning rate of these parameters.
    """

    def __init__(
        self,
        task: Task,
        recipe: Recipe,
        seed: int,
        folder: Path,
        fingerprint: str,
        checkpoint_seconds: float = 60.0,
        progress: Progress | None = None,
        average: int = 0,
    ) -> None:
        if task.samples < 1:
            raise LaffError(f"{folder.name}: the train split has no samples; training needs at least one")
        self.task = task
        self.recipe = recipe
        self.seed = seed
        self.folder = folder
        self.fingerprint = fingerprint
        self.checkpoint_seconds = checkpoint_seconds
        self.progress = progress
        self.average = average
        self.measure: Measure = getattr(task, "measure", MRR)
        self.steps = -(-task.samples // recipe.batch)  # in an epoch; the last batch may be smaller
        self.device = next((p.device for p in task.model.parameters()), torch.device("cpu"))

    def run(self) -> Summary:
        """Train to the end, from the start or from a checkpoint.

        Raises Diverged where the loss or the score is no longer a number.
        """
        remove_partials(self.folder)
        saved = checkpoint.read(self.folder, self.fingerprint)
        if saved is not None and saved["position"]["finished"]:
            self.position = Position(**saved["position"])
            return self._summary()
        with _generators_kept(self.device):
            self._begin(saved)
            saved = None  # frees a second copy of the model
            if not any(parameter.requires_grad for parameter in self.task.model.parameters()):
                self._only_score()
            while not self.position.finished:
                self._train_epoch()
                self._end_epoch()
        return self._summary()

    def _begin(self, saved: Last | None) -> None:
        """Begin from the start, or from a checkpoint."""
        factors: dict[str, float] = getattr(self.task, "factors", {})
        self.optimizer = make_optimizer(self.task.model, self.recipe, factors)
        self.schedule = Schedule(self.recipe.lr)
        self.position = Position(measure=self.measure.name)
        self.last_epochs = LastEpochs(self.average, self.recipe) if self.average else None
        self.unsaved_best: dict[str, object] | None = None
        if saved is None:
            for name in ("last.pt", "best.pt"):  # a best.pt of another fingerprint must not outlive its last.pt
                (self.folder / name).unlink(missing_ok=True)
            torch.manual_seed(self.seed)
        else:
            self.task.model.load_state_dict(saved["model"])
            self.optimizer.load_state_dict(saved["optimizer"])
            self.schedule = Schedule(**saved["schedule"])
            self.position = Position(**saved["position"])
            if self.last_epochs:
                self.last_epochs.load(saved["sums"], self.device)
            torch.set_rng_state(saved["random"])
            if self.device.type == "cuda" and saved["cuda_random"] is not None:
                torch.cuda.set_rng_state(saved["cuda_random"], self.device)
        self.total = torch.tensor(self.position.total, dtype=torch.float64, device=self.device)
        self.saved_at = self.clock = time.monotonic()
        self.saving = 0.0  # seconds that the last checkpoint took; 0 before the first

    def _train_epoch(self) -> None:
        """Do the remaining steps of this epoch."""
        position = self.position
        batches = torch.split(order(self.task.samples, self.seed, position.epoch), self.recipe.batch)
        self.task.model.train()
        while position.step < self.steps:
            rate = self.schedule.next_step(self.recipe)
            for group in self.optimizer.param_groups:
                group["lr"] = rate * group["factor"]
            loss = self.task.loss(batches[position.step])
            step(loss, self.optimizer, self.recipe.clip)
            self.total += loss.detach()
            position.step += 1
            if self.device.type == "cpu" or position.step % LOOK == 0:
                self._look()
            if self.progress:
                self.progress(
                    position.epoch * self.steps + position.step, self.recipe.epochs * self.steps, self._note()
                )
            if time.monotonic() - self.saved_at >= self.checkpoint_seconds:
                self._checkpoint()

    def _only_score(self) -> None:
        """Score a task where nothing learns, and save it as it is."""
        score = self._score()
        self.position.best = self.measure.gain(score)
        self.position.finished = True
        self.unsaved_best = {"state": self.task.state(), "score": score, "epoch": 0}
        self._checkpoint()

    def _score(self) -> float:
        """Validation score of the model in the measure's own unit; raises Diverged where it is no number."""
        self.task.model.eval()
        with torch.no_grad():
            score = self.task.score()
        if not math.isfinite(score):
            raise Diverged(f"{self._where()}: the validation score is {score}; try a smaller lr")
        return score

    def _end_epoch(self) -> None:
        """Validate, keep the best model, change the learning rate, decide whether to stop."""
        self._look()
        position, recipe = self.position, self.recipe
        score = self._score()
        gain = self.measure.gain(score)
        mean = position.total / self.steps
        position.epoch += 1
        position.history.append({"epoch": position.epoch, "loss": mean, "score": score, "lr": self.schedule.lr})
        position.stale += 1
        if gain > position.best:
            position.best, position.best_epoch, position.stale = gain, position.epoch, 0
            self.unsaved_best = {"state": self.task.state(), "score": score, "epoch": position.epoch}
        if self.last_epochs:
            self.last_epochs.end_epoch(position.epoch, position.stale, self.task.model)
        self.schedule.end_epoch(gain, recipe)
        position.step, position.total = 0, 0.0
        self.total.zero_()
        position.finished = position.epoch >= recipe.epochs or 0 < recipe.patience <= position.stale
        if position.finished and self.last_epochs:
            self._keep_mean(self.last_epochs.mean(position.epoch))
        if self.progress:
            done = position.epoch * self.steps
            self.progress(done, done if position.finished else recipe.epochs * self.steps, self._note())
        if position.finished or self._worth_saving():
            self._checkpoint()

    def _keep_mean(self, weights: dict[str, Tensor]) -> None:
        """Give the model the mean weights, and statistics of batches that go with them; score and keep it."""
        position, model = self.position, self.task.model
        model.load_state_dict(weights)
        if has_statistics(model):
            model.train()
            with torch.no_grad(), fresh_statistics(model):
                batches = torch.split(order(self.task.samples, self.seed, position.epoch), self.recipe.batch)
                for number, batch in enumerate(batches, 1):
                    next_batch(model, number)
                    self.task.loss(batch)
        score = self._score()
        first = position.epoch - self.average + 1
        position.averaged = {"first": first, "last": position.epoch, "score": score}
        self.unsaved_best = {
            "state": self.task.state(),
            "score": score,
            "epoch": position.epoch,
            "averaged": self.average,  # epochs
            "best": {"epoch": position.best_epoch, "score": self.measure.gain(position.best)},  # the best single epoch
        }

    def _worth_saving(self) -> bool:
        """Tell whether to save at the end of an epoch: a checkpoint is due, or costs next to nothing."""
        passed = time.monotonic() - self.saved_at
        return passed >= min(self.checkpoint_seconds, CHEAP * self.saving)

    def _look(self) -> None:
        """Read the sum of losses; raise Diverged on a NaN, before it is saved."""
        self.position.total = self.total.item()
        if not math.isfinite(self.position.total):
            raise Diverged(
                f"{self._where()}: the loss is {self.position.total}, no longer a number; try a smaller lr, "
                "and check the features for NaN or huge values"
            )

    def _where(self) -> str:
        return f"{self.folder.name}, epoch {self.position.epoch + 1}, step {self.position.step} of {self.steps}"

    def _note(self) -> str:
        if not self.position.history:
            return "first epoch"
        last = self.position.history[-1]
        return (
            f"epoch {last['epoch']:.0f} loss {last['loss']:.4g} {self.measure.name} {last['score']:.4f} "
            f"best {self.measure.gain(self.position.best):.4f}"
        )

    def _checkpoint(self) -> None:
        """Save best.pt, then last.pt: a kill between the two only repeats some steps and writes the same best again."""
        self._look()
        if self.unsaved_best is not None:
            named = {} if self.measure is MRR else {"measure": self.measure.name}
            checkpoint.save(self.folder / "best.pt", {"fingerprint": self.fingerprint, **self.unsaved_best, **named})
            self.unsaved_best = None
        now = time.monotonic()
        self.position.seconds += now - self.clock
        self.clock = now
        last: Last = {
            "fingerprint": self.fingerprint,
            "model": self.task.model.state_dict(),
            "optimizer": self.optimizer.state_dict(),
            "schedule": self.schedule.state(),
            "position": asdict(self.position),
            "random": torch.get_rng_state(),
            "cuda_random": torch.cuda.get_rng_state(self.device) if self.device.type == "cuda" else None,
        }
        if self.last_epochs:
            last["sums"] = self.last_epochs.state()
        checkpoint.save(self.folder / "last.pt", last)
        self.saved_at = time.monotonic()
        self.saving = self.saved_at - now

    def _summary(self) -> Summary:
        """Sum up the training so far."""
        position = self.position
        return Summary(
            score=MEASURES[position.measure].gain(position.best),
            epoch=position.best_epoch,
            epochs=position.epoch,
            steps=position.epoch * self.steps,
            seconds=position.seconds,
            history=position.history,
            measure=position.measure,
            averaged=position.averaged,
        )


def _generators_kept(device: torch.device) -> AbstractContextManager[None]:
    """Restore torch's generators afterwards: training seeds them."""
    devices: Iterable[torch.device] = [device] if device.type == "cuda" else []
    return torch.random.fork_rng(devices=devices)
