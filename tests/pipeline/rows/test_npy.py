"""An .npy with its ids in a file beside it."""

import json
import pickle
from pathlib import Path

import numpy as np
import pytest

from pipeline.errors import LaffError
from pipeline.rows.reading import ids_of, read_frames, read_rows, width

VALUES = np.arange(12, dtype=np.float32).reshape(4, 3) / 8
NAMES = ["v3", "a b", "v0", "v2"]


def array(folder: Path, name: str = "f.npy", values: np.ndarray = VALUES) -> Path:
    np.save(folder / name, values)
    return folder / name


@pytest.mark.parametrize("beside", ["f.ids.txt", "f.ids.json", "f.json", "ids.txt", "ids.json"])
def test_ids_beside_it(tmp_path: Path, beside: str) -> None:
    path = array(tmp_path)
    lines = "\ufeffv3\r\na%20b\nv0\nv2\n"
    (tmp_path / beside).write_text(json.dumps(NAMES) if beside.endswith("json") else lines, encoding="utf-8")
    assert ids_of(path) == NAMES
    taken = read_rows(path, ["v0", "gone", "a b", "v0"])
    np.testing.assert_array_equal(taken.values, [VALUES[2], [0, 0, 0], VALUES[1], VALUES[2]])
    assert taken.sound.tolist() == [True, False, True, True]
    assert width(path) == 3


def test_ids_as_an_object_of_rows(tmp_path: Path) -> None:
    (tmp_path / "f.json").write_text(json.dumps({"v0": 2, "v3": 0, "a b": 1, "v2": 3}))
    assert ids_of(array(tmp_path)) == NAMES
    (tmp_path / "f.json").write_text(json.dumps({"v0": 2, "v3": 0, "a b": 1, "v2": 4}))
    with pytest.raises(LaffError, match="the rows of its 4 ids are not 0 to 3, each once"):
        ids_of(tmp_path / "f.npy")


def test_the_own_list_counts_before_that_of_the_folder(tmp_path: Path) -> None:
    (tmp_path / "ids.txt").write_text("x\ny\nz\nw\n")
    (tmp_path / "f.ids.txt").write_text("v3\na%20b\nv0\nv2\n")
    assert ids_of(array(tmp_path)) == NAMES
    (tmp_path / "f.json").write_text("[]")
    with pytest.raises(LaffError, match=r"its ids may be in f\.ids\.txt or in f\.json; keep one of them"):
        ids_of(tmp_path / "f.npy")


@pytest.mark.parametrize("dtype", ["<f2", ">f4", "<f8", "<i8", "u1"])
@pytest.mark.parametrize("order", ["C", "F"])
def test_any_numbers_in_any_order(tmp_path: Path, dtype: str, order: str) -> None:
    values = np.asarray((VALUES * 8).astype(dtype), order=order)
    (tmp_path / "ids.txt").write_text("a\nb\nc\nd\n")
    taken = read_rows(array(tmp_path, values=values), ["d", "a"])
    np.testing.assert_array_equal(taken.values, (VALUES * 8)[[3, 0]])


def test_frames_by_a_third_file(tmp_path: Path) -> None:
    path = array(tmp_path)
    (tmp_path / "f.ids.txt").write_text("v\nw\nx\n")
    with pytest.raises(LaffError, match=r"frames need f\.starts\.npy beside it: 4 whole numbers that rise from 0"):
        read_frames(path, ["v"], 5)
    np.save(tmp_path / "f.starts.npy", [0, 3, 3, 4])
    taken = read_frames(path, ["x", "w", "v"], 2)
    assert taken.counts.tolist() == [1, 0, 2]
    np.testing.assert_array_equal(taken.values, [[VALUES[3], [0, 0, 0]], [[0, 0, 0]] * 2, VALUES[:2]])
    np.save(tmp_path / "f.starts.npy", [0, 3, 2, 4])
    with pytest.raises(LaffError, match=r"f\.starts\.npy: .* should be 4 whole numbers that rise from 0"):
        read_frames(path, ["v"], 5)


def test_what_cannot_be_is_told(tmp_path: Path) -> None:
    path = array(tmp_path)
    with pytest.raises(
        LaffError, match=r"a single array \(\.npy\), which has no ids: beside it should lie f\.ids\.txt"
    ):
        read_rows(path, ["a"])
    (tmp_path / "ids.txt").write_text("a\nb\n")
    with pytest.raises(
        LaffError, match=r"is float32 \(4, 3\); it should be numbers \[2, D\], for the 2 ids of ids\.txt"
    ):
        read_rows(path, ["a"])
    path.write_bytes(path.read_bytes()[:-4])
    with pytest.raises(LaffError, match=r"the array should have 48 bytes of data .* but has 44"):
        read_rows(path, ["a"])
    np.save(path, np.array([[{}]] * 2, dtype=object), allow_pickle=True)
    with pytest.raises(LaffError, match="the array holds Python objects, whose reading can run code"):
        read_rows(path, ["a"])
    path.write_bytes(b"\x93NUMPY" + pickle.dumps({}))
    with pytest.raises(LaffError, match=r"cannot be read as an \.npy"):
        read_rows(path, ["a"])
    for content, words in (("{", "no JSON"), ("[1.5]", "should be a list of ids"), ('"a"', "should be a list of ids")):
        (tmp_path / "f.json").write_text(content)
        with pytest.raises(LaffError, match=words):
            ids_of(path)
