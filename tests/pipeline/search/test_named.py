"""An item is named by its id, or by the path of its file; a name that is none gets a near one."""

import re
from pathlib import Path

import numpy as np
import pytest

from pipeline.errors import LaffError
from pipeline.items.catalog import Catalog
from pipeline.search.named import named_item

PATHS = {"trips/droid_0000": "V/trips/droid_0000.mp4", "old/droid_0004": "V/old/droid_0004.mp4"}
PATHS |= {f"a@{n}-{n + 1}": "V/a.mp4" for n in range(2)}


@pytest.fixture
def catalog() -> Catalog:
    bounds = np.array([0.0, 0.0, 0.0, 1.0]), np.array([np.inf, np.inf, 1.0, 2.0])
    return Catalog(list(PATHS), list(PATHS.values()), starts=bounds[0], ends=bounds[1])


@pytest.mark.parametrize("name", ["old/droid_0004", "V/old/droid_0004.mp4", "./V/trips/../old/droid_0004.mp4"])
def test_an_item_by_its_id_or_its_path(catalog: Catalog, name: str) -> None:
    assert named_item(catalog, name) == "old/droid_0004"
    assert named_item(catalog, str(Path(name).absolute()) if "mp4" in name else name) == "old/droid_0004"


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("V/a.mp4", "V/a.mp4 has 2 windows: name one of 'a@0-1', 'a@1-2'"),
        ("droid_0004", "the collection has no video 'droid_0004'; did you mean 'old/droid_0004'?"),
        ("old/driod_0000", "the collection has no video 'old/driod_0000'; did you mean 'trips/droid_0000'?"),
        ("droid_0007", "the collection has no video 'droid_0007'"),  # no other number is meant
        ("a", "the collection has no video 'a'; did you mean 'a@0-1', 'a@1-2'?"),
    ],
)
def test_a_name_of_no_item(catalog: Catalog, name: str, message: str) -> None:
    with pytest.raises(LaffError, match=f"^{re.escape(message)}$"):
        named_item(catalog, name)
