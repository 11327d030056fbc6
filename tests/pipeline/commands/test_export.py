"""laff export on the command line, also with real features."""

import json
from pathlib import Path

import numpy as np
from click.testing import CliRunner

import cli
from tests.pipeline.kept import Small


def said(status: int, *words: object) -> str:
    result = CliRunner().invoke(cli.main, [str(word) for word in words])
    assert result.exit_code == status, result.output
    return result.output


def test_what_was_written_is_told(small: Small, tmp_path: Path) -> None:
    where = ["-w", small.work, "-c", small.folder / "c.yaml", "--stages", small.folder / "stages.yaml"]
    output = said(0, "export", "other", "bow", *where, "--to", tmp_path / "OUT", "--format", "bigfile")
    assert f"{tmp_path}/OUT/other: 35 videos, 9 numbers, float32" in output
    assert f"without a row: train3; {tmp_path}/OUT/export.json says why" in output
    assert f"{tmp_path}/OUT/bow: 36 captions, 9 numbers, float32" in output
    assert "its sparse rows become dense" in output
    again = ["export", "one", *where, "--to", tmp_path / "OUT", "--format", "npz"]
    assert "is an export already; --yes replaces it" in said(1, *again)
    assert f"{tmp_path}/OUT/one.npz: 36 videos" in said(0, *again, "--yes")
    assert "give one of --split and --ids" in said(2, *again, "--split", "test", "--ids", tmp_path / "ids")
    assert "no feature 'onee'; did you mean 'one'?" in said(1, "export", "onee", *again[2:], "--yes")


def test_a_tree_is_imported_by_one_command_and_comes_back(small: Small, tmp_path: Path) -> None:
    """Features, lists and captions of all splits; the tree's folder gives the collection its name."""
    tree, joined, work = tmp_path / "A" / "small", tmp_path / "joined", tmp_path / "WORK"
    where = ["-w", small.work, "-c", small.folder / "c.yaml", "--stages", small.folder / "stages.yaml"]
    said(0, "export", "one", "other", *where, "--to", tree, "--format", "visualsearch")
    said(0, "import", tree, "--out", joined)
    again = ["-c", joined / "collection.yaml", "--stages", joined / "stages.yaml", "-w", work]
    said(0, "run", "one", "other", *again)
    said(0, "export", "one", "other", "-w", work, "--to", tmp_path / "B" / "small", "--format", "visualsearch")
    trees = [
        {path.relative_to(root): path.read_bytes() for path in root.rglob("*") if path.is_file()}
        for root in (tree, tmp_path / "B" / "small")
    ]
    for files in trees:
        del files[Path("export.json")]
    assert trees[0] == trees[1]
    assert len(trees[0]) == 3 * (2 * 3 + 2)


def test_help_teaches() -> None:
    output = said(0, "export", "-h")
    for words in ("laff export clip-ft x3d -w WORK --to OUT --format npz", "DIR/export.json", "--ids FILE"):
        assert words in output


def test_real_features_come_back(data: Path, tmp_path: Path) -> None:
    """msrvtt_kf: features and frames of 1432 videos as BigFiles, imported and exported again, and one of a split."""
    source = data / "msrvtt_kf"
    splits = "".join(
        f"{split}: {{ids: {source}/{split}.txt, captions: {source}/{split}.caption.txt}}\n"
        for split in ("train", "val", "test")
    )
    (tmp_path / "c.yaml").write_text(f"name: kf\n{splits}")

    def imported(work: str, clip: str, frames: str) -> list[object]:
        (tmp_path / f"{work}.yaml").write_text(
            "stages:\n  ingest: {step: ingest}\n"
            f"  conse: {{step: import, from: ingest, params: {{side: video, {clip}}}}}\n"
            f"  frames: {{step: import, from: ingest, params: {{side: video, level: frame, {frames}}}}}\n"
        )
        where = ["-c", tmp_path / "c.yaml", "-w", tmp_path / work, "--stages", tmp_path / f"{work}.yaml"]
        said(0, "run", *where)
        return where

    first = imported("first", f"file: {source}/video.npz, array: conse", f"file: {source}/frames.npz")
    said(0, "export", "conse", "frames", *first, "--to", tmp_path / "A", "--format", "bigfile")
    again = imported("again", f"file: {tmp_path}/A/conse", f"file: {tmp_path}/A/frames")
    said(0, "export", "conse", "frames", *again, "--to", tmp_path / "B", "--format", "bigfile")
    for name in ("feature.bin", "id.txt", "shape.txt"):
        for feature in ("conse", "frames"):
            assert (tmp_path / "A" / feature / name).read_bytes() == (tmp_path / "B" / feature / name).read_bytes()
    said(0, "export", "conse", *again, "--to", tmp_path / "val", "--format", "bigfile", "--split", "val")
    ids = (source / "val.txt").read_text().split()
    with np.load(source / "video.npz") as arrays:
        row_of = {id_: row for row, id_ in enumerate(arrays["ids"].tolist())}
        rows = arrays["conse"][[row_of[id_] for id_ in ids]].astype("<f4")
    assert (tmp_path / "val" / "conse" / "feature.bin").read_bytes() == rows.tobytes()
    assert (tmp_path / "val" / "conse" / "id.txt").read_text() == " ".join(ids)
    assert json.loads((tmp_path / "val" / "export.json").read_text())["features"][0]["ids"] == 132
