"""One feature of a pass: the extractor, and the shard that it writes."""

import socket
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

from pipeline.build.loaded import Loaded, device
from pipeline.errors import LaffError
from pipeline.workers.worker import Worker


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
    batch: int | Literal["auto"]
    dtype: str
    precision: str = "float32"  # of the arithmetic; auto is float16 on a GPU
    weights: Path | None = None
    further: dict[str, Path | None] = field(default_factory=dict)  # those that the part's WEIGHTS names, by parameter
    state: Path | None = None
    learned: str = ""  # tells two fits of one configuration apart, in a process that keeps loaded parts
    about: dict[str, str] = field(default_factory=dict)  # what else the shard is to say of itself, such as licences

    @property
    def device(self) -> str:
        """The device here: cuda or cpu."""
        return device(self.stage, self.on)

    def loaded(self, worker: Worker) -> Any:
        """The part, ready to work; loaded once per worker."""
        known = f"{self.stage}:{self.fingerprint}:{self.learned}:{self.device}"
        for path in (self.weights, self.state, *self.further.values()):
            if path is not None and not path.exists():
                raise LaffError(f"{self.stage}: {path} is not there, seen from {socket.gethostname()}")
        return worker.kept(Loaded).ready(known, self.part, self.device, self.weights, self.state, self.further)
