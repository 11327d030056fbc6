"""Checkpoints of a training: best.pt with the best model so far, last.pt with all that is needed to go on."""

from __future__ import annotations

import math
import pickle
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import torch

from pipeline.errors import LaffError
from pipeline.files import whole


@dataclass
class Position:
    """Where a training stands; plain values only."""

    epoch: int = 0  # epochs finished
    step: int = 0  # steps done in the epoch under way
    total: float = 0.0  # sum of these steps' losses
    best: float = -math.inf  # best validation score
    best_epoch: int = 0  # counted from 1; 0 is none yet
    stale: int = 0  # epochs in a row without a new best
    finished: bool = False
    seconds: float = 0.0  # training time, of all runs together
    history: list[dict[str, float]] = field(default_factory=list)  # epoch (from 1), loss (mean of its steps), score, lr


def save(path: Path, content: dict[str, Any]) -> None:
    """Write a checkpoint, whole or not at all; equal contents give equal bytes. Raises LaffError on a full disk."""
    try:
        with (
            whole(path) as temporary,
            temporary.open("wb") as file,
        ):  # by name, torch would write that name into the file
            torch.save(content, file)
    except (OSError, RuntimeError) as error:
        raise LaffError(f"{path} could not be written ({error}); make room on the disk and run again") from error


def read(folder: Path, fingerprint: str) -> dict[str, Any] | None:
    """What last.pt holds, or None when it is missing, unreadable, another training's, or has lost its best.pt."""
    last, best = folder / "last.pt", folder / "best.pt"
    try:
        saved: dict[str, Any] = torch.load(last, map_location="cpu", weights_only=True)
    except FileNotFoundError:
        return None
    except (RuntimeError, EOFError, pickle.UnpicklingError):  # no checkpoint of ours: written by something else
        return None
    if saved.get("fingerprint") != fingerprint:
        return None
    return saved if best.exists() or saved["position"]["best"] == -math.inf else None
