"""The item that a person names: by its id, or by the path of its file."""

import os
import re
from difflib import get_close_matches

from pipeline.errors import LaffError, printable
from pipeline.items.catalog import Catalog

NUMBERS = re.compile(r"\d+")
SHOWN = 3  # names of several items that are told


def named_item(catalog: Catalog, name: str) -> str:
    """The id of the item of this name. LaffError where there is none, or where several are parts of one file."""
    if name in catalog.row:
        return name
    full = os.path.abspath(name)  # noqa: PTH100 - a link stays, as in the paths of the table
    ids = [id_ for id_, path in zip(catalog.videos, catalog.paths, strict=True) if path and _is_path(path, full)]
    if len(ids) == 1:
        return ids[0]
    if ids:
        raise LaffError(f"{name} has {len(ids)} windows: name one of {_some(ids)}")
    raise LaffError(f"the collection has no video '{name}'{_near(catalog, name)}")


def _is_path(path: str, full: str) -> bool:
    return path.rpartition("/")[2] == full.rpartition("/")[2] and os.path.abspath(path) == full  # noqa: PTH100


def _near(catalog: Catalog, name: str) -> str:
    """'; did you mean X?' of items whose last part, without their window, is that of the name, else of a near one."""
    last: dict[str, list[str]] = {}
    for id_ in catalog.videos:
        last.setdefault(_last(id_), []).append(id_)
    if ids := last.get(_last(name)):
        return f"; did you mean {_some(ids)}?"
    alike = [word for word in last if NUMBERS.findall(word) == NUMBERS.findall(name)]  # clip99 is not meant to be clip6
    close = get_close_matches(_last(name), alike, n=1)
    return f"; did you mean {_some(last[close[0]])}?" if close else ""


def _last(name: str) -> str:
    return name.rpartition("/")[2].partition("@")[0]


def _some(ids: list[str]) -> str:
    return ", ".join(f"'{printable(id_)}'" for id_ in ids[:SHOWN]) + (", …" if len(ids) > SHOWN else "")
