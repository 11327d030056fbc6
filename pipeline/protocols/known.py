"""The data sets that can be prepared: each file of pipeline/protocols/sets is one."""

import importlib
from pathlib import Path

from pipeline.errors import LaffError, did_you_mean
from pipeline.protocols.dataset import DataSet

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
