"""The ingest's table on disk."""

from dataclasses import fields
from pathlib import Path

import h5py
import numpy as np
import pytest

from pipeline.errors import LaffError
from pipeline.items import table
from pipeline.items.catalog import Catalog
from pipeline.rows import container, shards

CATALOG = Catalog(
    videos=["a", "b"],
    paths=["/films/ä/a.mp4", ""],
    digests=["x" * 64, ""],
    sizes=np.array([3, 2**40]),
    mtimes=np.array([1_700_000_000_123_456_789, 0]),
    video_split=np.array([0, 2]),
    video_shard=np.array([0, 1]),
    captions=["a#0", "b#0", "b#1"],
    texts=["一只猫在跑 🐈", "e\u0301 and é", "naïve; 'quoted' \"text\""],
    caption_video=np.array([0, 1, 1]),
    caption_shard=np.array([0, 0, 4]),
    aliases={"val": "test"},
    contents={"video/0": "y" * 64},
)


@pytest.mark.parametrize("catalog", [CATALOG, Catalog()])
def test_round_trip(tmp_path: Path, catalog: Catalog):
    table.write(tmp_path / "ingest" / "table.h5", catalog, collection="Zoo ü", n=3)
    assert table.read(tmp_path / "ingest" / "table.h5") == (catalog, {"collection": "Zoo ü", "n": 3})
    assert table.read(tmp_path / "ingest" / "table.h5")[0].contents == catalog.contents
    assert [path.name for path in (tmp_path / "ingest").iterdir()] == ["table.h5"]


def test_one_from_before_there_were_aliases(tmp_path: Path):
    path = tmp_path / "table.h5"
    with shards.create(path) as file:
        for column in fields(Catalog()):
            if column.name != "aliases":
                file.create_dataset(
                    column.name, data=np.frombuffer(b"{}" if column.name == "contents" else b"", np.uint8)
                )
    assert table.read(path)[0].aliases == {}


def test_none_yet(tmp_path: Path):
    assert table.read(tmp_path / "table.h5") == (Catalog(), {})


def test_a_damaged_one_is_told_with_the_way_out(tmp_path: Path):
    path = tmp_path / "table.h5"
    table.write(path, CATALOG)
    path.write_bytes(path.read_bytes()[:500])
    with pytest.raises(LaffError) as error:
        table.read(path)
    assert str(error.value).startswith(f"{path}: cannot be read (")
    assert str(error.value).endswith("); a run makes it again from the shards")


def test_one_of_another_layout_is_told_the_same_way(tmp_path: Path):
    path = tmp_path / "table.h5"
    with shards.create(path) as file:
        file.create_dataset("videos", data=["a"], dtype=h5py.string_dtype())
        file.create_dataset("sizes", data=[1])
    with pytest.raises(LaffError) as error:
        table.read(path)
    assert str(error.value).startswith(f"{path}: cannot be read (its videos are not as this version writes them)")


def test_an_interrupted_write_leaves_the_old_one(tmp_path: Path):
    path = tmp_path / "table.h5"
    table.write(path, CATALOG)
    with pytest.raises(TypeError):
        table.write(path, Catalog(), odd={1, 2})  # a set is no JSON: breaks after the columns are written
    assert table.read(path)[0] == CATALOG
    assert [file.name for file in tmp_path.iterdir()] == ["table.h5"]


def test_a_table_from_before_there_were_windows_has_whole_videos(tmp_path: Path):
    catalog = Catalog(videos=["a", "b"], paths=["", ""], digests=["", ""])
    catalog.sizes = catalog.mtimes = catalog.video_split = catalog.video_shard = np.zeros(2, np.int64)
    catalog.starts, catalog.ends = np.array([0.0, 2.5]), np.array([2.5, 5.0])
    path = tmp_path / "table.h5"
    table.write(path, catalog)
    assert table.read(path)[0] == catalog
    with container.create(tmp_path / "old.h5") as old, h5py.File(path) as file:
        for name in file:
            if name not in ("starts", "ends"):
                file.copy(name, old)
    read, _ = table.read(tmp_path / "old.h5")
    assert read.starts.tolist() == [0.0, 0.0]
    assert read.ends.tolist() == [np.inf, np.inf]
