"""Two workspaces of the same small run, of which each test changes the second."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from pipeline.difference.side import Side, opened
from pipeline.rows import shards
from pipeline.store import memory


@pytest.fixture
def two(ran: Any, tmp_path: Path) -> tuple[Any, Any]:
    """The run, and a copy to be changed, which remembers its own place."""
    copy = ran.copy(tmp_path / "copy")
    for run in ("", "main"):
        known = memory.read(ran.work, run)
        assert known is not None
        memory.write(copy.work, replace(known, collection=copy.collection, stages=copy.stages), trains=bool(run))
    return ran, copy


@pytest.fixture
def sides(two: tuple[Any, Any]) -> Callable[[], tuple[Side, Side]]:
    """Both workspaces as `laff diff` opens them, as they are when it is called."""
    return lambda: (opened(str(two[0].work), None), opened(str(two[1].work), None))


@pytest.fixture
def rewritten() -> Callable[..., None]:
    """rewritten(path, values=…, ids=…, **attributes): a shard with some of its content replaced."""

    def write(path: Path, values: np.ndarray | None = None, columns: dict[str, Any] | None = None, **more: Any) -> None:
        shard = shards.read(path)
        shards.write(
            path, shard.ids, shard.values if values is None else values, shard.attributes | more, shard.failed, columns
        )

    return write
