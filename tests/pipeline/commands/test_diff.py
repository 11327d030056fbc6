"""`laff diff` on two workspaces: its words, its JSON, and its exit status."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from click.testing import CliRunner, Result

import cli
from pipeline.items import table
from pipeline.rows import shards
from pipeline.store import circumstances, memory

Laff = Callable[..., Result]


@pytest.fixture
def laff() -> Laff:
    return lambda *words: CliRunner().invoke(cli.main, ["diff", *map(str, words)])


@pytest.fixture
def copy(ran: Any, tmp_path: Path) -> Any:
    """A copy of a run, which remembers its own place."""
    copied = ran.copy(tmp_path / "copy")
    known = memory.read(ran.work)
    assert known is not None
    memory.write(copied.work, replace(known, collection=copied.collection, stages=copied.stages))
    return copied


def test_a_copy_is_equal_in_all(ran: Any, copy: Any, laff: Laff) -> None:
    result = laff(ran.work, copy.work)
    assert result.exit_code == 0, result.output
    assert result.output.startswith(f"A  {ran.work}:main\nB  {copy.work}:main\n")
    assert "equal byte by byte: bow (" in result.output
    assert result.output.endswith("\nno difference\n")
    result = laff(ran.work, copy.work, "--json")
    parts = json.loads(result.output)["parts"]
    assert set(parts) == {"settings", "versions", "hardware", "collection", "features", "results"}
    assert set(parts.values()) == {True}


def test_what_differs_is_told_with_its_cause(ran: Any, copy: Any, laff: Laff) -> None:
    path = copy.work / "x3d" / "00000.h5"
    shard = shards.read(path)
    shards.write(path, shard.ids, -np.asarray(shard.values), shard.attributes | {"decoder": "av 0.1"}, shard.failed)
    known, noted = memory.read(copy.work), circumstances.last(copy.work, "main")
    assert known is not None
    assert noted is not None
    memory.write(copy.work, replace(known, sets=(*known.sets, "train.dropout=0.5")))
    circumstances.write(copy.work, "main", replace(noted, versions=noted.versions | {"torch": "1.0"}))
    before = copy.state()
    result = laff(ran.work, copy.work)
    assert result.exit_code == 3, result.output
    words = " ".join(result.output.split())
    assert "train.dropout 0.2 0.5 fusion/" in words
    assert "--set train.dropout=0.5" in words
    assert f"torch {noted.versions['torch']} 1.0" in words
    assert "x3d video 22 22 14 -1.000000" in words  # one shard of eight is turned around
    assert "x3d (video): likely: decoder av " in words
    assert "no difference in: hardware, collection, results" in words
    parts = json.loads(laff(ran.work, copy.work, "--json").output)["parts"]
    assert [name for name, equal in parts.items() if not equal] == ["settings", "versions", "features"]
    assert copy.state() == before


def test_collections_without_a_common_item(ran: Any, copy: Any, laff: Laff) -> None:
    """Every video has another file there, and every caption another text."""
    path = copy.work / "ingest" / "table.h5"
    catalog, attributes = table.read(path)
    other = replace(catalog, digests=["f" * 64] * len(catalog.digests), texts=["other"] * len(catalog.texts))
    table.write(path, other, **attributes)
    result = laff(ran.work, copy.work)
    assert result.exit_code == 3
    assert "videos: 22; 22 changed (demo0" in result.output
    assert "features: no item of the same content is in both, so none are compared" in result.output
    assert json.loads(laff(ran.work, copy.work, "--json").output)["parts"]["features"] is None


def test_mistakes_end_with_another_status(ran: Any, laff: Laff) -> None:
    result = laff("main", "mains", "-w", ran.work)
    assert (result.exit_code, "did you mean 'main'?" in result.output) == (1, True)
    assert laff(ran.work).exit_code == 2
