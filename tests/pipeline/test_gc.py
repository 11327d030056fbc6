"""gc: what this configuration does not use is told with size and reason; deleted is that and nothing else."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner

import cli
from pipeline import gc
from pipeline.errors import LaffError
from pipeline.gc import Leftovers
from pipeline.plan import steps
from pipeline.request import Request
from pipeline.rows import shards
from pipeline.store import memory
from pipeline.store.memory import Memory
from pipeline.store.workspace import Workspace

TRAINED = "needed only until 'train' was finished"
ROW = np.zeros((1, 3))  # of a shard whose rows nobody asks for


def reasons(leftovers: Leftovers) -> dict[str, str]:
    return {name: reason for name, (_, reason) in leftovers.unused.items()}


def files_of(work: Path) -> set[str]:
    return {path.relative_to(work).as_posix() for path in work.rglob("*") if not path.is_dir()} - {".lock"}


def last_of(work: Path) -> set[str]:
    return {name for name in files_of(work) if name.endswith("last.pt")}


@pytest.fixture
def used(ran, tmp_path: Path):
    """The finished workspace, without the last.pt that are never asked for again."""
    changed = ran.copy(tmp_path / "changed")
    for name in last_of(changed.work):
        (changed.work / name).unlink()
    return changed


def test_of_a_finished_run_only_what_a_training_goes_on_from_is_unused(ran, tmp_path: Path, contents) -> None:
    changed = ran.copy(tmp_path / "changed")
    leftovers = gc.leftovers(changed.request())
    wanted = {name: f"needed only until '{name.partition('/')[0]}' was finished" for name in last_of(changed.work)}
    assert reasons(leftovers) == wanted
    assert {"finetune/last.pt", "gru/last.pt", "train/laff/seed1/last.pt"} <= set(leftovers.unused)
    assert leftovers.size == sum((changed.work / name).stat().st_size for name in leftovers.unused)
    assert leftovers.foreign == []
    before = files_of(changed.work)
    assert reasons(gc.remove(changed.request())) == reasons(leftovers)
    assert files_of(changed.work) == before - set(leftovers.unused)
    assert gc.leftovers(changed.request()) == Leftovers()
    assert changed.run().made == {}
    assert contents(changed.work) == contents(ran.work)


def test_an_unfinished_training_keeps_what_it_goes_on_from(ran, tmp_path: Path) -> None:
    changed = ran.copy(tmp_path / "changed")
    (changed.work / "train" / "laff" / "seed1" / "best.pt").unlink()
    (changed.work / "finetune" / "best.pt").unlink()
    frames = changed.work / "finetune" / "frames" / "00000.h5"
    shards.write(frames, ["a"], ROW, {})
    kept = {"train/laff/seed1/last.pt", "finetune/last.pt", "finetune/frames/00000.h5"}
    assert not kept & set(gc.leftovers(changed.request()).unused)


def test_what_is_unused_and_why(used) -> None:
    work = used.work
    shards.write(work / "finetune/frames/00000.h5", ["a"], ROW, {})
    shards.write(work / "x3d/00003.h5", ["a"], ROW, {})  # 22 videos by 8 are three shards
    shards.write(work / "gone/video/00000.h5", ["a"], ROW, {})
    (work / "gone" / "index.jsonl").write_text("{}\n")
    (work / "gone" / "best.pt").write_text("a")
    (work / "gone" / "notes.txt").write_text("of a person")
    (work / "bow" / "00001.h5.damaged").write_text("a")
    (work / "bow" / ".00001.h5.abc.partial").write_text("a")
    (work / "bow" / "index.json").write_text("{}")
    leftovers = gc.leftovers(used.request())
    assert reasons(leftovers) == {
        "finetune/frames/00000.h5": "needed only until 'finetune' was finished",
        "x3d/00003.h5": "no item is in this shard",
        "gone/video/00000.h5": "no stage 'gone' in stages.yaml",
        "gone/index.jsonl": "no stage 'gone' in stages.yaml",
        "gone/best.pt": "no stage 'gone' in stages.yaml",
        "bow/00001.h5.damaged": "damaged, set aside",
        "bow/.00001.h5.abc.partial": "an interrupted write",
        "bow/index.json": "no file of 'bow' as it is now",
    }
    assert leftovers.foreign == ["gone/notes.txt"]
    kept = reasons(gc.leftovers(used.request("finetune.keep_frames=true")))
    assert "finetune/frames/00000.h5" not in kept
    before = files_of(work)
    gc.remove(used.request())
    assert files_of(work) == before - set(leftovers.unused)
    assert not (work / "gone" / "video").exists()  # its folder goes when it is empty
    assert not (work / "finetune" / "frames").exists()
    assert (work / "gone" / "notes.txt").read_text() == "of a person"
    assert used.run().made == {}


def test_other_settings_count_as_unused(used) -> None:
    """Seeds and models that the settings don't name, with their runs; what is kept is as with these settings alone."""
    sets = ("train.seeds=[1]", "train.singles=false")
    used.run(*sets)
    leftovers = gc.leftovers(used.request(*sets))
    gone = {name for name, reason in reasons(leftovers).items() if reason == "the settings name no such model and seed"}
    wanted = {
        f"{stage}/{model}/seed{seed}"
        for stage in ("train", "rank")
        for model in ("laff", "concat", "laff-clip-ft", "laff-x3d", "mean")
        for seed in (1, 2)
        if (seed == 2 or model not in ("laff", "concat")) and (stage, model) != ("train", "mean")
    }
    assert {str(Path(name).parent) for name in gone} == wanted
    assert set(reasons(leftovers).values()) == {"the settings name no such model and seed"}
    gc.remove(used.request(*sets))
    assert not (used.work / "train" / "laff-x3d").exists()
    assert used.run(*sets).made == {}
    assert gc.leftovers(used.request(*sets)) == Leftovers()


MINE = """
stages:
  ingest: {step: ingest, params: {shard_videos: 2, shard_captions: 4}}
  decode: {step: decode, from: ingest}
  tf: {step: extract, uses: extractors.brightness.Brightness, from: decode}
  bow: {step: extract, uses: extractors.bow.Bow, from: ingest, params: {threshold: 1}}
  fuse: {step: train, uses: fusion.laff.LAFF, from: [tf, bow]}
  rank: {step: rank, from: fuse}
"""


@pytest.fixture
def beside(collect, surroundings, finish, tmp_path: Path) -> Request:
    """A finished main run of one stages file, its files empty; and the request of a run `mine` of another one."""
    path = collect()
    context = surroundings(path)
    finish(context)
    for name in list(context.graph.stages)[1:]:
        for unit in steps.units(context, name):
            for file in unit.makes:
                (context.work.folder(name) / file).parent.mkdir(parents=True, exist_ok=True)
                (context.work.folder(name) / file).touch()
    memory.write(context.work.root, Memory(path, tmp_path / "stages.yaml"))
    (tmp_path / "my.yaml").write_text(MINE)
    memory.write(context.work.root, Memory(path, tmp_path / "my.yaml", run="mine"))
    return Request(path, context.work.root, tmp_path / "my.yaml", name="mine")


def test_what_a_run_of_another_stages_file_uses_stays(beside: Request) -> None:
    assert {"x3d/00000.h5", "train/laff/seed1/best.pt", "report/index.html"} <= files_of(beside.work)
    assert reasons(gc.leftovers(beside)) == {}
    assert (
        reasons(gc.leftovers(replace(beside, name=""))) == {}
    )  # main, but with another file than it is remembered with
    (beside.work / "x3d" / "00009.h5").touch()
    (beside.work / "gone").mkdir()
    for name in ("index.jsonl", "00000.h5"):
        (beside.work / "gone" / name).touch()
    nowhere = "no stage 'gone' in my.yaml, stages.yaml"
    wanted = {"x3d/00009.h5": "no item is in this shard", "gone/00000.h5": nowhere, "gone/index.jsonl": nowhere}
    assert reasons(gc.leftovers(beside)) == wanted


@pytest.mark.parametrize(
    ("file", "text", "message"),
    [
        ("stages.yaml", None, r"(?s)what run 'main' uses, as .*WORK/runs/main/run.yaml says .*stages.yaml: cannot be"),
        ("stages.yaml", MINE.replace("laff.LAFF", "laff.LOFF"), r"(?s)what run 'main' uses.*'LOFF'"),
        ("WORK/runs/main/run.yaml", "- nothing", "runs/main/run.yaml: is not as laff wrote it"),
        ("WORK/runs/lost/train/index.jsonl", "", "runs/lost/run.yaml: is missing, .* --name lost"),
    ],
)
def test_nothing_is_called_unused_where_a_run_is_not_known(
    beside: Request, tmp_path: Path, file: str, text: str | None, message: str
) -> None:
    if text is None:
        (tmp_path / file).unlink()
    else:
        (tmp_path / file).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / file).write_text(text)
    with pytest.raises(LaffError, match=message):
        gc.leftovers(beside)


def test_links_and_what_laff_did_not_write_stay(used, tmp_path: Path) -> None:
    work, other = used.work, tmp_path / "other"
    shards.write(other / "00000.h5", ["a"], ROW, {})
    (other / "index.jsonl").write_text("{}\n")
    (work / "old").symlink_to(other)  # a folder of a stage that is gone, on another disk
    (work / "x3d" / "00007.h5").symlink_to(other / "00000.h5")
    (work / "mine").mkdir()
    strange = ["mine/00000.h5", "mine/best.pt", "x3d/notes.txt", "x3d/notes.damaged", "train/laff/seed1/best.pt.txt"]
    for name in strange:
        (work / name).write_text("a")
    leftovers = gc.remove(used.request())
    assert leftovers.unused == {}
    assert sorted(leftovers.foreign) == sorted([*strange, "x3d/00007.h5"])
    table = gc.table(work, leftovers)
    for link, target in (("old", other), ("x3d/00007.h5", other / "00000.h5")):
        assert table.count(f"a link, stays as it is: {work / link} -> {target}") == table.count(f"{work / link}") == 1
    assert (work / "old").is_symlink()
    assert (other / "00000.h5").exists()
    assert {*strange, "x3d/00007.h5"} <= files_of(work)


def test_it_refuses_to_guess(used, tiny, tmp_path: Path) -> None:
    """Another collection, or one that changed: its shards would be of other items."""
    captions = used.folder / "collection" / "test.caption.txt"
    captions.write_text(captions.read_text() + captions.read_text().splitlines()[-1].replace("#3", "#4") + "\n")
    before = files_of(used.work)
    for verb in (gc.leftovers, gc.remove):
        with pytest.raises(LaffError, match="nobody can tell what is unused; check -c and -w, or run `laff ingest`"):
            verb(used.request())
    assert files_of(used.work) == before
    nowhere = tiny.copy(tmp_path / "nowhere", work=False)
    with pytest.raises(LaffError, match="no such workspace"):
        gc.remove(nowhere.request())
    assert not nowhere.work.exists()


def test_nothing_is_deleted_while_a_run_holds_the_workspace(ran, tmp_path: Path) -> None:
    changed = ran.copy(tmp_path / "changed")
    before = files_of(changed.work)
    with Workspace(changed.work).lock(), pytest.raises(LaffError, match="is in use by process"):
        gc.remove(changed.request())
    assert files_of(changed.work) == before


@pytest.mark.parametrize(
    ("size", "words"), [(0, "0 B"), (999, "999 B"), (1400, "1.4 kB"), (2_500_000, "2.5 MB"), (3.21e12, "3.2 TB")]
)
def test_sizes_in_words(size: float, words: str) -> None:
    assert gc.in_words(size) == words


def test_the_command(used) -> None:
    shards.write(used.work / "x3d/00003.h5", ["a"], ROW, {})
    (used.work / "x3d" / "notes.txt").write_text("a")
    size = gc.in_words((used.work / "x3d/00003.h5").stat().st_size)

    def laff(*words: str) -> str:
        result = CliRunner().invoke(cli.main, ["gc", *used.options(), *words], env={"COLUMNS": "200"})
        assert result.exit_code == 0, result.output
        return result.output

    for words, last in (((), "nothing is deleted yet: --yes does it"), (("--yes",), "deleted")):
        assert (used.work / "x3d/00003.h5").exists()
        said = laff(*words).splitlines()
        assert said[0].split() == ["files", "size", "why"]
        assert said[2].split("  ") == ["x3d/00003.h5", size, "no item is in this shard"]
        assert said[3] == f"{size}, 1 file in {used.work} that this configuration does not use"
        assert said[4] == f"not laff's, stays: {used.work}/x3d/notes.txt"
        assert said[-1] == last
    assert not (used.work / "x3d/00003.h5").exists()
    assert "0 files" in laff("--yes")
