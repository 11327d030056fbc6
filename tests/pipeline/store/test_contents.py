"""The content of a shard for a program."""

import json
from pathlib import Path

import numpy as np
import pytest

from pipeline.errors import LaffError
from pipeline.rows import shards
from pipeline.store import contents, ledger


def test_a_shard(tmp_path: Path) -> None:
    failed = [ledger.line("b", "x3d", "broken")]
    marks = {"fingerprint": "f", "recipe": json.dumps({"params": {"frames": 4}})}
    shards.write(tmp_path / "00000.h5", ["a"], np.zeros((1, 3), np.float32), marks, failed)
    content = contents.of(tmp_path / "00000.h5")
    assert content["datasets"]["values"] == {"shape": [1, 3], "type": "float32"}
    assert content["datasets"]["ids"] == {"shape": [1], "type": "text"}
    assert content["attributes"]["recipe"] == {"params": {"frames": 4}}
    assert (content["failed"], content["notes"]) == (failed, [])
    json.dumps(content)


def test_what_is_no_shard(tmp_path: Path) -> None:
    (tmp_path / "a.yaml").write_text("a: 1\n")
    with pytest.raises(LaffError, match="this shows shards"):
        contents.of(tmp_path / "a.yaml")
