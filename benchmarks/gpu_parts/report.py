"""What a part knows of its task, and where it puts what it finds."""

from __future__ import annotations

import importlib
import json
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from gpu_parts.table import Aim, met

MARGIN = 4.0  # seconds before its limit at which a part should begin nothing more
GPU_ONLY = "only a GPU has this"


@dataclass
class Report:
    """One part's device, size, scratch folder, time, and rows; they are written to a file as they come."""

    device: str
    small: bool
    work: Path
    path: Path
    seconds: float
    begin: float = field(default_factory=time.monotonic)
    rows: list[dict[str, Any]] = field(default_factory=list)

    @property
    def gpu(self) -> bool:
        """Whether this is about a GPU."""
        return self.device == "cuda"

    def left(self) -> float:
        """Seconds in which something more may be begun."""
        return self.seconds - MARGIN - (time.monotonic() - self.begin)

    def row(
        self,
        what: str,
        value: Any,
        unit: str = "",
        aim: Aim | None = None,
        note: str = "",
        anywhere: bool = False,
    ) -> None:
        """Keep a figure. An aim is ("<=", n), (">=", n) or ("=", value).

        It holds at full size on a GPU alone, or `anywhere`.
        """
        self._keep(what, value, unit, aim, note, counts=anywhere or (self.gpu and not self.small))

    def _keep(
        self, what: str, value: Any, unit: str, aim: Aim | None, note: str, counts: bool = True, failed: bool = False
    ) -> None:
        told: dict[str, Any] = {"what": what, "value": value, "unit": unit}
        if aim:
            told |= {"aim": aim, "met": met(value, aim) if counts else None}
        self.rows.append(told | ({"note": note} if note else {}) | ({"failed": True} if failed else {}))
        partial = self.path.with_suffix(".part")
        partial.write_text(json.dumps(self.rows), encoding="utf-8")
        partial.replace(self.path)

    def gpu_row(self, what: str, value: Any, unit: str = "", aim: Aim | None = None) -> None:
        """A figure that is there on a GPU alone."""
        self.row(what, value if self.gpu else None, unit, aim, "" if self.gpu else GPU_ONLY)

    def failed(self, what: str, error: BaseException, aim: Aim | None = None) -> None:
        """Keep that something went wrong, and go on; the part counts as failed."""
        self._keep(what, None, "", aim, f"{type(error).__name__}: {str(error)[:400]}", failed=True)

    def skipped(self, what: str, aim: Aim | None = None) -> None:
        """Keep that there was no time for a figure; its aim is left open."""
        self.row(what, None, aim=aim, note="no time was left")


def do(name: str, device: str, small: bool, work: Path, rows: Path, seconds: float) -> int:
    """Run a part in this process -> its exit status, 1 where a row failed; `backbones.x3d` is x3d of backbones.py."""
    module, _, which = name.partition(".")
    report = Report(device, small, work, rows, seconds)
    if device == "cuda":
        import torch

        if not torch.cuda.is_available():
            report.row("CUDA", None, note=f"torch {torch.__version__} sees no GPU; --device cpu --small tries the kit")
            return 3
    part = importlib.import_module(f"gpu_parts.{module}")
    part.run(report, which) if which else part.run(report)
    return int(any("failed" in row for row in report.rows))
