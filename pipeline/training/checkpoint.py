"""Checkpoints of a training: best.pt with the best model so far, last.pt with everything needed to go on."""

from __future__ import annotations

import math
import pickle
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NotRequired, TypedDict

import torch
from torch import Tensor

from pipeline.errors import LaffError
from pipeline.files import whole


@dataclass
class Position:
    """Position of a training in its recipe; plain values only."""

    epoch: int = 0  # epochs finished
    step: int = 0  # steps done in the epoch under way
    total: float = 0.0  # sum of these steps' losses
    best: float = -math.inf  # best validation score, larger is better: the negative of a rank
    best_epoch: int = 0  # counted from 1; 0 is none yet
    stale: int = 0  # epochs in a row without a new best
    finished: bool = False
    seconds: float = 0.0  # training time, of all runs together
    # epoch (from 1), loss (mean of its steps), score (the measure's own value), lr
    history: list[dict[str, float]] = field(default_factory=list)
    measure: str = "mrr"  # of the scores
    averaged: dict[str, float] = field(default_factory=dict)  # of averaged weights: first and last epoch, score


class Last(TypedDict):
    """Content of last.pt."""

    fingerprint: str
    model: dict[str, Tensor]
    optimizer: dict[str, Any]  # torch's: states by parameter number, and groups of parameters
    schedule: dict[str, Any]  # fields of Schedule
    position: dict[str, Any]  # fields of Position
    random: Tensor  # state of torch's generator on the CPU
    cuda_random: Tensor | None  # and on the GPU
    sums: NotRequired[dict[str, Any]]  # of weights, where the last epochs are averaged; see LastEpochs


def save(path: Path, content: Mapping[str, object]) -> None:
    """Write a checkpoint, whole or not at all; equal contents give equal bytes. Raises LaffError where it cannot."""
    try:
        # Given a name, torch would write it into the file; so it gets an open file.
        with whole(path) as temporary, temporary.open("wb") as file:
            torch.save(content, file)
    except (OSError, RuntimeError) as error:
        raise LaffError(f"{path} could not be written ({error}); make room on the disk and run again") from error


def read(folder: Path, fingerprint: str) -> Last | None:
    """Read last.pt; None where it is missing, unreadable, another training's, or without its best.pt."""
    last, best = folder / "last.pt", folder / "best.pt"
    try:
        saved: Last = torch.load(last, map_location="cpu", weights_only=True)
    except FileNotFoundError:
        return None
    except (RuntimeError, EOFError, pickle.UnpicklingError):  # written by another program
        return None
    if saved.get("fingerprint") != fingerprint:
        return None
    return saved if best.exists() or saved["position"]["best"] == -math.inf else None
