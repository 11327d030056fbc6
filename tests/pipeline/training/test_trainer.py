"""Interrupted and resumed trainings equal uninterrupted ones bit for bit; the end, the best model, the messages."""

import signal
import sys
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor, nn

import pipeline.training.rmsprop
from pipeline.errors import LaffError
from pipeline.graph.recipe import Recipe
from pipeline.training.trainer import Trainer, make_optimizer, order, step
from tests.forked import Forked

SAMPLES, BATCH = 22, 4  # 6 steps an epoch, the last with 2 samples
RECIPE = Recipe(epochs=4, batch=BATCH, lr=1e-2, warmup=3, patience=0)


class Stop(Exception):
    """What stands for an interruption."""


class Regression:
    """A small network with dropout and batch statistics that fits a line; `before` is called before each step."""

    def __init__(self, before: Callable[[int], None] = lambda step: None) -> None:
        torch.manual_seed(9)
        self.model = nn.Sequential(nn.Linear(3, 8), nn.BatchNorm1d(8), nn.Tanh(), nn.Dropout(0.5), nn.Linear(8, 1))
        self.x = torch.randn(SAMPLES, 3)
        self.samples = SAMPLES
        self.before = before
        self.steps = 0
        self.rows: list[Tensor] = []

    def loss(self, numbers: Tensor) -> Tensor:
        self.before(self.steps)
        self.steps += 1
        self.rows.append(numbers)
        return (self.model(self.x[numbers])[:, 0] - self.x[numbers].sum(dim=1)).square().mean()

    def score(self) -> float:
        assert not self.model.training
        return -float((self.model(self.x)[:, 0] - self.x.sum(dim=1)).square().mean())

    def state(self) -> dict[str, Any]:
        return {name: value.clone() for name, value in self.model.state_dict().items()}


def trainer(folder: Path, task: Regression | None = None, recipe: Recipe = RECIPE, **options: Any) -> Trainer:
    options = {"checkpoint_seconds": 0.0, "fingerprint": "f", **options}
    return Trainer(task or Regression(), recipe, 2, folder, **options)


def contents(folder: Path) -> tuple[dict[str, Any], bytes]:
    """last.pt without its time, and the bytes of best.pt."""
    last = torch.load(folder / "last.pt", weights_only=True)
    last["position"]["seconds"] = 0
    return last, (folder / "best.pt").read_bytes()


def assert_equal(one: Any, other: Any) -> None:
    """Nested dicts and lists with the same keys and the very same numbers."""
    assert type(one) is type(other)
    if isinstance(one, dict):
        assert list(one) == list(other)
        for key in one:
            assert_equal(one[key], other[key])
    elif isinstance(one, list):
        assert len(one) == len(other)
        for pair in zip(one, other, strict=True):
            assert_equal(*pair)
    elif isinstance(one, Tensor):
        assert one.dtype == other.dtype
        assert torch.equal(one, other)
    else:
        assert one == other


def assert_same(one: Path, other: Path) -> None:
    (last_one, best_one), (last_other, best_other) = contents(one), contents(other)
    assert best_one == best_other
    assert_equal(last_one, last_other)
    assert sorted(path.name for path in one.iterdir()) == ["best.pt", "last.pt"]


def stop_at(wanted: int) -> Callable[[int], None]:
    def before(step: int) -> None:
        if step == wanted:
            raise Stop

    return before


@pytest.fixture(scope="module")
def uninterrupted(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("whole")
    trainer(folder, checkpoint_seconds=60).run()
    return folder


@pytest.mark.parametrize("optimizer", ["rmsprop", "adamw"])
@pytest.mark.parametrize("steps", [1, 5, 6, 7, 13, 23])
def test_resumed_equals_uninterrupted(tmp_path: Path, steps: int, optimizer: Any) -> None:
    recipe = Recipe(**{**vars(RECIPE), "optimizer": optimizer})
    whole = tmp_path / "whole"
    summary = trainer(whole, recipe=recipe, checkpoint_seconds=60).run()
    parts = tmp_path / "parts"
    with pytest.raises(Stop):
        trainer(parts, Regression(stop_at(steps)), recipe).run()
    torch.rand(7)  # whatever else happens in between
    task = Regression()
    resumed = trainer(parts, task, recipe).run()
    assert task.steps == 24 - steps  # nothing was done twice
    assert_same(whole, parts)
    assert replace(summary, seconds=0) == replace(resumed, seconds=0)


class Words(Regression):
    """Captions of one or two words out of nine, whose table has a sparse gradient."""

    def __init__(self, before: Callable[[int], None] = lambda step: None) -> None:
        super().__init__(before)
        self.model = nn.Sequential(nn.EmbeddingBag(9, 4, mode="sum", sparse=True), nn.Linear(4, 1))
        self.x = torch.arange(2 * SAMPLES).view(SAMPLES, 2) ** 2 % 9


def test_resumed_equals_uninterrupted_with_sparse_gradients(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Rows that rest for some steps, over several periods of the optimizer, and a clip that acts."""
    monkeypatch.setattr(pipeline.training.rmsprop, "PERIOD", 5)
    recipe = Recipe(**{**vars(RECIPE), "clip": 0.1})
    trainer(tmp_path / "whole", Words(), recipe, checkpoint_seconds=60).run()
    for stop in (8, 7):
        with pytest.raises(Stop):
            trainer(tmp_path / "parts", Words(stop_at(stop)), recipe).run()
    trainer(tmp_path / "parts", task := Words(), recipe).run()
    assert task.steps == 24 - 8 - 7
    assert_same(tmp_path / "whole", tmp_path / "parts")


def test_resumed_from_an_older_checkpoint(tmp_path: Path, uninterrupted: Path) -> None:
    """Checkpoints a while apart: some steps are made again, with the same result."""
    ticks = iter([0.0, *[float(tick) for tick in range(1000)]])
    interrupted = trainer(tmp_path, Regression(stop_at(17)), checkpoint_seconds=10)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(time, "monotonic", lambda: next(ticks))
        with pytest.raises(Stop):
            interrupted.run()
    task = Regression()
    trainer(tmp_path, task, checkpoint_seconds=60).run()
    assert 24 - 17 < task.steps < 24
    assert_same(uninterrupted, tmp_path)


def test_an_epoch_ends_with_a_checkpoint_where_that_is_cheap(
    tmp_path: Path, uninterrupted: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An interrupt costs the epoch under way, and not all since the last minute."""
    monkeypatch.setattr("pipeline.training.trainer.CHEAP", 0)  # as where a checkpoint takes no time
    with pytest.raises(Stop):
        trainer(tmp_path, Regression(stop_at(17)), checkpoint_seconds=60).run()
    task = Regression()
    trainer(tmp_path, task, checkpoint_seconds=60).run()
    assert task.steps == 24 - 12  # four epochs of six steps, of which two were whole
    assert_same(uninterrupted, tmp_path)


def slowly(folder: str) -> None:
    """Train, with a sign and a pause after each step; in a process that a test kills."""
    shown = set()

    def say(done: int, total: int, note: str) -> None:
        if done not in shown:  # the end of an epoch is told as well
            shown.add(done)
            sys.stdout.write("step\n")
            sys.stdout.flush()
            time.sleep(0.02)

    torch.set_num_threads(1)
    trainer(Path(folder), progress=say).run()


def test_killed_program_resumes(tmp_path: Path, uninterrupted: Path, forked: Forked) -> None:
    """kill -9 in the third epoch, and once more soon after the start of the next run."""
    for wanted in (14, 5):
        program = forked.start("tests.pipeline.training.test_trainer:slowly", [str(tmp_path)])
        while program.out().count("step\n") < wanted:
            assert program.poll() is None, program.said()
            time.sleep(0.002)
        program.send_signal(signal.SIGKILL)
        assert program.wait() == -signal.SIGKILL
    task = Regression()
    trainer(tmp_path, task).run()
    assert 0 < task.steps <= 24 - 14 - 5 + 2  # a step under way when the kill came may be lost, each time
    assert_same(uninterrupted, tmp_path)


def test_finished_returns_at_once(tmp_path: Path) -> None:
    first = trainer(tmp_path).run()
    task = Regression(stop_at(0))
    assert trainer(tmp_path, task).run() == first
    assert task.steps == 0
    assert first.steps == 24
    assert first.seconds > 0


def test_another_fingerprint_or_a_lost_file_starts_over(tmp_path: Path) -> None:
    trainer(tmp_path).run()
    trainer(tmp_path, task := Regression(), fingerprint="g").run()
    assert task.steps == 24
    assert torch.load(tmp_path / "best.pt", weights_only=True)["fingerprint"] == "g"
    (tmp_path / "best.pt").unlink()
    trainer(tmp_path, task := Regression(), fingerprint="g").run()
    assert task.steps == 24
    (tmp_path / "last.pt").write_bytes(b"not a checkpoint")
    trainer(tmp_path, task := Regression(), fingerprint="g").run()
    assert task.steps == 24


def test_an_old_best_model_does_not_outlive_its_training(tmp_path: Path) -> None:
    """Killed before its first checkpoint, a new training must not leave the old one looking finished."""
    trainer(tmp_path).run()
    with pytest.raises(Stop):
        trainer(tmp_path, Regression(stop_at(0)), fingerprint="g").run()
    assert not list(tmp_path.iterdir())


def test_best_model_and_history(tmp_path: Path) -> None:
    scores = iter([0.1, 0.4, 0.3, 0.4])
    task = Regression()
    task.score = lambda: next(scores)  # type: ignore[method-assign]
    states = []
    state = task.state
    task.state = lambda: states.append(state()) or states[-1]  # type: ignore[method-assign, func-returns-value]
    summary = trainer(tmp_path, task).run()
    assert (summary.score, summary.epoch, summary.epochs) == (0.4, 2, 4)  # an equal score is no new best
    assert [entry["score"] for entry in summary.history] == [0.1, 0.4, 0.3, 0.4]
    assert [entry["lr"] for entry in summary.history] == pytest.approx([1e-2 * 0.99**epoch for epoch in range(4)])
    best = torch.load(tmp_path / "best.pt", weights_only=True)
    assert (best["fingerprint"], best["score"], best["epoch"]) == ("f", 0.4, 2)
    assert len(states) == 2
    assert_equal(best["state"], states[1])


def test_early_stop(tmp_path: Path) -> None:
    """Best at epoch 2; three epochs in a row bring no new best: the fifth is the last."""
    scores = iter([0.1, 0.4, 0.3, 0.4, 0.2, 0.9])
    task = Regression()
    task.score = lambda: next(scores)  # type: ignore[method-assign]
    summary = trainer(tmp_path, task, Recipe(**{**vars(RECIPE), "epochs": 80, "patience": 3})).run()
    assert (summary.epochs, summary.epoch, task.steps) == (5, 2, 30)


def test_every_epoch_shows_each_sample_once_in_its_own_order(tmp_path: Path) -> None:
    task = Regression()
    trainer(tmp_path, task).run()
    epochs = [torch.cat(task.rows[6 * epoch : 6 * epoch + 6]) for epoch in range(4)]
    assert [len(batch) for batch in task.rows[:6]] == [4, 4, 4, 4, 4, 2]
    for epoch, batch in enumerate(epochs):
        assert sorted(batch.tolist()) == list(range(SAMPLES))
        assert torch.equal(batch, order(SAMPLES, 2, epoch))
    assert len({tuple(batch.tolist()) for batch in epochs}) == 4
    assert not torch.equal(order(SAMPLES, 3, 0), epochs[0])


def test_loss_is_the_mean_of_the_steps(tmp_path: Path) -> None:
    task = Regression()
    losses = []
    loss = task.loss
    task.loss = lambda numbers: losses.append(value := loss(numbers)) or value  # type: ignore[method-assign, func-returns-value]
    history = trainer(tmp_path, task).run().history
    for epoch, entry in enumerate(history):
        assert entry["loss"] == pytest.approx(sum(float(x) for x in losses[6 * epoch : 6 * epoch + 6]) / 6, rel=1e-9)


def test_nan_loss_stops_and_is_not_saved(tmp_path: Path) -> None:
    def before(step: int) -> None:
        if step == 8:
            task.x[:] = torch.nan

    task = Regression(before)
    with pytest.raises(LaffError, match=rf"{tmp_path.name}, epoch 2, step 3 of 6: the loss is nan.*smaller lr"):
        trainer(tmp_path, task).run()
    last = torch.load(tmp_path / "last.pt", weights_only=True)
    assert last["position"]["step"] == 2
    assert all(value.isfinite().all() for value in last["model"].values())


def test_nan_score_stops(tmp_path: Path) -> None:
    task = Regression()
    task.score = lambda: float("nan")  # type: ignore[method-assign]
    with pytest.raises(LaffError, match="epoch 1, step 6 of 6: the validation score is nan"):
        trainer(tmp_path, task).run()


@pytest.mark.parametrize("optimizer", ["rmsprop", "adamw"])
def test_a_model_that_learns_nothing_is_scored(tmp_path: Path, optimizer: Any) -> None:
    """No step is taken, and the score of the model as it is makes it the best: epoch 0."""
    task = Regression(stop_at(0))
    for parameter in task.model.parameters():
        parameter.requires_grad_(False)
    score = Regression.score
    task.model.eval()
    wanted = score(task)
    given = {"recipe": Recipe(**{**vars(RECIPE), "optimizer": optimizer})}
    summary = trainer(tmp_path, task, **given).run()
    assert (summary.score, summary.epoch, summary.epochs, summary.history) == (wanted, 0, 0, [])
    best = torch.load(tmp_path / "best.pt", weights_only=True)
    assert (best["score"], best["epoch"], list(best["state"])) == (wanted, 0, list(task.state()))
    task.score = lambda: 0.5  # type: ignore[method-assign]
    assert trainer(tmp_path, task, **given).run().score == wanted  # it is finished
    (tmp_path / "best.pt").unlink()
    assert trainer(tmp_path, task, **given).run().score == 0.5
    assert (tmp_path / "best.pt").is_file()


def test_no_samples(tmp_path: Path) -> None:
    task = Regression()
    task.samples = 0
    with pytest.raises(LaffError, match="no samples"):
        trainer(tmp_path, task)


def test_a_disk_that_is_full(tmp_path: Path) -> None:
    """/dev/full takes no byte: the message names the file, and nothing half-written is left."""
    with pytest.MonkeyPatch.context() as patch:
        opened = Path.open
        patch.setattr(Path, "open", lambda path, mode="r": opened(Path("/dev/full") if mode == "wb" else path, mode))
        with pytest.raises(LaffError, match=r"last\.pt could not be written .*make room"):
            trainer(tmp_path).run()
    assert not list(tmp_path.iterdir())


def test_progress_and_generators(tmp_path: Path) -> None:
    seen: list[tuple[int, int, str]] = []
    torch.manual_seed(5)
    expected = torch.rand(1)
    torch.manual_seed(5)
    task = Regression()
    torch.manual_seed(5)
    trainer(tmp_path, task, progress=lambda *news: seen.append(news)).run()
    assert torch.equal(torch.rand(1), expected)  # training leaves the caller's random numbers alone
    assert seen[0] == (1, 24, "first epoch")
    assert seen[-1][:2] == (24, 24)
    assert seen[-1][2].startswith("epoch 4 loss ")
    assert [news[0] for news in seen] == sorted(news[0] for news in seen)


@pytest.mark.parametrize("optimizer", ["rmsprop", "adamw"])
def test_factors_multiply_the_rate_of_each_step(tmp_path: Path, optimizer: Any) -> None:
    """Factors hold through warmup and decay: 0 keeps the first layer where it was, the rest moves."""
    task = Regression()
    task.factors = {"0.": 0.0}  # type: ignore[attr-defined]
    start = {name: value.clone() for name, value in task.model.state_dict().items()}
    trained = trainer(tmp_path, task, recipe=Recipe(**{**vars(RECIPE), "optimizer": optimizer}))
    trained.run()
    assert [group["lr"] for group in trained.optimizer.param_groups if group["factor"] == 0] == [0.0] * (
        1 if optimizer == "rmsprop" else 2
    )
    for name, value in task.model.state_dict().items():
        if name.endswith(("weight", "bias")):
            assert torch.equal(value, start[name]) == name.startswith("0."), name


def test_clipping() -> None:
    """Gradient (3, 4) has norm 5: cut to 2 it is (1.2, 1.6) up to the 1e-6 in the norm; lr 1 SGD shows it."""
    for clip, wanted in ((2.0, [-1.2, -1.6]), (0.0, [-3.0, -4.0]), (6.0, [-3.0, -4.0])):
        weight = nn.Parameter(torch.zeros(2, dtype=torch.float64))
        step((weight * torch.tensor([3.0, 4.0])).sum(), torch.optim.SGD([weight], lr=1.0), clip)
        assert weight.tolist() == pytest.approx(wanted, rel=1e-6)


def test_adamw_spares_biases_from_weight_decay() -> None:
    """With zero gradients only decay moves: weights shrink by lr * 0.2; biases and frozen parameters stay."""
    model = nn.Linear(2, 2)
    frozen = nn.Linear(2, 2).requires_grad_(False)
    optimizer = make_optimizer(nn.ModuleList([model, frozen]), Recipe(optimizer="adamw", lr=0.1))
    weight, bias, still = model.weight.detach().clone(), model.bias.detach().clone(), frozen.weight.clone()
    step((model(torch.zeros(1, 2)) * 0).sum(), optimizer, 2.0)
    torch.testing.assert_close(model.weight.detach(), weight * (1 - 0.1 * 0.2))
    assert torch.equal(model.bias, bias)
    assert torch.equal(frozen.weight, still)
