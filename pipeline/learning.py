"""Parameters of everything that is trained; the step or stage that trains adds its own."""

from dataclasses import dataclass
from typing import Literal

from pipeline.recipe import Recipe


@dataclass(frozen=True)
class Learning(Recipe):
    """A recipe, the loss it follows, and how often it is saved."""

    loss: Literal["triplet", "infonce"] = "triplet"  # hardest negative video, or symmetric cross entropy
    checkpoint: float = 60.0  # seconds between two checkpoints


@dataclass(frozen=True)
class Fit(Learning):
    """The `fit:` of an extractor that is trained, such as gru."""

    loss: Literal["triplet", "infonce"] = "infonce"
    epochs: int = 30
    patience: int = 5
    seed: int = 2
