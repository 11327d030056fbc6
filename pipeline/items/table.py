"""Keep the catalog in WORK/ingest/table.h5: a column a dataset; columns of text are UTF-8 with NULs between rows."""

import json
from dataclasses import fields
from pathlib import Path
from typing import Any

import numpy as np

from pipeline.errors import LaffError
from pipeline.items.catalog import Catalog, whole
from pipeline.rows import container

JSON = ("aliases", "contents")
TEXT = {"videos": "sizes", "paths": "sizes", "digests": "sizes", "captions": "caption_video", "texts": "caption_video"}


def write(path: Path, catalog: Catalog, **attributes: Any) -> None:
    """Write the table, whole or not at all."""
    with container.create(path) as file:
        for column in fields(Catalog):
            values = getattr(catalog, column.name)
            if column.name in TEXT:
                # HDF5's own texts take seconds for a million. No id, path or caption can hold a NUL.
                values = np.frombuffer("\0".join(values).encode("utf-8", "surrogateescape"), np.uint8)
            elif column.name in JSON:
                values = np.frombuffer(json.dumps(values).encode(), np.uint8)
            file.create_dataset(column.name, data=values)
        for name, value in attributes.items():
            file.attrs[name] = json.dumps(value)


def read(path: Path) -> tuple[Catalog, dict[str, Any]]:
    """The table and its attributes; an empty one where there is none yet."""
    if not path.is_file():
        return Catalog(), {}
    try:
        with container.checked(path) as file:
            columns = {column.name: _column(file, column.name) for column in fields(Catalog)}
            return Catalog(**columns), {name: json.loads(value) for name, value in file.attrs.items()}
    except (OSError, KeyError, ValueError) as error:
        raise LaffError(f"{path}: cannot be read ({error}); a run makes it again from the shards") from None


def _column(file: Any, name: str) -> Any:
    if name == "aliases" and name not in file:
        return {}  # as every table was before there were any
    if name in ("starts", "ends") and name not in file:
        return whole(len(file["sizes"]))[name == "ends"]  # before there were windows
    data = file[name]
    if name not in TEXT and name not in JSON:
        return data[:]
    if data.dtype != np.uint8:
        raise ValueError(f"its {name} are not as this version writes them")
    text = data[:].tobytes().decode("utf-8", "surrogateescape")
    if name in JSON:
        return json.loads(text)
    texts, count = text.split("\0"), len(file[TEXT[name]])
    texts = texts if count else []
    if len(texts) != count:
        raise ValueError(f"it has {len(texts)} {name} in {count} rows")
    return texts
