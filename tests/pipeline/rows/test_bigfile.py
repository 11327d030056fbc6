"""BigFile folders: frames that are rows named VIDEO_NUMBER. What holds for all formats is in test_reading.py."""

from pathlib import Path

import numpy as np
import pytest

from pipeline.errors import LaffError
from pipeline.rows.reading import ids_of, read_frames, width


def bigfile(folder: Path, names: list[str], values: np.ndarray) -> Path:
    folder.mkdir()
    (folder / "id.txt").write_text(" ".join(names))
    (folder / "shape.txt").write_text(f"{len(values)} {values.shape[1]}")
    values.astype("<f4").tofile(folder / "feature.bin")
    return folder


def test_frames_are_in_the_order_of_their_numbers(tmp_path: Path) -> None:
    """Rows may lie in any order, numbers may begin anywhere, and the id of a video may hold numbers itself."""
    names = ["v_1_10", "w%20x_0", "v_1_9", "v_1_0100"]
    values = np.arange(8, dtype=np.float32).reshape(4, 2)
    folder = bigfile(tmp_path / "frames", names, values)
    taken = read_frames(folder, ["w x", "v_1", "v"], 50)
    assert taken.counts.tolist() == [1, 3, 0]
    np.testing.assert_array_equal(taken.values[0], [values[1], [0, 0], [0, 0]])
    np.testing.assert_array_equal(taken.values[1], values[[2, 0, 3]])
    np.testing.assert_array_equal(read_frames(folder, ["v_1"], 2).values, [values[[2, 0]]])
    assert ids_of(folder) == ["v_1_10", "w x_0", "v_1_9", "v_1_0100"]
    assert width(folder, level="frame") == 2


def test_rows_that_are_no_frames_are_told_all_at_once(tmp_path: Path) -> None:
    folder = bigfile(tmp_path / "frames", ["v_1", "w", "v_01", "x_", "y_٣"], np.zeros((5, 2)))
    with pytest.raises(LaffError) as error:
        read_frames(folder, ["v"], 5)
    said = str(error.value)
    assert "id 'w' is no frame; a row of a frame is called VIDEO_NUMBER, VIDEO#NUMBER or" in said
    assert "id 'x_' is no frame" in said
    assert "id 'y_٣' is no frame" in said
    assert "frame 1 of 'v' comes twice" in said
    assert said.endswith("where each row is a video, leave out `level: frame`")
