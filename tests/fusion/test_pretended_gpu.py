"""Everything that learns, on a GPU that only pretends: one device, no waiting in a step, dtypes as documented."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest
import torch
from scipy.sparse import random as random_sparse
from torch import Tensor

from fusion import features, losses
from fusion.features import Feature, Frames, Sparse, Split, Tokens
from fusion.paired import Paired
from fusion.retrieval import Retrieval
from fusion.spaces import Spaces
from tests.fusion import test_contract, test_model_contract
from tests.fusion.frames import test_aggregators
from tests.pretended_gpu import PretendedGpu, Waits, pretend

VIDEOS, CAPTIONS, BATCH = 6, 10, 4
BLOCKS, MODELS = test_contract.blocks(), test_model_contract.models()
Dims = dict[str, int]


@pytest.fixture
def pretended(monkeypatch: pytest.MonkeyPatch) -> Iterator[PretendedGpu]:
    with pretend(monkeypatch) as gpu:
        yield gpu


def split(video: Dims, text: Dims, sparse: tuple[str, ...] = ()) -> Split:
    """Random rows on the CPU; the features named in `sparse` as such."""
    videos, texts = test_model_contract.rows((video, text), VIDEOS)[0], {}
    for name, dim in text.items():
        texts[name] = torch.randn(CAPTIONS, dim)
        if name in sparse:
            texts[name] = Sparse.of(random_sparse(CAPTIONS, dim, 0.3, format="csr", random_state=1))
    return Split(videos, texts, torch.arange(CAPTIONS) % VIDEOS)


def there(task: Retrieval) -> Retrieval:
    """The task, with all that it holds on the GPU, as if it had been made there."""
    task.train, task.val, task._scale = task.train.to("cuda"), task.val.to("cuda"), task._scale.to("cuda")
    task.model.to("cuda")
    return task


def step_and_score(
    pretended: PretendedGpu, model: Spaces, split: Split, loss: str = "infonce", precision: str = "float32"
) -> None:
    """A training step's forward waits for nothing, its loss is float32 on the GPU; a score reads one value."""
    task = there(Retrieval(model, split, split, losses.make(loss), precision=precision))
    model.train()
    with pretended.no_waiting():
        loss_value = task.loss(torch.tensor([3, 0, 8, 2]))
    assert (loss_value.device.type, loss_value.dtype, loss_value.shape) == ("cuda", torch.float32, ())
    pretended.read = 0
    with pretended.no_waiting(), pytest.raises(Waits, match="the value of a tensor"):
        task.score()  # of all that a score does, reading it is what waits
    task.score()
    assert pretended.read == 1


def pair(block: type, **params: Any) -> Paired:
    """A block on either side."""
    video, text = (
        test_contract.build(block, {"clip-ft": 6, "x3d": 9}),
        test_contract.build(block, {"bow": 11, "w2v": 5}),
    )
    return Paired(video, text, **params)


@pytest.mark.parametrize("precision", ["float32", "bfloat16"])
@pytest.mark.parametrize("block", BLOCKS, ids=lambda block: block.__name__)
def test_a_pair_of_blocks(pretended: PretendedGpu, block: type, precision: str) -> None:
    features = split({"clip-ft": 6, "x3d": 9}, {"bow": 11, "w2v": 5}, sparse=("bow",))
    step_and_score(pretended, pair(block), features, precision=precision)


@pytest.mark.parametrize("precision", ["float32", "bfloat16"])
@pytest.mark.parametrize("model", MODELS, ids=lambda model: model.__name__)
def test_a_model_of_both_sides(pretended: PretendedGpu, model: type[Spaces], precision: str) -> None:
    step_and_score(
        pretended, test_model_contract.build(model), split(*test_model_contract.dims(model)), precision=precision
    )


@pytest.mark.parametrize("loss", losses.LOSSES)
@pytest.mark.parametrize("mask", [False, True])
def test_a_loss(pretended: PretendedGpu, loss: str, mask: bool) -> None:
    cosines, videos = torch.randn(2, BATCH, BATCH, device="cuda"), torch.zeros(BATCH, dtype=torch.int64, device="cuda")
    scale = torch.ones((), device="cuda")
    with pretended.no_waiting():
        value = losses.make(loss, mask)(cosines, scale, videos)
    assert (value.device.type, value.dtype, value.shape) == ("cuda", torch.float32, ())


@pytest.mark.parametrize("variant", test_aggregators.VARIANTS, ids=test_aggregators.named)
def test_an_aggregator(pretended: PretendedGpu, variant: tuple[str, dict[str, Any]]) -> None:
    aggregator = test_aggregators.build(variant).to("cuda")
    frames, counts = test_aggregators.frames().to("cuda"), torch.tensor([12, 5, 1]).to("cuda")
    for training in (True, False):
        aggregator.train(training)
        with pretended.no_waiting():
            if aggregator.scores_pairs:
                out = aggregator.scores(torch.randn(2, test_aggregators.D, device="cuda"), frames, counts)
            else:
                out = aggregator(frames, counts)
        assert (out.device.type, out.dtype) == ("cuda", torch.float32)


def test_tokens_and_what_was_made_of_them(pretended: PretendedGpu) -> None:
    """Ragged rows are counted on the CPU, so that nobody waits to learn how many there are."""
    starts = torch.tensor([0, 2, 3, 7])
    tokens = Tokens(torch.arange(7), starts, 9).to("cuda")
    with pretended.no_waiting():
        taken = tokens.rows(torch.tensor([2, 0]))
    assert (taken.ids.device.type, taken.ids.shape, taken.starts.tolist()) == ("cuda", (6,), [0, 4, 6])
    with_vectors = replace(tokens, encoded=torch.randn(3, 5, device="cuda"))
    with pretended.no_waiting():
        encoded = with_vectors.rows(torch.tensor([1])).encoded
    assert encoded is not None
    assert encoded.shape == (1, 5)


@pytest.mark.parametrize(
    "feature",
    [
        torch.randn(4, 3),
        Sparse.of(random_sparse(4, 3, 0.5, format="csr", random_state=1)),
        Frames(torch.randn(4, 2, 3), torch.tensor([1, 2, 2, 1])),
    ],
    ids=["dense", "sparse", "frames"],
)
def test_rows_of_a_feature(pretended: PretendedGpu, feature: Feature) -> None:
    there_ = feature.to("cuda")
    with pretended.no_waiting():
        features = Split({"a": torch.randn(4, 3, device="cuda")}, {"b": there_}, torch.zeros(4, dtype=torch.int64))
        taken = features.text_rows(torch.tensor([3, 1]))["b"]
    assert len(taken) == 2


def test_what_a_gpu_would_refuse_is_refused(pretended: PretendedGpu) -> None:
    """The pretended one is no cushion: it refuses two devices, and tells every kind of waiting."""
    here, away = torch.ones(3), torch.ones(3, device="cuda")
    with pytest.raises(RuntimeError, match="device"):
        here + away
    assert float(away.sum()) == 0
    assert (pretended.read, pretended.sent) == (1, 0)
    with pretended.no_waiting():
        for wait in (lambda: away.sum().item(), lambda: bool(away.any()), away.cpu, lambda: here.to("cuda")):
            with pytest.raises(Waits):
                wait()

        def put(at: Any, values: Tensor) -> None:
            away[at] = values

        numbers, mask, three = torch.tensor([0, 2]), away > 0, torch.ones(3, device="cuda")
        for wait in (
            *(lambda: away.copy_(here), lambda: here.copy_(away), lambda: put(slice(None), here)),
            *(lambda: away.copy_(here, non_blocking=True), lambda: here.copy_(away, non_blocking=True)),
            *(lambda: away[numbers], lambda: put(numbers, three[:2]), lambda: away[mask], lambda: put(mask, three)),
            *(lambda: here.to("cuda", non_blocking=True), lambda: torch.tensor([1.0], device="cuda")),
        ):
            with pytest.raises(Waits):
                wait()


def test_what_a_gpu_does_beside_the_program_is_let_through(pretended: PretendedGpu) -> None:
    here, away, pinned = torch.ones(3), torch.ones(3, device="cuda"), torch.ones(3).pin_memory()
    with pretended.no_waiting():
        assert pinned[1:].to("cuda", non_blocking=True).is_cuda
        away.copy_(pinned, non_blocking=True)
        pinned.copy_(away, non_blocking=True)
        away.to("cpu", non_blocking=True)
        away[torch.tensor([0, 2]).pin_memory().to("cuda", non_blocking=True)]
        away[away > 0] = 0.0
        away[1:] = 2.0
    assert not pinned.any()  # what comes back are zeros
    here.copy_(away)
    assert not here.any()


def test_rows_that_are_not_sent_ahead_are_seen(pretended: PretendedGpu, monkeypatch: pytest.MonkeyPatch) -> None:
    """Plain indexing in the place of `fusion.features.index`, which copies through pinned memory."""
    task = there(
        Retrieval(
            pair(BLOCKS[0]), *[split({"clip-ft": 6, "x3d": 9}, {"bow": 11, "w2v": 5})] * 2, losses.make("infonce")
        )
    )
    monkeypatch.setattr(features, "index", lambda values, numbers: values[numbers])
    with pretended.no_waiting(), pytest.raises(Waits, match=r"a copy of \[4\] from cpu to cuda"):
        task.loss(torch.tensor([3, 0, 8, 2]))
