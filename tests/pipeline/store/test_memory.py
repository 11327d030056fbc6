"""WORK/run.yaml: what a run was given comes back as it was, wherever workspace and collection have moved together."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from pipeline.errors import LaffError
from pipeline.store import memory
from pipeline.store.memory import Memory


def given(tmp_path: Path, **more: object) -> Memory:
    return Memory(tmp_path / "c" / "collection.yaml", None, "small", ("train.heads=4", "x3d.crop=[1, 2]"), **more)


def test_what_is_written_comes_back(tmp_path: Path) -> None:
    work = tmp_path / "work"
    assert memory.read(work) is None
    remembered = given(tmp_path, run="heads4", differs=("heads 8 → 4",), replacing={"x3d": "f" * 32})
    memory.write(work, remembered)
    assert memory.read(work) == memory.read(work, "heads4") == remembered
    assert (work / "run.yaml").read_text(encoding="utf-8").splitlines()[1] == "collection: ../c/collection.yaml"


def test_each_run_keeps_its_own(tmp_path: Path) -> None:
    work = tmp_path / "work"
    memory.write(work, given(tmp_path))
    memory.write(work, given(tmp_path, run="other"))
    main = memory.read(work, "main")
    last = memory.read(work)
    assert main is not None
    assert last is not None
    assert (main.run, last.run) == ("main", "other")
    assert list(memory.runs(work)) == ["other"]
    assert memory.read(work, "third") is None


def test_a_run_whose_settings_are_damaged_or_gone_is_told_and_costs_no_other(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for run in ("one", "two", "three"):
        memory.write(tmp_path, given(tmp_path, run=run))
        (tmp_path / "runs" / run / "train").mkdir()
        (tmp_path / "runs" / run / "train" / "index.jsonl").touch()
    memory.path(tmp_path, "two").write_text("- a list")
    memory.path(tmp_path, "three").unlink()
    (tmp_path / "runs" / "empty").mkdir()
    runs = memory.runs(tmp_path)
    assert {run: known is not None for run, known in runs.items()} == {"one": True, "three": False, "two": False}
    assert "runs/two/run.yaml: is not as laff wrote it (it holds no settings)" in capsys.readouterr().err
    (tmp_path / "run.yaml").write_text("")
    with pytest.raises(LaffError, match=r"run.yaml: is not as laff wrote it \(it is empty\); delete it, and give -c"):
        memory.read(tmp_path)


def test_workspace_and_collection_may_move_together(tmp_path: Path) -> None:
    memory.write(tmp_path / "here" / "work", given(tmp_path / "here"))
    shutil.move(tmp_path / "here", tmp_path / "there")
    moved = memory.read(tmp_path / "there" / "work")
    assert moved is not None
    assert moved.collection == tmp_path / "there" / "c" / "collection.yaml"


def test_a_path_far_from_the_workspace_is_told_in_full(tmp_path: Path) -> None:
    work = tmp_path / "a" / "b" / "work"
    memory.write(work, Memory(tmp_path / "c.yaml", tmp_path / "stages.yaml"))
    remembered = memory.read(work)
    assert remembered == Memory(tmp_path / "c.yaml", tmp_path / "stages.yaml")
    assert f"collection: {tmp_path}/c.yaml" in (work / "run.yaml").read_text(encoding="utf-8")


def test_a_workspace_behind_a_link_remembers_what_it_was_given(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """`..` from the link and from the folder that it leads to are two places, and each has a c/c.yaml."""
    for folder in ("proj", "real"):
        (tmp_path / folder / "c").mkdir(parents=True)
        (tmp_path / folder / "c" / "c.yaml").write_text(folder)
    (tmp_path / "real" / "W").mkdir()
    (tmp_path / "proj" / "W").symlink_to("../real/W")
    monkeypatch.chdir(tmp_path / "proj")
    for given in (Path("c/c.yaml"), Path("../real/c/c.yaml"), Path("W/../c/c.yaml")):
        memory.write(Path("W"), Memory(given))
        for work in (Path("W"), tmp_path / "proj" / "W", tmp_path / "real" / "W"):
            remembered = memory.read(work)
            assert remembered is not None
            assert remembered.collection.samefile(given)
    assert memory.path(Path("W")).read_text().splitlines()[1] == f"collection: {tmp_path}/proj/W/../c/c.yaml"


@pytest.mark.parametrize(
    "text",
    [
        "- a list",
        "profile: small",
        "collection: c.yaml\nset: x3d.frames=4",
        "{",
        "3",
        "collection: null",
        "collection: [c]",
    ],
)
def test_a_file_that_is_none_of_ours_is_told(tmp_path: Path, text: str) -> None:
    (tmp_path / "run.yaml").write_text(text)
    with pytest.raises(LaffError, match=r"run\.yaml"):
        memory.read(tmp_path)
    assert memory.damage(tmp_path / "run.yaml")
