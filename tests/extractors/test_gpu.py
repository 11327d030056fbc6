"""Every extractor on a GPU gives what it gives on a CPU in float32, up to rounding, in each precision."""

import numpy as np
import pytest
import torch

from pipeline.extraction.forward import autocast
from tests.extractors.test_contract import CAPTIONS, TEXT, VIDEO, build, dense, learn, videos

LEAST = {"float32": 0.99999, "float16": 0.999, "bfloat16": 0.99}  # the smallest cosine


@pytest.mark.parametrize("precision", LEAST)
@pytest.mark.parametrize("part", VIDEO, ids=lambda part: part.__name__)
def test_videos_have_the_rows_of_a_cpu(part: type, precision: str, gpu: str) -> None:
    ours, wanted = build(part), build(part)
    wanted.load("cpu", None)
    ours.load(gpu, None)
    frames = videos(wanted.sampling)
    with autocast(gpu, precision):
        found = ours.extract(frames.to(gpu))
    assert found.device.type == "cuda"
    cosines = torch.nn.functional.cosine_similarity(found.float().cpu(), wanted.extract(frames), dim=-1)
    assert float(cosines.min()) >= LEAST[precision]


@pytest.mark.parametrize("part", TEXT, ids=lambda part: part.__name__)
def test_captions_have_the_rows_of_a_cpu(part: type, gpu: str) -> None:
    rows = []
    state = learn(part) if hasattr(part, "fit") or hasattr(part, "task") else None
    for device in ("cpu", gpu):
        extractor = build(part)
        if state is None:
            extractor.load(device, None)
        else:
            extractor.load_state(state, device)
        rows.append(dense(extractor.extract_text([*CAPTIONS, "an unseen sentence"])))
    wanted, found = rows
    assert found.shape == wanted.shape
    np.testing.assert_allclose(found, wanted, rtol=1e-3, atol=1e-3 * np.abs(wanted).max())
