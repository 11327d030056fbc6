"""Small VisualSearch trees, made as the LAFF authors lay theirs out."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner

import cli

VIDEOS = {"train": ["video0", "video1", "video2"], "val": ["video3"], "test": ["video4", "video5"]}


def bigfile(folder: Path, ids: Sequence[str], width: int = 4, first: float = 0.0) -> Path:
    """A BigFile with rows first, first + 1, …: each number is another one."""
    folder.mkdir(parents=True, exist_ok=True)
    rows = np.arange(len(ids) * width, dtype="<f4").reshape(len(ids), width) + np.float32(first)
    rows.tofile(folder / "feature.bin")
    (folder / "id.txt").write_text(" ".join(ids), encoding="utf-8")
    (folder / "shape.txt").write_text(f"{len(ids)} {width}", encoding="utf-8")
    return folder


def captions_of(videos: Sequence[str], form: str = "{}#{}") -> list[str]:
    """Two caption ids a video."""
    return [form.format(video, number) for video in videos for number in range(2)]


def lists(folder: Path, name: str, videos: Sequence[str], form: str = "{}#{}") -> None:
    """VideoSets/NAME.txt and TextData/NAME.caption.txt below a folder."""
    for inner, file, lines in (
        ("VideoSets", f"{name}.txt", videos),
        ("TextData", f"{name}.caption.txt", [f"{id_} a cat number {id_}" for id_ in captions_of(videos, form)]),
    ):
        (folder / inner).mkdir(parents=True, exist_ok=True)
        (folder / inner / file).write_text("".join(f"{line}\n" for line in lines), encoding="utf-8")


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    """A tree with a collection a split, features clip (both sides) and x3d, and word vectors."""
    root = tmp_path / "VisualSearch"
    for number, (split, videos) in enumerate(VIDEOS.items()):
        folder = root / f"kf{split}"
        lists(folder, f"kf{split}", videos)
        bigfile(folder / "FeatureData" / "clip", videos, first=100.0 * number)
        bigfile(folder / "FeatureData" / "x3d", videos, 3)
        bigfile(folder / "TextData" / "clip", captions_of(videos))
    bigfile(root / "word2vec" / "glove", ["cat", "number"], 5)
    return root


@pytest.fixture
def one_collection(tmp_path: Path) -> Path:
    """A tree with one collection, in which lists say the splits and one BigFile has all videos."""
    root = tmp_path / "one"
    for split, videos in VIDEOS.items():
        lists(root / "kf", f"kf{split}", videos, "{}#enc#{}")
    everything = [video for videos in VIDEOS.values() for video in videos]
    bigfile(root / "kf" / "FeatureData" / "x3d", everything)
    bigfile(root / "kf" / "TextFeatureData" / "bert", captions_of(everything, "{}#enc#{}"))
    return root


@pytest.fixture
def laff(tmp_path: Path) -> Callable[..., str]:
    """`laff(path, …, "--pair", "a=b")`: what the command prints, written to tmp_path/out."""

    def call(*arguments: object, status: int = 0) -> str:
        words = ["import", "--out", str(tmp_path / "out"), *map(str, arguments)]
        result = CliRunner().invoke(cli.main, words, prog_name="laff")
        assert result.exit_code == status, result.output
        return result.output

    return call
