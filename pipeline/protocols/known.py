"""The data sets that can be prepared: each file of pipeline/protocols/sets is one."""

import importlib
import re
from collections.abc import Sequence
from pathlib import Path

from pipeline.errors import LaffError, did_you_mean
from pipeline.protocols.dataset import DataSet
from pipeline.protocols.sources import head

SETS = Path(__file__).parent / "sets"


def names() -> list[str]:
    """The names of all data sets."""
    return sorted(path.stem for path in SETS.glob("*.py") if path.stem != "__init__")


def named(name: str) -> DataSet:
    """The data set of this name; LaffError, with similar names, if there is none."""
    plain = name.lower().replace("-", "")
    if plain not in names():
        raise LaffError(f"no data set '{name}'{did_you_mean(plain, names())} (known: {', '.join(names())})")
    data_set = importlib.import_module(f"pipeline.protocols.sets.{plain}").DATA_SET
    assert isinstance(data_set, DataSet)
    return data_set


def resembled(paths: Sequence[Path], data_set: DataSet) -> list[str]:
    """The names of other data sets that annotation files look like; [] if any of them looks like one of `data_set`."""
    heads = [head(path) for path in paths]
    if not data_set.looks or any(re.search(data_set.looks, text, re.MULTILINE) for text in heads):
        return []
    return [
        other.name
        for other in map(named, names())
        if other.looks and any(re.search(other.looks, text, re.MULTILINE) for text in heads)
    ]
