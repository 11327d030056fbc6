"""Every extractor on a GPU gives what it gives on a CPU in float32, up to rounding, in each precision."""

from pathlib import Path

import numpy as np
import pytest
import torch

from extractors.bert import Bert
from pipeline.extraction.forward import autocast
from tests.extractors import test_bert
from tests.extractors.test_contract import CAPTIONS, TEXT, VIDEO, build, dense, learn, videos

ON_A_DEVICE = [part for part in TEXT if hasattr(part, "load") or hasattr(part, "task")]  # others only count words
LEAST = {"float32": 0.99999, "float16": 0.999, "bfloat16": 0.99}  # the smallest cosine


@pytest.mark.parametrize("precision", LEAST)
@pytest.mark.parametrize("part", VIDEO, ids=lambda part: part.__name__)
def test_videos_have_the_rows_of_a_cpu(part: type, precision: str, gpu: str) -> None:
    ours, wanted = build(part), build(part)
    wanted.load("cpu", None)
    ours.load(gpu, None)
    frames = videos(wanted.sampling)
    with autocast(gpu, precision):
        vectors = ours.extract(frames.to(gpu))
    assert vectors.device.type == "cuda"
    cosines = torch.nn.functional.cosine_similarity(vectors.float().cpu(), wanted.extract(frames), dim=-1)
    assert float(cosines.min()) >= LEAST[precision]


@pytest.mark.parametrize("part", ON_A_DEVICE, ids=lambda part: part.__name__)
def test_captions_have_the_rows_of_a_cpu(part: type, gpu: str) -> None:
    vectors = []
    state = learn(part) if hasattr(part, "task") else None
    for device in ("cpu", gpu):
        extractor = build(part)
        if state is None:
            extractor.load(device, None)
        else:
            extractor.load_state(state, device)
        vectors.append(dense(extractor.extract_text([*CAPTIONS, "an unseen sentence"])))
    check(*vectors)


def test_sentences_have_the_rows_of_a_cpu(tmp_path: Path, gpu: str) -> None:
    """Bert, which is nothing without a folder of weights."""
    folder, vectors = test_bert.folder(tmp_path / "bert"), []
    for device in ("cpu", gpu):
        extractor = Bert(weights=str(folder))
        extractor.load(device, folder)
        vectors.append(extractor.extract_text(test_bert.CAPTIONS))
    check(*vectors)


def check(wanted: np.ndarray, vectors: np.ndarray) -> None:
    assert vectors.shape == wanted.shape
    np.testing.assert_allclose(vectors, wanted, rtol=1e-3, atol=1e-3 * np.abs(wanted).max())
