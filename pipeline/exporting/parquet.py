"""NAME.parquet with columns `ids` and `values` (lists of D numbers); of frames a row each, its number in `frame`."""

from pathlib import Path

import numpy as np

from pipeline.errors import Missing
from pipeline.exporting.table import Table


def check() -> None:
    """Raise Missing where pyarrow is not installed."""
    try:
        import pyarrow.parquet  # noqa: F401
    except ModuleNotFoundError:
        raise Missing("pyarrow", "--format parquet") from None


def write(table: Table, folder: Path, name: str) -> list[str]:
    """Write the file of a feature, a row group for each block; returns its name."""
    import pyarrow
    import pyarrow.parquet

    number = pyarrow.from_numpy_dtype(table.dtype)
    columns = [("ids", pyarrow.string()), ("values", pyarrow.list_(number, table.width))]
    lengths = np.diff(table.starts) if table.frames else np.ones(len(table.ids), np.int64)
    owners = np.repeat(np.arange(len(table.ids)), lengths)
    if table.frames:
        columns.insert(1, ("frame", pyarrow.int32()))
        frames = np.arange(table.count) - np.repeat(table.starts[:-1], lengths)
    schema = pyarrow.schema(columns)
    first = 0
    with pyarrow.parquet.ParquetWriter(
        folder / f"{name}.parquet", schema, compression="none", use_dictionary=False, write_statistics=False
    ) as writer:
        for block in table.blocks():
            part = slice(first, first + len(block))
            first += len(block)
            cells = [pyarrow.array([table.ids[owner] for owner in owners[part].tolist()], pyarrow.string())]
            if table.frames:
                cells.append(pyarrow.array(frames[part].astype(np.int32)))
            flat = pyarrow.array(np.ascontiguousarray(block).reshape(-1), number)
            cells.append(pyarrow.FixedSizeListArray.from_arrays(flat, table.width))
            writer.write_table(pyarrow.Table.from_arrays(cells, schema=schema), row_group_size=len(block))
    return [f"{name}.parquet"]
