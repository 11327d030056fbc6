"""One feature of a pass: the extractor, the shard that it writes, and what the shard says of itself."""

import json
import socket
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from pipeline import video
from pipeline.errors import LaffError


@dataclass
class Target:
    """One feature of a pass and the shard that it writes."""

    stage: str
    key: str
    path: Path
    part: Any  # an extractor, not loaded yet: cheap to send to another process
    fingerprint: str
    content: str
    recipe: dict[str, Any]
    on: str  # auto, gpu, cpu: resolved where the work is done
    batch: int
    dtype: str
    precision: str = "float32"  # of the arithmetic; auto is float16 on a GPU
    weights: Path | None = None
    state: Path | None = None
    learned: str = ""  # tells two fits of one configuration apart, in a process that keeps loaded parts

    @property
    def device(self) -> str:
        """cuda or cpu, on this machine."""
        from pipeline.build import device

        return device(self.stage, self.on)

    def loaded(self) -> Any:
        """The part, ready to work; loaded once per process."""
        from pipeline.build import ready

        known = f"{self.stage}:{self.fingerprint}:{self.learned}:{self.device}"
        for path in (self.weights, self.state):
            if path is not None and not path.is_file():
                raise LaffError(f"{self.stage}: {path} is not there, seen from {socket.gethostname()}")
        return ready(known, self.part, self.device, self.weights, self.state)


@dataclass
class Made:
    """What a task reports: a finished shard."""

    stage: str
    key: str
    rows: int
    seconds: float
    failed: list[dict[str, str]] = field(default_factory=list)


def resolved(device: str, precision: str) -> str:
    """float32, float16 or bfloat16: what `auto` means on a device."""
    if precision != "auto":
        return precision
    return "float16" if device == "cuda" else "float32"


def attributes(target: Target, part: Any) -> dict[str, Any]:
    """What a shard says of itself, so that a reader can tell how it came about."""
    from importlib.metadata import version

    about = {
        "fingerprint": target.fingerprint,
        "content": target.content,
        "recipe": json.dumps(target.recipe, sort_keys=True),
        "stage": target.stage,
        "extractor": target.recipe.get("uses") or type(part).__module__ + "." + type(part).__name__,
        "weights": str(target.recipe.get("weights", "")),
        "torch": version("torch"),
        "created": datetime.now(UTC).isoformat(timespec="seconds"),
    }
    sampling = getattr(part, "sampling", None)
    if sampling is not None:
        about["sampling"] = json.dumps(sampling.__dict__)
        about["precision"] = f"{resolved(target.device, target.precision)} on {target.device}"
        about["decoder"] = video.VERSION
    for name in ("mean", "std"):
        if getattr(part, name, None) is not None:
            about[name] = json.dumps(list(getattr(part, name)))
    return about
