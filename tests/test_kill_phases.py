"""SIGKILL at every phase of a pass: what is whole stays, what is not is made, nothing else is left."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pytest

HERE = Path(__file__).resolve().parent
STAGES = """
threads: 1
stages:
  ingest: {step: ingest, params: {shard_videos: 4, shard_captions: 8}}
  decode: {step: decode, from: ingest}
  bright: {step: extract, uses: extractors.brightness.Brightness, from: decode, params: {batch: 2}}
  dark: {step: extract, uses: extractors.brightness.Brightness, from: decode, params: {frames: 3}}
  bow: {step: extract, uses: extractors.bow.Bow, from: ingest, params: {threshold: 1}}
"""
VIDEOS = 16
BROKEN = (2, 6, 8, 14)  # no videos, one in each shard


def results(work: Path) -> dict[str, Any]:
    """All arrays of all shards, and the ledger without its times."""
    found: dict[str, Any] = {}
    for path in sorted(work.glob("*/0*.h5")):
        with h5py.File(path) as file:
            for key, data in file.items():
                if key != "failed":  # lines with times; the ledger is compared instead
                    name = f"{path.relative_to(work)}:{key}"
                    found[name] = data[:].tobytes() if data.dtype != object else data[:].tolist()
    lines = [json.loads(line) for line in (work / "failures.jsonl").read_text().splitlines()]
    found["failures"] = [{key: value for key, value in line.items() if key != "time"} for line in lines]
    return found


@pytest.fixture(scope="module")
def collection(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """16 videos of 10 frames, 4 of them broken, two captions each; the machine above."""
    import av

    made = tmp_path_factory.mktemp("killed")
    (made / "videos").mkdir()
    for number in range(VIDEOS):
        path = made / "videos" / f"{number:02d}.mp4"
        if number in BROKEN:
            path.write_bytes(b"this is no video")
            continue
        with av.open(str(path), "w") as container:
            stream = container.add_stream("libx264", rate=10)
            stream.width, stream.height, stream.pix_fmt = 64, 48, "yuv420p"
            for time in range(10):
                picture = np.full((48, 64, 3), 15 * number + time, np.uint8)
                container.mux(stream.encode(av.VideoFrame.from_ndarray(picture, format="rgb24")))
            container.mux(stream.encode())
    text = "videos: videos\n"
    for split, ids in (("train", range(12)), ("val", range(12, 14)), ("test", range(14, 16))):
        (made / f"{split}.txt").write_text("".join(f"{n:02d}\n" for n in ids))
        (made / f"{split}.captions.txt").write_text(
            "".join(f"{n:02d}#{k} word{n} and {k}\n" for n in ids for k in (0, 1))
        )
        text += f"{split}: {{ids: {split}.txt, captions: {split}.captions.txt}}\n"
    (made / "collection.yaml").write_text(text)
    (made / "stages.yaml").write_text(STAGES)
    return made


@pytest.mark.skipif(sys.platform != "linux", reason="forks, and lets decoders kill their parent")
@pytest.mark.parametrize(
    "phases", [("open", "write", "renamed"), ("decode", "flush", "record"), ("forward", "rename", "ledger")]
)
def test_a_kill_at_any_phase_costs_only_what_was_not_whole(
    collection: Path, tmp_path: Path, phases: tuple[str, ...]
) -> None:
    folder = tmp_path / "killed"
    shutil.copytree(collection, folder)
    command = [sys.executable, str(HERE / "killing.py"), str(folder), *phases]
    done = subprocess.run(command, capture_output=True, text=True, cwd=HERE.parent, check=False)
    assert done.returncode == 0, done.stderr
    undisturbed, *moments = [json.loads(line) for line in done.stdout.splitlines()]
    assert undisturbed["status"] == 0, done.stderr
    wanted = results(folder / "none")
    assert len(wanted["failures"]) == len(BROKEN)
    assert len(moments) == 4 * len(phases)
    for said in moments:
        where = said["moment"]
        assert said["killed"] == -9, f"{where}: the run did not come so far"
        assert said["status"] == 0, f"{where}: {done.stderr}"
        assert said["again"] == [], f"{where}: shards that were whole were made again"
        assert said["left"] == [], f"{where}: temporary files are left"
        found = results(folder / where)
        assert [name for name in {*wanted, *found} if wanted.get(name) != found.get(name)] == [], where
    assert len({said["whole"] for said in moments}) >= 5, "all kills fell at much the same time"
