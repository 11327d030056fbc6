"""msrvtt_kf as a VisualSearch tree: imported, its features are those of the archives that it was made from."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner

import cli
from pipeline.rows import shards


@pytest.mark.slow
def test_rows_are_those_of_the_archives(data: Path, tmp_path: Path) -> None:
    """Of videos, frames and captions."""
    source = data / "msrvtt_kf"
    tree, out, work = tmp_path / "tree", tmp_path / "out", tmp_path / "WORK"
    subprocess.run([sys.executable, str(source / "to_visualsearch.py"), str(tree)], check=True)
    for command in (
        ["import", tree, "--out", out, "--pair", "conse=minilm"],
        [
            "run",
            "conse",
            "Frame_conse",
            "minilm",
            "-c",
            out / "collection.yaml",
            "--stages",
            out / "stages.yaml",
            "-w",
            work,
        ],
    ):
        result = CliRunner().invoke(cli.main, [str(word) for word in command], prog_name="laff")
        assert result.exit_code == 0, result.output
    video, frames, text = (np.load(source / f"{name}.npz") for name in ("video", "frames", "text"))
    first = {id_: row for row, id_ in enumerate(video["ids"].tolist())}
    caption = {id_: row for row, id_ in enumerate(text["ids"].tolist())}
    arrays = {name: file[name].astype(np.float32) for name, file in (("conse", video), ("minilm", text))}
    of_frames, starts, seen = frames["conse"].astype(np.float32), frames["starts"], 0
    for path in sorted(work.glob("*/0*.h5")):
        shard = shards.read(path)
        seen += len(shard.ids)
        if path.parent.name == "Frame_conse":
            assert shard.frames is not None
            for values, count, id_ in zip(shard.values, shard.frames.tolist(), shard.ids, strict=True):
                whole = of_frames[starts[first[id_]] : starts[first[id_] + 1]]
                np.testing.assert_array_equal(values[:count], whole)
        elif path.parent.name in arrays:
            rows = first if path.parent.name == "conse" else caption
            np.testing.assert_array_equal(shard.values, arrays[path.parent.name][[rows[id_] for id_ in shard.ids]])
    assert seen == 1432 + 1432 + 28655
