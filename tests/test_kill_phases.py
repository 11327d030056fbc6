"""SIGKILL at every phase of a pass: what is whole stays, what is not is made, nothing else is left."""

from __future__ import annotations

import json
import signal
import sys
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pytest

from tests.forked import Forked
from tests.killing import MOMENTS

PHASES = (("open", "write", "renamed"), ("decode", "flush", "record"), ("forward", "rename", "ledger"))
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
    contents: dict[str, Any] = {}
    for path in sorted(work.glob("*/0*.h5")):
        with h5py.File(path) as file:
            for key, data in file.items():
                name = f"{path.relative_to(work)}:{key}"
                contents[name] = data[:].tobytes() if data.dtype != object else data[:].tolist()
    lines = [json.loads(line) for line in (work / "failures.jsonl").read_text().splitlines()]
    contents["failures"] = [{key: value for key, value in line.items() if key != "time"} for line in lines]
    return contents


@pytest.fixture(scope="module")
def collection(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """16 videos of 10 frames, 4 of them broken, two captions each; the machine above."""
    import av

    folder = tmp_path_factory.mktemp("killed")
    (folder / "videos").mkdir()
    for number in range(VIDEOS):
        path = folder / "videos" / f"{number:02d}.mp4"
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
        (folder / f"{split}.txt").write_text("".join(f"{n:02d}\n" for n in ids))
        (folder / f"{split}.captions.txt").write_text(
            "".join(f"{n:02d}#{k} word{n} and {k}\n" for n in ids for k in (0, 1))
        )
        text += f"{split}: {{ids: {split}.txt, captions: {split}.captions.txt}}\n"
    (folder / "collection.yaml").write_text(text)
    (folder / "stages.yaml").write_text(STAGES)
    return folder


def shards(work: Path) -> dict[str, tuple[int, int]]:
    """{shard: inode, mtime}."""
    paths = sorted(work.glob("*/0*.h5"))
    return {str(path.relative_to(work)): (path.stat().st_ino, path.stat().st_mtime_ns) for path in paths}


@pytest.fixture(scope="module")
def undisturbed(collection: Path, forked: Forked) -> dict[str, Any]:
    """What a run gives that nobody kills."""
    process = forked.start("killing:run", [str(collection), str(collection / "none")])
    assert process.wait() == 0, process.said()
    contents = results(collection / "none")
    assert len(contents["failures"]) == len(BROKEN)
    return contents


@pytest.mark.skipif(sys.platform != "linux", reason="forks, and lets decoders kill their parent")
@pytest.mark.parametrize("phases", PHASES, ids=" ".join)
@pytest.mark.slow
def test_a_kill_at_any_phase_costs_only_what_was_not_whole(
    collection: Path, undisturbed: dict[str, Any], forked: Forked, phases: tuple[str, ...]
) -> None:
    wholes = set()
    for phase, count in [(name, count) for name in phases for count in MOMENTS[name]]:
        where = f"{phase}-{count}"
        work = collection / where
        killed = forked.start("killing:run", [str(collection), str(work), phase, count])
        assert killed.wait() == -signal.SIGKILL, f"{where}: the run did not come so far: {killed.said()}"
        before = shards(work)
        again = forked.start("killing:run", [str(collection), str(work)])
        assert again.wait() == 0, f"{where}: {again.said()}"
        after = shards(work)
        assert [name for name in before if before[name] != after.get(name)] == [], f"{where}: whole ones made again"
        assert list(work.rglob("*.partial")) == [], f"{where}: temporary files are left"
        contents = results(work)
        assert [name for name in {*undisturbed, *contents} if undisturbed.get(name) != contents.get(name)] == [], where
        wholes.add(len(before))
    assert len(wholes) >= 5, "all kills fell at much the same time"
