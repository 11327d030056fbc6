"""One training as a task: what tells its rows, what becomes of mistakes, and how far it tells that it is."""

from __future__ import annotations

import pickle
import weakref
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import torch

from fusion.concat import Concat
from fusion.laff import LAFF
from fusion.retrieval import Retrieval
from pipeline.build.loaded import read_checkpoint
from pipeline.errors import Diverged, LaffError
from pipeline.graph.models import of
from pipeline.opening import open_context
from pipeline.plan.context import Context
from pipeline.plan.steps import units
from pipeline.request import Request
from pipeline.run import run
from pipeline.training import jobs
from pipeline.training.jobs import Rows, Trained, Training, Untrained, rows_of, train
from pipeline.training.summary import Summary
from pipeline.workers.tasks import Serial
from pipeline.workers.worker import Worker
from tests.pipeline.training.conftest import VIDEOS

Surroundings = Callable[..., Context]
Collect = Callable[..., Path]


@dataclass
class Stub:
    """A trainer of four steps an epoch that stops after two of five epochs, or fails."""

    error: Exception | None = None
    steps: int = 4
    progress: Any = None

    recipe = SimpleNamespace(epochs=5)
    task = SimpleNamespace(samples=30)

    def run(self) -> Summary:
        if self.error:
            raise self.error
        for step in range(1, 9):
            self.progress(step, 20, "")
        return Summary(score=0.5, epoch=2, epochs=2, steps=8, seconds=1.5, history=[])


@pytest.fixture
def job(collect: Collect, surroundings: Surroundings) -> Training:
    context = surroundings(collect())
    stage = context.stage("train")
    model = of(context.graph, stage)[0]
    root, source = context.work.root, context.source
    return Training(
        context.graph, root, {}, source, "train", model, 2, "print", rows_of(context, stage, model), "train laff/seed2"
    )


def test_a_job_goes_through_dask(job: Training) -> None:
    again = pickle.loads(pickle.dumps(job))
    assert again == job
    assert (job.key, job.gpu) == ("laff/seed2", False)
    assert len(pickle.dumps(job)) < 40_000  # most of it is the catalogue of weights


def test_it_needs_a_gpu_where_the_stage_says_so(collect: Collect, surroundings: Surroundings) -> None:
    context = surroundings(collect(), ["train.on=gpu"])
    model = of(context.graph, context.stage("train"))[0]
    assert Training(context.graph, Path(), {}, Path(), "train", model, 1, "", "", "").gpu


def test_what_tells_rows_from_others(collect: Collect, surroundings: Surroundings) -> None:
    """Other features or items are other rows; other seeds and ways of training are not."""

    def digest(*sets: str, **splits: Any) -> str:
        context = surroundings(collect(**splits), sets)
        stage = context.stage("train")
        return rows_of(context, stage, of(context.graph, stage)[0])

    first = digest()
    assert digest("train.seeds=[5]", "train.epochs=2", "train.width=64") == first
    assert digest("x3d.frames=16") != first
    assert digest("train.from=[bow, x3d]") != first
    assert digest(train={"train0": ["another one"]}) != first


def job_of(request: Request, key: str) -> Training:
    """What the train stage would hand out for one of its units."""
    context = open_context(request)
    stage = context.stage("train")
    model = next(model for model in of(context.graph, stage) if key.startswith(f"{model.name}/"))
    unit = next(unit for unit in units(context, "train") if unit.key == key)
    marks = (unit.fingerprint + unit.content, rows_of(context, stage, model), "")
    return Training(context.graph, request.work, {}, request.collection, "train", model, model.seeds[0], *marks)


def test_a_process_that_lives_on_trains_the_encoder_of_each_job(request_of: Callable[..., Request]) -> None:
    """The rows that it keeps are those of the same encoder: here of another width, then of another vocabulary."""
    joint = ("train.from=[full, gru]", "train.joint=[gru]")
    run(request_of(*joint), ["full"])
    jobs = [
        job_of(request_of(*joint, *more), "concat/seed1") for more in ((), ("gru.hidden=12",), ("gru.threshold=5",))
    ]
    widths, words = [], []
    worker = Worker()
    for job in jobs:
        assert train(job, worker).wrong == ""
        saved = read_checkpoint(job.root / "train" / "concat" / "seed1" / "best.pt")
        assert saved["fingerprint"] == job.fingerprint
        shapes = {name: tuple(value.shape) for name, value in saved["state"].items()}
        widths.append({shape for name, shape in shapes.items() if "weight_hh" in name})
        words.append({shape for name, shape in shapes.items() if "embedding" in name})
    assert widths[0] == widths[2] != widths[1]
    assert words[0] == words[1] != words[2]


def test_a_block_of_another_shape_is_told_before_it_trains(
    request_of: Callable[..., Request], monkeypatch: pytest.MonkeyPatch
) -> None:
    def by_feature(self: Any, features: Any) -> tuple[torch.Tensor, None]:
        return torch.zeros(len(next(iter(features.values()))), 3, 8), None  # [B, K, W]

    run(request_of(), ["full", "bow"])
    monkeypatch.setattr(Concat, "forward", by_feature)
    assert train(job_of(request_of("train.heads=2"), "concat/seed1"), Worker()).wrong == (
        "train: concat: Concat of the video side gave fused [4, 3, 8]; it should be [4, 2, W] (rows, heads, width), or "
        "[4, 1, W] where it has one space"
    )


def test_mistakes_of_a_block_say_whose_they_are(
    request_of: Callable[..., Request], monkeypatch: pytest.MonkeyPatch
) -> None:
    def misspelt(self: Any, features: Any) -> Any:
        return self.affin(features)

    run(request_of(), ["full", "bow"])
    monkeypatch.setattr(Concat, "forward", misspelt)
    with pytest.raises(AttributeError) as error:
        train(job_of(request_of(), "concat/seed1"), Worker())
    assert error.value.__notes__ == ["in stage 'train', model 'concat': fusion.concat.Concat"]


def test_rows_are_those_that_have_the_model_s_own_features(request_of: Callable[..., Request]) -> None:
    """A further model on a feature that lacks a video leaves the others their rows, and their caches."""
    concat = "concat: {uses: fusion.concat.Concat, video: [full], text: [bow]}"
    few = "few: {uses: fusion.concat.Concat, video: [lossy], text: [bow]}"
    further = ("train.from=[full, lossy, bow]", "train.own=false", f"train.baselines={{{concat}, {few}}}")
    assert run(request_of(), ["train"]).made["train"] == 1
    assert run(request_of(*further), ["train"]).made["train"] == 1  # few
    assert not run(request_of(), ["train"]).made
    index = open_context(request_of(*further)).work.index("train").entries
    assert {key: entry.rows for key, entry in index.items()} == {
        "concat/seed1": 2 * VIDEOS,
        "few/seed1": 2 * (VIDEOS - 1),
    }


def test_a_row_without_weights_is_scored(request_of: Callable[..., Request], tmp_path: Path) -> None:
    """meanP: the cosine of a caption and the mean of a video's frames of length 1, on validation's videos."""
    rng = np.random.default_rng(1)
    ids = [f"{split}{n}" for split in ("train", "val", "test") for n in range(VIDEOS)]
    frames, counts = rng.normal(size=(40, 5)).astype("f4"), np.array([1, 2, 3] * 6)
    starts = np.concatenate([[0], counts.cumsum()])
    np.savez(tmp_path / "frames.npz", ids=ids, features=frames[: starts[-1]], starts=starts)
    names = [f"{video}#{n}" for video in ids for n in range(2)]
    texts = rng.normal(size=(len(names), 5)).astype("f4")
    np.savez(tmp_path / "texts.npz", ids=names, features=texts)
    stages = (tmp_path / "stages.yaml").read_text()
    further = """
  frames: {step: import, from: ingest, params: {file: frames.npz, side: video, level: frame}}
  texts: {step: import, from: ingest, params: {file: texts.npz, side: text}}
  train:"""
    (tmp_path / "stages.yaml").write_text(stages.replace("\n  train:", further))
    entry = (
        "{uses: fusion.clip4clip.Clip4Clip, params: {frames: [frames], aggregate: fusion.frames.mean.Mean, "
        "aggregate_params: {pre_norm: true}}}"
    )
    sets = ("train.from=[frames, texts]", "train.own=false", f"train.baselines={{meanP: {entry}}}")
    request = request_of(*sets)
    assert run(request, ["train"]).made["train"] == 1
    assert not run(request, ["train"]).made
    best = read_checkpoint(tmp_path / "WORK" / "train" / "meanP" / "seed1" / "best.pt")

    total = 0.0
    video = {}
    for place, name in enumerate(ids):
        own_frames = frames[starts[place] : starts[place + 1]].astype(float)
        mean = (own_frames / np.linalg.norm(own_frames, axis=1, keepdims=True)).mean(axis=0)
        video[name] = mean / np.linalg.norm(mean)
    val = [name for name in ids if name.startswith("val")]
    for name, text in zip(names, texts.astype(float), strict=True):
        true = name.partition("#")[0]
        if true in val:
            total += 1 / sum(video[other] @ text >= video[true] @ text for other in val)
    assert (best["epoch"], best["state"]) == (0, {})
    assert best["score"] == pytest.approx(total / (2 * VIDEOS))


def test_a_raw_feature_that_no_head_holds_is_told_before_work(
    request_of: Callable[..., Request], tmp_path: Path
) -> None:
    entry = "{uses: fusion.laff.LAFF, video: [full], params: {heads: 2, width: 4, raw: [full]}}"
    with pytest.raises(LaffError, match="'full' is raw and has width 5, more than a head's 4; raise width, or take"):
        run(request_of(f"train.baselines={{bad: {entry}}}"), ["train"])
    assert not (tmp_path / "WORK" / "train").exists()
    assert not list((tmp_path / "WORK" / "full").glob("*.h5"))


@pytest.mark.parametrize(
    ("entry", "why"),
    [
        ("{uses: fusion.laff.LAFF, video: [full], params: {heads: 2, width: 4, raw: [full]}}", "raw and has width 5"),
        ("{uses: fusion.concat.Concat, video: [lossy]}", "no video of train has all features"),
        ("{uses: fusion.laff.LAFF, video: [full]}", "bad: RuntimeError: CUDA out of memory"),
    ],
)
def test_one_wrong_model_ends_no_other(
    request_of: Callable[..., Request], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, entry: str, why: str
) -> None:
    """What only its rows tell: the others are trained, and the reason is kept."""
    monkeypatch.setattr("pipeline.plan.steps.problems", lambda *given: [])
    np.savez(tmp_path / "lossy.npz", ids=[f"val{n}" for n in range(VIDEOS)], features=np.ones((VIDEOS, 5), "f4"))
    loss = Retrieval.loss

    def short(task: Retrieval, captions: Any) -> Any:
        if "CUDA" in why and isinstance(task.model.video, LAFF):
            raise RuntimeError("CUDA out of memory\nand so on")
        return loss(task, captions)

    monkeypatch.setattr(Retrieval, "loss", short)
    good = "good: {uses: fusion.concat.Concat, video: [full]}"
    sets = ("train.from=[full, lossy, bow]", "train.own=false", f"train.baselines={{bad: {entry}, {good}}}")
    with pytest.raises(Untrained) as caught:
        run(request_of(*sets), ["train"])
    assert list(caught.value.failed) == ["bad/seed1"]
    assert why in caught.value.failed["bad/seed1"]
    assert len(caught.value.failed["bad/seed1"].splitlines()) == 1
    assert (tmp_path / "WORK" / "train" / "good" / "seed1" / "best.pt").is_file()


@pytest.mark.parametrize("error", [Diverged("seed2, epoch 1: the loss is nan"), ValueError("two widths")])
def test_a_mistake_of_one_model_is_a_result(job: Training, monkeypatch: pytest.MonkeyPatch, error: Exception) -> None:
    monkeypatch.setattr(jobs, "make_trainer", lambda job, worker: Stub(error))
    assert train(job, Worker()) == Trained("laff/seed2", wrong=f"train: laff: {error}")


def test_a_full_disk_ends_the_run(job: Training, monkeypatch: pytest.MonkeyPatch) -> None:
    """It would end every other training, too."""
    monkeypatch.setattr(jobs, "make_trainer", lambda job, worker: Stub(LaffError("make room")))
    with pytest.raises(LaffError, match="make room"):
        train(job, Worker())


def test_a_worker_tells_epochs(job: Training, monkeypatch: pytest.MonkeyPatch) -> None:
    """Two that were trained and, at the end, the three that it did not need: their sum is what the bar waits for."""
    monkeypatch.setattr(jobs, "make_trainer", lambda job, worker: Stub())
    epochs: list[int] = []
    done = Worker(shows=False).do(train, job, epochs.append)
    assert epochs == [1, 1, 3]
    assert (done.key, done.rows, done.wrong) == ("laff/seed2", 30, "")


def test_a_training_in_this_process_shows_its_steps(
    job: Training, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(jobs, "make_trainer", lambda job, worker: Stub())
    steps: list[int] = []
    Worker().do(train, job, steps.append)
    assert steps == []
    assert "train laff/seed2" in (said := capsys.readouterr().err)
    assert "8/20 steps" in said


def test_rows_are_read_once_for_all_trainings_on_them() -> None:
    """And freed before others are read, so that there is room for these."""

    class Train:
        """Rows of a train split, of which it can be seen whether anybody still has them."""

        def __init__(self, name: str) -> None:
            self.name = name

    cache = Rows()
    reads: list[tuple[str, int]] = []  # what was read, and how many rows of others were in memory then
    in_memory: weakref.WeakSet[Train] = weakref.WeakSet()

    def reading(name: str) -> Any:
        def read() -> Any:
            reads.append((name, len(in_memory)))
            in_memory.add(train := Train(name))
            return train, name

        return read

    assert [cache.of(key, reading(key))[0].name for key in ("a", "a", "b", "a")] == ["a", "a", "b", "a"]
    assert reads == [("a", 0), ("b", 0), ("a", 0)]

    def failing() -> Any:
        raise LaffError("no video of train has all features")

    with pytest.raises(LaffError):
        cache.of("c", failing)
    assert cache.of("c", reading("c"))[1] == "c"


def test_a_train_stage_keeps_no_rows(request_of: Callable[..., Request], monkeypatch: pytest.MonkeyPatch) -> None:
    """What ranks after it has the memory."""
    freed: list[bool] = []
    forget = Serial.forget

    def forgetting(tasks: Serial, kind: type) -> None:
        rows = weakref.ref(tasks.worker.kept(kind))
        forget(tasks, kind)
        freed.append(rows() is None)

    monkeypatch.setattr(Serial, "forget", forgetting)
    run(request_of(), ["train"])
    assert freed == [True]


def test_what_came_to_nothing_is_listed() -> None:
    error = Untrained("train", {"laff/seed1": "train: laff: nan", "sea/seed2": "train: sea: inf"}, 3)
    assert error.failed["sea/seed2"] == "train: sea: inf"
    assert str(error).splitlines() == [
        "train: 2 trainings came to nothing, 3 others kept",
        "  - train: laff: nan",
        "  - train: sea: inf",
    ]
    assert str(Untrained("train", {"laff/seed1": "train: laff: nan"})).splitlines() == [
        "train: 1 training came to nothing",
        "  - train: laff: nan",
    ]
