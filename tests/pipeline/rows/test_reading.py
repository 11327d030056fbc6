"""Features that others extracted: rows in the order asked, and what is told where a file is not as it should be."""

import gzip
import pickle
import re
import tracemalloc
import zipfile
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import safetensors.numpy
import scipy.io
import torch

from pipeline.errors import LaffError
from pipeline.rows import arrays as headers
from pipeline.rows import pieces
from pipeline.rows.items import Layout
from pipeline.rows.reading import Readers, ids_of, read_frames, read_rows, width

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
    taken = read_rows(path, ["v0", "v9", "v3", "v0"])
    np.testing.assert_array_equal(taken.values, [VALUES[2], np.zeros(3), VALUES[0], VALUES[2]])
    assert taken.values.dtype == np.float32
    assert taken.sound.tolist() == [True, False, True, True]
    assert ids_of(path) == NAMES
    assert read_rows(path, []).values.shape == (0, 3)


def test_one_array_of_several(tmp_path: Path) -> None:
    """With several, the array must be named; ids may have another name, or be numbers or bytes."""
    path = archive(tmp_path / "two.npz", keys=np.array([b"7", b"8"]), one=VALUES[:2], two=VALUES[2:], n=np.arange(2))
    assert read_rows(path, ["8"], array="two", id_array="keys").values.tolist() == [VALUES[3].tolist()]
    with pytest.raises(
        LaffError,
        match=r"name the `array` to read, as params.array; beside keys it holds n int64 \(2,\), one float32 \(2, 3\)",
    ):
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


@pytest.mark.parametrize("kind", ["bigfile", "npz", "float64"])
def test_values_that_are_not_finite(tmp_path: Path, kind: str) -> None:
    """All rows that hold one are counted; a number too large for float32 is one of them."""
    values = VALUES.astype(np.float64 if kind == "float64" else np.float32)
    values[1, 2] = np.inf
    values[3, :2] = 1e300 if kind == "float64" else np.nan
    path = (
        bigfile(tmp_path / "feature", values=values)
        if kind == "bigfile"
        else archive(tmp_path / "feature.npz", ids=np.array(NAMES), x=values)
    )
    taken = read_rows(path, ["v0", "v1", "v2", "v3"])
    assert taken.odd.tolist() == [0, 1, 2, 0]
    assert taken.sound.tolist() == [True, False, False, True]
    assert np.isfinite(taken.values).all()


def test_byte_order_marks(tmp_path: Path) -> None:
    """As Windows writes text: in a BigFile, and in ids that were read from a file."""
    folder = bigfile(tmp_path / "feature")
    for name in ("id.txt", "shape.txt"):
        (folder / name).write_bytes(b"\xef\xbb\xbf" + (folder / name).read_bytes())
    path = archive(tmp_path / "f.npz", ids=np.array(["\ufeffv3", *NAMES[1:]]), x=VALUES)
    assert ids_of(folder) == ids_of(path) == NAMES
    assert width(folder) == 3


def test_other_files(tmp_path: Path) -> None:
    """Each is told as what it is, with what to do, in no words of NumPy's, which advise to load it all the same."""
    writers = {
        "text.npz": (lambda path: path.write_text("v1 0.5\n"), "text"),
        "empty.npz": (lambda path: path.write_bytes(b""), "empty (0 bytes)"),
        "rows.pkl": (lambda path: path.write_bytes(pickle.dumps({"v1": [0.5]})), "a pickle, whose reading can run"),
        "rows.pt": (lambda path: torch.save({"v1": torch.zeros(3)}, path), "a PyTorch file (torch.save)"),
        "rows.mat": (lambda path: scipy.io.savemat(path, {"x": VALUES}), "a MATLAB file"),
        "rows.gz": (lambda path: path.write_bytes(gzip.compress(b"x")), "compressed with gzip"),
        "rows.safetensors": (lambda path: path.write_bytes(safetensors.numpy.save({"x": VALUES})), "a safetensors"),
        "other.zip": (lambda path: zipfile.ZipFile(path, "w").writestr("a.txt", "x"), "a zip archive without arrays"),
        "cut.npz": (lambda path: path.write_bytes(whole[: len(whole) // 2]), "a damaged archive"),
        "noise": (lambda path: path.write_bytes(b"\xfe\0" * 99), "neither an .npz nor anything else"),
        "lfs.npz": (lambda path: path.write_text("version https://git-lfs.github.com/spec/v1\n"), "a Git LFS pointer"),
    }
    whole = archive(tmp_path / "whole.npz", ids=np.array(NAMES), x=VALUES).read_bytes()
    for name, (write, words) in writers.items():
        write(tmp_path / name)
        said = refused(lambda name=name: read_rows(tmp_path / name, ["v0"]))
        assert said.startswith(f"{tmp_path / name}: it is {words}"), said
        assert "an .npz with ids [N] and values [N, D], a BigFile folder" in said
    (tmp_path / "empty").mkdir()
    assert "not a BigFile, it has no feature.bin, id.txt, shape.txt" in refused(lambda: ids_of(tmp_path / "empty"))
    assert "nowhere.npz: cannot be read: No such file" in refused(lambda: ids_of(tmp_path / "nowhere.npz"))


def refused(call: Callable[[], object]) -> str:
    """The message of the LaffError, in which no words of NumPy's stand."""
    with pytest.raises(LaffError) as error:
        call()
    said = str(error.value)
    assert not re.search("allow_pickle|unsafe|context manager|max_header", said)
    return said


def test_pickled_objects_are_refused(tmp_path: Path) -> None:
    names = archive(tmp_path / "names.npz", ids=np.array(NAMES, dtype=object), x=VALUES)
    said = refused(lambda: read_rows(names, ["v0"]))
    assert "array 'ids' holds Python objects" in said
    assert "np.array(…, dtype=str)" in said
    values = archive(tmp_path / "values.npz", ids=np.array(NAMES), x=np.array([[{}]] * 4, dtype=object))
    assert "'x' holds Python objects" in refused(lambda: read_rows(values, ["v0"]))


def test_an_array_for_each_id(tmp_path: Path) -> None:
    """How people write dictionaries of features; the message turns it into what is read."""
    path = archive(tmp_path / "dict.npz", **{f"v{number}": VALUES[0] for number in range(20)})
    said = refused(lambda: read_rows(path, ["v0"]))
    assert "has no array 'ids'; it holds v0, v1, v10, v11, v12, v13, v14, v15, … (20)" in said
    assert "np.savez(…, ids=list(arrays), values=np.stack(" in said


def test_arrays_of_other_shapes_or_names_are_told_with_what_helps(tmp_path: Path) -> None:
    """[N, 1, D], as frames with one of each come; and ids under another name."""
    path = archive(tmp_path / "one.npz", ids=np.array(NAMES), values=VALUES[:, None])
    assert refused(lambda: read_rows(path, NAMES)) == (
        f"{path}: has no array [4, D]; beside ids it holds values float32 (4, 1, 3); give each id one row of numbers"
    )
    path = archive(tmp_path / "names.npz", video_ids=np.array(NAMES), features=VALUES)
    held = "it holds features, video_ids; set params."
    assert refused(lambda: read_rows(path, NAMES)) == (
        f"{path}: has no array 'ids'; {held}ids to the one that is meant"
    )
    said = refused(lambda: read_rows(path, NAMES, "feature", "video_ids"))
    assert said == f"{path}: has no array 'feature'; {held}array to the one that is meant"
    said = refused(lambda: read_frames(path, NAMES, 1, "features", "video_ids"))
    assert said == f"{path}: has no array 'starts'; {held}starts to the one that is meant"


def test_a_bomb_costs_no_memory(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Zeros that unfold to 200 times their size, in any place: told by headers, before any data."""
    monkeypatch.setattr(headers, "LARGE", 1 << 24)
    path = tmp_path / "bomb.npz"
    for name, shape, dtype in (
        ("x", (4, 1_875_000), "<f4"),
        ("ids", (4,), "<U1875000"),
        ("starts", (3_750_000,), "<i8"),
    ):
        arrays = {"ids": np.array(NAMES), "starts": np.arange(5), "x": VALUES}
        with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED, compresslevel=1) as archive_:
            for other, values in arrays.items():
                with archive_.open(f"{other}.npy", "w") as file:
                    if other != name:
                        np.lib.format.write_array(file, values)
                        continue
                    about = {"descr": dtype, "fortran_order": False, "shape": shape}
                    np.lib.format.write_array_header_1_0(file, about)
                    for _ in range(30):
                        file.write(bytes(1_000_000))
        tracemalloc.start()
        said = refused(lambda: read_frames(path, NAMES, 1))
        most = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        assert most < 3_000_000, name
        assert name in said
    assert path.stat().st_size < 200_000


def test_headers_that_lie(tmp_path: Path) -> None:
    """More rows than there are bytes, fewer than none, nested beyond reading, or no header at all."""
    path = tmp_path / "lies.npz"
    for header in (
        b"{'descr': '<f4', 'fortran_order': False, 'shape': (4, 1000000000000)}",
        b"{'descr': '<f4', 'fortran_order': False, 'shape': (-4, -3)}",
        b"(" * 5000,
        b"{'descr': '<f4'}" + b" " * 20000,
    ):
        content = b"\x93NUMPY\x01\x00" + len(header).to_bytes(2, "little") + header
        with zipfile.ZipFile(path, "w") as archive_:
            with archive_.open("ids.npy", "w") as file:
                np.lib.format.write_array(file, np.array(NAMES))
            archive_.writestr("x.npy", content + VALUES.tobytes())
        assert "x" in refused(lambda: read_rows(path, ["v0"], "x"))
        assert width(path) == 0 or header.startswith(b"{'descr': '<f4', 'f")


def test_a_header_that_claims_more_than_headers_hold_is_not_read(tmp_path: Path) -> None:
    path, claim = tmp_path / "bomb.npz", 50_000_000
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive_:
        with archive_.open("ids.npy", "w") as file:
            np.lib.format.write_array(file, np.array(NAMES))
        archive_.writestr("x.npy", b"\x93NUMPY\x02\x00" + claim.to_bytes(4, "little") + b" " * claim)
    tracemalloc.start()
    said = refused(lambda: read_rows(path, ["v0"]))
    most = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert "array 'x' cannot be read (its header claims 50000000 bytes)" in said
    assert most < 3_000_000


@pytest.mark.parametrize("order", ["C", "F"])
def test_rows_in_pieces(tmp_path: Path, order: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """A table is read a piece at a time, and rows in any order, columns together or rows."""
    monkeypatch.setattr(pieces, "AT_ONCE", 30)  # two rows of three float32
    values = np.asarray(np.arange(33, dtype="<f4").reshape(11, 3), order=order)
    names = [f"v{number}" for number in range(11)]
    np.savez_compressed(tmp_path / "f.npz", ids=np.array(names), x=values)
    wanted = [10, 3, 3, 0, 7]
    rows = read_rows(tmp_path / "f.npz", [names[row] for row in wanted]).values
    np.testing.assert_array_equal(rows, values[wanted])


def test_a_flipped_bit_is_found(tmp_path: Path) -> None:
    """Also behind the last row that is wanted."""
    path = archive(tmp_path / "f.npz", ids=np.array(NAMES), x=VALUES)
    content = bytearray(path.read_bytes())
    content[content.index(VALUES.tobytes()) + 44] ^= 1
    path.write_bytes(content)
    assert "array 'x' cannot be read (Bad CRC-32" in refused(lambda: read_rows(path, ["v3"]))


def test_several_files_as_one(tmp_path: Path) -> None:
    """A file for each split: their rows side by side; an id in two of them, or another width, is told."""
    one = archive(tmp_path / "one.npz", ids=np.array(NAMES[:2]), x=VALUES[:2])
    two = bigfile(tmp_path / "two", NAMES[2:], VALUES[2:])
    taken = Readers([one, two], Layout()).take(["v2", "v9", "v3", "v0"])
    np.testing.assert_array_equal(taken.values, [VALUES[3], np.zeros(3), VALUES[0], VALUES[2]])
    assert taken.sound.tolist() == [True, False, True, True]
    again = archive(tmp_path / "again.npz", ids=np.array(["v9", "v0"]), x=VALUES[:2])
    assert "id 'v0' has a row in " in refused(lambda: Readers([one, two, again], Layout()))
    wide = archive(tmp_path / "wide.npz", ids=np.array(["v9"]), x=np.zeros((1, 5)))
    assert "one.npz has rows of 3 numbers" in refused(lambda: Readers([one, wide], Layout()).take(["v9"]))


def test_real_features(data: Path) -> None:
    """Rows of the real archive, float16 on disk, against the whole array."""
    path = data / "msrvtt_kf" / "video.npz"
    wanted = (data / "msrvtt_kf" / "val.txt").read_text().split()
    taken = read_rows(path, wanted, array="conse")
    assert taken.sound.all()
    with np.load(path, allow_pickle=False) as whole:
        names = whole["ids"].tolist()
        np.testing.assert_array_equal(
            taken.values, whole["conse"][[names.index(name) for name in wanted]].astype(np.float32)
        )


def test_frames_of_each_id(tmp_path: Path) -> None:
    """v3 has rows 0 and 1, v1 none, v0 row 2; at most two frames each, so T is 2, then 1."""
    path = archive(tmp_path / "f.npz", ids=np.array(NAMES[:3]), starts=np.array([0, 2, 2, 3]), x=VALUES[:3])
    taken = read_frames(path, ["v0", "v9", "v3", "v1"], 5)
    nothing = np.zeros(3)
    wanted = [[VALUES[2], nothing], [nothing, nothing], [VALUES[0], VALUES[1]], [nothing, nothing]]
    np.testing.assert_array_equal(taken.values, wanted)
    assert taken.counts.tolist() == [1, 0, 2, 0]
    taken = read_frames(path, ["v3"], 1)
    np.testing.assert_array_equal(taken.values, [[VALUES[0]]])
    assert taken.counts.tolist() == [1]
    other = archive(tmp_path / "g.npz", ids=np.array(["v9"]), starts=np.array([0, 3]), x=VALUES[:3])
    several = Readers([path, other], Layout(frames=True), 5).take(["v9", "v3"])
    np.testing.assert_array_equal(several.values, [VALUES[:3], [VALUES[0], VALUES[1], nothing]])
    assert several.counts.tolist() == [3, 2]


@pytest.mark.parametrize("starts", [[0, 2, 1, 3], [0, 3], [1, 2, 2, 3], [0.0, 2.0, 2.0, 3.0]])
def test_starts_that_cannot_be(tmp_path: Path, starts: list[float]) -> None:
    path = archive(tmp_path / "f.npz", ids=np.array(NAMES[:3]), starts=np.array(starts), x=VALUES[:3])
    with pytest.raises(LaffError, match=r"starts.*4 whole numbers that rise from 0"):
        read_frames(path, ["v0"], 5)


def test_frames_that_are_fewer_than_the_starts_say(tmp_path: Path) -> None:
    path = archive(tmp_path / "f.npz", ids=np.array(NAMES[:3]), starts=np.array([0, 2, 2, 4]), x=VALUES[:3])
    with pytest.raises(LaffError, match=r"\[4, D\]"):
        read_frames(path, ["v0"], 5, "x")
    with pytest.raises(LaffError, match=r"id 'v3' is no frame; a row of a frame is called VIDEO_NUMBER"):
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
