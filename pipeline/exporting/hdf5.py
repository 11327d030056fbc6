"""NAME.h5 with datasets `ids` [V] and `values` [R, D], of frames also `starts` [V + 1].

It is written as our shards are: the user block holds the sha256 of all that follows, and any HDF5 library reads it.
"""

from pathlib import Path

from pipeline.exporting.table import Table
from pipeline.rows import container


def write(table: Table, folder: Path, name: str) -> list[str]:
    """Write the file of a feature; returns its name."""
    import h5py

    with container.create(folder / f"{name}.h5") as file:
        file.create_dataset("ids", data=table.ids, dtype=h5py.string_dtype())
        if table.frames:
            file.create_dataset("starts", data=table.starts)
        values = file.create_dataset("values", (table.count, table.width), table.dtype)
        first = 0
        for block in table.blocks():
            values[first : first + len(block)] = block
            first += len(block)
    return [f"{name}.h5"]
