"""Summary: what came of a training."""

from __future__ import annotations

from dataclasses import dataclass, field


@dataclass(frozen=True)
class Summary:
    """Result of a training."""

    score: float  # of the best epoch, in the measure's own unit
    epoch: int  # the best one, counted from 1; 0 where nothing learns
    epochs: int  # done
    steps: int  # done
    seconds: float  # in all runs together
    history: list[dict[str, float]]  # see Position
    measure: str = "mrr"  # of the scores
    averaged: dict[str, float] = field(default_factory=dict)  # of averaged weights: see Position

    @property
    def words(self) -> str:
        """Which weights are kept, with their validation score; '' where they are those of the epoch with best MRR."""
        best = f"epoch {self.epoch}, {self.measure} {self.score:.4f} on val"
        if not self.averaged:
            return f"best {best}" if self.measure != "mrr" else ""
        first, last = (int(self.averaged[key]) for key in ("first", "last"))
        return (
            f"kept the mean weights of epochs {first} to {last}, {self.measure} {self.averaged['score']:.4f} on val; "
            f"best {best}"
        )

    def record(self) -> dict[str, float]:
        """Epochs and seconds, for the record of the workspace."""
        return {"epochs": self.epochs, "seconds": round(self.seconds, 3)}
