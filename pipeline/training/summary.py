"""Summary: what came of a training."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Summary:
    """Result of a training."""

    score: float  # of the best model
    epoch: int  # of the best model, counted from 1; 0 where nothing learns
    epochs: int  # done
    steps: int  # done
    seconds: float  # in all runs together
    history: list[dict[str, float]]  # see Position

    def record(self) -> dict[str, float]:
        """Epochs and seconds, for the record of the workspace."""
        return {"epochs": self.epochs, "seconds": round(self.seconds, 3)}
