"""How a model is trained: the numbers, and the learning rate they give. Imports no torch, so plans stay quick."""

from __future__ import annotations

import math
from dataclasses import dataclass, fields
from typing import Literal

from pipeline.errors import problems

THRESHOLD = 1e-4  # a score must beat the best by this share of it to keep the learning rate up


@dataclass(frozen=True)
class Recipe:
    """Parameters of a training; the defaults are the LAFF authors'. Raises LaffError listing every bad value."""

    epochs: int = 80  # at most
    batch: int = 64  # pairs in a step
    lr: float = 1e-4
    optimizer: Literal["rmsprop", "adamw"] = "rmsprop"
    weight_decay: float = 0.2  # adamw only, on weights and not on biases or gains
    decay: float = 0.99  # the learning rate's factor after every epoch
    plateau: float = 0.5  # its further factor when the validation score stands still; 1 is off
    plateau_patience: int = 2  # epochs in a row without a better score that are forgiven before that
    clip: float = 2.0  # largest gradient norm over all parameters; 0 is off
    patience: int = 10  # epochs in a row without a new best score that end the training; 0 is off
    warmup: int = 0  # steps over which the learning rate rises from nearly 0

    def __post_init__(self) -> None:
        found = []
        for name, least in {"epochs": 1, "batch": 1, "plateau_patience": 0, "patience": 0, "warmup": 0}.items():
            if getattr(self, name) < least:
                found.append(f"{name} is {getattr(self, name)}; it should be at least {least}")
        for name in ("weight_decay", "clip"):
            if not 0 <= getattr(self, name) < math.inf:
                found.append(f"{name} is {getattr(self, name)}; it should not be negative")
        if not 0 < self.lr < math.inf:
            found.append(f"lr is {self.lr}; it should be above 0")
        for name in ("decay", "plateau"):
            if not 0 < getattr(self, name) <= 1:
                found.append(f"{name} is {getattr(self, name)}; it should be above 0 and at most 1")
        if self.optimizer not in ("rmsprop", "adamw"):
            found.append(f"optimizer is '{self.optimizer}'; choose rmsprop or adamw")
        if found:
            raise problems("training", found)


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
