"""Multi-head self-attention over features, written out with loops over rows, heads and features."""

from collections.abc import Callable

import numpy as np
import pytest
import torch
from torch import Tensor

from fusion.losses import make
from fusion.mhsa import MHSA
from fusion.paired import Paired

HEADS, WIDTH = 3, 4
VIDEO, TEXT = {"x3d": 5, "tf": 3, "clip-ft": 4}, {"w2v": 6, "bow": 2}
RAW = ("clip-ft",)
ONE = torch.tensor(1.0)


def fused(values: dict[str, np.ndarray], features: dict[str, Tensor]) -> np.ndarray:
    """[B, d]: mean over features of LayerNorm(f + attention(f))."""
    wide = HEADS * WIDTH
    entered = []
    for name, feature in features.items():
        weight, bias = values[f"enter.{name}.weight"], values[f"enter.{name}.bias"]
        x = feature.numpy()
        if name == "clip-ft":  # tiled, then batch normalisation
            x = np.concatenate([x] * HEADS, axis=1)
            entered.append((x - x.mean(0)) / np.sqrt(x.var(0) + 1e-5) * weight.reshape(-1) + bias.reshape(-1))
        else:
            entered.append(np.tanh(x @ weight + bias))
    parts = zip(
        np.split(values["attention.in_proj_weight"], 3), np.split(values["attention.in_proj_bias"], 3), strict=True
    )
    query, key, value = ([f @ weight.T + bias for f in entered] for weight, bias in parts)
    vectors = []
    for row in range(len(entered[0])):
        total = np.zeros(wide)
        for k in range(len(entered)):
            mixed = np.zeros(wide)
            for head in range(HEADS):
                columns = slice(head * WIDTH, (head + 1) * WIDTH)
                scores = [query[k][row, columns] @ other[row, columns] / WIDTH**0.5 for other in key]
                shares = np.exp(scores) / np.exp(scores).sum()
                mixed[columns] = sum(share * other[row, columns] for share, other in zip(shares, value, strict=True))
            x = entered[k][row] + values["attention.out_proj.weight"] @ mixed + values["attention.out_proj.bias"]
            normal = (x - x.mean()) / np.sqrt(x.var() + 1e-5)
            total += normal * values["norm.weight"] + values["norm.bias"]
        vectors.append(total / len(entered))
    return np.stack(vectors)


def test_forward_and_loss(
    moved: Callable, given: Callable[..., dict[str, Tensor]], length_one: Callable, loss_by_hand: Callable
) -> None:
    model = Paired(*(MHSA(dims=dims, heads=HEADS, width=WIDTH, dropout=0.0, raw=RAW) for dims in (VIDEO, TEXT)))
    values = moved(model)
    video, text = given(VIDEO), given(TEXT, seed=2)
    videos, texts = (
        length_one(fused({n.removeprefix(side + "."): v for n, v in values.items() if n.startswith(side)}, features))
        for side, features in (("video", video), ("text", text))
    )
    wanted = (texts @ videos.T)[None]
    cosines = model.cosines(video, text)
    np.testing.assert_allclose(cosines.detach().numpy(), wanted, atol=1e-10)
    assert loss_by_hand(wanted) > 0.1
    assert make("triplet")(cosines, ONE, None).item() == pytest.approx(loss_by_hand(wanted), abs=1e-10)


def test_a_raw_feature_wider_than_a_head() -> None:
    """8 numbers in d = 4 heads of 4: two tiles, normalised by their column; more than d do not fit."""
    block = MHSA(dims={"clip-ft": 8}, heads=4, width=4, raw=RAW)
    x = torch.randn(6, 8)
    normal = (x - x.mean(dim=0)) / torch.sqrt(x.var(dim=0, unbiased=False) + 1e-5)
    torch.testing.assert_close(block.enter({"clip-ft": x}).flatten(1), torch.cat([normal, normal], dim=1))
    assert MHSA(dims={"clip-ft": 512}, heads=8, width=128, raw=RAW).enter["clip-ft"].weight.shape == (2, 512)
    with pytest.raises(ValueError, match="'clip-ft' is raw and has width 17, more than"):
        MHSA(dims={"clip-ft": 17}, heads=4, width=4, raw=RAW)


def test_one_space_as_wide_as_all_heads() -> None:
    block = MHSA(dims={"x3d": 5}, heads=8, width=128)
    assert block({"x3d": torch.randn(2, 5)})[0].shape == (2, 1, 1024)
    assert sum(p.numel() for p in block.attention.parameters()) == 4 * 1024**2 + 4 * 1024
