"""HDF5 files of others: a table with ids, or a dataset for each id, and nothing that lies outside of the file."""

from pathlib import Path

import h5py
import numpy as np
import pytest

from pipeline.errors import LaffError
from pipeline.rows import arrays, pieces
from pipeline.rows.items import Layout
from pipeline.rows.reading import Reader, ids_of, read_frames, read_rows, width
from pipeline.rows.sources import source

VALUES = np.arange(12, dtype=np.float32).reshape(4, 3) / 8
NAMES = ["v3", "a b", "v0", "sub/v2"]


def table(path: Path, **datasets: object) -> Path:
    with h5py.File(path, "w") as file:
        for name, data in datasets.items():
            file[name] = data
    return path


@pytest.mark.parametrize("at_once", [1 << 24, 30])
@pytest.mark.parametrize("kind", ["text", "bytes"])
def test_a_table_with_ids(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, kind: str, at_once: int) -> None:
    """Ids of variable or fixed length; the table in any number type, in pieces of two rows too."""
    monkeypatch.setattr(pieces, "AT_ONCE", at_once)
    ids = np.array(NAMES, dtype=object if kind == "text" else "S6")
    path = table(tmp_path / "f.h5", ids=ids, values=VALUES.astype(">f8"))
    taken = read_rows(path, ["v0", "gone", "v3", "v0", "sub/v2"])
    np.testing.assert_array_equal(taken.values, [VALUES[2], [0, 0, 0], VALUES[0], VALUES[2], VALUES[3]])
    assert taken.counts.tolist() == [1, 0, 1, 1, 1]
    assert (ids_of(path), width(path)) == (NAMES, 3)
    assert source(path, Layout()).parts().tables == {"values": 3}


def test_other_names_and_several_tables(tmp_path: Path) -> None:
    path = table(tmp_path / "f.h5", keys=np.array(NAMES, object), one=VALUES, two=VALUES + 1)
    parts = source(path, Layout(ids="keys")).parts()
    assert (parts.tables, parts.lists, parts.frames) == ({"one": 3, "two": 3}, ["keys"], False)
    assert read_rows(path, ["v0"], "two", "keys").values.tolist() == [(VALUES[2] + 1).tolist()]
    with pytest.raises(LaffError, match=r"name the dataset to read, as params.array; beside keys it holds one float32"):
        read_rows(path, ["v0"], id_array="keys")
    with pytest.raises(LaffError, match="has no dataset 'three'; it holds keys, one, two"):
        read_rows(path, ["v0"], "three", "keys")
    assert (width(path, "two", ("keys", "starts")), width(path, "", ("keys", "starts"))) == (3, 0)


def test_frames_of_a_table(tmp_path: Path) -> None:
    path = table(tmp_path / "f.h5", ids=np.array(NAMES[:3], object), starts=[0, 2, 2, 4], values=VALUES)
    taken = read_frames(path, ["v0", "a b", "v3"], 1)
    assert taken.counts.tolist() == [1, 0, 1]
    np.testing.assert_array_equal(taken.values, [[VALUES[2]], [[0, 0, 0]], [VALUES[0]]])
    assert source(path, Layout()).parts().frames
    path = table(tmp_path / "g.h5", ids=np.array(NAMES, object), values=VALUES)
    with pytest.raises(LaffError, match=r"has no dataset 'starts', which says where the frames of each video begin"):
        read_frames(path, ["v0"], 1)
    path = table(tmp_path / "h.h5", ids=np.array(NAMES, object), starts=[0, 4], values=VALUES)
    with pytest.raises(LaffError, match="5 whole numbers that rise from 0"):
        read_frames(path, ["v0"], 1)


def test_a_dataset_for_each_id(tmp_path: Path) -> None:
    """[D], or [1, D]; ids may have folders, which HDF5 keeps as groups."""
    path = tmp_path / "f.hdf5"
    with h5py.File(path, "w") as file:
        for name, row in zip(NAMES, VALUES, strict=True):
            file[name] = row if name != "v0" else row[None]
    assert sorted(ids_of(path)) == sorted(NAMES)
    taken = read_rows(path, ["v0", "sub/v2", "gone", "v0"])
    np.testing.assert_array_equal(taken.values, [VALUES[2], VALUES[3], [0, 0, 0], VALUES[2]])
    assert width(path) == 3
    assert read_rows(path, []).values.shape == (0, 3)
    with h5py.File(path, "a") as file:
        file["wide"] = np.zeros(5)
        file["deep"] = VALUES
    with pytest.raises(LaffError, match="'wide' has rows of 5 numbers, others of 3"):
        read_rows(path, ["v0", "wide"])
    with pytest.raises(
        LaffError, match=r"'deep' is float32 \(4, 3\); it should be a row of numbers .*; `level: frame`"
    ):
        read_rows(path, ["deep"])


def test_a_group_for_each_id(tmp_path: Path) -> None:
    path = tmp_path / "f.h5"
    with h5py.File(path, "w") as file:
        for name, row in zip(NAMES, VALUES, strict=True):
            file[f"{name}/clip"], file[f"{name}/time"] = row, 1.5
    reader = Reader(path, Layout("clip"))
    assert sorted(reader.ids) == sorted(NAMES)
    np.testing.assert_array_equal(reader.take(["v0", "a b"]).values, VALUES[[2, 1]])
    with pytest.raises(LaffError, match="has no dataset GROUP/x3d; it holds a b/clip, a b/time"):
        read_rows(path, ["v0"], "x3d")


def test_frames_of_a_dataset_for_each_id(tmp_path: Path) -> None:
    path = table(tmp_path / "f.h5", v0=VALUES[:3], v1=VALUES[3:], v2=VALUES[:0])
    taken = read_frames(path, ["v1", "gone", "v0", "v2"], 2)
    assert taken.counts.tolist() == [1, 0, 2, 0]
    np.testing.assert_array_equal(taken.values[2], VALUES[:2])
    np.testing.assert_array_equal(taken.values[0], [VALUES[3], [0, 0, 0]])
    assert source(path, Layout()).parts().frames
    path = table(tmp_path / "g.h5", v0=VALUES[0])
    with pytest.raises(LaffError, match=r"'v0' is float32 \(3,\); at level frame it should be numbers \[T, D\]"):
        read_frames(path, ["v0"], 2)


def test_nothing_outside_of_the_file_is_read(tmp_path: Path) -> None:
    """Links, virtual datasets, and data in files of their own: none is followed, though all could be."""
    other = table(tmp_path / "secret.h5", values=VALUES)
    VALUES.tofile(tmp_path / "raw.bin")
    ids = np.array(NAMES, object)
    with h5py.File(tmp_path / "link.h5", "w") as file:
        file["v0"] = h5py.ExternalLink(str(other), "/values")
    with h5py.File(tmp_path / "soft.h5", "w") as file:
        file["v0"], file["v1"] = VALUES[0], h5py.SoftLink("/v0")
    with h5py.File(tmp_path / "virtual.h5", "w") as file:
        layout = h5py.VirtualLayout((4, 3), "f4")
        layout[:] = h5py.VirtualSource(str(other), "values", (4, 3))
        file.create_virtual_dataset("values", layout)
        file["ids"] = ids
    with h5py.File(tmp_path / "external.h5", "w") as file:
        file.create_dataset("values", (4, 3), "f4", external=[(str(tmp_path / "raw.bin"), 0, 48)])
        file["ids"] = ids
    for name, words in (
        ("link", r"'v0' is a link to '.*secret.h5:/values', and laff follows none"),
        ("soft", "'v1' is a link to '/v0', and laff follows none"),
        ("virtual", "the data of 'values' is in other files, which laff does not read"),
        ("external", "the data of 'values' is in other files, which laff does not read"),
    ):
        with pytest.raises(LaffError, match=words):
            read_rows(tmp_path / f"{name}.h5", ["v0"])


def test_zeros_that_need_no_disk_are_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(arrays, "LARGE", 1 << 20)
    path = tmp_path / "bomb.h5"
    with h5py.File(path, "w") as file:
        file["ids"] = np.array(NAMES, object)
        file.create_dataset("values", (4, 1 << 20), "f4")  # never written, so it has no storage at all
    with pytest.raises(LaffError, match=r"'values' would take 0\.0 GB of memory, but 0\.0 MB of the file"):
        read_rows(path, ["v0"])


def test_damaged_and_odd_files(tmp_path: Path) -> None:
    path = table(tmp_path / "f.h5", ids=np.array(NAMES, object), values=VALUES)
    path.write_bytes(path.read_bytes()[:600])
    with pytest.raises(LaffError, match="cannot be read as HDF5"):
        read_rows(path, ["v0"])
    for name, data in (("complex", VALUES + 1j), ("text", np.array([["a"]] * 4, object))):
        path = table(tmp_path / f"{name}.h5", ids=np.array(NAMES, object), values=data)
        with pytest.raises(LaffError, match="it should be numbers"):
            read_rows(path, ["v0"], "values")
    path = table(tmp_path / "twice.h5", ids=np.array(["a", "a"], object), values=VALUES[:2])
    with pytest.raises(LaffError, match="id 'a' comes twice"):
        ids_of(path)
    path = table(tmp_path / "latin.h5", ids=np.array([b"\xe9", b"b"]), values=VALUES[:2])
    with pytest.raises(LaffError, match="which is not UTF-8"):
        ids_of(path)
    with h5py.File(tmp_path / "none.h5", "w"):
        pass
    with pytest.raises(LaffError, match="holds no dataset"):
        ids_of(tmp_path / "none.h5")
