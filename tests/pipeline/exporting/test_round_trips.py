"""What was exported is imported and exported again: equal files, byte for byte, in each format and level."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from pipeline.errors import LaffError
from pipeline.exporting.export import Wanted, export
from pipeline.request import Request
from pipeline.rows import shards
from pipeline.run import run

# Ids that formats have to encode, in the order of the collection, which is not that of the alphabet.
IDS = ["b", "été 1", "a#1", "100%", "sub/c", "x_7"]
CAPTIONS = [f"{id_}#{number}" for id_ in IDS for number in range(2)]
LENGTHS = [2, 1, 3, 1, 2, 4]
FILES = {
    "bigfile": "{}",
    "npy": "{}.npy",
    "npz": "{}.npz",
    "h5": "{}.h5",
    "parquet": "{}.parquet",
    "csv": "{}.csv",
}
Import = Callable[..., Request]


@pytest.fixture
def imported(tmp_path: Path) -> Import:
    """`imported(work, clip=…, frames=…, text=…)`: a workspace with these files imported, and what asks for it."""
    lines = [id_.replace("%", "%25").replace(" ", "%20") for id_ in IDS]
    (tmp_path / "ids.txt").write_text("".join(f"{line}\n" for line in lines), encoding="utf-8")
    captions = [f"{line.replace('#', '%23')}#{number} a cat\n" for line in lines for number in range(2)]
    (tmp_path / "captions.txt").write_text("".join(captions), encoding="utf-8")
    (tmp_path / "c.yaml").write_text("name: odd\ntest: {ids: ids.txt, captions: captions.txt}\n")

    def make(work: str, **files: Path | str) -> Request:
        kinds = {"clip": "side: video", "frames": "side: video, level: frame", "text": "side: text"}
        stages = [
            f"  {name}: {{step: import, from: ingest, params: {{file: '{file}', {kinds[name]}}}}}"
            for name, file in files.items()
        ]
        ingest = "  ingest: {step: ingest, params: {shard_videos: 4, shard_captions: 5}}"
        (tmp_path / f"{work}.yaml").write_text("\n".join(["stages:", ingest, *stages]))
        request = Request(tmp_path / "c.yaml", tmp_path / work, tmp_path / f"{work}.yaml")
        assert not run(request, ()).failures
        return request

    return make


@pytest.fixture
def first(imported: Import, tmp_path: Path) -> Request:
    """Rows of videos, of frames and of captions, as other code wrote them."""
    rng = np.random.default_rng(0)
    clip, frames, text = (rng.normal(size=(count, 5)).astype("<f4") for count in (6, sum(LENGTHS), 12))
    np.savez(tmp_path / "clip.npz", ids=np.array(IDS), values=clip)
    np.savez(tmp_path / "frames.npz", ids=np.array(IDS), starts=np.cumsum([0, *LENGTHS]), values=frames)
    np.savez(tmp_path / "text.npz", ids=np.array(CAPTIONS), values=text)
    return imported("first", clip="clip.npz", frames="frames.npz", text="text.npz")


def contents(folder: Path) -> dict[str, bytes]:
    """{file: its bytes}, without export.json, which also tells of the code and the imported files."""
    return {
        path.relative_to(folder).as_posix(): path.read_bytes()
        for path in sorted(folder.rglob("*"))
        if path.is_file() and path.name != "export.json"
    }


@pytest.mark.parametrize("form", FILES)
def test_each_format(first: Request, imported: Import, tmp_path: Path, form: str) -> None:
    if form == "parquet":
        pytest.importorskip("pyarrow")
    names = ["clip", "frames", "text"]
    export(first, Wanted(names, tmp_path / "A", form))
    again = imported("again", **{name: tmp_path / "A" / FILES[form].format(name) for name in names})
    export(again, Wanted(names, tmp_path / "B", form))
    files = contents(tmp_path / "A")
    assert contents(tmp_path / "B") == files
    assert len(files) == {"bigfile": 9, "npy": 7, "npz": 3, "h5": 3, "parquet": 3, "csv": 3 + 6 + 6 + 12}[form]
    for name in names:
        for number in range(2):
            one, two = (shards.read(tmp_path / work / name / f"0000{number}.h5") for work in ("first", "again"))
            assert one.ids == two.ids
            np.testing.assert_array_equal(one.values, two.values)


def bigfile(folder: Path, ids: list[str], values: np.ndarray) -> Path:
    """As the authors' code has it: names between single spaces, the shape, the rows."""
    folder.mkdir()
    (folder / "id.txt").write_text(" ".join(ids), encoding="utf-8")
    (folder / "shape.txt").write_text(f"{len(ids)} {values.shape[1]}")
    values.astype("<f4").tofile(folder / "feature.bin")
    return folder


ENCODED = ["b", "été%201", "a#1", "100%25", "sub/c", "x_7"]


def test_a_bigfile_in_the_collections_order_comes_back(imported: Import, tmp_path: Path) -> None:
    values = np.random.default_rng(1).normal(size=(6, 3))
    source = bigfile(tmp_path / "clip", ENCODED, values)
    export(imported("work", clip=source), Wanted(["clip"], tmp_path / "OUT", "bigfile"))
    assert contents(tmp_path / "OUT" / "clip") == contents(source)


def test_a_bigfile_in_another_order_comes_back_by_its_ids(imported: Import, tmp_path: Path) -> None:
    order = [4, 0, 5, 3, 1, 2]
    values = np.random.default_rng(1).normal(size=(6, 3))
    source = bigfile(tmp_path / "clip", [ENCODED[place] for place in order], values)
    request = imported("work", clip=source)
    for number, ids in enumerate((source / "id.txt", source)):
        export(request, Wanted(["clip"], tmp_path / f"OUT{number}", "bigfile", ids=ids))
        assert contents(tmp_path / f"OUT{number}" / "clip") == contents(source)
    export(request, Wanted(["clip"], tmp_path / "ours", "bigfile"))
    assert (tmp_path / "ours" / "clip" / "id.txt").read_text(encoding="utf-8") == " ".join(ENCODED)


def test_a_bigfile_of_frames_comes_back(imported: Import, tmp_path: Path) -> None:
    names = [f"{id_}_{number}" for id_, length in zip(ENCODED, LENGTHS, strict=True) for number in range(length)]
    source = bigfile(tmp_path / "frames", names, np.random.default_rng(1).normal(size=(len(names), 3)))
    export(imported("work", frames=source), Wanted(["frames"], tmp_path / "OUT", "bigfile"))
    assert contents(tmp_path / "OUT" / "frames") == contents(source)


def test_frames_that_a_bigfile_would_give_to_another_video_are_refused(tmp_path: Path) -> None:
    """`clip_frame_0` is read as frame 0 of `clip`."""
    (tmp_path / "c.yaml").write_text("name: odd\ntest: {ids: ids.txt}\n")
    (tmp_path / "ids.txt").write_text("clip_frame\nb\n")
    np.savez(tmp_path / "f.npz", ids=np.array(["clip_frame", "b"]), starts=[0, 1, 3], values=np.ones((3, 2)))
    params = "{file: f.npz, side: video, level: frame}"
    (tmp_path / "s.yaml").write_text(
        f"stages:\n  ingest: {{step: ingest}}\n  frames: {{step: import, from: ingest, params: {params}}}\n"
    )
    request = Request(tmp_path / "c.yaml", tmp_path / "work", tmp_path / "s.yaml")
    run(request, ())
    with pytest.raises(
        LaffError, match="which rows are frames of 'clip_frame', since clip_frame_0 reads as a frame of"
    ):
        export(request, Wanted(["frames"], tmp_path / "OUT", "bigfile"))
    assert not (tmp_path / "OUT").exists()
    export(request, Wanted(["frames"], tmp_path / "OUT", "npz"))


def test_a_bigfile_of_captions_comes_back(imported: Import, tmp_path: Path) -> None:
    names = [f"{id_.replace('#', '%23')}#{number}" for id_ in ENCODED for number in range(2)]
    source = bigfile(tmp_path / "text", names, np.random.default_rng(1).normal(size=(12, 3)))
    export(imported("work", text=source), Wanted(["text"], tmp_path / "OUT", "bigfile"))
    assert contents(tmp_path / "OUT" / "text") == contents(source)


def test_a_tree_comes_back(first: Request, imported: Import, tmp_path: Path) -> None:
    """Its lists and captions are those of the collection, encoded as id.txt is."""
    names = ["clip", "frames", "text"]
    export(first, Wanted(names, tmp_path / "A", "visualsearch"))
    root = tmp_path / "A" / "oddtest"
    places = {"clip": "FeatureData/clip", "frames": "FeatureData/frame/frames", "text": "TextData/text"}
    again = imported("again", **{name: root / place for name, place in places.items()})
    export(again, Wanted(names, tmp_path / "B", "visualsearch"))
    assert contents(tmp_path / "B") == contents(tmp_path / "A")
    assert (root / "VideoSets" / "oddtest.txt").read_text(encoding="utf-8").split("\n") == [*ENCODED, ""]
    captions = (root / "TextData" / "oddtest.caption.txt").read_text(encoding="utf-8")
    assert captions == (tmp_path / "captions.txt").read_text(encoding="utf-8")
    described = [line.split(" ")[0] for line in captions.splitlines()]
    assert (root / "TextData" / "text" / "id.txt").read_text(encoding="utf-8").split(" ") == described
    held = json.loads((tmp_path / "A" / "export.json").read_text(encoding="utf-8"))["files"]
    assert sorted(held) == sorted(contents(tmp_path / "A"))
