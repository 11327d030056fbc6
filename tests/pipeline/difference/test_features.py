"""How features of two workspaces differ: figures by arithmetic, and what is said of the cause."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from pipeline.difference import features
from pipeline.difference.features import Feature
from pipeline.difference.side import Side
from pipeline.rows import shards

Sides = Callable[[], tuple[Side, Side]]


def found(sides: Sides) -> dict[tuple[str, str], Feature]:
    return {(one.stage, one.side): one for one in features.compared(*sides())}


def test_a_copy_has_equal_features(sides: Sides) -> None:
    every = found(sides)
    assert {("clip-ft", "video"), ("clip-ft", "text"), ("x3d", "video"), ("bow", "text"), ("gru", "text")} == {
        *every
    } - {("w2v", "text")}
    assert all(one.same and one.both == one.equal == one.items and one.lowest == 1.0 for one in every.values())
    assert every["x3d", "video"].items == 22


def test_runs_of_one_workspace_share_them(two: tuple[Any, Any]) -> None:
    from pipeline.difference.side import opened

    side = opened(str(two[0].work), None)
    assert all(one.same_files and one.same for one in features.compared(side, side))


def test_rows_that_differ(two: tuple[Any, Any], sides: Sides, rewritten: Callable[..., None]) -> None:
    """One row of x3d is turned around, and one has another number in its last bit."""
    path = two[1].work / "x3d" / "00000.h5"
    values = np.array(shards.read(path).values)
    largest = float(2 * np.abs(values[0]).max())
    values[0] *= -1
    values[1, 0] = np.nextafter(values[1, 0], np.float32(np.inf))
    rewritten(path, values, precision="float16 on cuda: H100, CUDA 13")
    x3d = found(sides)["x3d", "video"]
    assert (x3d.items, x3d.looked, x3d.both, x3d.equal, x3d.same) == (22, 22, 22, 20, False)
    assert x3d.lowest == pytest.approx(-1.0)
    assert x3d.mean == pytest.approx(20 / 22)
    assert x3d.largest == pytest.approx(largest)
    assert x3d.causes == ["precision float32 on cpu → float16 on cuda: H100, CUDA 13"]


def test_other_weights_libraries_and_decoder(
    two: tuple[Any, Any], sides: Sides, rewritten: Callable[..., None]
) -> None:
    """The weights are told first: they explain most."""
    folder = two[1].work / "x3d"
    shard = shards.read(folder / "00000.h5")
    libraries = str(shard.attributes["libraries"]).replace("numpy ", "numpy 0.")
    rewritten(folder / "00000.h5", np.asarray(shard.values) + 1, libraries=libraries, decoder="av 0.1")
    index = [json.loads(line) for line in (folder / "index.jsonl").read_text().splitlines()]
    for line in index:
        if "recipe" in line:
            line["recipe"] = "other"
            line["of"] |= {"weights": "f" * 64, "params": line["of"]["params"] | {"frames": 9}, "settings": "other"}
        else:
            line["fingerprint"] = "other"
    (folder / "index.jsonl").write_text("".join(json.dumps(line) + "\n" for line in index))
    causes = found(sides)["x3d", "video"].causes
    assert causes[:2] == ["weights random → ffffffffffff", "frames 4 → 9"]
    assert any(cause.startswith("decoder av ") and cause.endswith("→ av 0.1") for cause in causes)
    assert any(cause.startswith("numpy ") and "→ 0." in cause for cause in causes)


def test_nothing_explains_it(two: tuple[Any, Any], sides: Sides, rewritten: Callable[..., None]) -> None:
    path = two[1].work / "x3d" / "00000.h5"
    rewritten(path, np.asarray(shards.read(path).values) * 2)
    x3d = found(sides)["x3d", "video"]
    assert x3d.lowest == pytest.approx(1.0)  # the same directions
    assert x3d.causes == [features.causes.NOTHING]


def test_other_widths_and_damaged_shards(two: tuple[Any, Any], sides: Sides, rewritten: Callable[..., None]) -> None:
    for path in (two[1].work / "x3d").glob("*.h5"):
        rewritten(path, np.asarray(shards.read(path).values)[:, :5])
    (two[1].work / "gru" / "00000.h5").write_bytes(b"nothing")
    every = found(sides)
    assert every["x3d", "video"].wrong.endswith(" numbers a row and 5")
    assert "not a readable shard" in every["gru", "text"].wrong
    assert not every["x3d", "video"].same
    assert not every["gru", "text"].same


def test_an_item_without_a_row(two: tuple[Any, Any], sides: Sides) -> None:
    path = two[1].work / "x3d" / "00000.h5"
    shard = shards.read(path)
    shards.write(path, shard.ids[1:], np.asarray(shard.values)[1:], shard.attributes)
    x3d = found(sides)["x3d", "video"]
    assert (x3d.first, x3d.second, x3d.both, x3d.equal, x3d.same) == (22, 21, 21, 21, False)


def test_large_collections_are_sampled_by_whole_shards(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(features, "SAMPLE", 20)
    assert features.sample(np.zeros(20, np.int64)).tolist() == list(range(20))
    numbers = np.repeat(np.arange(10), 10)  # ten shards of ten items: two of them make twenty items
    chosen = features.sample(numbers)
    assert numbers[chosen].tolist() == [0] * 10 + [9] * 10
    assert len(features.sample(np.zeros(1000, np.int64))) == 1000  # one shard is read whole in any case


def test_cosines() -> None:
    one = np.array([[1.0, 0.0], [1.0, 1.0], [0.0, 0.0], [0.0, 0.0]])
    other = np.array([[0.0, 2.0], [3.0, 3.0], [0.0, 0.0], [1.0, 0.0]])
    assert features.cosine(one, other) == pytest.approx([0.0, 1.0, 1.0, 0.0])
