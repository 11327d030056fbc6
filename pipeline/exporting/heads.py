"""What a shard says before its rows are read: its ids, the shape of its rows, where they lie, and what has none."""

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from pipeline.errors import LaffError
from pipeline.rows import flat, shards


@dataclass(frozen=True)
class ShardHead:
    """What a shard says before its rows are read."""

    path: Path
    row_of: dict[str, int]
    lengths: np.ndarray  # [V]: how many frames each has; of sparse rows how many values; else 1
    shape: tuple[int, ...]  # of a row: (D,), or (T, D)
    dtype: np.dtype
    offset: int  # bytes before the first row; -1: rows are sparse
    about: dict[str, Any]
    failed: dict[str, str]  # {id: reason}


def read_head(path: Path) -> ShardHead:
    """The head of a shard. LaffError where the file is missing or no shard."""
    with flat.opened(path) as file:
        ids = file["ids"].asstr()[:].tolist()
        failed = {line["video"]: line["reason"] for line in map(json.loads, file["failed"].asstr()[:])}
        about = shards.attributes(file)
        lengths = np.ones(len(ids), np.int64)
        if "values" in file:
            values = file["values"]
            shape, dtype, offset = values.shape[1:], values.dtype, values.id.get_offset() or 0
            if len(ids) and not offset:
                raise LaffError(f"{path}: its rows {list(values.shape)} do not lie one after the other")
            if "frames" in file:
                lengths = file["frames"][:].astype(np.int64)
        else:
            shape, dtype, offset = (int(file.attrs["columns"]),), file["data"].dtype, -1
            lengths = np.diff(file["indptr"][:].astype(np.int64))
        row_of = {id_: row for row, id_ in enumerate(ids)}
        return ShardHead(path, row_of, lengths, shape, dtype, offset, about, failed)
