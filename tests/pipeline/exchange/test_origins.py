"""Features for a collection that is made of several: each file has the ids of its own collection."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from click.testing import CliRunner

import cli
from pipeline import yamls
from pipeline.graph import stages
from pipeline.graph.stages_file import StagesFile
from tests.pipeline.exchange.conftest import bigfile, captions_of, lists

Laff = Callable[..., str]
OWN = {"cA": ["v1", "v2", "v3"], "cB": ["w1", "w2"], "cC": ["x1", "x2"], "cD": ["y1", "y2", "y3"]}


def whole(folder: Path, videos: Mapping[str, Sequence[str]] = OWN) -> Path:
    """A collection: train of cA and cB, val of cC, test of cD."""
    for name, members in videos.items():
        lists(folder, name, members)
        texts = {"ids": f"VideoSets/{name}.txt", "captions": f"TextData/{name}.caption.txt"}
        split = {"cC": "val", "cD": "test"}.get(name, "train")
        (folder / f"{name}.yaml").write_text(f"name: {name}\n{split}: {yamls.inline(texts)}\n")
    (folder / "whole.yaml").write_text("name: whole\ntrain: [cA.yaml, cB.yaml]\nval: cC.yaml\ntest: cD.yaml\n")
    return folder / "whole.yaml"


def save(path: Path, ids: Sequence[str], width: int = 4) -> Path:
    path.parent.mkdir(exist_ok=True)
    np.savez(path, ids=np.array(ids), values=np.arange(len(ids) * width, dtype=np.float32).reshape(-1, width))
    return path


@pytest.fixture
def entries(tmp_path: Path) -> Callable[[], dict[str, Any]]:
    """`entries()`: the params of the imports that were written, after laff has read them as a graph."""

    def read() -> dict[str, Any]:
        file = tmp_path / "out" / "stages.yaml"
        stages.load(StagesFile(file))
        written = yamls.load(file)["stages"]
        return {name: entry["params"] for name, entry in written.items() if entry["step"] == "import"}

    return read


def test_a_file_of_each_collection(tmp_path: Path, laff: Laff, entries: Callable[[], dict[str, Any]]) -> None:
    """Names that differ in a word alone are one feature, in the order of the collections; then it runs."""
    files = [save(tmp_path / f"fa_{name[1]}.npz", ids) for name, ids in OWN.items()]
    texts = [save(tmp_path / f"text-{name}.npz", captions_of(ids), 3) for name, ids in OWN.items()]
    frames = [
        bigfile(tmp_path / f"{name}-f", [f"{id_}_{n}" for id_ in ids for n in (0, 1)]) for name, ids in OWN.items()
    ]
    mine = whole(tmp_path)
    told = laff(*reversed(files), *texts, *frames, "-c", mine)
    assert entries() == {
        "fa": {"side": "video", "file": [*map(str, files)], "of": [*OWN]},
        "text": {"side": "text", "file": [*map(str, texts)], "of": [*OWN]},
        "f": {"side": "video", "level": "frame", "file": [*map(str, frames)], "of": [*OWN]},
    }
    assert "'fa' has files of several collections, told by their ids: fa_A.npz of cA, fa_B.npz of cB, " in told
    assert "10 of 10" in told
    command = ["run", "fa", "text", "f", "-c", mine, "--stages", tmp_path / "out" / "stages.yaml", "-w", tmp_path / "w"]
    ran = CliRunner().invoke(cli.main, [*map(str, command)], prog_name="laff")
    assert ran.exit_code == 0, ran.output
    assert "no row" not in ran.output


def test_files_that_are_called_like_their_collections(
    tmp_path: Path, laff: Laff, entries: Callable[[], dict[str, Any]]
) -> None:
    for name, ids in OWN.items():
        save(tmp_path / "fb" / f"{name}.npz", ids)
    laff(tmp_path / "fb", "-c", whole(tmp_path))
    assert entries()["fb"]["of"] == [*OWN]


def test_collections_that_have_ids_alike(tmp_path: Path, laff: Laff, entries: Callable[[], dict[str, Any]]) -> None:
    """Names tell which one a file is of; where they don't, nothing is guessed."""
    mine = whole(tmp_path, OWN | {"cB": OWN["cA"]})
    files = [save(tmp_path / f"fa_{name}.npz", {**OWN, "cB": OWN["cA"]}[name]) for name in OWN]
    laff(*files, "-c", mine)
    assert entries()["fa"] == {"side": "video", "file": [*map(str, files)], "of": [*OWN]}
    other = files[1].rename(tmp_path / "fa_second.npz")
    told = laff(files[0], other, *files[2:], "-c", mine, "--out", tmp_path / "no", status=1)
    assert f"{other}: may be of 'cA' or of 'cB', which have ids alike, such as 'v1'; write the coll" in told
    assert "--skip fa_second" in told


def test_one_file_with_the_ids_of_the_whole(tmp_path: Path, laff: Laff, entries: Callable[[], dict[str, Any]]) -> None:
    prefixed = [f"{name}/{id_}" if name != "cD" else id_ for name, ids in OWN.items() for id_ in ids]
    laff(save(tmp_path / "fa.npz", prefixed), "-c", whole(tmp_path))
    assert "of" not in entries()["fa"]


def test_one_file_with_the_ids_of_each(tmp_path: Path, laff: Laff) -> None:
    """The rows of one collection alone would count: the largest; between two as large nothing is guessed."""
    path = save(tmp_path / "fa.npz", [id_ for ids in OWN.values() for id_ in ids])
    told = laff(path, "-c", whole(tmp_path), status=1)
    assert (
        f"{path}: has ids of 'cA' and of 'cD', such as 'v1'; give a file for each collection, say `prefix: ''`" in told
    )
    captions = save(tmp_path / "t.npz", captions_of(["v1", "v2", "v3", "w1", "w2"]))
    told = laff(captions, "-c", tmp_path / "whole.yaml", status=1)
    assert "such as 'cB/w1#0'; ids of some collections are there without their prefix: give a file for each" in told


def test_features_that_leave_a_split_without_rows(tmp_path: Path, laff: Laff) -> None:
    """Nothing can be trained without train or val; without test it can, and a note says so."""
    mine = whole(tmp_path)
    files = [save(tmp_path / f"fa_{name}.npz", ids) for name, ids in OWN.items()]
    told = laff(*files[2:], "-c", mine, status=1)
    assert "fa_cC.npz and others: no row of train, without which nothing can be trained on 'fa'" in told
    assert "--skip fa_cC --skip fa_cD" in told
    assert "no row of train and no row of val" in laff(files[3], "-c", mine, status=1)
    told = laff(*files[:3], "-c", mine)
    assert "'fa' has no row of 3 of the 10 videos, such as 'y1', and none of test; a run goes on without" in told
    (tmp_path / "out" / "stages.yaml").unlink()
    assert "note: 'fb' has no row of 1 of the 10 videos, such as 'cB/w2'; a run" in laff(
        *(save(tmp_path / "fb" / f"{name}.npz", ids[: 1 if name == "cB" else 3]) for name, ids in OWN.items()),
        "-c",
        mine,
    )
