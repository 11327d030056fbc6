"""LAFF-ml against the authors' equations with loops: frames, tiles, batch normalisation everywhere, and the loss."""

from collections.abc import Callable

import numpy as np
import pytest
import torch
from torch import Tensor

from fusion.features import Feature, Frames
from fusion.laff_ml import LAFFml
from fusion.losses import make
from fusion.paired import Paired

HEADS, WIDTH, ROWS, TIME = 2, 6, 4, 3
VIDEO, TEXT = {"x3d": 5, "clip-ft-frames": 4, "tf": 3}, {"w2v": 4, "clip-ft": 6}
NAMED = {"raw": ("clip-ft",), "frames": ("clip-ft-frames",)}
COUNTS = [3, 1, 2, 3]
ONE = torch.tensor(1.0)


def frames(seed: int = 3) -> Frames:
    values = torch.randn(ROWS, TIME, 4, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)
    for row, count in enumerate(COUNTS):
        values[row, count:] = 0
    return Frames(values, torch.tensor(COUNTS))


def normal(x: np.ndarray, weight: np.ndarray, bias: np.ndarray) -> np.ndarray:
    return (x - x.mean(0)) / np.sqrt(x.var(0) + 1e-5) * weight.reshape(-1) + bias.reshape(-1)


def side(values: dict[str, np.ndarray], prefix: str, features: dict[str, Feature]) -> np.ndarray:
    """[H, B, W] of length 1."""
    entered = {}
    for name, feature in features.items():
        weight, bias = values[f"{prefix}.enter.{name}.weight"], values[f"{prefix}.enter.{name}.bias"]
        if isinstance(feature, Frames):
            vectors = []
            for row, count in enumerate(COUNTS):
                own_frames = [feature.values[row, t].numpy() for t in range(count)]
                scores = [np.exp(one @ values[f"{prefix}.frame_score.{name}"]) for one in own_frames]
                whole = sum(score / sum(scores) * one for score, one in zip(scores, own_frames, strict=True))
                vectors.append(whole / np.sqrt((whole**2).sum()))
            x = np.pad(np.stack(vectors), ((0, 0), (0, WIDTH - 4)))
        else:
            x = feature.numpy()  # type: ignore[union-attr]
        if name in ("clip-ft", "clip-ft-frames"):
            entered[name] = normal(np.concatenate([x] * HEADS, axis=1), weight, bias)
        else:
            learned = np.tanh(x @ weight + bias)
            entered[name] = normal(
                learned, values[f"{prefix}.enter.{name}.norm.weight"], values[f"{prefix}.enter.{name}.norm.bias"]
            )
    heads = np.zeros((HEADS, ROWS, WIDTH))
    for head in range(HEADS):
        columns = slice(head * WIDTH, (head + 1) * WIDTH)
        for row in range(ROWS):
            scores = [np.exp(values[f"{prefix}.score"][head] @ f[row, columns]) for f in entered.values()]
            fused = sum(s / sum(scores) * f[row, columns] for s, f in zip(scores, entered.values(), strict=True))
            heads[head, row] = fused / (np.sqrt((fused**2).sum()) + 1e-14)
    return heads


def test_forward_and_loss(moved: Callable, given: Callable[..., dict[str, Tensor]], loss_by_hand: Callable) -> None:
    model = Paired(*(LAFFml(dims=dims, heads=HEADS, width=WIDTH, dropout=0.0, **NAMED) for dims in (VIDEO, TEXT)))
    values = moved(model)
    video: dict[str, Feature] = {**given(VIDEO), "clip-ft-frames": frames()}
    text: dict[str, Feature] = {**given(TEXT, seed=2)}
    wanted = side(values, "text", text) @ side(values, "video", video).transpose(0, 2, 1)
    cosines = model.cosines(video, text)
    np.testing.assert_allclose(cosines.detach().numpy(), wanted, atol=1e-10)
    assert loss_by_hand(wanted) > 0.1
    assert make("triplet")(cosines, ONE, None).item() == pytest.approx(loss_by_hand(wanted), abs=1e-10)
    model.cosines(video, text).square().sum().backward()
    assert all(parameter.grad is not None and parameter.grad.any() for parameter in model.parameters())


def test_what_lies_behind_a_videos_frames_has_no_influence(given: Callable) -> None:
    block = LAFFml(dims=VIDEO, heads=HEADS, width=WIDTH, **NAMED).double().eval()
    features, clean = given(VIDEO), frames()
    dirty = clean.values.clone()
    dirty[1, 1:] = 100
    fused = block({**features, "clip-ft-frames": clean})[0]
    assert torch.equal(block({**features, "clip-ft-frames": Frames(dirty, clean.counts)})[0], fused)
    dirty[1, 0] += 1
    assert not torch.allclose(block({**features, "clip-ft-frames": Frames(dirty, clean.counts)})[0], fused)


def test_normalisation_stands_behind_dropout() -> None:
    """In a training batch every column has mean 0 and variance 1 after it, though a third was dropped before."""
    layer = LAFFml(dims={"x3d": 5}, heads=2, width=20, dropout=0.3).enter["x3d"]
    entered = layer(torch.randn(500, 5))
    torch.testing.assert_close(entered.mean(dim=0), torch.zeros(40), atol=1e-5, rtol=0)
    torch.testing.assert_close(entered.var(dim=0, unbiased=False), torch.ones(40), atol=1e-2, rtol=0)


def test_size_of_the_authors_model() -> None:
    """74,592,814 in the authors' code, less what never acts there: as in LAFF two LayerNorm(512), and the bias and the
    stored weight of the unused mean in each of 16 heads and in the attention over frames."""
    with torch.device("meta"):
        video = LAFFml(dims={"c3d": 2048, "clip-ft-frames": 512, "tf": 768, "x3d": 2048, "ircsn": 2048}, **NAMED)
        text = LAFFml(dims={"gru": 1024, "bow": 7650, "w2v": 500, "clip-ft": 512}, **NAMED)
    gru = 7807 * 500 + 3 * 1024 * (500 + 1024 + 2)  # inside the model
    size = sum(p.numel() for block in (video, text) for p in block.parameters())
    assert size + gru == 74_592_814 - 2 * 2 * 512 - (16 + 1) * 2


def test_frames_are_asked_for(given: Callable) -> None:
    block = LAFFml(dims=VIDEO, heads=HEADS, width=WIDTH, **NAMED).double()
    with pytest.raises(ValueError, match="'clip-ft-frames' should come frame by frame, not as one row for each video"):
        block(given(VIDEO))
    with pytest.raises(ValueError, match="'clip-ft-frames' has width 4; the block was built for 9"):
        LAFFml(dims={"clip-ft-frames": 9}, heads=1, width=9, **NAMED)({"clip-ft-frames": frames()})
    with pytest.raises(ValueError, match="'x3d' holds frames, but the block wants one row"):
        block({**given(VIDEO), "x3d": frames()})
    with pytest.raises(ValueError, match="'clip-ft-frames' is missing"):
        block({"x3d": given(VIDEO)["x3d"]})
