"""verify: what is damaged is told and set aside, whatever its mtime says, and only that is made again."""

from __future__ import annotations

import gzip
import os
import random
from pathlib import Path

import numpy as np
import pytest
import torch
from click.testing import CliRunner

import cli
from pipeline import files
from pipeline.errors import LaffError
from pipeline.graph import step_facts
from pipeline.rows import shards
from pipeline.store import memory, verify
from pipeline.store.workspace import Workspace
from pipeline.training.checkpoint import save

WRONG = "its checksum is wrong: bytes were lost or changed after it was written"

KINDS = verify.Kinds(step_facts.made())


def flip(path: Path, place: int) -> None:
    """Turn one bit; size and mtime stay, so that only the bytes can tell."""
    status = path.stat()
    raw = bytearray(path.read_bytes())
    raw[place] ^= 1 << place % 8
    path.write_bytes(raw)
    os.utime(path, ns=(status.st_atime_ns, status.st_mtime_ns))


@pytest.fixture
def work(tmp_path: Path) -> Path:
    """A workspace with one file of each kind, all whole."""
    root = tmp_path / "WORK"
    for name in ("x3d/00000.h5", "clip-ft/video/00012.h5", "ingest/table.h5", "rank/laff/seed1/ranks.h5"):
        shards.write(root / name, ["a"], np.ones((1, 3)), {})
    for stage in ("x3d", "clip-ft", "rank", "train"):
        files.write_text(root / stage / "index.jsonl", '{"unit": "00000.h5"}\n{"unit": "00001.h5"}\n')
    save(root / "train/laff/seed1/best.pt", {"a": torch.arange(3.0)})
    (root / "rank/laff/seed1/t2v.trec.gz").write_bytes(gzip.compress(b"q Q0 v 1 0.5 laff\n" * 9))
    files.write_json(root / "rank/metrics.json", {"a": 1})
    files.write_text(root / "failures.jsonl", '{"video": "v1"}\n')
    return root


def test_a_whole_workspace(work: Path):
    assert verify.damaged(work, KINDS) == (12, {})
    assert not list(work.rglob("*.damaged"))


@pytest.mark.parametrize(
    ("name", "keep", "wrong"),
    [
        ("x3d/00000.h5", 1500, WRONG),
        ("clip-ft/video/00012.h5", -1, WRONG),
        ("ingest/table.h5", 0, "it has no checksum"),
        ("rank/laff/seed1/ranks.h5", 100, "it has no checksum"),
        ("train/laff/seed1/best.pt", 100, "no whole checkpoint (File is not a zip file)"),
        ("rank/laff/seed1/t2v.trec.gz", -1, "no whole gzip file (Compressed file ended before the end-of-stream"),
        ("rank/laff/seed1/t2v.trec.gz", 0, "empty"),
        ("rank/metrics.json", 5, "no JSON ("),
    ],
)
def test_a_cut_file_is_told_and_set_aside(work: Path, name: str, keep: int, wrong: str):
    path = work / name
    path.write_bytes(path.read_bytes()[:keep])
    count, damaged = verify.damaged(work, KINDS)
    assert (count, list(damaged)) == (12, [name])
    assert damaged[name].startswith(wrong)
    cut = path.read_bytes()
    assert verify.set_aside(work, KINDS, [name, "failures.jsonl"]) == [name]
    assert not path.exists()
    assert path.with_name(path.name + ".damaged").read_bytes() == cut
    assert verify.damaged(work, KINDS) == (11, {})


def test_one_changed_bit_in_a_checkpoint_or_a_run(work: Path):
    """Of a zip, the CRCs cover what the members hold; of a gzip file, what was packed."""
    path = work / "train/laff/seed1/best.pt"
    flip(path, path.read_bytes().index(np.arange(3, dtype=np.float32).tobytes()) + 5)
    run = work / "rank/laff/seed1/t2v.trec.gz"
    flip(run, run.stat().st_size - 6)  # of the CRC
    assert list(verify.damaged(work, KINDS)[1]) == ["rank/laff/seed1/t2v.trec.gz", "train/laff/seed1/best.pt"]


@pytest.mark.parametrize(
    ("text", "wrong"),
    [
        (b'{"a": 1}\n{"b": {"c": 1}', ""),  # cut off by a kill
        (b'{"a": 1}\n{"b": "\xc3\n{"c": 1}\n', ""),  # and the next line started afresh
        (b'{"a": 1}\n\n', ""),
        (b'{"a": 1}\n{"b"; 1}\n', "line 2 is no JSON (Expecting ':' delimiter)"),
        (b'{"a": "\xff"}\n', "line 1 is no text ("),
    ],
)
def test_lines(work: Path, text: bytes, wrong: str):
    (work / "times.jsonl").write_bytes(text)
    damaged = verify.damaged(work, KINDS)[1]
    assert damaged.get("times.jsonl", "").startswith(wrong)
    assert bool(damaged) == bool(wrong)


def test_what_laff_did_not_write_is_left_alone(work: Path):
    """Whatever it is called: in a folder of no stage, or by a name that no stage uses."""
    (work / "mine" / "video").mkdir(parents=True)
    for name in ("mine/00000.h5", "mine/video/00000.h5", "mine/best.pt", "x3d/notes.json", "x3d/a/b/c/00000.h5"):
        (work / name).parent.mkdir(parents=True, exist_ok=True)
        (work / name).write_text("no HDF5")
    assert verify.damaged(work, KINDS) == (12, {})


def test_a_stage_on_another_disk_is_read_and_a_loop_of_links_ends(work: Path, tmp_path: Path):
    (work / "x3d").rename(tmp_path / "elsewhere")
    (work / "x3d").symlink_to(tmp_path / "elsewhere")
    (work / "clip-ft" / "loop").symlink_to(work)
    flip(tmp_path / "elsewhere" / "00000.h5", 2000)
    assert verify.damaged(work, KINDS) == (12, {"x3d/00000.h5": WRONG})


def test_nothing_outside_the_workspace_is_changed_and_links_are_told(work: Path, tmp_path: Path):
    """A stage on another disk may be others' too; a link to one file is the workspace's own, and makes way."""
    (work / "x3d").rename(tmp_path / "elsewhere")
    (work / "x3d").symlink_to(tmp_path / "elsewhere")
    (work / "clip-ft/video/00012.h5").rename(tmp_path / "one.h5")
    (work / "clip-ft/video/00012.h5").symlink_to(tmp_path / "one.h5")
    for path in (tmp_path / "elsewhere" / "00000.h5", tmp_path / "one.h5"):
        flip(path, 700)
    before = {path: (path.read_bytes(), path.stat().st_mtime_ns) for path in tmp_path.glob("[eo]*/**/*")}
    assert verify.links(work) == {"x3d": f"{tmp_path}/elsewhere", "clip-ft/video/00012.h5": f"{tmp_path}/one.h5"}
    result = CliRunner().invoke(cli.main, ["verify", "-w", str(work)], env={"COLUMNS": "200"})
    assert result.exit_code == 1
    assert f"{work}/x3d is a link to {tmp_path}/elsewhere: files there are read, never changed\n" in result.output
    assert f"{work}/x3d/00000.h5: {WRONG} (it lies outside the workspace, in {tmp_path}/elsewhere)\n" in result.output
    assert "set aside, each in its folder as FILE.damaged; `laff run` makes them again; 1 more outside" in result.output
    assert {path: (path.read_bytes(), path.stat().st_mtime_ns) for path in tmp_path.glob("[eo]*/**/*")} == before
    assert (tmp_path / "one.h5").exists()
    assert (work / "clip-ft/video/00012.h5.damaged").is_symlink()


def test_nothing_is_set_aside_while_a_run_holds_the_workspace(work: Path):
    flip(work / "x3d/00000.h5", 700)
    with Workspace(work).lock():
        assert list(verify.damaged(work, KINDS)[1]) == ["x3d/00000.h5"]
        with pytest.raises(LaffError, match="is in use by process"):
            verify.set_aside(work, KINDS, ["x3d/00000.h5"])
    assert (work / "x3d/00000.h5").exists()


def test_the_command(work: Path, tmp_path: Path):
    def laff(*words: object) -> tuple[int, str]:
        result = CliRunner().invoke(cli.main, ["verify", *map(str, words)], env={"COLUMNS": "200"})
        return result.exit_code, result.output

    code, said = laff("-w", work)
    assert code == 0
    assert "12 files, none is damaged" in said
    flip(work / "x3d/00000.h5", 700)
    code, said = laff("-w", work, "--dry-run")
    assert code == 1
    assert f"{work}/x3d/00000.h5: {WRONG}\n" in said
    assert "1 of 12 files are damaged" in said
    assert (work / "x3d/00000.h5").exists()
    code, said = laff("-w", work)
    assert code == 1
    assert "1 of 12 files were damaged and set aside, each in its folder as FILE.damaged; `laff run`" in said
    assert (work / "x3d/00000.h5.damaged").exists()
    code, said = laff("-w", work)
    assert code == 0
    assert "11 files, none is damaged" in said
    code, said = laff("-w", tmp_path / "none")
    assert code == 1
    assert f"{tmp_path}/none: no such workspace" in said


def test_a_run_makes_again_what_was_set_aside_and_nothing_else(ran, tmp_path: Path, contents) -> None:
    changed = ran.copy(tmp_path / "changed")
    assert verify.damaged(changed.work, KINDS)[1] == {}
    hurt = {  # path -> stage and units that follow; of one fit or model, its trained state only
        "x3d/00001.h5": ("x3d", 1),
        "clip-ft/text/00000.h5": ("clip-ft", 1),
        "train/laff/seed2/best.pt": ("train", 1),
        "rank/mean/seed1/v2t.trec.gz": ("rank", 1),
    }
    draw = random.Random(0)
    for name in hurt:
        path = changed.work / name
        flip(path, path.stat().st_size // 2 if path.suffix == ".pt" else draw.randrange(10, path.stat().st_size))
    assert changed.run().made == {}  # size and mtime are as recorded
    damaged = verify.damaged(changed.work, KINDS)[1]
    assert set(damaged) == set(hurt)
    before = changed.state()
    assert set(verify.set_aside(changed.work, KINDS, list(damaged))) == set(hurt)
    assert changed.run().made == dict(hurt.values())
    after = changed.state()
    redone = {name for name in before if name not in hurt and after[name] != before[name]}
    grown = {f"{stage}/index.jsonl" for stage, _ in hurt.values()} | {"times.jsonl"}
    assert redone <= grown | {"train/laff/seed2/last.pt", "rank/mean/seed1/t2v.trec.gz", "rank/mean/seed1/ranks.h5"}
    one, other = contents(ran.work), contents(changed.work)
    assert [name for name in {*one, *other} if one.get(name) != other.get(name)] == []
    assert changed.run().made == {}
    assert verify.damaged(changed.work, KINDS)[1] == {}


@pytest.mark.parametrize("text", ["collection: [", "collection: null", "- a list", "\0", ""])
def test_settings_that_no_run_can_read_are_damaged(tmp_path: Path, text: str) -> None:
    names = ("run.yaml", "runs/mine/run.yaml")
    memory.write(tmp_path, memory.Memory(tmp_path / "c.yaml", run="mine"))
    kinds = verify.Kinds(())
    assert verify.damaged(tmp_path, kinds) == (2, {})
    for name in names:
        (tmp_path / name).write_text(text)
    assert set(verify.damaged(tmp_path, kinds)[1]) == set(names)
