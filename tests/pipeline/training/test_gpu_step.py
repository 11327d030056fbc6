"""A training step on a GPU: it never waits for the GPU, and moves weights as on a CPU; and by plain operations."""

import pytest
import torch
from scipy.sparse import random_array
from torch import Tensor

from extractors.gru import GruEncoder
from fusion.features import Sparse, Split, Tokens
from fusion.laff import LAFF
from fusion.losses import make
from fusion.paired import Paired
from fusion.retrieval import Retrieval
from pipeline.graph.recipe import Recipe
from pipeline.training.optimizer import make_optimizer, step


def task(device: str) -> Retrieval:
    """A joint GRU, bags of words and dense rows of 40 captions of 20 videos."""
    torch.manual_seed(0)
    lengths = torch.randint(2, 7, (40,))
    starts = torch.cat([torch.zeros(1, dtype=torch.int64), lengths.cumsum(0)])
    tokens = Tokens(torch.randint(9, (int(starts[-1]),)), starts, 9)
    bags = Sparse.of(random_array((40, 12), density=0.3, format="csr", dtype="float32", rng=0))
    video = {"x3d": torch.randn(20, 6), "tf": torch.randn(20, 5)}
    train = Split(video, {"gru": tokens, "bow": bags, "w2v": torch.randn(40, 4)}, torch.arange(40) % 20)
    size = {"heads": 2, "width": 16, "dropout": 0.0}
    blocks = LAFF(dims={"x3d": 6, "tf": 5}, **size), LAFF(dims={"gru": 8, "bow": 12, "w2v": 4}, **size)
    model = Paired(*blocks, {"gru": GruEncoder(9, 3, 8)})
    return Retrieval(model.to(device), train.to(device), train.to(device), make("triplet"))


def learn(device: str, clip: float, steps: int, dtype: torch.dtype = torch.float32) -> list[Tensor]:
    """The weights after so many steps; from the third on, waiting for a GPU is an error."""
    trained = task(device)
    trained.model.to(dtype)
    optimizer = make_optimizer(trained.model, Recipe(lr=1e-3))
    try:
        for number in range(steps):
            if device == "cuda" and number == 2:
                torch.cuda.set_sync_debug_mode("error")
            step(trained.loss((torch.arange(16) + 3 * number) % 40), optimizer, clip)
    finally:
        if device == "cuda":
            torch.cuda.set_sync_debug_mode("default")
    return [parameter.detach().cpu() for parameter in trained.model.parameters()]


@pytest.mark.parametrize("clip", [2.0, 0.0])
def test_a_step_waits_for_nothing(clip: float, gpu: str) -> None:
    """And ends where the CPU does: nearly, since RMSprop divides by what is nearly 0 at first."""
    for value, wanted in zip(learn(gpu, clip, 4), learn("cpu", clip, 4), strict=True):
        torch.testing.assert_close(value, wanted, rtol=1e-3, atol=1e-3)


def test_the_task_learns_on_a_cpu() -> None:
    """So that what the GPU is asked above makes sense where there is none: every parameter moves."""
    before = [parameter.detach().clone() for parameter in task("cpu").model.parameters()]
    assert all(not torch.equal(a, b) for a, b in zip(before, learn("cpu", 2.0, 4), strict=True))


@pytest.mark.parametrize("clip", [2.0, 0.0])
def test_plain_operations_end_in_the_same_weights(clip: float, monkeypatch: pytest.MonkeyPatch) -> None:
    """The whole step in double precision, where only the optimizer's float32 factors are rounded: GRU, bags, clip."""
    wanted = learn("cpu", clip, 4, torch.float64)
    monkeypatch.setenv("LAFF_PLAIN", "1")
    for value, other in zip(learn("cpu", clip, 4, torch.float64), wanted, strict=True):
        torch.testing.assert_close(value, other, rtol=1e-7, atol=1e-9)
