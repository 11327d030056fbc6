"""Parts with their weights on a device, ready to work."""

from pathlib import Path
from typing import Any

from pipeline.errors import LaffError

Further = dict[str, Path | None]
MOST = 9  # parts that a process keeps at once; one more, and it frees all of them


class Loaded:
    """Parts that are ready to work, kept from one shard to the next, because loading takes seconds."""

    def __init__(self) -> None:
        self._parts: dict[str, Any] = {}

    def ready(
        self,
        known: str,
        part: Any,
        where: str,
        weights: Path | None,
        state: Path | None,
        further: Further | None = None,
    ) -> Any:
        """The part that is loaded under the name `known`, or else `part`, loaded now."""
        if known not in self._parts:
            if len(self._parts) >= MOST:
                self._parts.clear()
            self._parts[known] = load(part, where, weights, state, further)
        return self._parts[known]


def load(part: Any, where: str, weights: Path | None, state: Path | None, further: Further | None = None) -> Any:
    """`part` with its weights on the device `where`, or with what it learned. LaffError where they do not fit.

    further: the files of the parameters that its class lists in WEIGHTS, by their names.
    """
    try:
        if state is not None:
            part.load_state(read_state(state), where)
        elif hasattr(part, "load"):
            part.load(where, weights, **further or {})
    except ValueError as error:
        raise LaffError(str(error)) from None
    return part


def device(stage: str, on: str) -> str:
    """The device that `on` means on this machine: a GPU where there is one, unless it says cpu."""
    if on == "cpu":
        return "cpu"
    import torch

    if on == "gpu" and not torch.cuda.is_available():
        raise LaffError(f"'{stage}' says on: gpu, but torch {torch.__version__} sees none; use auto or cpu")
    return "cuda" if torch.cuda.is_available() else "cpu"


def read_state(path: Path) -> dict[str, Any]:
    """The state that a fit saved."""
    state: dict[str, Any] = read_checkpoint(path)["state"]
    return state


def read_checkpoint(path: Path) -> dict[str, Any]:
    """The content of a best.pt: fingerprint, state, score, epoch."""
    import torch

    try:
        content: dict[str, Any] = torch.load(path, map_location="cpu", weights_only=True)
    except Exception as error:
        raise LaffError(f"{path}: not a readable checkpoint ({error}); delete it and run again") from None
    return content
