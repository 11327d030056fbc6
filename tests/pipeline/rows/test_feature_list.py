"""A CSV that lists videos and the .npy of each."""

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from pipeline.errors import LaffError
from pipeline.exporting import feature_list
from pipeline.rows.reading import ids_of, read_frames, read_rows, width

VALUES = np.arange(12, dtype=np.float32).reshape(4, 3) / 8


def listed(folder: Path, *lines: str, header: str = "video_path,feature_path") -> Path:
    (folder / "list.csv").write_text("\n".join([header, *lines]) + "\n")
    return folder / "list.csv"


def test_ids_are_paths_below_the_folder_that_all_share(tmp_path: Path) -> None:
    """Dots in names stay; features lie beside the CSV, or anywhere."""
    (tmp_path / "f").mkdir()
    for number, row in enumerate(VALUES):
        np.save(tmp_path / "f" / f"{number}.npy", row if number else row[None])
    path = listed(
        tmp_path,
        "/data/msvd/a.avi,f/0.npy",
        '"/data/msvd/sub/b, v1.2.mp4",f/1.npy',
        f"/data/msvd/./c,{tmp_path}/f/2.npy",
        "/data/msvd/gone.mp4,f/9.npy",
    )
    assert ids_of(path) == ["a", "sub/b, v1.2", "c"]
    taken = read_rows(path, ["c", "gone", "a", "sub/b, v1.2"])
    np.testing.assert_array_equal(taken.values, [VALUES[2], [0, 0, 0], VALUES[0], VALUES[1]])
    assert taken.counts.tolist() == [1, 0, 1, 1]
    assert width(path) == 3
    assert ids_of(listed(tmp_path, "a.mp4,f/0.npy", "sub/b.mp4,f/1.npy")) == ["a", "sub/b"]
    assert ids_of(listed(tmp_path, "x/a.mp4,f/0.npy")) == ["a"]


def test_a_column_of_ids_counts(tmp_path: Path) -> None:
    np.save(tmp_path / "0.npy", VALUES[0])
    assert ids_of(listed(tmp_path, "0.npy,x/y", header="feature_path,id")) == ["x/y"]
    assert ids_of(listed(tmp_path, "x/a.mp4,0.npy,a.b#0", header="video_path,feature_path,id")) == ["a.b#0"]


def test_ids_that_differ_in_upper_and_lower_case_have_files_for_every_file_system(tmp_path: Path) -> None:
    ids = ["a", "A", "b", "É", "é"]
    table: Any = SimpleNamespace(
        side="text", paths=[""] * 5, items=lambda: zip(ids, np.eye(5, dtype=np.float32), strict=True)
    )
    feature_list.write(table, tmp_path, "clip")
    files = [path.name for path in (tmp_path / "clip").iterdir()]
    assert len({name.casefold() for name in files}) == len(files) == 5
    assert {"a.npy", "b.npy", "%C3%89.npy", "%C3%A9.npy"} < set(files)  # only the second of two has another name
    np.testing.assert_array_equal(read_rows(tmp_path / "clip.csv", ids).values, np.eye(5))


def test_frames(tmp_path: Path) -> None:
    np.save(tmp_path / "0.npy", VALUES[:3])
    np.save(tmp_path / "1.npy", VALUES[3:])
    path = listed(tmp_path, "a.mp4,0.npy", "b.mp4,1.npy")
    taken = read_frames(path, ["b", "a"], 2)
    assert taken.counts.tolist() == [1, 2]
    np.testing.assert_array_equal(taken.values, [[VALUES[3], [0, 0, 0]], VALUES[:2]])
    with pytest.raises(
        LaffError, match=r"0\.npy: is float32 \(3, 3\); it should be numbers \[D\]; `level: frame` reads"
    ):
        read_rows(path, ["a"])
    np.save(tmp_path / "1.npy", VALUES[3])
    with pytest.raises(LaffError, match=r"1\.npy: is float32 \(3,\); it should be numbers \[T, D\] at level frame"):
        read_frames(path, ["a"], 2)


def test_what_cannot_be_is_told(tmp_path: Path) -> None:
    for number in range(2):
        np.save(tmp_path / f"{number}.npy", VALUES[number])
    for lines, words in (
        (["a.mp4,7.npy"], r"none of its 1 features is a file, such as .*7\.npy"),
        (["a.mp4", "b.mp4,", "c.mp4,0.npy"], r"2 problems\n.*list.csv:2: should be video_path"),
        ([], "lists no feature"),
        (["a.mp4,0.npy", "a.avi,1.npy"], "id 'a' comes twice"),
        (["/a.mp4,0.npy", "b.mp4,1.npy"], "some paths of videos are absolute and some relative"),
    ):
        with pytest.raises(LaffError, match=words):
            read_rows(listed(tmp_path, *lines), ["a"])
    with pytest.raises(LaffError, match="its header is 'one,two'; it should be video_path,feature_path"):
        read_rows(listed(tmp_path, "a,b", header="one,two"), ["a"])
    np.save(tmp_path / "1.npy", np.zeros(5))
    with pytest.raises(LaffError, match="'b' has rows of 5 numbers, others of 3"):
        read_rows(listed(tmp_path, "a.mp4,0.npy", "b.mp4,1.npy"), ["a", "b"])
    np.save(tmp_path / "1.npy", np.array({}, dtype=object), allow_pickle=True)
    with pytest.raises(LaffError, match=r"1\.npy: the array holds Python objects"):
        read_rows(listed(tmp_path, "a.mp4,0.npy", "b.mp4,1.npy"), ["b"])
