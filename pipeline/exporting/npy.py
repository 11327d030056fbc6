"""NAME.npy [R, D] and NAME.ids.txt, an id a line; of frames also NAME.starts.npy [V + 1]: where each video begins."""

from pathlib import Path
from typing import IO

import numpy as np

from pipeline.exporting.id_lists import written
from pipeline.exporting.table import Table


def write(table: Table, folder: Path, name: str) -> list[str]:
    """Write the files of a feature; returns their names."""
    with (folder / f"{name}.npy").open("wb") as file:
        write_rows(file, table)
    with (folder / f"{name}.ids.txt").open("w", encoding="utf-8") as ids:
        ids.writelines(f"{written(id_, table.side)}\n" for id_ in table.ids)
    names = [f"{name}.npy", f"{name}.ids.txt"]
    if table.frames:
        np.save(folder / f"{name}.starts.npy", table.starts, allow_pickle=False)
        names.append(f"{name}.starts.npy")
    return names


def write_rows(file: IO[bytes], table: Table) -> None:
    """Write all rows as an .npy, block by block."""
    write_header(file, table.dtype, (table.count, table.width))
    for block in table.blocks():
        file.write(np.ascontiguousarray(block).data)


def write_header(file: IO[bytes], dtype: np.dtype, shape: tuple[int, ...]) -> None:
    """Write the header of an .npy; the data follow in C order."""
    about = {"descr": np.lib.format.dtype_to_descr(dtype), "fortran_order": False, "shape": shape}
    np.lib.format.write_array_header_1_0(file, about)
