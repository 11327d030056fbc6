"""Single files of features: which tables they hold, of which width, for which ids; rows are not read."""

from pathlib import Path

from pipeline.errors import LaffError
from pipeline.exchange.found import Part
from pipeline.rows import feature_list, kinds, npy
from pipeline.rows.items import Layout
from pipeline.rows.reading import Reader
from pipeline.rows.sources import source

FORMS = {
    "csv": "a list of .npy files",
    "h5": "HDF5",
    "npy": "an .npy with ids beside it",
    "npz": "an .npz",
    "parquet": "Parquet",
}
ENDINGS = (".npz", ".h5", ".hdf5", ".parquet")
IDS = Layout().ids


def looks_like_one(path: Path) -> bool:
    """Whether a file of a folder is to be imported: an .npy only with ids beside it, a CSV only with the header."""
    match path.suffix.lower():
        case ".npy":
            try:
                return bool(npy.ids_beside(path)) and not path.name.endswith(npy.STARTS)
            except LaffError:
                return False
        case ".csv":
            try:
                return bool(feature_list.read(path))
            except LaffError:
                return False
        case ending:
            return ending in ENDINGS


def stem(path: Path) -> str:
    """The name that a file gives to its feature."""
    return path.name.removesuffix(path.suffix)


def parts(path: Path) -> dict[str, Part]:
    """{name: feature} of a file; LaffError where it is none that laff reads.

    A file with one table is a feature of the file's name; with several, each is one of the table's.
    """
    held = source(path, Layout()).parts()
    if not held.tables:
        raise LaffError(f"{path}: has no table of numbers [N, D]; {kinds.WANTED}")
    several, form = len(held.tables) > 1, FORMS[kinds.kind(path)]
    first = next(iter(held.tables))
    ids, id_array = _ids(path, Layout(array=first, frames=held.frames), held.lists)
    if several:
        form += f" with {', '.join(held.tables)}"
    return {
        (name if several else stem(path)): Part(
            path, width, ids, form, name if several else "", "" if id_array == IDS else id_array, held.frames
        )
        for name, width in held.tables.items()
    }


def _ids(path: Path, layout: Layout, lists: list[str]) -> tuple[list[str], str]:
    """The ids of a file, and what it calls them: as is usual, else the only list of text that it has."""
    try:
        return Reader(path, layout).ids, layout.ids
    except LaffError:
        if len(lists) != 1 or lists == [IDS]:
            raise
        return Reader(path, Layout(layout.array, lists[0], frames=layout.frames)).ids, lists[0]
