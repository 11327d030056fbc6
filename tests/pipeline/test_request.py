"""What a command asks for: settings that are given, on top of those that the workspace remembers."""

from __future__ import annotations

from pathlib import Path

import pytest

from pipeline.plan.runs import Chosen
from pipeline.request import Request, recalled
from pipeline.store import memory
from pipeline.store.memory import Memory

MINE, CONCAT = "train.baselines.mine=fusion.mhsa.MHSA", "train.baselines={concat: fusion.concat.Concat}"
MEAN = "train.baselines.mine=fusion.mean.Mean"


@pytest.mark.parametrize(
    ("remembered", "given", "baselines"),
    [
        ((MINE, CONCAT), (MEAN,), {"concat": "fusion.concat.Concat", "mine": "fusion.mean.Mean"}),
        ((CONCAT, MINE), (MEAN,), {"concat": "fusion.concat.Concat", "mine": "fusion.mean.Mean"}),
        ((CONCAT,), (MEAN, MINE), {"concat": "fusion.concat.Concat", "mine": "fusion.mhsa.MHSA"}),
        ((MINE,), (CONCAT,), {"concat": "fusion.concat.Concat"}),
        ((MINE,), (CONCAT, MEAN), {"concat": "fusion.concat.Concat", "mine": "fusion.mean.Mean"}),
        (("train.baselines={}", "train.baselines.mine-too=fusion.mean.Mean"), (MINE,), {
            "mine-too": "fusion.mean.Mean", "mine": "fusion.mhsa.MHSA"
        }),
    ],
)  # fmt: skip
def test_what_is_given_goes_on_top_of_what_is_remembered(
    tmp_path: Path, remembered: tuple[str, ...], given: tuple[str, ...], baselines: dict[str, str]
) -> None:
    memory.write(tmp_path, Memory(tmp_path / "collection.yaml", sets=(*remembered, "train.heads=4")))
    wanted = recalled(tmp_path, sets=given)
    assert wanted is not None
    train = wanted.graph().stages["train"]
    assert {
        name: entry if isinstance(entry, str) else entry["uses"] for name, entry in train.options["baselines"].items()
    } == baselines
    assert train.params["heads"] == 4
    assert set(given[-1:]) <= set(wanted.sets) <= {*remembered, *given, "train.heads=4"}


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The current folder, with files and folders of a person and a workspace W; the collection stands in data/."""
    for name in ("m/x (1).pt", "data/v.txt", "vectors.txt", "random/a", "x3d-m-k400/a", "M/a"):
        (tmp_path / "proj" / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / "proj" / name).touch()
    (tmp_path / "else").mkdir()
    monkeypatch.chdir(tmp_path / "proj")
    return tmp_path / "proj"


def remembered(here: Path, *sets: str) -> None:
    wanted = Request(Path("data/c.yaml"), Path("W"), sets=sets)
    wanted.remember(wanted.graph(), Chosen("main"), {}, trains=True)


def test_files_that_are_given_are_found_from_another_folder(
    here: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    sets = ("x3d.weights=random", "x3d.weights=m/x (1).pt", "w2v.vectors=vectors.txt")
    remembered(here, *sets)
    assert Request(Path("data/c.yaml"), Path("W"), sets=sets).hint() == ""
    monkeypatch.chdir(tmp_path / "else")
    for folder in (here, tmp_path / "moved"):
        if folder != here:
            here.rename(folder)  # workspace and files together
        wanted = recalled(folder / "W", sets=("train.heads=4",))
        assert wanted is not None
        assert wanted.sets == (
            f"x3d.weights={folder}/m/x (1).pt",
            f"w2v.vectors={folder}/vectors.txt",
            "train.heads=4",
        )
        assert Path(wanted.graph().stages["x3d"].params["weights"]).is_file()
        wanted.remember(wanted.graph(), Chosen("main"), {}, trains=True)


def test_what_names_no_file_of_the_current_folder_stays_as_it_was_typed(here: Path) -> None:
    """Published weights, params that are no files, and what stands beside collection.yaml."""
    sets = ("finetune.weights=random", "x3d.weights=x3d-m-k400", "x3d.size=M", "w2v.vectors=v.txt")
    remembered(here, *sets)
    wanted = recalled(Path("W"))
    assert wanted is not None
    assert wanted.sets == sets


def test_files_far_from_the_workspace_are_told_in_full(here: Path, tmp_path: Path) -> None:
    (tmp_path / "else" / "x.pt").touch()
    remembered(here, "x3d.weights=../else/x.pt")
    assert f"- x3d.weights={tmp_path}/else/x.pt\n" in memory.path(Path("W")).read_text()
