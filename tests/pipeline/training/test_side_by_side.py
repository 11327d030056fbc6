"""Trainings side by side: the same bytes in any number, and each for itself when one fails or is killed."""

from __future__ import annotations

import os
import shutil
import signal
import sys
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch

from fusion.laff import LAFF
from fusion.retrieval import Retrieval
from pipeline.request import Request
from pipeline.run import run
from pipeline.steps import train
from pipeline.training.jobs import Untrained
from tests.forked import Forked

Requests = Callable[..., Request]

MODELS = (
    "train.from=[full, lossy, bow]",
    "train.baselines={laff: {uses: fusion.laff.LAFF, params: {heads: 2}}, "
    "few: {uses: fusion.concat.Concat, video: [full]}}",
    "train.seeds=[1, 2]",
    "train.epochs=3",
    "train.batch=4",
)
TRAININGS = 6


def best(work: Path) -> dict[str, bytes]:
    """{unit: the bytes of its model}."""
    return {
        path.parent.relative_to(work).as_posix(): path.read_bytes() for path in sorted(work.glob("train/*/*/best.pt"))
    }


@pytest.fixture
def trained(request_of: Requests, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[int], dict[str, bytes]]:
    """`trained(2)`: the models, two at a time, on features that are made once."""
    run(request_of(*MODELS), ["full", "lossy", "bow"])

    def run_again(number: int, *sets: str) -> dict[str, bytes]:
        monkeypatch.setenv("LAFF_TRAININGS", str(number))
        work = tmp_path / f"WORK{len(list(tmp_path.iterdir()))}"
        shutil.copytree(tmp_path / "WORK", work)
        assert run(replace(request_of(*MODELS, *sets), work=work), ["train"]).made["train"] == TRAININGS
        return best(work)

    return run_again


def test_models_are_the_same_however_many_are_trained_at_a_time(trained: Any, capsys: Any) -> None:
    alone = trained(1)
    assert len(alone) == TRAININGS
    assert "train laff/seed2 (" in capsys.readouterr().err  # a bar of its own
    assert trained(2) == alone
    assert f"train: {3 * TRAININGS}/{3 * TRAININGS} epochs in" in capsys.readouterr().err
    assert trained(3) == alone


def test_one_that_is_killed_goes_on_from_its_checkpoint(
    trained: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: Any
) -> None:
    alone = trained(1)
    losses, loss = [], Retrieval.loss

    def killed(task: Retrieval, captions: Any) -> Any:
        losses.append(1)
        if len(losses) == 5 and isinstance(task.model.video, LAFF) and not (tmp_path / "killed").exists():
            (tmp_path / "killed").touch()
            os.kill(os.getpid(), signal.SIGKILL)
        return loss(task, captions)

    monkeypatch.setattr(Retrieval, "loss", killed)
    assert trained(3, "train.checkpoint=0") == alone
    assert (tmp_path / "killed").exists()
    assert "SIGKILL, perhaps out of memory); it is begun anew, and 2 at a time from here on" in capsys.readouterr().err


def test_one_wrong_model_ends_no_other(
    request_of: Requests, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: Any
) -> None:
    loss = Retrieval.loss

    def short(task: Retrieval, captions: Any) -> Any:
        if isinstance(task.model.video, LAFF):
            raise RuntimeError("CUDA out of memory\nand so on")
        return loss(task, captions)

    monkeypatch.setenv("LAFF_TRAININGS", "2")
    monkeypatch.setattr(Retrieval, "loss", short)
    with pytest.raises(Untrained) as caught:
        run(request_of(*MODELS), ["train"])
    assert sorted(caught.value.failed) == ["laff/seed1", "laff/seed2"]
    assert str(caught.value).splitlines() == [
        "train: 2 trainings came to nothing, 4 others kept",
        "  - train: laff: RuntimeError: CUDA out of memory",
    ]
    assert len(best(tmp_path / "WORK")) == 4
    assert "train laff/seed1 came to nothing: train: laff" in capsys.readouterr().err


def test_more_threads_are_for_fresh_interpreters(request_of: Requests, monkeypatch: pytest.MonkeyPatch) -> None:
    """torch's threads are not there in a process that is forked; one at a time needs no process."""
    from pipeline.opening import open_context
    from pipeline.workers.beside import Beside

    monkeypatch.setenv("LAFF_TRAININGS", "2")
    context = open_context(request_of())
    forks = {}
    for threads in (1, 2):
        context = open_context(request_of(f"train.threads={threads}"))
        tasks = train.tasks_of(context, context.stage("train"), [_Job(threads), _Job(1)])
        assert isinstance(tasks, Beside)
        forks[threads] = tasks.forks
    assert forks == {1: sys.platform == "linux", 2: False}
    assert train.tasks_of(context, context.stage("train"), [_Job(1)]) is context.tasks
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    assert train.tasks_of(context, context.stage("train"), [_Job(1), _Job(1)]) is context.tasks


class _Job:
    """As much of a training as tells how many threads it takes."""

    def __init__(self, threads: int) -> None:
        self.threads = threads


@pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGKILL])
def test_the_end_of_the_run_is_the_end_of_its_trainings(request_of: Requests, forked: Forked, number: int) -> None:
    """And at once the same workspace can be used again."""
    request = request_of()
    where = ["-c", str(request.collection), "-w", str(request.work), "--stages", str(request.stages)]
    long = ("--set", "train.seeds=[1, 2]", "--set", "train.epochs=10000000", "--set", "train.patience=0")
    environment = {**os.environ, "LAFF_TRAININGS": "2"}
    process = forked.laff("train", *where, *long, environment=environment, alone=True)
    assert _soon(lambda: len(list((request.work / "train").rglob("last.pt"))) == 2), process.said()
    trainings = [int(word) for word in Path(f"/proc/{process.pid}/task/{process.pid}/children").read_text().split()]
    assert len(trainings) == 2
    os.killpg(process.pid, number) if number == signal.SIGINT else process.send_signal(number)
    status = process.wait()
    if number == signal.SIGINT:
        assert status == 130
        assert "interrupted; what is finished is kept, and the same command does the rest" in process.said()
        assert "Traceback" not in process.said()
        assert not any(Path(f"/proc/{pid}/exe").exists() for pid in trainings)
        return
    assert _soon(lambda: not any(Path(f"/proc/{pid}/exe").exists() for pid in trainings))
    again = forked.laff("train", *where, "--set", "train.epochs=1", "--yes", environment=environment)
    assert again.wait() == 0, again.said()


def _soon(what: Callable[[], bool]) -> bool:
    end = time.monotonic() + 100
    while not what() and time.monotonic() < end:
        time.sleep(0.01)
    return what()
