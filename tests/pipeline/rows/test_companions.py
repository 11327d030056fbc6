"""Files that belong together count together: the ids beside an .npy, the features that a CSV lists."""

import os
from pathlib import Path

import numpy as np
import pytest

from pipeline.opening import open_context
from pipeline.request import Request
from pipeline.rows.companions import companions

GRAPH = """
stages:
  ingest: {step: ingest}
  feat: {step: import, from: ingest, params: {file: FILE, side: video}}
"""


def test_which_they_are(tmp_path: Path) -> None:
    for name in ("a.npy", "b.npy", "b.starts.npy"):
        np.save(tmp_path / name, np.zeros(2))
    (tmp_path / "a.ids.txt").write_text("x\ny\n")
    (tmp_path / "list.csv").write_text("video_path,feature_path\nx.mp4,a.npy\ny.mp4,gone.npy\n")
    (tmp_path / "other.csv").write_text("video,path\nx,y\n")
    assert companions(tmp_path / "a.npy") == [tmp_path / "a.ids.txt"]
    assert companions(tmp_path / "b.npy") == []  # it has no ids
    assert companions(tmp_path / "list.csv") == [tmp_path / "a.npy"]
    assert companions(tmp_path / "other.csv") == companions(tmp_path / "x.npz") == []
    (tmp_path / "ids.txt").write_text("x\ny\n")
    assert companions(tmp_path / "b.npy") == [tmp_path / "ids.txt", tmp_path / "b.starts.npy"]


@pytest.mark.parametrize(("file", "part"), [("a.npy", "a.ids.txt"), ("list.csv", "a.npy"), ("list.csv", "list.csv")])
def test_a_change_in_one_makes_the_import_stale(tmp_path: Path, file: str, part: str) -> None:
    """By its content: a copy with other dates does not."""
    np.save(tmp_path / "a.npy", np.zeros((1, 2)))
    np.save(tmp_path / "b.npy", np.zeros((1, 2)))
    (tmp_path / "a.ids.txt").write_text("x\n")
    (tmp_path / "list.csv").write_text("video_path,feature_path\nx.mp4,a.npy\n")
    (tmp_path / "ids.txt").write_text("x\n")
    (tmp_path / "c.yaml").write_text("name: one\ntest: {ids: ids.txt}\n")
    (tmp_path / "s.yaml").write_text(GRAPH.replace("FILE", file))

    def fingerprint() -> str:
        return open_context(Request(tmp_path / "c.yaml", tmp_path / "work", tmp_path / "s.yaml")).fingerprint("feat")

    before = fingerprint()
    os.utime(tmp_path / part, (1, 1))
    assert fingerprint() == before
    content = (tmp_path / part).read_bytes()
    changed = content.replace(b"x", b"y") if part.endswith("txt") else content[:-1] + b"\1"
    (tmp_path / part).write_bytes(content.replace(b"a.npy", b"b.npy") if part == "list.csv" else changed)
    assert fingerprint() != before
