"""What stages have learned from the train split: where it is saved, and the word vectors among it."""

from pathlib import Path
from typing import TYPE_CHECKING

from pipeline.build.loaded import read_state
from pipeline.graph.graph import Stage
from pipeline.plan.context import Context

if TYPE_CHECKING:
    import numpy as np

STATE = "best.pt"


def fitted_file(context: Context, stage: Stage) -> Path | None:
    """Where what the stage works with was saved: by itself, or by the finetune stage that it reads; else None."""
    if stage.borrowed:
        tuned = next(source for source in stage.sources if context.stage(source).step == "finetune")
        return context.work.folder(tuned) / STATE
    return context.work.folder(stage.name) / STATE if stage.fitted else None


def word_vectors(context: Context, stage: Stage) -> "dict[str, np.ndarray] | None":
    """Word vectors that a source of the stage has fitted, {word: [dim]}; None where no source has any."""
    for source in stage.sources:
        path = context.work.folder(source) / STATE
        if context.stage(source).fitted and path.is_file():
            state = read_state(path)
            if "vectors" in state:
                return dict(zip(state["words"], state["vectors"].numpy(), strict=True))
    return None
