"""How a model is trained: the params that every training has, and more for each kind. Imports no torch."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Literal

from pipeline.errors import LaffError, problems

Loss = Literal[
    "triplet",
    "triplet-caption",
    "triplet-both",
    "triplet-sum",
    "triplet-sum-caption",
    "triplet-sum-both",
    "triplet-mean",
    "triplet-mean-caption",
    "triplet-mean-both",
    "infonce",
    "dual-softmax",
]  # a name of fusion.losses.LOSSES
MOST = 10**12  # a seed; times a million, and an epoch more, it is still a number of 64 bits


@dataclass(frozen=True)
class Recipe:
    """Parameters of a training; the defaults are the LAFF authors'. Raises LaffError listing every bad value."""

    epochs: int = 80  # at most
    batch: int = 64  # pairs in a step
    lr: float = 1e-4  # learning rate of the first epoch
    optimizer: Literal["rmsprop", "adamw"] = "rmsprop"  # which steps follow from the gradients
    weight_decay: float = 0.2  # adamw only, on weights and not on biases or gains
    decay: float = 0.99  # the learning rate's factor after every epoch
    plateau: float = 0.5  # its further factor when the validation score stands still; 1 is off
    plateau_patience: int = 2  # epochs in a row without a better score that are forgiven before that
    clip: float = 2.0  # largest gradient norm over all parameters; 0 is off
    patience: int = 10  # epochs in a row without a new best score that end the training; 0 is off
    warmup: int = 0  # steps over which the learning rate rises from nearly 0

    def __post_init__(self) -> None:
        mistakes = []
        for name, least in {"epochs": 1, "batch": 1, "plateau_patience": 0, "patience": 0, "warmup": 0}.items():
            if getattr(self, name) < least:
                mistakes.append(f"{name} is {getattr(self, name)}; it should be at least {least}")
        for name in ("weight_decay", "clip"):
            if not 0 <= getattr(self, name) < math.inf:
                mistakes.append(f"{name} is {getattr(self, name)}; it should not be negative")
        if not 0 < self.lr < math.inf:
            mistakes.append(f"lr is {self.lr}; it should be above 0")
        for name in ("decay", "plateau"):
            if not 0 < getattr(self, name) <= 1:
                mistakes.append(f"{name} is {getattr(self, name)}; it should be above 0 and at most 1")
        if self.optimizer not in ("rmsprop", "adamw"):
            mistakes.append(f"optimizer is '{self.optimizer}'; choose rmsprop or adamw")
        if mistakes:
            raise problems("training", mistakes)


@dataclass(frozen=True)
class Learning(Recipe):
    """A recipe, the loss it follows, and how often it is saved."""

    loss: Loss = "triplet"  # see "Losses" in docs/compare.md
    mask: bool = False  # the video of another caption of the same video is no negative
    prior: float = 0.1  # of dual-softmax: how sharply the other side chooses
    checkpoint: float = 60.0  # seconds between two checkpoints

    def __post_init__(self) -> None:
        super().__post_init__()
        if not 0 < self.prior < math.inf:
            raise problems("training", [f"prior is {self.prior}; it should be above 0"])


@dataclass(frozen=True)
class Fit(Learning):
    """The `fit:` of an extractor that is trained, such as gru."""

    loss: Loss = "infonce"
    epochs: int = 30
    patience: int = 5
    seed: int = 2  # of the random numbers while it learns

    def __post_init__(self) -> None:
        super().__post_init__()
        check_seed(self.seed)


def check_seed(seed: int) -> None:
    """Raise LaffError for a seed that is too large: torch's generators add a number for each epoch."""
    if not 0 <= seed <= MOST:
        raise LaffError(f"seed {seed} should be a whole number from 0 to {MOST}")
