"""Every extractor on a GPU that only pretends: one device, no waiting in a batch, dtypes as documented."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import nullcontext
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor

from extractors.base import Pairs
from extractors.bert import Bert
from extractors.clip_ft import ClipFt
from extractors.gru import Gru
from fusion import losses
from fusion.frames.lstm import SeqLSTM
from fusion.frames.mean import Mean
from fusion.frames.tight import TightTransf
from tests.extractors import test_bert
from tests.extractors.test_contract import CAPTIONS, TEXT, VIDEO, build
from tests.pretended_gpu import PretendedGpu, pretend

PRECISIONS = [None, torch.float16, torch.bfloat16]


@pytest.fixture
def pretended(monkeypatch: pytest.MonkeyPatch) -> Iterator[PretendedGpu]:
    with pretend(monkeypatch) as device:
        yield device


@pytest.mark.parametrize("part", VIDEO, ids=lambda part: part.__name__)
def test_videos(pretended: PretendedGpu, part: type) -> None:
    extractor = build(part)
    extractor.load("cuda", None)
    size = extractor.sampling
    frames = torch.zeros(2, size.views, size.frames, size.crop, size.crop, 3, dtype=torch.uint8, device="cuda")
    counts = [torch.tensor([1, 2]).to("cuda")] if getattr(extractor, "counted", False) else []
    for precision in PRECISIONS:
        how = torch.autocast("cuda", precision) if precision else nullcontext()
        extractor.extract(frames, *counts)  # what is made once, such as the constants of a device, is there now
        with pretended.no_waiting(), how:
            vectors = extractor.extract(frames, *counts)
        assert (vectors.device.type, vectors.dtype, tuple(vectors.shape)) == ("cuda", torch.float32, (2, extractor.dim))


@pytest.mark.parametrize("part", [part for part in TEXT if hasattr(part, "load")], ids=lambda part: part.__name__)
def test_captions(pretended: PretendedGpu, part: type) -> None:
    extractor = build(part)
    extractor.load("cuda", None)
    vectors = extractor.extract_text(CAPTIONS)
    assert vectors.shape == (len(CAPTIONS), extractor.dim)
    assert pretended.sent


def test_sentences(pretended: PretendedGpu, tmp_path: Path) -> None:
    folder = test_bert.folder(tmp_path / "bert")
    part = Bert(weights=str(folder))
    part.load("cuda", folder)
    sent = pretended.sent
    assert part.extract_text(test_bert.CAPTIONS).shape == (len(test_bert.CAPTIONS), test_bert.WIDTH)
    assert pretended.sent > sent


def pairs(videos: np.ndarray) -> Pairs:
    return Pairs(CAPTIONS, np.arange(len(CAPTIONS)) % len(videos), videos, None)


def step_and_score(pretended: PretendedGpu, task: Any) -> None:
    """A step's forward waits for nothing; its loss is float32 on the GPU."""
    task.loss(torch.tensor([0, 1]))
    task.model.train()
    with pretended.no_waiting():
        loss: Tensor = task.loss(torch.tensor([4, 0, 7]))
    assert (loss.device.type, loss.dtype, loss.shape) == ("cuda", torch.float32, ())
    pretended.read = 0
    task.score()
    assert pretended.read >= 1


@pytest.mark.parametrize("loss", ["infonce", "triplet"])
@pytest.mark.parametrize(
    ("aggregate", "params"), [(None, {}), (Mean, {}), (SeqLSTM, {}), (TightTransf, {"layers": 2})], ids=str
)
def test_fine_tuning_of_clip(pretended: PretendedGpu, loss: str, aggregate: Any, params: dict[str, int]) -> None:
    part: ClipFt = build(ClipFt)
    if aggregate is not None:
        part.plug(lambda: aggregate(frames=part.sampling.frames, dim=part.dim, **params))
    part.load("cuda", None)
    size = part.sampling
    frames = pairs(np.zeros((4, size.frames, size.crop, size.crop, 3), np.uint8))
    step_and_score(pretended, part.task(frames, frames, losses.make(loss, mask=True)))


def test_training_of_gru(pretended: PretendedGpu) -> None:
    features = pairs(np.ones((4, 6), np.float32))
    part = Gru(hidden=4, threshold=1, vector_dim=3)
    step_and_score(pretended, part.task(features, features, losses.make("infonce"), device="cuda"))
