"""The content of a shard for a program: what `laff show --json` gives."""

import json
from pathlib import Path
from typing import Any

from pipeline.files import JsonObject
from pipeline.rows import shards


def of(path: Path) -> JsonObject:
    """Datasets with shape and type, attributes, failures and notes of a shard; LaffError where it is none."""
    import h5py

    shards.describe(path)  # raises LaffError where it cannot be shown
    with h5py.File(path) as file:
        datasets = {
            name: {"shape": list(data.shape), "type": "text" if data.dtype == object else str(data.dtype)}
            for name, data in file.items()
        }
        attributes = {name: _plain(value) for name, value in sorted(shards.attributes(file).items())}
        lines = {
            name: [json.loads(line) for line in file[name].asstr()[:]] if name in file else []
            for name in ("failed", "notes")
        }
    return {"file": str(path), "datasets": datasets, "attributes": attributes, **lines}


def _plain(value: Any) -> Any:
    """An attribute as JSON has it; a text that holds JSON as what it holds."""
    if isinstance(value, str) and value.startswith("{"):
        try:
            return json.loads(value)
        except ValueError:
            return value
    return value.tolist() if hasattr(value, "tolist") else value
