"""The hidden workspace of a folder: what -w means, and how it is found from below."""

from __future__ import annotations

from pathlib import Path

from pipeline.store import home, memory


def remembering(folder: Path) -> Path:
    memory.write(folder, memory.Memory(folder / "collection.yaml"))
    return folder


def test_w_means_what_a_folder_keeps_inside_where_it_is_no_workspace_itself(tmp_path: Path) -> None:
    folder = tmp_path / "Videos"
    (folder / home.NAME).mkdir(parents=True)
    assert home.meant(folder) == folder  # an empty .laff is none
    inside = remembering(folder / home.NAME)
    assert home.meant(folder) == inside
    assert home.meant(inside) == inside
    remembering(folder)
    assert home.meant(folder) == folder


def test_the_nearest_one_upwards_is_found(tmp_path: Path) -> None:
    outer, inner = tmp_path / "a", tmp_path / "a" / "b"
    (inner / "c").mkdir(parents=True)
    assert home.nearest(inner / "c") is None
    remembering(outer / home.NAME)
    assert home.nearest(inner / "c") == outer / home.NAME
    remembering(inner / home.NAME)
    assert home.nearest(inner / "c") == inner / home.NAME
    assert home.nearest(outer) == outer / home.NAME
