"""Keep the catalog in WORK/ingest/table.h5: one column a dataset."""

import json
from dataclasses import fields
from pathlib import Path
from typing import Any

from pipeline import files
from pipeline.catalog import Catalog
from pipeline.errors import LaffError

TEXT = {"videos", "paths", "digests", "captions", "texts"}


def write(path: Path, catalog: Catalog, **attributes: Any) -> None:
    """Write the table, whole or not at all."""
    import h5py

    with files.whole(path) as temporary, h5py.File(temporary, "w") as file:
        for column in fields(Catalog):
            values = getattr(catalog, column.name)
            if column.name in TEXT:
                file.create_dataset(column.name, data=values, dtype=h5py.string_dtype(), shape=(len(values),))
            else:
                file.create_dataset(column.name, data=values, dtype="int64", shape=(len(values),))
        for name, value in attributes.items():
            file.attrs[name] = json.dumps(value)


def read(path: Path) -> tuple[Catalog, dict[str, Any]]:
    """The table and its attributes; an empty one where there is none yet."""
    if not path.is_file():
        return Catalog(), {}
    import h5py

    try:
        with h5py.File(path) as file:
            columns = {
                column.name: file[column.name].asstr()[:].tolist()
                if column.name in TEXT
                else file[column.name][:].tolist()
                for column in fields(Catalog)
            }
            return Catalog(**columns), {name: json.loads(value) for name, value in file.attrs.items()}
    except (OSError, KeyError, ValueError) as error:
        raise LaffError(f"{path}: cannot be read ({error}); delete it and run again: nothing else is lost") from None
