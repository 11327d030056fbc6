"""Features that others extracted: BigFile folders and .npz archives."""

from pathlib import Path

import numpy as np
import pytest

from pipeline.errors import LaffError
from pipeline.rows.bigfile import ids_of, read_frames, read_rows, width

VALUES = np.arange(12, dtype=np.float32).reshape(4, 3) / 8
NAMES = ["v3", "v1", "v0", "v2"]


def bigfile(folder: Path, names: list[str] = NAMES, values: np.ndarray = VALUES) -> Path:
    folder.mkdir()
    (folder / "id.txt").write_text(" ".join(names))
    (folder / "shape.txt").write_text(f"{len(values)} {values.shape[1]}")
    values.astype("<f4").tofile(folder / "feature.bin")
    return folder


def archive(path: Path, **arrays: np.ndarray) -> Path:
    np.savez(path, **arrays)
    return path


@pytest.mark.parametrize("kind", ["bigfile", "npz"])
def test_rows_in_the_order_asked(tmp_path: Path, kind: str) -> None:
    """The wanted order, once or twice; what is missing is zeros and said to be missing."""
    path = (
        bigfile(tmp_path / "feature")
        if kind == "bigfile"
        else archive(tmp_path / "feature.npz", ids=np.array(NAMES), x3d=VALUES.astype(np.float16))
    )
    rows, found = read_rows(path, ["v0", "v9", "v3", "v0"])
    np.testing.assert_array_equal(rows, [VALUES[2], np.zeros(3), VALUES[0], VALUES[2]])
    assert rows.dtype == np.float32
    assert found.tolist() == [True, False, True, True]
    assert ids_of(path) == NAMES
    assert read_rows(path, [])[0].shape == (0, 3)


def test_one_array_of_several(tmp_path: Path) -> None:
    """With several, the array must be named; ids may have another name, or be numbers or bytes."""
    path = archive(tmp_path / "two.npz", keys=np.array([b"7", b"8"]), one=VALUES[:2], two=VALUES[2:], n=np.arange(2))
    assert read_rows(path, ["8"], array="two", id_array="keys")[0].tolist() == [VALUES[3].tolist()]
    with pytest.raises(LaffError, match="name the `array` to read: it holds keys, n, one, two"):
        read_rows(path, ["8"], id_array="keys")
    assert ids_of(path, "n") == ["0", "1"]
    with pytest.raises(LaffError, match="has no array 'three'; it holds keys, n, one, two"):
        read_rows(path, ["8"], array="three", id_array="keys")
    with pytest.raises(LaffError, match="has no array 'ids'"):
        read_rows(path, ["8"])


def test_an_id_that_comes_twice(tmp_path: Path) -> None:
    with pytest.raises(LaffError, match="id 'v1' comes twice, so its row is not clear"):
        read_rows(bigfile(tmp_path / "feature", ["v1", "v2", "v0", "v1"]), ["v0"])


def test_sizes_that_disagree(tmp_path: Path) -> None:
    with pytest.raises(LaffError, match=r"id.txt holds 3 ids, shape.txt says 4 rows"):
        read_rows(bigfile(tmp_path / "feature", NAMES[:3]), ["v0"])
    path = archive(tmp_path / "f.npz", ids=np.array(NAMES[:3]), x=VALUES)
    with pytest.raises(LaffError, match=r"'x' is float32 \(4, 3\); it should be numbers \[3, D\]"):
        read_rows(path, ["v0"])


def test_values_that_are_not_finite(tmp_path: Path) -> None:
    """Only where they are wanted; the message names the id."""
    values = VALUES.copy()
    values[1, 2] = np.inf
    path = bigfile(tmp_path / "feature", values=values)
    assert read_rows(path, ["v0"])[1].all()
    with pytest.raises(LaffError, match="the row of 'v1' holds a value that is not a finite"):
        read_rows(path, ["v0", "v1"])


def test_other_files(tmp_path: Path) -> None:
    """Pickled arrays, other files, cut archives, empty folders and missing paths."""
    pickled = archive(tmp_path / "pickled.npz", ids=np.array(NAMES), x=np.array([[{}]] * 4, dtype=object))
    with pytest.raises(LaffError, match="array 'x' cannot be read: Object arrays cannot be loaded"):
        read_rows(pickled, ["v0"])
    (tmp_path / "text.npz").write_text("no archive")
    np.save(tmp_path / "single.npy", VALUES)
    whole = archive(tmp_path / "cut.npz", ids=np.array(NAMES), x=VALUES).read_bytes()
    (tmp_path / "cut.npz").write_bytes(whole[: len(whole) // 2])
    for name in ("text.npz", "single.npy", "cut.npz", "nowhere.npz"):
        with pytest.raises(LaffError, match=f"{name}: neither a BigFile folder nor an .npz archive"):
            read_rows(tmp_path / name, ["v0"])
    (tmp_path / "empty").mkdir()
    with pytest.raises(LaffError, match=r"not a BigFile, it has no feature.bin, id.txt, shape.txt"):
        read_rows(tmp_path / "empty", ["v0"])


def test_real_features(data: Path) -> None:
    """Rows of the real archive, float16 on disk, against the whole array."""
    path = data / "msrvtt_kf" / "video.npz"
    wanted = (data / "msrvtt_kf" / "val.txt").read_text().split()
    rows, found = read_rows(path, wanted, array="conse")
    assert found.all()
    with np.load(path, allow_pickle=False) as whole:
        names = whole["ids"].tolist()
        np.testing.assert_array_equal(rows, whole["conse"][[names.index(name) for name in wanted]].astype(np.float32))


def test_frames_of_each_id(tmp_path: Path) -> None:
    """v3 has rows 0 and 1, v1 none, v0 row 2; at most two frames each, so T is 2, then 1."""
    path = archive(tmp_path / "f.npz", ids=np.array(NAMES[:3]), starts=np.array([0, 2, 2, 3]), x=VALUES[:3])
    values, counts = read_frames(path, ["v0", "v9", "v3", "v1"], 5)
    nothing = np.zeros(3)
    wanted = [[VALUES[2], nothing], [nothing, nothing], [VALUES[0], VALUES[1]], [nothing, nothing]]
    np.testing.assert_array_equal(values, wanted)
    assert counts.tolist() == [1, 0, 2, 0]
    values, counts = read_frames(path, ["v3"], 1)
    np.testing.assert_array_equal(values, [[VALUES[0]]])
    assert counts.tolist() == [1]


@pytest.mark.parametrize("starts", [[0, 2, 1, 3], [0, 3], [1, 2, 2, 3], [0.0, 2.0, 2.0, 3.0]])
def test_starts_that_cannot_be(tmp_path: Path, starts: list[float]) -> None:
    path = archive(tmp_path / "f.npz", ids=np.array(NAMES[:3]), starts=np.array(starts), x=VALUES[:3])
    with pytest.raises(LaffError, match=r"starts.*4 whole numbers that rise from 0"):
        read_frames(path, ["v0"], 5)


def test_frames_that_are_fewer_than_the_starts_say(tmp_path: Path) -> None:
    path = archive(tmp_path / "f.npz", ids=np.array(NAMES[:3]), starts=np.array([0, 2, 2, 4]), x=VALUES[:3])
    with pytest.raises(LaffError, match=r"\[4, D\]"):
        read_frames(path, ["v0"], 5, "x")
    with pytest.raises(LaffError, match="one row a video"):
        read_frames(bigfile(tmp_path / "folder"), ["v0"], 5)


def test_the_width_is_told_by_headers_alone(tmp_path: Path) -> None:
    """What is no archive, or leaves open which array is meant, tells none."""
    starts = np.array([0, 1, 2, 3, 4])
    path = archive(tmp_path / "one.npz", ids=np.array(NAMES), starts=starts, x3d=VALUES)
    two = archive(tmp_path / "two.npz", names=np.array(NAMES), a=VALUES, b=VALUES[:, :2])
    assert (width(bigfile(tmp_path / "big")), width(path), width(path, "x3d"), width(path, "x")) == (3, 3, 3, 0)
    assert (width(two), width(two, "b"), width(tmp_path / "none.npz"), width(tmp_path)) == (0, 2, 0, 0)
    (tmp_path / "text.npz").write_text("no archive")
    assert width(tmp_path / "text.npz") == 0
