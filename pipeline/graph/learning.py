"""Parameters of everything that is trained; the step or stage that trains adds its own."""

import math
from dataclasses import dataclass
from typing import Literal

from pipeline.errors import LaffError, problems
from pipeline.graph.recipe import Recipe

MOST = 10**12  # a seed; times a million, and an epoch more, it is still a number of 64 bits


@dataclass(frozen=True)
class Learning(Recipe):
    """A recipe, the loss it follows, and how often it is saved."""

    loss: Literal["triplet", "triplet-caption", "triplet-both", "infonce", "dual-softmax"] = (
        "triplet"  # fusion/losses.py
    )
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

    loss: Literal["triplet", "triplet-caption", "triplet-both", "infonce", "dual-softmax"] = "infonce"
    epochs: int = 30
    patience: int = 5
    seed: int = 2

    def __post_init__(self) -> None:
        super().__post_init__()
        check_seed(self.seed)


def check_seed(seed: int) -> None:
    """LaffError for a seed from which torch's generators cannot count on, epoch by epoch."""
    if not 0 <= seed <= MOST:
        raise LaffError(f"seed {seed} should be a whole number from 0 to {MOST}")
