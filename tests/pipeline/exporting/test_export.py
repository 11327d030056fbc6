"""laff export: which rows are written, in which order and type, what is told of them, and what stands in its way."""

from __future__ import annotations

import json
import os
import tracemalloc
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from pipeline.errors import LaffError
from pipeline.exporting import table
from pipeline.exporting.chosen import choose
from pipeline.exporting.export import WRITERS, Wanted, export
from pipeline.graph import stages
from pipeline.progress import Bar
from pipeline.request import Request
from pipeline.rows import reading, shards
from pipeline.rows.items import Layout
from pipeline.run import run
from tests.pipeline.kept import LOST, SIZES, Small

VIDEOS = [f"{split}{number}" for split, count in SIZES.items() for number in range(count)]


def refused(small: Small, wanted: Wanted, *sets: str) -> str:
    with pytest.raises(LaffError) as error:
        export(small.request(*sets), wanted)
    return str(error.value)


def about(out: Path) -> dict[str, Any]:
    content: dict[str, Any] = json.loads((out / "export.json").read_text(encoding="utf-8"))
    return content


def files(folder: Path) -> dict[str, bytes]:
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def test_rows_of_all_splits_in_the_collections_order(small: Small, tmp_path: Path) -> None:
    """Over five shards; a video without a row is left out and listed with its reason."""
    out = tmp_path / "OUT"
    export(small.request(), Wanted(["one", "other"], out, "npz"))
    with np.load(out / "one.npz") as written, np.load(small.folder / "one.npz") as source:
        assert written["ids"].tolist() == VIDEOS
        np.testing.assert_array_equal(written["values"], source["values"])
    with np.load(out / "other.npz") as written:
        assert written["ids"].tolist() == [id_ for id_ in VIDEOS if id_ != LOST]
    one, other = about(out)["features"]
    assert (one["missing"], other["missing"]) == ([], [{"id": LOST, "reason": "no row in other.npz"}])
    assert (one["ids"], one["rows"], one["width"], one["dtype"], one["level"]) == (36, 36, 6, "float32", "video")
    assert one["about"]["source"] == "one.npz"
    assert one["about"]["fingerprint"] == shards.read(small.work / "one" / "00000.h5").attributes["fingerprint"]
    assert "content" not in one["about"]


def test_a_split(small: Small, tmp_path: Path) -> None:
    export(small.request(), Wanted(["one", "bow"], tmp_path / "OUT", "npy", split="val"))
    assert (tmp_path / "OUT" / "one.ids.txt").read_text().split() == ["val0", "val1", "val2", "val3"]
    assert (tmp_path / "OUT" / "bow.ids.txt").read_text().split() == ["val0#0", "val1#0", "val2#0", "val3#0"]


def test_ids_in_an_order_of_choice(small: Small, tmp_path: Path) -> None:
    order = ["test7", "train0", LOST, "val2", "train23"]
    (tmp_path / "ids.txt").write_text("\n".join(order))
    export(small.request(), Wanted(["other"], tmp_path / "OUT", "npy", ids=tmp_path / "ids.txt"))
    assert (tmp_path / "OUT" / "other.ids.txt").read_text().split() == [id_ for id_ in order if id_ != LOST]
    taken = reading.read_rows(small.folder / "other.npz", [id_ for id_ in order if id_ != LOST])
    np.testing.assert_array_equal(np.load(tmp_path / "OUT" / "other.npy"), taken.values)
    (tmp_path / "ids.txt").write_text("test7 gone\ntest7\n")
    said = refused(small, Wanted(["one"], tmp_path / "no", "npy", ids=tmp_path / "ids.txt"))
    assert "ids.txt:1: id 'gone' is not in the collection" in said
    assert "ids.txt:2: id 'test7' comes twice" in said
    said = refused(small, Wanted(["one", "bow"], tmp_path / "no", "npy", ids=tmp_path / "ids.txt"))
    assert "these features are of both: give --side too" in said
    assert not (tmp_path / "no").exists()


@pytest.mark.parametrize("form", WRITERS)
def test_equal_exports_are_equal_files_however_the_rows_are_read(
    small: Small, tmp_path: Path, form: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Twice, and two rows at a time; a Parquet file has a row group for each block."""
    if form == "parquet":
        pytest.importorskip("pyarrow")
    for name in ("A", "B", "C"):
        if name == "C":
            monkeypatch.setattr(table, "AT_ONCE", 80)
        export(small.request(), Wanted(["one", "other", "bow", "vectors"], tmp_path / name, form))
    assert files(tmp_path / "A") == files(tmp_path / "B")
    if form == "parquet":
        rows = [reading.read_rows(tmp_path / name / "one.parquet", VIDEOS).values for name in ("A", "C")]
        np.testing.assert_array_equal(rows[0], rows[1])
    else:
        assert files(tmp_path / "A") == files(tmp_path / "C")


def test_stored_vectors(small: Small, tmp_path: Path) -> None:
    export(small.request(), Wanted(["vectors"], tmp_path / "OUT", "h5"))
    reader = reading.Reader(tmp_path / "OUT" / "vectors-laff-seed1.h5", Layout())
    kept = [shards.read(path) for path in sorted((small.work / "vectors" / "laff" / "seed1").glob("*.h5"))]
    ids = [id_ for shard in kept for id_ in shard.ids]
    assert reader.ids == ids
    np.testing.assert_array_equal(reader.take(ids).values, np.concatenate([shard.values for shard in kept]))
    export(small.request(), Wanted(["vectors/laff/seed1"], tmp_path / "same", "h5"))
    assert files(tmp_path / "same") == files(tmp_path / "OUT")
    assert "'vectors' keeps no vectors 'laff/seed2'; it keeps vectors/laff/seed1" in refused(
        small, Wanted(["vectors/laff/seed2"], tmp_path / "no", "h5")
    )
    assert "captions have none" in refused(small, Wanted(["vectors"], tmp_path / "no", "h5", side="text"))


def test_sparse_rows_stay_sparse_in_npz_and_are_dense_elsewhere(small: Small, tmp_path: Path) -> None:
    from scipy.sparse import csr_matrix

    export(small.request(), Wanted(["bow"], tmp_path / "A", "npz"))
    export(small.request(), Wanted(["bow"], tmp_path / "B", "bigfile"))
    kept = [shards.read(path) for path in sorted((small.work / "bow").glob("*.h5"))]
    dense = np.concatenate([shard.values.toarray() for shard in kept])
    with np.load(tmp_path / "A" / "bow.npz") as parts:
        whole = csr_matrix((parts["data"], parts["indices"], parts["indptr"]), shape=parts["shape"])
        assert parts["ids"].tolist() == [id_ for shard in kept for id_ in shard.ids]
    np.testing.assert_array_equal(whole.toarray(), dense)
    np.testing.assert_array_equal(
        np.fromfile(tmp_path / "B" / "bow" / "feature.bin", "<f4").reshape(dense.shape), dense
    )
    assert about(tmp_path / "A")["features"][0]["sparse"]


@pytest.mark.parametrize("form", WRITERS)
def test_the_progress_ends_at_the_number_of_items(
    small: Small, tmp_path: Path, form: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Also where rows are read twice, as sparse ones are, and where a video has none; two rows at a time."""
    if form == "parquet":
        pytest.importorskip("pyarrow")
    monkeypatch.setattr(table, "AT_ONCE", 80)
    steps: list[int] = []
    tick = Bar.advance

    def advance(bar: Bar, count: int = 1, note: str = "") -> None:
        steps.append(count)
        tick(bar, count, note)

    monkeypatch.setattr(Bar, "advance", advance)
    for name, total in (("bow", 36), ("other", 36)):
        export(small.request(), Wanted([name], tmp_path / name, form))
        assert sum(steps) == total
        assert min(steps) >= 0
        assert f"{name}: {total}/{total} rows in " in capsys.readouterr().err
        steps.clear()


def test_float16_stays_but_in_a_bigfile(small: Small, tmp_path: Path) -> None:
    """Which knows float32 alone; a float16 is a float32 exactly."""
    copy = small.copy(tmp_path / "copy")
    for path in sorted((copy.work / "one").glob("*.h5")):
        shard = shards.read(path)
        shards.write(path, shard.ids, shard.values.astype(np.float16), shard.attributes)
    for form in ("npz", "bigfile", "h5", "npy"):
        export(copy.request(), Wanted(["one"], tmp_path / form, form))
    with np.load(tmp_path / "npz" / "one.npz") as written:
        values = written["values"]
    assert values.dtype == np.float16
    assert np.load(tmp_path / "npy" / "one.npy").dtype == np.float16
    rows = np.fromfile(tmp_path / "bigfile" / "one" / "feature.bin", "<f4").reshape(values.shape)
    np.testing.assert_array_equal(rows, values.astype(np.float32))
    taken = reading.read_rows(tmp_path / "h5" / "one.h5", VIDEOS)
    np.testing.assert_array_equal(taken.values, rows)
    types = [about(tmp_path / form)["features"][0]["dtype"] for form in ("npz", "bigfile")]
    assert types == ["float16", "float32"]


def test_what_is_not_up_to_date_is_refused(small: Small, tmp_path: Path) -> None:
    copy = small.copy(tmp_path / "copy")
    wanted = Wanted(["one"], tmp_path / "OUT", "npz")
    np.savez(copy.folder / "one.npz", ids=np.array(VIDEOS), values=np.ones((len(VIDEOS), 6), "<f4"))
    said = refused(copy, wanted)
    assert "one in " in said
    assert "is not up to date" in said
    assert f"`laff one -w {copy.work}` makes it" in said
    (copy.work / "other" / "00001.h5").unlink()
    assert "other in " in refused(copy, replace(wanted, names=["other"]))
    assert not (tmp_path / "OUT").exists()


def test_names_that_mean_nothing_are_told_all_at_once(small: Small, tmp_path: Path) -> None:
    said = refused(small, Wanted(["oner", "train", "one/x", "evaluate"], tmp_path / "OUT", "npz"))
    assert "no feature 'oner'; did you mean 'one'? (here: one, other, bow, vectors/laff/seed1)" in said
    assert "'train' has no rows of features; those that do: one, other, bow" in said
    assert "no feature 'one/x'" in said
    assert "4 problems" in said
    assert "'one' is a feature of video, so it has no side text" in refused(
        small, Wanted(["one"], tmp_path / "OUT", "npz", side="text")
    )


def test_a_feature_of_both_sides_is_two(tmp_path: Path) -> None:
    (tmp_path / "stages.yaml").write_text(
        "stages:\n  ingest: {step: ingest}\n  decode: {step: decode, from: ingest}\n"
        "  clip: {step: extract, uses: extractors.clip.Clip, from: decode, params: {weights: random}}\n"
        "  clip-text: {step: extract, uses: extractors.bow.Bow, from: ingest}\n"
    )
    graph = stages.load(tmp_path / "stages.yaml", None, ())
    both = choose(graph, ["clip"])
    assert [(one.name, one.side, one.key(3)) for one in both] == [
        ("clip-video", "video", "video/00003.h5"),
        ("clip-text", "text", "text/00003.h5"),
    ]
    assert [one.name for one in choose(graph, ["clip"], "text")] == ["clip-text"]
    with pytest.raises(LaffError, match="two of them would be called 'clip-text'"):
        choose(graph, ["clip", "clip-text"])


def test_places_that_cannot_be(small: Small, tmp_path: Path) -> None:
    """Nothing in them is changed."""
    (tmp_path / "file").write_text("x")
    (tmp_path / "link").symlink_to(tmp_path)
    (tmp_path / "full").mkdir()
    (tmp_path / "full" / "mine.txt").write_text("x")
    for place, words in (
        (tmp_path / "file", "is a file"),
        (tmp_path / "link", "is a link"),
        (tmp_path / "full", "is not empty, and no export; give another folder, nothing in it was changed"),
        (small.work / "out", "lies in the workspace"),
    ):
        assert words in refused(small, Wanted(["one"], place, "npz", again=True))
    assert files(tmp_path) == {"file": b"x", "full/mine.txt": b"x"}


def test_an_export_is_replaced_when_asked(small: Small, tmp_path: Path) -> None:
    out = tmp_path / "OUT"
    out.mkdir()
    export(small.request(), Wanted(["one"], out, "csv"))
    assert "OUT is an export already; --yes replaces it" in refused(small, Wanted(["other"], out, "npz"))
    (out / "one" / "notes.txt").write_text("mine")
    said = refused(small, Wanted(["other"], out, "npz", again=True))
    assert "also holds one/notes.txt, which does not belong to it" in said
    (out / "one" / "notes.txt").unlink()
    export(small.request(), Wanted(["other"], out, "npz", again=True))
    assert files(out).keys() == {"other.npz", "export.json"}
    assert [path.name for path in tmp_path.iterdir()] == ["OUT"]


def test_a_damaged_shard_ends_it_and_leaves_nothing(small: Small, tmp_path: Path) -> None:
    copy = small.copy(tmp_path / "copy")
    path = copy.work / "one" / "00002.h5"
    content = bytearray(path.read_bytes())
    values = shards.read(path).values
    content[content.index(values.tobytes()) + 5] ^= 1
    status = path.stat()
    path.write_bytes(content)
    os.utime(path, ns=(status.st_atime_ns, status.st_mtime_ns))  # as a disk that loses bits
    said = refused(copy, Wanted(["other", "one"], tmp_path / "OUT", "npz"))
    assert f"{path}: its checksum is wrong" in said
    assert [entry.name for entry in tmp_path.iterdir()] == ["copy"]


@pytest.mark.parametrize("form", WRITERS)
def test_memory_does_not_grow_with_the_rows(
    small: Small, tmp_path: Path, form: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """24 MB of rows in one shard, a megabyte of them at once."""
    if form == "parquet":
        pytest.importorskip("pyarrow")
    monkeypatch.setattr(table, "AT_ONCE", 1 << 20)
    copy = small.copy(tmp_path / "copy")
    for path in sorted((copy.work / "one").glob("*.h5")):
        shard = shards.read(path)
        values = np.ones((len(shard.ids), 170_000), np.float32)
        shards.write(path, shard.ids, values, shard.attributes)
    export(copy.request(), Wanted(["other"], tmp_path / "warm", form))
    tracemalloc.start()
    export(copy.request(), Wanted(["one"], tmp_path / "OUT", form))
    most = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert sum(map(len, files(tmp_path / "OUT").values())) > 24_000_000
    assert most < 12_000_000  # half of them; what else a request reads takes a few megabytes


def test_without_pyarrow_nothing_is_begun(small: Small, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    import sys

    for name in ("pyarrow", "pyarrow.parquet"):
        monkeypatch.setitem(sys.modules, name, None)
    assert "--format parquet needs the package pyarrow" in refused(small, Wanted(["one"], tmp_path / "OUT", "parquet"))
    assert not (tmp_path / "OUT").exists()


def test_real_shards_of_both_sides(ran: Any, tmp_path: Path) -> None:
    """CLIP of videos and captions; a CSV names the files of the videos."""
    export(ran.request(), Wanted(["clip-ft"], tmp_path / "OUT", "csv", split="test"))
    assert {path.name for path in (tmp_path / "OUT").iterdir()} == {
        *("clip-ft-video", "clip-ft-video.csv", "clip-ft-text", "clip-ft-text.csv", "export.json")
    }
    lines = (tmp_path / "OUT" / "clip-ft-video.csv").read_text().splitlines()
    assert lines[0] == "video_path,feature_path,id"
    assert len(lines) == 7
    assert all(Path(line.split(",")[0]).is_file() for line in lines[1:])
    for side in ("video", "text"):
        kept = [shards.read(path) for path in sorted((ran.work / "clip-ft" / side).glob("*.h5"))]
        row_of = {id_: shard.values[row] for shard in kept for row, id_ in enumerate(shard.ids)}
        reader = reading.Reader(tmp_path / "OUT" / f"clip-ft-{side}.csv", Layout())
        np.testing.assert_array_equal(reader.take(reader.ids).values, [row_of[id_] for id_ in reader.ids])
    (video, _) = about(tmp_path / "OUT")["features"]
    attributes = shards.read(ran.work / "clip-ft" / "video" / "00000.h5").attributes
    assert video["about"]["sampling"] == json.loads(attributes["sampling"])


def test_a_split_without_captions_has_no_features_of_captions(tmp_path: Path) -> None:
    for split in ("train", "test"):
        (tmp_path / f"{split}.txt").write_text(f"{split}0\n")
    (tmp_path / "captions.txt").write_text("train0#0 a cat\n")
    (tmp_path / "c.yaml").write_text(
        "name: a b\ntrain: {ids: train.txt, captions: captions.txt}\ntest: {ids: test.txt}\n"
    )
    (tmp_path / "s.yaml").write_text(
        "stages:\n  ingest: {step: ingest}\n"
        "  bow: {step: extract, uses: extractors.bow.Bow, from: ingest, params: {threshold: 1}}\n"
    )
    request = Request(tmp_path / "c.yaml", tmp_path / "work", tmp_path / "s.yaml")
    run(request, ())
    export(request, Wanted(["bow"], tmp_path / "OUT", "visualsearch"))
    assert {path for path in files(tmp_path / "OUT") if path.endswith("txt")} == {
        "a_btrain/VideoSets/a_btrain.txt",
        "a_btrain/TextData/a_btrain.caption.txt",
        "a_btrain/TextData/bow/id.txt",
        "a_btrain/TextData/bow/shape.txt",
        "a_btest/VideoSets/a_btest.txt",
    }
    with pytest.raises(LaffError, match="a b has no videos in val, so there is no tree of it"):
        export(request, Wanted(["bow"], tmp_path / "no", "visualsearch", split="val"))
    with pytest.raises(LaffError, match="bow: the collection has no captions there, so there is no row"):
        export(request, Wanted(["bow"], tmp_path / "no", "npz", split="test"))
    assert not (tmp_path / "no").exists()


def test_a_tree_has_a_collection_for_each_split(small: Small, tmp_path: Path) -> None:
    export(small.request(), Wanted(["one", "bow"], tmp_path / "OUT", "visualsearch"))
    for split, count in SIZES.items():
        root = tmp_path / "OUT" / f"small{split}"
        assert (root / "FeatureData" / "one" / "shape.txt").read_text() == f"{count} 6"
        assert (root / "VideoSets" / f"small{split}.txt").read_text().split() == [
            f"{split}{number}" for number in range(count)
        ]
        written = (root / "TextData" / f"small{split}.caption.txt").read_text()
        assert written == (small.folder / f"{split}.txt").read_text()
        assert (root / "TextData" / "bow" / "id.txt").read_text().split() == [
            line.split(" ")[0] for line in written.splitlines()
        ]
    export(small.request(), Wanted(["one"], tmp_path / "val", "visualsearch", split="val"))
    assert {path.name for path in (tmp_path / "val").iterdir()} == {"smallval", "export.json"}
