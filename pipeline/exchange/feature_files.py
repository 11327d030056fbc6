"""Single files of features: which arrays they hold, of which width, for which ids; rows are not read."""

from pathlib import Path

from pipeline.errors import LaffError
from pipeline.exchange.found import Part
from pipeline.rows import archives, bigfile

KNOWN = "an .npz with ids [N] and values [N, D]"
ENDINGS = (".npz",)
IDS, STARTS = "ids", "starts"


def looks_like_one(path: Path) -> bool:
    """Whether a file of a folder is meant to be imported, by its name."""
    return path.suffix.lower() in ENDINGS


def stem(path: Path) -> str:
    """The name that a file gives to its feature."""
    return path.name.removesuffix(path.suffix)


def parts(path: Path) -> dict[str, Part]:
    """{name: feature} of a file; LaffError where it is none that laff reads.

    A file with one table is a feature of the file's name; with several, each is one of the array's.
    """
    headers = {name: archives.header(path, name) for name in archives.names(path)}
    lists = [name for name, header in headers.items() if len(header.shape) == 1 and header.dtype.kind in "US"]
    id_array = IDS if IDS in headers or len(lists) != 1 else lists[0]
    ids = bigfile.ids_of(path, id_array)
    starts = STARTS if STARTS in headers else ""
    tables = {name: header for name, header in headers.items() if len(header.shape) == 2 and name != starts}
    if not tables:
        raise LaffError(f"{path}: has no array [{len(ids)}, D]; {KNOWN}")
    several = len(tables) > 1
    form = f"an .npz with {', '.join(tables)}"
    return {
        (name if several else stem(path)): Part(
            path, header.shape[1], ids, form, name if several else "", "" if id_array == IDS else id_array, starts
        )
        for name, header in tables.items()
    }
