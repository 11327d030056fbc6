"""A run that is killed and started again ends as if nothing had been: same features, models and metrics."""

from __future__ import annotations

import os
import signal
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.forked import Forked

PATIENCE = 120.0  # seconds until an event that should come has come
# Checkpoints after every step, so that a kill finds one; they are no part of the fingerprints.
OFTEN = (
    "finetune.checkpoint=0",
    "gru.fit={epochs: 4, batch: 16, checkpoint: 0}",
    "train.checkpoint=0",
)
# Where the run is killed, each time one step further: what is under way, and the file whose appearance tells so.
MOMENTS = {
    "decode": "decode/00000.h5",
    "frames of finetune": "finetune/frames/00000.h5",
    "finetune": "finetune/last.pt",
    "extraction": "x3d/00000.h5",
    "gru": "gru/last.pt",
    "train": "train/concat/seed1/last.pt",
    "rank": "rank/laff/seed2/t2v.trec.gz",
}

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")


def children(pid: int) -> list[int]:
    """The processes that this one has started."""
    pids = []
    for task in Path(f"/proc/{pid}/task").iterdir():
        pids += [int(child) for child in (task / "children").read_text().split()]
    return pids


def alive(pid: int) -> bool:
    """Whether a process still does something: a dead one that nobody asked about counts as gone."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] not in "ZX"
    except OSError:
        return False


def wait_for(what: Callable[[], bool], patience: float = PATIENCE) -> bool:
    end = time.monotonic() + patience
    while not what():
        if time.monotonic() > end:
            return False
        time.sleep(0.002)
    return True


def finished_shards(state: dict[str, tuple[int, int, int]]) -> dict[str, tuple[int, int, int]]:
    """Of a workspace's files those that are shards of features, by inode, mtime and size. The cache of frames goes."""
    kept = {name: marks for name, marks in state.items() if name.endswith(".h5")}
    return {name: marks for name, marks in kept.items() if not name.startswith(("finetune", "ingest", "rank"))}


@pytest.mark.slow
def test_killed_again_and_again_it_ends_as_if_nothing_had_been(ran, tmp_path: Path, contents, forked: Forked) -> None:
    killed = ran.copy(tmp_path / "killed", work=False)
    options, environment = killed.options(*OFTEN), {**os.environ, "LAFF_DECODERS": "2"}
    shards: dict[str, tuple[int, int, int]] = {}
    for moment, file in MOMENTS.items():
        process = forked.laff("run", *options, environment=environment)
        there = wait_for(lambda file=file, process=process: (killed.work / file).exists() or process.poll() is not None)
        workers = children(process.pid) if process.poll() is None else []
        process.send_signal(signal.SIGKILL)
        status = process.wait()
        assert there, f"{moment}: {file} did not come:\n{process.said()}"
        assert status == -signal.SIGKILL, f"{moment}: {process.said()}"
        if moment in ("decode", "frames of finetune", "extraction"):
            assert workers, f"{moment} runs without decoder processes"
        assert wait_for(lambda workers=workers: not any(map(alive, workers)), 10), f"{moment}: decoders live on"
        now = finished_shards(killed.state())
        assert {name: now[name] for name in shards} == shards, f"after {moment}: a finished shard was made again"
        shards = now
        assert not (killed.work / "evaluate" / "metrics.json").exists()

    process = forked.laff("run", *options, environment=environment)
    assert process.wait() == 0, process.said()
    now = finished_shards(killed.state())
    assert {name: now[name] for name in shards} == shards, "a finished shard was made again"
    assert not list(killed.work.rglob("*.partial"))
    one, other = contents(ran.work), contents(killed.work)
    assert [name for name in {*one, *other} if one.get(name) != other.get(name)] == []
    assert killed.run().made == {}


@pytest.mark.parametrize("side", ["x3d/00001.h5", "clip-ft/text/00000.h5", "gru/00002.h5"])
def test_a_shard_that_no_index_knows_is_asked_not_made_again(ran, tmp_path: Path, side: str) -> None:
    """A kill may fall between a shard's last byte and the note that it is there."""
    changed = ran.copy(tmp_path / "changed")
    stage = side.split("/")[0]
    (changed.work / stage / "index.jsonl").unlink()
    fitted = stage == "gru"  # its model is no shard and cannot speak for itself
    before = changed.state()[side]
    units = changed.run().made
    assert set(units) <= ({"gru"} if fitted else set())
    assert changed.state()[side] == before


def test_what_a_kill_leaves_half_written_is_removed_and_made(ran, tmp_path: Path, contents) -> None:
    changed = ran.copy(tmp_path / "changed")
    shard = changed.work / "x3d" / "00001.h5"
    (changed.work / "x3d" / ".00001.h5.abc.partial").write_bytes(shard.read_bytes()[:1000])
    shard.unlink()
    before = changed.state()
    assert changed.run().made == {"x3d": 1}
    assert not list(changed.work.rglob("*.partial"))
    after = changed.state()
    assert after["x3d/00000.h5"] == before["x3d/00000.h5"]
    one, other = contents(ran.work), contents(changed.work)
    assert [name for name in {*one, *other} if one.get(name) != other.get(name)] == []


def test_a_damaged_shard_is_made_again(ran, tmp_path: Path) -> None:
    changed = ran.copy(tmp_path / "changed")
    shard = changed.work / "x3d" / "00001.h5"
    shard.write_bytes(shard.read_bytes()[:1000])
    assert changed.run().made == {"x3d": 1}


def test_an_interrupt_leaves_with_a_word_and_no_traceback(tiny, tmp_path: Path, forked: Forked) -> None:
    changed = tiny.copy(tmp_path / "changed", work=False)
    process = forked.laff("run", *changed.options("finetune.epochs=1000000"))  # it cannot end before the signal comes
    assert wait_for(lambda: (changed.work / "decode" / "00000.h5").exists() or process.poll() is not None)
    assert process.poll() is None, process.said()
    workers = children(process.pid)
    os.kill(process.pid, signal.SIGINT)
    assert process.wait(60) == 130, process.said()
    output = process.said()
    assert "finished in this run: " in output
    assert "; still to be made: " in output
    assert "interrupted; what is finished is kept" in output
    assert "Traceback" not in output
    assert wait_for(lambda: not any(map(alive, workers)), 10)
