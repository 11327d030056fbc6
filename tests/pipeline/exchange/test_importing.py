"""Trees of each layout become a collection and stages that load; broken trees get one message a mistake."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from click.testing import CliRunner

import cli
from pipeline import yamls
from pipeline.errors import LaffError
from pipeline.graph import stages
from pipeline.graph.stages_file import StagesFile
from pipeline.items import collection
from pipeline.rows.reading import read_rows
from tests.pipeline.exchange.conftest import VIDEOS, bigfile, captions_of, lists

Laff = Callable[..., str]


@pytest.fixture
def entries(tmp_path: Path) -> Callable[[], dict[str, Any]]:
    """`entries()`: the stages that were written, after laff has read them as a graph."""

    def read() -> dict[str, Any]:
        file = tmp_path / "out" / "stages.yaml"
        stages.load(StagesFile(file))
        written: dict[str, Any] = yamls.load(file)["stages"]
        return written

    return read


def test_a_collection_a_split(tree: Path, tmp_path: Path, laff: Laff, entries: Callable[[], dict[str, Any]]) -> None:
    told = laff(tree)
    described = collection.load(tmp_path / "out" / "collection.yaml")
    assert (described.name, described.ids) == ("VisualSearch", VIDEOS)
    assert described.captions["test"].ids == captions_of(VIDEOS["test"])
    written = entries()
    places = [str(tree / f"kf{split}" / "FeatureData" / "clip") for split in VIDEOS]
    assert written["clip"] == {"step": "import", "from": "ingest", "params": {"side": "video", "file": places}}
    assert written["clip-text"]["params"]["side"] == "text"
    assert written["w2v"]["params"] == {"vectors": str(tree / "word2vec" / "glove")}
    assert written["gru"]["params"] == {"vector_dim": 5}
    assert written["train"]["from"] == ["clip", "x3d", "clip-text", "bow", "w2v", "gru"]
    assert written["train"]["params"]["raw"] == ["clip", "clip-text"]
    assert written["rank"]["params"] == {"pairs": {"clip": ["clip", "clip-text"]}}
    assert "train (kftrain): 3 videos, 6 captions" in told
    assert "clip and clip-text (guessed from their names" in told
    where = tmp_path / "out"
    assert f"next: laff run -c {where}/collection.yaml --stages {where}/stages.yaml -w WORK" in told
    assert laff(tree) == told.replace("wrote ", "up to date already: ")  # the same again is no mistake


def test_one_collection_with_lists(
    one_collection: Path, tmp_path: Path, laff: Laff, entries: Callable[[], dict[str, Any]]
) -> None:
    """Caption ids are such as video0#enc#1, also those of the text features."""
    told = laff(one_collection)
    described = collection.load(tmp_path / "out" / "collection.yaml")
    assert described.ids == VIDEOS
    assert described.captions["val"].ids == ["video3#enc#0", "video3#enc#1"]
    assert described.captions["val"].videos == ["video3", "video3"]
    written = entries()
    assert written["x3d"]["params"]["file"] == str(one_collection / "kf" / "FeatureData" / "x3d")
    assert written["train"]["from"] == ["x3d", "bert", "bow", "w2v", "gru"]
    assert "params" not in written["w2v"]
    assert "say --pair VIDEO=TEXT" in told


def test_splits_that_names_do_not_tell(tmp_path: Path, laff: Laff) -> None:
    root = tmp_path / "tree"
    for name, videos in (("tgif", ["a", "b"]), ("tv2016train", ["c"]), ("iacc.3", ["d"])):
        lists(root / name, name, videos)
        bigfile(root / name / "FeatureData" / "x3d", videos)
    topics = root / "iacc.3" / "TextData" / "tv16.avs.txt"
    topics.write_text("501 a person playing guitar outdoors\n")
    told = laff(root, "--split", "train=tgif", "--split", "val=tv2016train", "--split", "test=iacc.3")
    assert collection.load(tmp_path / "out" / "collection.yaml").ids == {
        "train": ["a", "b"],
        "val": ["c"],
        "test": ["d"],
    }
    assert "test (iacc.3): 1 videos, 2 captions" in told
    assert f"note: topics {topics}: to rank videos for them, name the file as `queries:`" in told
    assert "--split train=tgiv: no such list; did you mean 'tgif'?" in laff(root, "--split", "train=tgiv", status=1)
    lists(root / "tv2016train", "othertrain", ["c"])
    assert "several lists could be train: othertrain, tv2016train; say which" in laff(root, status=1)


def test_several_lists_as_one_split(tmp_path: Path, laff: Laff, entries: Callable[[], dict[str, Any]]) -> None:
    """As for AVS: two training sets, a third to choose by."""
    root = tmp_path / "tree"
    for name, videos in (("tgif", ["a", "b"]), ("msrvtt10k", ["c"]), ("tv2016", ["d"])):
        lists(root / name, name, videos)
        bigfile(root / name / "FeatureData" / "x3d", videos)
        bigfile(root / name / "TextData" / "bert", captions_of(videos))
    told = laff(root, *(f"--split={pair}" for pair in ("train=tgif", "train=msrvtt10k", "val=tv2016")))
    described = collection.load(tmp_path / "out" / "collection.yaml")
    assert described.ids == {"train": ["a", "b", "c"], "val": ["d"], "test": []}
    assert described.captions["train"].ids == captions_of(["a", "b", "c"])
    assert "train (tgif, msrvtt10k): 3 videos, 6 captions" in told
    assert entries()["bert"]["params"]["file"][0] == str(root / "tgif" / "TextData" / "bert")
    mine = tmp_path / "out" / "collection.yaml"
    mine.write_text(mine.read_text().replace(", prefix: ''", ""))
    assert sorted(path.name for path in mine.parent.glob("*.yaml")) == [
        "collection.yaml",
        "msrvtt10k.yaml",
        "stages.yaml",
        "tgif.yaml",
    ]
    (tmp_path / "out" / "stages.yaml").unlink()
    told = laff(root, "-c", mine)
    assert entries()["x3d"]["params"]["of"] == entries()["bert"]["params"]["of"] == ["tgif", "msrvtt10k", "tree"]
    assert "'bert' has files of several collections, told by their ids: bert of tgif, bert of msrvtt10k, " in told


def test_val_may_be_test(tree: Path, tmp_path: Path, laff: Laff) -> None:
    told = laff(tree, "--split", "val=test")
    assert collection.load(tmp_path / "out" / "collection.yaml").val_is_test
    assert "val: the videos of test" in told
    assert "list 'kfval' is not used" in told


def test_a_pair_that_is_told(tree: Path, laff: Laff, entries: Callable[[], dict[str, Any]]) -> None:
    for split, videos in VIDEOS.items():
        bigfile(tree / f"kf{split}" / "TextFeatureData" / "words", captions_of(videos), 3)
    told = laff(tree, "--pair", "x3d=words")
    assert entries()["train"]["params"]["raw"] == ["x3d", "words"]
    assert "x3d and words (as told)" in told
    wrong = laff(tree, "--pair", "clip=words", "--pair", "x3=words", status=1)
    assert "--pair clip=words: their rows have 4 and 3 numbers, so they are not of one space" in wrong
    assert "--pair x3=words: 'x3' is no video feature; did you mean 'x3d'?" in wrong


def test_an_npz_for_a_collection_of_the_users(
    tree: Path, tmp_path: Path, laff: Laff, entries: Callable[[], dict[str, Any]]
) -> None:
    """Files whose names differ by a word of a split are one feature; arrays of one file are one each."""
    laff(tree)
    mine = (tmp_path / "out" / "collection.yaml").rename(tmp_path / "mine.yaml")
    (tmp_path / "out" / "stages.yaml").unlink()
    for split, videos in VIDEOS.items():
        np.savez(tmp_path / f"pe_{split}.npz", ids=np.array(videos), values=np.ones((len(videos), 2), np.float16))
    everything = [video for videos in VIDEOS.values() for video in videos]
    np.savez(tmp_path / "two.npz", names=np.array(everything), a=np.ones((6, 2)), b=np.ones((6, 3)))
    np.savez(tmp_path / "minilm.npz", ids=np.array(captions_of(everything)), values=np.ones((12, 7)))
    told = laff(*(tmp_path / f"{name}.npz" for name in ("pe_train", "pe_val", "pe_test", "two", "minilm")), "-c", mine)
    written = entries()
    assert not (tmp_path / "out" / "collection.yaml").exists()
    assert written["pe"]["params"]["file"] == [str(tmp_path / f"pe_{split}.npz") for split in VIDEOS]
    assert written["b"]["params"] == {
        "side": "video",
        "array": "b",
        "ids": "names",
        "file": str(tmp_path / "two.npz"),
    }
    assert written["minilm"]["params"]["side"] == "text"
    assert f"-c {mine} " in told
    (tmp_path / "out" / "stages.yaml").unlink()
    files = [tmp_path / f"pe_{split}.npz" for split in VIDEOS]
    laff(*files, tmp_path / "two.npz", "-c", mine, "--skip", "pe")  # by the name of all
    assert "pe" not in entries()


def test_files_of_every_format(tree: Path, tmp_path: Path, laff: Laff, entries: Callable[[], dict[str, Any]]) -> None:
    """Told by their bytes: no name has a usual ending; a folder of such files is all of them."""
    import h5py

    everything = [video for videos in VIDEOS.values() for video in videos]
    folder = tmp_path / "files"
    (folder / "each").mkdir(parents=True)
    np.save(folder / "plain.npy", np.ones((6, 2)))
    (folder / "plain.ids.txt").write_text("\n".join(everything))
    with h5py.File(folder / "h.h5", "w") as file:
        file["ids"], file["values"] = everything, np.ones((6, 3))
    with h5py.File(folder / "by_id.h5", "w") as file:
        for video in everything:
            file[video] = np.ones(4)
    np.savez(folder / "frames.npz", ids=np.array(everything), starts=np.arange(7) * 2, values=np.ones((12, 6)))
    lines = ["video_path,feature_path"]
    for video in everything:
        np.save(folder / "each" / f"{video}.npy", np.ones(7))
        lines.append(f"videos/{video}.mp4,each/{video}.npy")
    (folder / "list.csv").write_text("\n".join(lines))
    (folder / "other.csv").write_text("a,b\n1,2\n")
    told = laff(tree, folder)
    written = {name: entry["params"] for name, entry in entries().items() if entry["step"] == "import"}
    files = {"plain": "plain.npy", "h": "h.h5", "by_id": "by_id.h5", "list": "list.csv"}
    for name, file_name in files.items():
        assert written[name] == {"side": "video", "file": str(folder / file_name)}
    assert written["frames"] == {"side": "video", "level": "frame", "file": str(folder / "frames.npz")}
    widths = [
        line.split()[-5] for line in told.splitlines() if line.split()[:1] in [[name] for name in [*files, "frames"]]
    ]
    assert sorted(widths) == ["2", "3", "4", "6", "7"]
    (folder / "h.h5").rename(tmp_path / "h.bin")
    assert "h.bin: HDF5" in laff(tmp_path / "h.bin", "--out", tmp_path / "again")


def test_parquet(tree: Path, tmp_path: Path, laff: Laff, entries: Callable[[], dict[str, Any]]) -> None:
    pa, pq = pytest.importorskip("pyarrow"), pytest.importorskip("pyarrow.parquet")
    everything = [video for videos in VIDEOS.values() for video in videos]
    pq.write_table(pa.table({"ids": everything, "values": [[1.0] * 5] * 6}), tmp_path / "p.parquet")
    laff(tree, tmp_path / "p.parquet")
    assert entries()["p"]["params"] == {"side": "video", "file": str(tmp_path / "p.parquet")}


def test_other_files_in_a_tree(tree: Path, tmp_path: Path, laff: Laff, entries: Callable[[], dict[str, Any]]) -> None:
    for split, videos in VIDEOS.items():
        folder = tree / f"kf{split}" / "FeatureData" / "v2.5"
        folder.mkdir()
        np.savez(folder / "tf.b.npz", ids=np.array(videos), values=np.ones((len(videos), 2)))
        np.savez(
            folder.parent / "two.npz", ids=np.array(videos), a=np.ones((len(videos), 2)), b=np.ones((len(videos), 3))
        )
    laff(tree)
    places = [str(tree / f"kf{split}" / "FeatureData" / "v2.5" / "tf.b.npz") for split in VIDEOS]
    assert entries()["tf-b"]["params"]["file"] == places
    assert entries()["b"]["params"]["array"] == "b"
    shutil.rmtree(tmp_path / "out")
    laff(tree, "--skip", "two/b", "--skip", "clip")
    assert {"a", "x3d"} < entries().keys()
    assert not {"b", "clip", "clip-text"} & entries().keys()


def test_captions_of_several_lists_in_one_file(one_collection: Path, tmp_path: Path, laff: Laff) -> None:
    folder = one_collection / "kf" / "TextData"
    text = "".join(path.read_text() for path in sorted(folder.glob("*.caption.txt")))
    for path in folder.glob("*.caption.txt"):
        path.unlink()
    (folder / "kf.caption.txt").write_text(text)
    laff(one_collection)
    described = collection.load(tmp_path / "out" / "collection.yaml")
    assert described.ids == VIDEOS
    assert {split: len(captions) for split, captions in described.captions.items()} == {"train": 6, "val": 2, "test": 4}


def test_frames_of_bigfiles(tree: Path, laff: Laff, entries: Callable[[], dict[str, Any]]) -> None:
    for split, videos in VIDEOS.items():
        names = [f"{video}_{number}" for number in range(3) for video in videos]
        bigfile(tree / f"kf{split}" / "FeatureData" / "frame" / "clip", names)
    told = laff(tree)
    assert entries()["clip-frames"]["params"]["level"] == "frame"
    assert "clip-frames" not in entries()["train"]["from"]
    assert "features of frames are read by models that name them alone, not by default: clip-frames" in told
    place = bigfile(tree / "kfval" / "FeatureData" / "frame" / "clip", ["video3_1", "video3_01", "video3"])
    wrong = laff(tree, status=1)
    assert f"{place}: id 'video3' is no frame; a row of a frame is called VIDEO_NUMBER" in wrong
    assert (
        f"{place}: frame 1 of 'video3' comes twice, so its row is not clear, or leave it out: --skip frame/clip"
        in wrong
    )


def test_without_a_collection(tmp_path: Path, laff: Laff, entries: Callable[[], dict[str, Any]]) -> None:
    np.savez(tmp_path / "f.npz", ids=np.array(["a", "b"]), values=np.ones((2, 3)))
    np.savez(tmp_path / "t.npz", ids=np.array(["a#0", "b#0"]), values=np.ones((2, 3)))
    told = laff(tmp_path / "f.npz", tmp_path / "t.npz")
    assert {name: entry["params"]["side"] for name, entry in entries().items() if entry["step"] == "import"} == {
        "f": "video",
        "t": "text",
    }
    assert "laff run -c COLLECTION.yaml" in told


def test_names_that_no_stage_may_have(tree: Path, laff: Laff, entries: Callable[[], dict[str, Any]]) -> None:
    for split, videos in VIDEOS.items():
        for name in ("bow", "import", "mean_pyresnext-101_rbps13k,flatten0_output,os"):
            bigfile(tree / f"kf{split}" / "FeatureData" / name, videos)
    laff(tree)
    assert {"bow-video", "import-video", "mean_pyresnext-101_rbps13k-flatten0_output-os"} < entries().keys()


def test_the_feature_of_one_folder_that_all_splits_link_to(tree: Path, laff: Laff) -> None:
    everything = [video for videos in VIDEOS.values() for video in videos]
    whole = bigfile(tree / "features" / "tf", everything)
    for split in VIDEOS:
        (tree / f"kf{split}" / "FeatureData" / "tf").symlink_to(whole)
    told = laff(tree)
    assert f"{tree}/kfval/FeatureData/tf is not used: other files of 'tf' have its rows" in told


@pytest.mark.parametrize(
    ("broken", "message"),
    [
        ("no shape", "{place}: has no shape.txt; if feature.bin and id.txt are whole, write into it: 1 3"),
        ("no ids", "{place}: has no id.txt; copy the folder again"),
        ("no whole rows", "{place}: has no shape.txt; and feature.bin of 13 bytes has no whole float32 rows for 1 ids"),
        ("cut off", "{place}: feature.bin has 8 bytes; 1 rows of 3 float32 are 12"),
        ("ids twice", "{place}: id 'video3' comes twice"),
        ("another width", "/FeatureData/x3d has rows of 3 numbers, {place} of 9: these are two different features"),
        ("rows twice", "{place} and {train} both have a row of 'video0' (1 such ids)"),
    ],
)
def test_broken_bigfiles(tree: Path, tmp_path: Path, laff: Laff, broken: str, message: str) -> None:
    """Each with its path and what to do; nothing is written; --skip leaves the feature out."""
    place, train = (tree / f"kf{split}" / "FeatureData" / "x3d" for split in ("val", "train"))
    match broken:
        case "no shape":
            (place / "shape.txt").unlink()
        case "no ids":
            (place / "id.txt").unlink()
        case "no whole rows":
            (place / "shape.txt").unlink()
            (place / "feature.bin").write_bytes(b"0123456789abc")
        case "cut off":
            (place / "feature.bin").write_bytes(bytes(8))
        case "ids twice":
            bigfile(place, ["video3", "video3"], 3)
        case "another width":
            bigfile(place, ["video3"], 9)
        case "rows twice":
            bigfile(place, ["video3", "video0"], 3)
    told = laff(tree, status=1)
    assert message.format(place=place, train=train) in told
    assert "nothing is written: 1 problem" in told
    assert told.rstrip().endswith("--skip x3d")
    assert not (tmp_path / "out").exists()
    assert "clip" in laff(tree, "--skip", "x3d")


def test_features_of_another_data_set(tree: Path, laff: Laff) -> None:
    for split in VIDEOS:
        bigfile(tree / f"kf{split}" / "FeatureData" / "x3d", [f"{split}.mp4"], 3)
        bigfile(tree / f"kf{split}" / "TextData" / "bert", ["a#0"], 3)
    bigfile(tree / "kfval" / "TextData" / "clip", ["video3#0"])
    told = laff(tree, status=1)
    assert "a row for none of the 6 videos, such as 'video0'; its own ids are such as 'train.mp4'" in told
    assert "a row for none of the 12 captions, such as 'video0#0'; its own ids are such as 'a#0'" in told
    assert "no row of 1 of the 12 captions, such as 'video3#1'; captions cannot be left out" in told


def test_features_of_collections_that_are_no_split(
    tree: Path, laff: Laff, entries: Callable[[], dict[str, Any]]
) -> None:
    """They may have rows of the splits' videos; what has none is not used."""
    everything = [video for videos in VIDEOS.values() for video in videos]
    bigfile(tree / "kf" / "FeatureData" / "tf", everything)
    bigfile(tree / "kf" / "FeatureData" / "x3d", ["other"], 3)
    bigfile(tree / "iacc.3" / "FeatureData" / "csn", ["shot1_1"])
    told = laff(tree)
    assert entries()["tf"]["params"]["file"] == str(tree / "kf" / "FeatureData" / "tf")
    assert f"note: {tree}/kf/FeatureData/x3d is not used: it has a row of none of the videos" in told
    assert "note: 'csn' is not used: it lies in collections that are no split" in told
    assert "csn" not in entries()


def test_captions_without_videos(tree: Path, tmp_path: Path, laff: Laff) -> None:
    (tree / "kfval" / "VideoSets" / "kfval.txt").write_text("other\n")
    told = laff(tree, status=1)
    file = tree / "kfval" / "TextData" / "kfval.caption.txt"
    assert f"{file}:1: caption 'video3#0' has no video: 'video3' is in no split; mend the file" in told
    assert not (tmp_path / "out").exists()


def test_what_is_nothing(tree: Path, tmp_path: Path, laff: Laff) -> None:
    (tmp_path / "notes.txt").write_text("hello")
    assert "no such file or folder" in laff(tmp_path / "gone", status=1)
    assert "notes.txt: it is text" in laff(tmp_path / "notes.txt", status=1)
    (tmp_path / "empty").mkdir()
    assert "holds nothing that laff can import; it should be a VisualSearch tree" in laff(tmp_path / "empty", status=1)
    assert "--skip x3: no such feature; did you mean 'x3d'?" in laff(tree, "--skip", "x3", status=1)
    assert "should be VIDEO=TEXT" in laff(tree, "--pair", "clip", status=2)


def test_sparse_rows(tree: Path, tmp_path: Path, laff: Laff) -> None:
    """As laff exports them, as SciPy saves them, and as our own shards have them: told, with what to do."""
    import h5py
    from scipy import sparse

    rows = sparse.csr_matrix(np.eye(6, dtype=np.float32))
    parts = {"data": rows.data, "indices": rows.indices, "indptr": rows.indptr}
    everything = [video for videos in VIDEOS.values() for video in videos]
    np.savez(tmp_path / "ours.npz", ids=np.array(everything), shape=np.array(rows.shape), **parts)
    sparse.save_npz(tmp_path / "scipys.npz", rows)
    with h5py.File(tmp_path / "shard.h5", "w") as file:
        for name, values in {"ids": everything, **parts}.items():
            file[name] = values
    files = [tmp_path / name for name in ("ours.npz", "scipys.npz", "shard.h5")]
    told = laff(tree, *files, status=1)
    for file in files:
        assert f"{file}: its rows are sparse (indptr, indices, data), and laff reads dense ones: write ids and " in told
    with pytest.raises(LaffError, match="its rows are sparse"):
        read_rows(files[0], everything)
    with pytest.raises(LaffError, match="its rows are sparse"):
        read_rows(files[2], everything)


def test_files_of_another_content_are_kept(tree: Path, tmp_path: Path, laff: Laff) -> None:
    laff(tree)
    (tmp_path / "out" / "stages.yaml").write_text("mine\n")
    assert "is there already and says something else; delete it, or name another --out" in laff(tree, status=1)
    assert (tmp_path / "out" / "stages.yaml").read_text() == "mine\n"


def test_nothing_is_trained_without_captions_of_val(
    tree: Path, laff: Laff, entries: Callable[[], dict[str, Any]]
) -> None:
    """The pairs are ranked all the same."""
    shutil.rmtree(tree / "kfval")
    assert "nothing is trained, since no captions are val's: --split val=NAME, or val=test, says" in laff(tree)
    written = entries()
    assert written["train"]["params"] == {"raw": ["clip", "clip-text"], "own": False, "singles": False}
    assert not {"bow", "w2v", "gru"} & written.keys()


def test_a_tree_without_captions(tree: Path, laff: Laff, entries: Callable[[], dict[str, Any]]) -> None:
    for split in VIDEOS:
        shutil.rmtree(tree / f"kf{split}" / "TextData")
    laff(tree)
    assert list(entries()) == ["ingest", "clip", "x3d"]


def test_import_then_run(tree: Path, tmp_path: Path, laff: Laff) -> None:
    """Two commands from a tree to figures. A row that is damaged later is named, and costs nothing that is finished."""
    laff(tree)
    out, work = tmp_path / "out", tmp_path / "WORK"
    sets = ("train.epochs=1", "train.width=8", "gru.fit={epochs: 1}", "bow.threshold=1", "w2v.threshold=1")
    command = ["run", "-c", out / "collection.yaml", "--stages", out / "stages.yaml", "-w", work, "--yes"]
    command += [word for setting in sets for word in ("--set", setting)]

    def run() -> tuple[int, str]:
        result = CliRunner().invoke(cli.main, [str(word) for word in command], prog_name="laff")
        return result.exit_code, result.output

    assert run()[0] == 0
    figures = json.loads((work / "evaluate" / "metrics.json").read_text())["models"]
    assert list(figures) == ["laff", "concat", "clip", "chance"]
    assert (figures["clip"]["t2v"]["queries"], figures["clip"]["t2v"]["candidates"]) == (4, 2)
    kept = {path: path.read_bytes() for path in sorted(work.rglob("*.h5"))}
    place = tree / "kfval" / "TextData" / "clip"
    whole = (place / "feature.bin").read_bytes()
    (place / "feature.bin").write_bytes(np.full(8, np.nan, "<f4").tobytes())
    status, said = run()
    assert status == 1
    assert f"video3#0: its row in {place} is not usable: 4 of the 4 values are NaN" in said
    (place / "shape.txt").rename(tmp_path / "shape.txt")
    status, said = run()
    assert status == 1
    assert f"{place}: not a BigFile, it has no shape.txt" in said
    (tmp_path / "shape.txt").rename(place / "shape.txt")
    (place / "feature.bin").write_bytes(whole)
    assert run()[0] == 0
    assert kept == {path: path.read_bytes() for path in sorted(work.rglob("*.h5"))}
