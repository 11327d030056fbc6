"""Parameters of everything that is trained; the step or stage that trains adds its own."""

from dataclasses import dataclass
from typing import Literal

from pipeline.recipe import Recipe


@dataclass(frozen=True)
class Learning(Recipe):
    """A recipe, the loss it follows, and how often it is saved."""

    loss: Literal["triplet", "triplet-caption", "triplet-both", "infonce", "dual-softmax"] = (
        "triplet"  # fusion/losses.py
    )
    mask: bool = False  # the video of another caption of the same video is no negative
    checkpoint: float = 60.0  # seconds between two checkpoints


@dataclass(frozen=True)
class Fit(Learning):
    """The `fit:` of an extractor that is trained, such as gru."""

    loss: Literal["triplet", "triplet-caption", "triplet-both", "infonce", "dual-softmax"] = "infonce"
    epochs: int = 30
    patience: int = 5
    seed: int = 2
