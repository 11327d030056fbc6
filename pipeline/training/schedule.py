"""The learning rate through a training."""

from __future__ import annotations

import math
from dataclasses import dataclass, fields

from pipeline.graph.recipe import Recipe

THRESHOLD = 1e-4  # a score must beat the best by this share of it to keep the learning rate up


@dataclass
class Schedule:
    """The learning rate through a training.

    After every epoch lr *= decay; when `plateau_patience` + 1 epochs in a row brought no score above
    best * (1 + THRESHOLD), also lr *= plateau, and the count starts again. During the first `warmup` steps the rate in
    use is a growing share of lr.
    """

    lr: float
    best: float = -math.inf
    bad: int = 0  # epochs in a row without a better score
    steps: int = 0  # steps taken

    def next_step(self, recipe: Recipe) -> float:
        """The learning rate of the step that comes now."""
        self.steps += 1
        return self.lr * min(1.0, self.steps / recipe.warmup) if recipe.warmup else self.lr

    def end_epoch(self, score: float, recipe: Recipe) -> None:
        """Take in an epoch's validation score."""
        self.lr *= recipe.decay
        if score > self.best * (1 + THRESHOLD):
            self.best, self.bad = score, 0
            return
        self.bad += 1
        if self.bad > recipe.plateau_patience:
            self.lr *= recipe.plateau
            self.bad = 0

    def state(self) -> dict[str, float]:
        """All fields, as plain values."""
        return {field.name: getattr(self, field.name) for field in fields(self)}
