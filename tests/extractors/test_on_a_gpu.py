"""Every extractor on a GPU that only pretends: one device, no waiting in a batch, dtypes as documented."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import nullcontext
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor

from extractors.base import Pairs
from extractors.clip_ft import ClipFt
from extractors.gru import Gru
from fusion import losses
from fusion.frames.lstm import SeqLSTM
from fusion.frames.mean import Mean
from fusion.frames.tight import TightTransf
from tests.extractors.test_contract import CAPTIONS, TEXT, VIDEO, build
from tests.fake_device import Card, pretend

PRECISIONS = [None, torch.float16, torch.bfloat16]


@pytest.fixture
def card(monkeypatch: pytest.MonkeyPatch) -> Iterator[Card]:
    with pretend(monkeypatch) as made:
        yield made


@pytest.mark.parametrize("part", VIDEO, ids=lambda part: part.__name__)
def test_videos(card: Card, part: type) -> None:
    made = build(part)
    made.load("cuda", None)
    size = made.sampling
    frames = torch.zeros(2, size.views, size.frames, size.crop, size.crop, 3, dtype=torch.uint8, device="cuda")
    told = [torch.tensor([1, 2]).to("cuda")] if getattr(made, "counted", False) else []
    for precision in PRECISIONS:
        how = torch.autocast("cuda", precision) if precision else nullcontext()
        made.extract(frames, *told)  # what is made once, such as the constants of a device, is there now
        with card.no_waiting(), how:
            found = made.extract(frames, *told)
        assert (found.device.type, found.dtype, tuple(found.shape)) == ("cuda", torch.float32, (2, made.dim))


@pytest.mark.parametrize("part", [part for part in TEXT if hasattr(part, "load")], ids=lambda part: part.__name__)
def test_captions(card: Card, part: type) -> None:
    made = build(part)
    made.load("cuda", None)
    found = made.extract_text(CAPTIONS)
    assert found.shape == (len(CAPTIONS), made.dim)
    assert card.sent


def pairs(videos: np.ndarray) -> Pairs:
    return Pairs(CAPTIONS, np.arange(len(CAPTIONS)) % len(videos), videos, None)


def step_and_score(card: Card, task: Any) -> None:
    """A step's forward waits for nothing; its loss is float32 on the GPU."""
    task.loss(torch.tensor([0, 1]))
    task.model.train()
    with card.no_waiting():
        found: Tensor = task.loss(torch.tensor([4, 0, 7]))
    assert (found.device.type, found.dtype, found.shape) == ("cuda", torch.float32, ())
    card.read = 0
    task.score()
    assert card.read >= 1


@pytest.mark.parametrize("loss", ["infonce", "triplet"])
@pytest.mark.parametrize(
    ("aggregate", "params"), [(None, {}), (Mean, {}), (SeqLSTM, {}), (TightTransf, {"layers": 2})], ids=str
)
def test_fine_tuning_of_clip(card: Card, loss: str, aggregate: Any, params: dict[str, int]) -> None:
    part: ClipFt = build(ClipFt)
    if aggregate is not None:
        part.plug(lambda: aggregate(frames=part.sampling.frames, dim=part.dim, **params))
    part.load("cuda", None)
    size = part.sampling
    frames = pairs(np.zeros((4, size.frames, size.crop, size.crop, 3), np.uint8))
    step_and_score(card, part.task(frames, frames, losses.make(loss, mask=True)))


def test_training_of_gru(card: Card) -> None:
    features = pairs(np.ones((4, 6), np.float32))
    part = Gru(hidden=4, threshold=1, vector_dim=3)
    step_and_score(card, part.task(features, features, losses.make("infonce"), device="cuda"))
