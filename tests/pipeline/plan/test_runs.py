"""Which run a configuration belongs to, what a new one is called, and that features are replaced only when agreed."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from pipeline.errors import LaffError
from pipeline.plan import runs
from pipeline.plan.context import Context
from pipeline.plan.differences import Difference
from pipeline.plan.losses import losses
from pipeline.plan.plan import stage_plan
from pipeline.plan.run_settings import settings
from pipeline.plan.runs import Chosen
from pipeline.store import memory
from pipeline.store.index import Entry
from pipeline.store.memory import Memory

GRAPH = """
stages:
  ingest: {step: ingest, params: {shard_videos: 2, shard_captions: 4}}
  decode: {step: decode, from: ingest}
  x3d:
    step: extract
    uses: extractors.x3d.X3D
    from: decode
    params: {size: XS, frames: 13, weights: random}
  train: {step: train, uses: fusion.laff.LAFF, from: [x3d, bow], params: {seeds: [1]}}
  rank: {step: rank, from: train}
"""
IMPORTED = """
stages:
  ingest: {step: ingest}
  feat: {step: import, from: ingest, params: {file: one.npz, side: video}}
"""
MODEL = ["train", "rank", "evaluate", "report"]


@pytest.fixture
def main(collect: Callable[..., Path], surroundings: Callable[..., Context], finish: Callable[[Context], None]) -> Path:
    """A collection on which the main run is finished."""
    path = collect()
    context = surroundings(path)
    finish(context)
    memory.write(context.work.root, Memory(path, settings=settings(context.graph)))
    return path


@pytest.fixture
def trained(surroundings: Callable[..., Context], finish: Callable[[Context], None]) -> Callable[..., Chosen]:
    """`trained(yaml, sets)`: finish the run that these settings make, and remember it."""

    def make(path: Path, sets: Sequence[str], name: str = "") -> Chosen:
        context = surroundings(path, sets)
        chosen = runs.choose(context, name)
        finish(context)
        remembered = Memory(path, sets=tuple(sets), run=chosen.name, settings=settings(context.graph))
        memory.write(context.work.root, remembered)
        return chosen

    return make


def test_the_first_run_is_main(collect: Callable[..., Path], surroundings: Callable[..., Context]) -> None:
    context = surroundings(collect())
    assert runs.choose(context) == Chosen("main")
    assert context.work.folder("train") == context.work.root / "train"


@pytest.mark.parametrize(
    ("setting", "name", "differs"),
    [
        ("train.heads=4", "heads4", "heads 8 → 4"),
        ("train.lr=0.001", "lr0.001", "lr 0.0001 → 0.001"),
        ("rank.k=7", "k7", "k 100 → 7"),
        ("evaluate.seed=3", "seed3", "seed 0 → 3"),
    ],
)
def test_other_settings_make_a_run_of_their_own(
    main: Path, surroundings: Callable[..., Context], setting: str, name: str, differs: str
) -> None:
    context = surroundings(main, [setting])
    try:
        chosen = runs.choose(context)
    except LaffError as error:
        pytest.fail(str(error))
    if differs is not None:
        assert chosen == Chosen(name, (differs,), new=True)
        assert [context.work.place(stage) for stage in MODEL] == [f"runs/{name}/{stage}" for stage in MODEL]
    assert context.work.place("x3d") == "x3d"


@pytest.mark.parametrize("setting", ["train.seeds=[1, 2, 3]", "train.singles=true", "x3d.frames=16", "bow.threshold=2"])
def test_more_models_and_other_features_stay_in_main(
    main: Path, surroundings: Callable[..., Context], setting: str
) -> None:
    assert runs.choose(surroundings(main, [setting])) == Chosen("main")


def test_the_same_settings_find_their_run_again(
    main: Path, surroundings: Callable[..., Context], trained: Callable[..., Chosen]
) -> None:
    assert trained(main, ["train.heads=4"]).new
    assert runs.choose(surroundings(main, ["train.heads=4"])) == Chosen("heads4")
    assert runs.choose(surroundings(main), last="heads4") == Chosen("main")  # other settings than the last one had
    assert runs.choose(surroundings(main, ["train.heads=4"]), last="heads4") == Chosen("heads4")
    both = runs.choose(surroundings(main, ["train.heads=4", "train.lr=0.001"]), last="heads4")
    assert both == Chosen("heads4-lr0.001", ("heads 8 → 4", "lr 0.0001 → 0.001"), new=True)


def test_a_run_is_known_by_its_settings_before_anything_of_it_is_finished(
    main: Path, surroundings: Callable[..., Context]
) -> None:
    """A training that was cut off goes on where it was; another seed of a run stays in it."""
    context = surroundings(main, ["train.heads=4"])
    assert runs.choose(context).new
    remembered = Memory(main, run="heads4", differs=("heads 8 → 4",), settings=settings(context.graph))
    memory.write(context.work.root, remembered)
    assert runs.choose(surroundings(main, ["train.heads=4"])) == Chosen("heads4")
    assert runs.choose(surroundings(main, ["train.heads=4", "train.seeds=[7]"]), last="heads4") == Chosen("heads4")


def test_other_settings_are_no_part_of_main_though_no_model_of_it_would_be_lost(
    main: Path, surroundings: Callable[..., Context]
) -> None:
    assert runs.choose(surroundings(main, ["train.heads=4", "train.seeds=[7]"])).name == "heads4"
    baseline = "train.baselines={other: fusion.concat.Concat}"
    assert runs.choose(surroundings(main, ["train.own=false", baseline, "train.lr=0.01"])).name == "lr0.01"
    assert runs.choose(surroundings(main, ["train.uses=fusion.concat.Concat"])).name == "concat"


JOINT = GRAPH.replace(
    "  train:",
    """  clip:
    step: extract
    uses: extractors.clip.Clip
    from: decode
    params: {model: tiny-64, weights: random}
  w2v: {step: extract, uses: extractors.w2v.W2v, from: ingest, params: {threshold: 1}}
  gru: {step: extract, uses: extractors.gru.Gru, from: [ingest, w2v], params: {threshold: 1}}
  train:""",
).replace("from: [x3d, bow]", "from: [x3d, clip, gru]")


def test_settings_of_an_encoder_inside_the_models_are_the_run_s(
    collect: Callable[..., Path], surroundings: Callable[..., Context]
) -> None:
    path = collect()
    context = surroundings(path, ["train.joint=[gru]"], JOINT)
    memory.write(context.work.root, Memory(path, settings=settings(context.graph)))
    assert runs.choose(surroundings(path, ["train.joint=[gru]"], JOINT)) == Chosen("main")
    chosen = runs.choose(surroundings(path, ["train.joint=[gru]", "gru.hidden=128"], JOINT))
    assert (chosen.name, chosen.new) == ("hidden128", True)


def test_an_encoder_that_learns_towards_another_feature_stands_with_its_run(
    collect: Callable[..., Path], surroundings: Callable[..., Context], finish: Callable[[Context], None]
) -> None:
    """Where a run leaves out the feature that gru has learned towards, main keeps its own."""
    path = collect()
    context = surroundings(path, ["train.raw=[]"], JOINT)
    finish(context)
    memory.write(context.work.root, Memory(path, settings=settings(context.graph)))
    other = surroundings(path, ["train.raw=[]", "train.from=[clip, gru]"], JOINT)
    assert runs.choose(other).name == "without-x3d"
    assert other.work.place("gru") == "runs/without-x3d/gru"
    assert losses(other, list(other.graph.stages), {}) == []
    same = surroundings(path, ["train.raw=[]", "train.from=[x3d, gru]"], JOINT)
    assert runs.choose(same).name == "without-clip"
    assert same.work.place("gru") == "gru"


@pytest.mark.parametrize("text", [None, "- damaged"])
def test_a_run_without_settings_is_known_by_what_it_has_trained_and_stops_no_other(
    main: Path,
    surroundings: Callable[..., Context],
    trained: Callable[..., Chosen],
    capsys: pytest.CaptureFixture[str],
    text: str | None,
) -> None:
    trained(main, ["train.heads=4"], "few")
    context = surroundings(main, ["train.heads=4"])
    file = memory.path(context.work.root, "few")
    file.write_text(text) if text else file.unlink()
    assert runs.choose(surroundings(main, ["train.heads=2"])).name == "heads2"
    assert runs.choose(surroundings(main)) == Chosen("main")
    assert runs.choose(context) == Chosen("few")
    assert ("few/run.yaml: is not as laff wrote it" in capsys.readouterr().err) == bool(text)
    memory.write(context.work.root, Memory(main, run="empty"))
    memory.path(context.work.root, "empty").write_text("- damaged")
    assert runs.choose(surroundings(main, ["train.heads=2"])).name == "heads2"  # nothing tells that it is `empty`


def test_a_name_that_is_taken_gets_a_number(
    main: Path, surroundings: Callable[..., Context], trained: Callable[..., Chosen]
) -> None:
    trained(main, ["train.heads=2"], name="heads4")
    assert runs.choose(surroundings(main, ["train.heads=4"])).name == "heads4-2"


def test_a_person_names_a_run(main: Path, surroundings: Callable[..., Context], trained: Callable[..., Chosen]) -> None:
    assert trained(main, ["train.heads=4"], name="few") == Chosen("few", ("heads 8 → 4",), new=True)
    assert runs.choose(surroundings(main, ["train.heads=4"]), "few") == Chosen("few")
    with pytest.raises(LaffError, match=r"--name few: .* other settings \(heads 4 → 2\)"):
        runs.choose(surroundings(main, ["train.heads=2"]), "few")
    with pytest.raises(LaffError, match=r"--name main: .* \(heads 8 → 2\)"):
        runs.choose(surroundings(main, ["train.heads=2"]), "main")
    for near, name in (("Few", "few"), ("MAIN", "main")):  # one folder, where upper and lower case are the same
        with pytest.raises(
            LaffError, match=f"--name '{near}': there is a run '{name}', whose folder some file systems"
        ):
            runs.choose(surroundings(main, ["train.heads=2"]), near)


@pytest.mark.parametrize("name", ["../up", "a/b", "", ".hidden", "with space"])
def test_a_name_is_a_folder(main: Path, surroundings: Callable[..., Context], name: str) -> None:
    if not name:
        assert runs.choose(surroundings(main), name) == Chosen("main")
        return
    with pytest.raises(LaffError, match="a run's name is a folder"):
        runs.choose(surroundings(main), name)


@pytest.mark.parametrize(
    ("differences", "name"),
    [
        ([Difference("video", ["x3d", "tf"], ["x3d"])], "without-tf"),
        ([Difference("video", ["x3d"], ["x3d", "timm"]), Difference("heads", 8, 4)], "with-timm-heads4"),
        ([Difference("text", ["bow", "gru"], ["gru", "bow"])], "text-order"),
        ([Difference("residual", False, True)], "residual"),
        ([Difference("residual", True, False)], "no-residual"),
        ([Difference("file of prior", "a", "b")], "file-of-priorb"),
    ],
)
def test_names_say_what_differs(differences: list[Difference], name: str) -> None:
    assert runs.name_of(differences) == name


def test_a_long_name_is_cut_and_stays_its_own() -> None:
    one = runs.name_of([Difference(f"parameter{n}", 0, n) for n in range(9)])
    other = runs.name_of([Difference(f"parameter{n}", 0, n + 1) for n in range(9)])
    assert len(one) <= runs.LONG + 7
    assert one != other


def test_a_param_of_another_version_is_no_difference(main: Path, surroundings: Callable[..., Context]) -> None:
    context = surroundings(main)
    index = context.work.index("train")
    for entry in index.entries.values():
        recipe = index.recipes[entry.fingerprint]
        entry.fingerprint = "0" * 32
        index.recipes[entry.fingerprint] = recipe | {
            "params": {key: value for key, value in recipe["params"].items() if key != "heads"} | {"gone": 1}
        }
    index.save()
    assert runs.choose(surroundings(main)) == Chosen("main")


def test_features_of_other_settings_are_a_loss_and_trainings_none(
    main: Path, surroundings: Callable[..., Context]
) -> None:
    context = surroundings(main, ["x3d.frames=16", "train.heads=4"])
    runs.choose(context)
    (loss,) = losses(context, list(context.graph.stages), {})
    assert (loss.stage, loss.units, loss.only_code) == ("x3d", 2, False)
    assert loss.reasons == ("frames 13 → 16",)
    assert losses(context, list(context.graph.stages), {"x3d": context.fingerprint("x3d")}) == []
    assert len(losses(context, list(context.graph.stages), {"x3d": "of other settings"})) == 1


def test_what_was_made_of_a_replaced_feature_is_told_and_lost_with_it(
    collect: Callable[..., Path], surroundings: Callable[..., Context], finish: Callable[[Context], None]
) -> None:
    """Named in the first question, though it is not made now; asked about later, where nobody was asked."""
    path = collect()
    finish(surroundings(path, ["train.raw=[clip]"], JOINT))
    sets = ["train.raw=[clip]", "clip.frames=4"]
    context = surroundings(path, sets, JOINT)
    runs.choose(context)
    assert [loss.stage for loss in losses(context, ["clip"], {})] == ["clip", "gru"]
    for unit in stage_plan(context, "clip").todo:
        entry = Entry(unit.fingerprint, unit.content, {})
        context.work.index("clip").record(unit.key, entry, unit.recipe)
    later = surroundings(path, sets, JOINT)
    runs.choose(later)
    assert [loss.stage for loss in losses(later, list(later.graph.stages), {})] == ["gru"]
    assert losses(later, list(later.graph.stages), {"gru": later.fingerprint("gru")}) == []


def test_videos_that_changed_are_no_loss(main: Path, surroundings: Callable[..., Context]) -> None:
    (main.parent / "videos" / "train0.mp4").write_bytes(b"another one")
    context = surroundings(main)
    assert losses(context, list(context.graph.stages), {}) == []


def test_an_imported_file_that_changed_is_no_loss(
    collect: Callable[..., Path], surroundings: Callable[..., Context], finish: Callable[[Context], None]
) -> None:
    path = collect()
    for name, value in (("one", 1.0), ("two", 2.0)):
        np.savez(path.parent / f"{name}.npz", ids=["train0", "val0", "test0"], values=np.full((3, 2), value, "f4"))
    finish(surroundings(path, text=IMPORTED))
    (path.parent / "one.npz").write_bytes((path.parent / "two.npz").read_bytes())
    context = surroundings(path, text=IMPORTED)
    assert losses(context, list(context.graph.stages), {}) == []
    context = surroundings(path, ["feat.level=frame"], text=IMPORTED)
    assert [loss.stage for loss in losses(context, list(context.graph.stages), {})] == ["feat"]


def test_code_alone_is_a_loss_that_can_be_accepted(main: Path, surroundings: Callable[..., Context]) -> None:
    context = surroundings(main)
    index = context.work.index("x3d")
    for entry in index.entries.values():
        recipe = index.recipes[entry.fingerprint]
        entry.fingerprint = "0" * 32
        index.recipes[entry.fingerprint] = recipe | {"code": dict.fromkeys(recipe["code"], "of before")}
    (loss,) = losses(context, ["x3d"], {})
    assert loss.only_code
    assert (
        replace(loss, seconds=9000.0, items=1234).__str__().startswith("x3d: 1,234 rows in 2 files, made in 2 h 30 min")
    )
