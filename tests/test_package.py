"""A model that was trained on one collection finds videos of another: package, copy, run, search."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import pytest
import yaml

from pipeline.rows import shards
from tests.forked import Forked


def vectors(work: Path, key: str) -> dict[str, bytes]:
    """Kept vectors by the file name of the video, as bytes."""
    by_file = {}
    for path in sorted((work / "vectors" / key).glob("*.h5")):
        shard = shards.read(path)
        by_file |= {Path(id_).name: row.tobytes() for id_, row in zip(shard.ids, shard.values, strict=True)}
    return by_file


@pytest.mark.slow
def test_a_model_goes_to_another_collection(ran: Any, forked: Forked, tmp_path: Path) -> None:
    """Without home, from a copy, in other shards and another order: the same bytes. The workspace may move, too."""
    home = ran.copy(tmp_path / "home")

    def laff(*words: object, fails: bool = False) -> str:
        process = forked.laff(*words, cwd=tmp_path)
        assert process.wait() == int(fails), process.said()
        return process.said()

    laff("vectors", *home.options("vectors.models=[laff, clip-ft]"))
    message = laff("package", "-w", home.work, "OUT", "--model", "laff", "--model", "clip-ft")
    assert "RANDOM WEIGHTS in finetune, x3d, clip-ft" in message
    assert "**RANDOM WEIGHTS" in (tmp_path / "OUT" / "README.md").read_text()
    expected = {key: vectors(home.work, key) for key in ("laff/seed1", "clip-ft/seed0")}

    far = tmp_path / "far"
    (far / "videos" / "deep").mkdir(parents=True)
    for number, video in enumerate(sorted(home.videos.iterdir())[::-2]):
        shutil.copy(video, far / "videos" / ("deep" if number % 2 else "") / video.name)
    (far / "c.yaml").write_text("videos: videos\n")
    shutil.move(tmp_path / "OUT", far / "package")
    home.folder.rename(tmp_path / "gone")
    options = ("-c", far / "c.yaml", "-w", far / "work", "--package", far / "package", "--set", "ingest.shard_videos=3")
    output = laff("run", *options)
    assert not {"bow", "gru", "train", "finetune"} & {
        line.split()[0] for line in output.splitlines() if " made in " in line
    }
    for key, home_vectors in expected.items():
        far_vectors = vectors(far / "work", key)
        assert len(far_vectors) == 11
        assert far_vectors == {name: home_vectors[name] for name in far_vectors}

    far.rename(tmp_path / "further")
    work = tmp_path / "further" / "work"
    assert "nothing to do: everything is cached" in laff("run", "-w", work)
    assert len(laff("search", "a red square moves to the left", "-w", work, "-k", 3, "--csv").splitlines()) >= 4
    assert yaml.safe_load((work / "run.yaml").read_text())["package"] == "../package"
    refused = laff("run", "-w", work, "--set", "x3d.frames=8", fails=True)
    assert (
        "--set x3d.frames=8: the package fixes how its features and models are made, x3d.frames is 4 there" in refused
    )
    assert "applies package package; copy that one" in laff("package", "-w", work, "AGAIN", fails=True)

    laff(
        "index",
        tmp_path / "further" / "videos",
        "--package",
        tmp_path / "further" / "package",
        "-w",
        tmp_path / "index",
    )
    assert len(vectors(tmp_path / "index", "laff/seed1")) == 11
    assert "nothing to do" not in laff("index", "-w", tmp_path / "index")  # it says what is there
    assert len(laff("search", "a red square", "-w", tmp_path / "index", "-k", 3, "--csv").splitlines()) >= 4
    assert "so no --feature fits" in laff("index", "-w", tmp_path / "index", "--feature", "conse", fails=True)
