"""One training as a task: what tells its rows, what becomes of mistakes, and how far it tells that it is."""

from __future__ import annotations

import pickle
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from pipeline import progress, trainings
from pipeline.context import Context
from pipeline.errors import Diverged, LaffError
from pipeline.models import of
from pipeline.trainings import Trained, Training, Untrained, rows_of, train

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

    def run(self) -> None:
        if self.error:
            raise self.error
        for step in range(1, 9):
            self.progress(step, 20, "")


@pytest.fixture
def job(collect: Collect, surroundings: Surroundings) -> Training:
    context = surroundings(collect())
    stage = context.stage("train")
    model = of(context, stage)[0]
    root, source = context.work.root, context.source
    return Training(
        context.graph, root, source, "train", model, 2, "print", rows_of(context, stage), "train laff/seed2"
    )


def test_a_job_goes_through_dask(job: Training) -> None:
    again = pickle.loads(pickle.dumps(job))
    assert again == job
    assert (job.key, job.gpu) == ("laff/seed2", False)
    assert len(pickle.dumps(job)) < 20_000


def test_it_needs_a_gpu_where_the_stage_says_so(collect: Collect, surroundings: Surroundings) -> None:
    context = surroundings(collect(), ["train.on=gpu"])
    model = of(context, context.stage("train"))[0]
    assert Training(context.graph, Path(), Path(), "train", model, 1, "", "", "").gpu


def test_what_tells_rows_from_others(collect: Collect, surroundings: Surroundings) -> None:
    """Other features or items are other rows; other seeds and ways of training are not."""

    def digest(*sets: str, **splits: Any) -> str:
        context = surroundings(collect(**splits), sets)
        return rows_of(context, context.stage("train"))

    first = digest()
    assert digest("train.seeds=[5]", "train.epochs=2", "train.width=64") == first
    assert digest("x3d.frames=16") != first
    assert digest("train.from=[bow, x3d]") != first
    assert digest(train={"train0": ["another one"]}) != first


@pytest.mark.parametrize("error", [Diverged("seed2, epoch 1: the loss is nan"), ValueError("two widths")])
def test_a_mistake_of_one_model_is_a_result(job: Training, monkeypatch: pytest.MonkeyPatch, error: Exception) -> None:
    monkeypatch.setattr(trainings, "_trainer", lambda job: Stub(error))
    assert train(job) == Trained("laff/seed2", wrong=f"train: laff: {error}")


def test_a_full_disk_ends_the_run(job: Training, monkeypatch: pytest.MonkeyPatch) -> None:
    """It would end every other training, too."""
    monkeypatch.setattr(trainings, "_trainer", lambda job: Stub(LaffError("make room")))
    with pytest.raises(LaffError, match="make room"):
        train(job)


def test_a_worker_tells_epochs(job: Training, monkeypatch: pytest.MonkeyPatch) -> None:
    """Two that were trained and, at the end, the three that it did not need: their sum is what the bar waits for."""
    monkeypatch.setattr(trainings, "_trainer", lambda job: Stub())
    told: list[int] = []
    with progress.told_to(told.append):
        done = train(job)
    assert told == [1, 1, 3]
    assert (done.key, done.rows, done.wrong) == ("laff/seed2", 30, "")


def test_what_came_to_nothing_is_listed() -> None:
    error = Untrained("train", {"laff/seed1": "train: laff: nan", "sea/seed2": "train: sea: inf"})
    assert error.failed["sea/seed2"] == "train: sea: inf"
    assert str(error).splitlines() == [
        "train: 2 came to nothing, the others are kept: 2 problem(s)",
        "  - train: laff: nan",
        "  - train: sea: inf",
    ]
