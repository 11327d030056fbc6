"""Schedule: the learning rate of every step of a training."""

from __future__ import annotations

import math
from dataclasses import dataclass, fields

from pipeline.graph.recipe import Recipe

THRESHOLD = 1e-4  # a score counts as better where it is above the best by this share of it


@dataclass
class Schedule:
    """Learning rate of the steps to come, and what it depends on.

    After every epoch lr *= decay. When `plateau_patience` + 1 epochs in a row have no score above
    best + |best| * THRESHOLD, also lr *= plateau, and the count starts again. During the first `warmup` steps the rate
    in use is a growing share of lr.
    """

    lr: float
    best: float = -math.inf
    bad: int = 0  # epochs in a row without a better score
    steps: int = 0  # steps taken

    def next_step(self, recipe: Recipe) -> float:
        """Count a step, and give its learning rate."""
        self.steps += 1
        return self.lr * min(1.0, self.steps / recipe.warmup) if recipe.warmup else self.lr

    def end_epoch(self, score: float, recipe: Recipe) -> None:
        """Change the learning rate after an epoch with this validation score, of which larger is better."""
        self.lr *= recipe.decay
        if score > self.best * (1 + THRESHOLD if self.best > 0 else 1 - THRESHOLD):
            self.best, self.bad = score, 0
            return
        self.bad += 1
        if self.bad > recipe.plateau_patience:
            self.lr *= recipe.plateau
            self.bad = 0

    def state(self) -> dict[str, float]:
        """Copy all fields, as plain values."""
        return {field.name: getattr(self, field.name) for field in fields(self)}
