"""MMT against its equations in numpy, token by token: experts, transformer, gated units, mixture, and the loss."""

from collections.abc import Callable
from math import erf

import numpy as np
import pytest
import torch
from torch import Tensor

from fusion.features import Feature, Frames
from fusion.losses import make
from fusion.mmt import MMT

WIDTH, HEADS, LAYERS, ROWS, TIME = 6, 2, 2, 4, 3
VIDEO, TEXT = {"x3d": 5, "frames": 4, "tf": 3}, {"w2v": 4, "bow": 6}
COUNTS = [3, 1, 2, 3]
SIZE = {"width": WIDTH, "heads": HEADS, "layers": LAYERS, "ffn": 10, "dropout": 0.0}
ONE = torch.tensor(1.0)
Values = dict[str, np.ndarray]


def model() -> MMT:
    return MMT(video_dims=VIDEO, text_dims=TEXT, frames=("frames", "other"), lengths={"frames": TIME}, **SIZE)


def frames() -> Frames:
    values = torch.randn(ROWS, TIME, 4, generator=torch.Generator().manual_seed(3), dtype=torch.float64)
    for row, count in enumerate(COUNTS):
        values[row, count:] = 0
    return Frames(values, torch.tensor(COUNTS))


def one_long(x: np.ndarray) -> np.ndarray:
    return x / np.sqrt((x**2).sum())


def layer_norm(x: np.ndarray, values: Values, name: str) -> np.ndarray:
    return (x - x.mean()) / np.sqrt(x.var() + 1e-12) * values[f"{name}.weight"] + values[f"{name}.bias"]


def layer(values: Values, name: str, tokens: list[np.ndarray]) -> list[np.ndarray]:
    """Attention, residual, LayerNorm; feed-forward with GELU, residual, LayerNorm; over one video's own tokens."""
    weights = np.split(values[f"{name}.self_attn.in_proj_weight"], 3)
    biases = np.split(values[f"{name}.self_attn.in_proj_bias"], 3)
    query, key, value = ([w @ x + b for x in tokens] for w, b in zip(weights, biases, strict=True))
    size, outputs = WIDTH // HEADS, []
    for x, q in zip(tokens, query, strict=True):
        mixed = []
        for head in range(HEADS):
            columns = slice(head * size, (head + 1) * size)
            scores = np.exp([q[columns] @ k[columns] / size**0.5 for k in key])
            mixed.append(sum(s / scores.sum() * v[columns] for s, v in zip(scores, value, strict=True)))
        out = values[f"{name}.self_attn.out_proj.weight"] @ np.concatenate(mixed)
        x = layer_norm(x + out + values[f"{name}.self_attn.out_proj.bias"], values, f"{name}.norm1")
        inner = values[f"{name}.linear1.weight"] @ x + values[f"{name}.linear1.bias"]
        gelu = np.array([a * (1 + erf(a / 2**0.5)) / 2 for a in inner])
        x = x + values[f"{name}.linear2.weight"] @ gelu + values[f"{name}.linear2.bias"]
        outputs.append(layer_norm(x, values, f"{name}.norm2"))
    return outputs


def video_side(values: Values, features: dict[str, Feature]) -> np.ndarray:
    """[B, E, W] of length 1."""
    units = []
    for row in range(ROWS):
        tokens, aggregates = [], []
        for name, feature in features.items():
            weight, bias = values[f"video.enter.{name}.weight.{name}"], values[f"video.enter.{name}.bias"]
            if isinstance(feature, Frames):
                inputs = [feature.values[row, t].numpy() for t in range(COUNTS[row])]
                times = [values["video.time"][2 + t] for t in range(COUNTS[row])]
            else:
                inputs, times = [feature[row].numpy()], [values["video.time"][1]]  # type: ignore[index]
            entered = [one_long(x @ weight + bias) for x in inputs]
            kind = values[f"video.kind.{name}"]
            aggregates.append(len(tokens))
            tokens.append(np.max(entered, axis=0) + values["video.time"][0] + kind)
            tokens += [x + time + kind for x, time in zip(entered, times, strict=True)]
        tokens = [layer_norm(x, values, "video.norm") for x in tokens]
        for number in range(LAYERS):
            tokens = layer(values, f"video.layers.{number}", tokens)
        units.append([one_long(tokens[at]) for at in aggregates])
    return np.array(units)


def text_side(values: Values, features: dict[str, Tensor]) -> np.ndarray:
    """[B, E, W], each as long as its expert's weight."""
    units = []
    for row in range(ROWS):
        t = np.concatenate([feature[row].numpy() for feature in features.values()])
        joined = t @ np.concatenate([values[f"text.weight.{name}"] for name in features]) + values["text.bias"]
        mixture = t @ np.concatenate([values[f"mixture.weight.{name}"] for name in features]) + values["mixture.bias"]
        weights = np.exp(mixture) / np.exp(mixture).sum()
        parts = []
        for expert, x in enumerate(np.split(joined, len(VIDEO))):
            gate = 1 / (1 + np.exp(-(x @ values["gate"][expert] + values["gate_bias"][expert])))
            parts.append(weights[expert] * one_long(x * gate))
        units.append(parts)
    return np.array(units)


def test_forward_and_loss(moved: Callable, given: Callable[..., dict[str, Tensor]], loss_by_hand: Callable) -> None:
    mmt = model()
    values = moved(mmt)
    video: dict[str, Feature] = {**given(VIDEO), "frames": frames()}
    text = given(TEXT, seed=2)
    wanted = np.einsum("cew,vew->cv", text_side(values, text), video_side(values, video))[None]
    for training in (True, False):
        cosines = mmt.train(training).cosines(video, text)
        np.testing.assert_allclose(cosines.detach().numpy(), wanted, atol=1e-10)
        score = mmt.embed_text(text) @ mmt.embed_video(video).T
        np.testing.assert_allclose(score.detach().numpy(), wanted[0], atol=1e-10)
    assert loss_by_hand(wanted) > 0.1
    assert make("triplet")(cosines, ONE, None).item() == pytest.approx(loss_by_hand(wanted), abs=1e-10)
    cosines.square().sum().backward()
    assert all(parameter.grad is not None and parameter.grad.any() for parameter in mmt.parameters())


@pytest.mark.parametrize("training", [True, False])
def test_what_lies_behind_a_videos_frames_has_no_influence(training: bool, moved: Callable, given: Callable) -> None:
    mmt, features, clean = model().train(training), given(VIDEO), frames()
    moved(mmt)
    dirty = clean.values.clone()
    dirty[1, 1:] = 100
    with torch.no_grad():
        embedded = mmt.embed_video({**features, "frames": clean})
        torch.testing.assert_close(mmt.embed_video({**features, "frames": Frames(dirty, clean.counts)}), embedded)
        turned = Frames(clean.values[:, [1, 0, 2]], clean.counts)  # the order of frames is seen
        assert not torch.allclose(mmt.embed_video({**features, "frames": turned})[0], embedded[0], atol=1e-4)


def test_layers_start_apart_and_small() -> None:
    mmt = MMT(video_dims=VIDEO, text_dims=TEXT, width=64, layers=2)
    one, other = (layer.linear1.weight.detach() for layer in mmt.video.layers)
    assert not torch.equal(one, other)
    for part in (one, other, mmt.video.layers[0].self_attn.in_proj_weight.detach()):
        assert float(part.std()) == pytest.approx(0.02, rel=0.05)


def test_mistakes_are_named(given: Callable) -> None:
    with pytest.raises(ValueError, match="width 6 cannot be divided among 4 heads; take a multiple of 4"):
        MMT(video_dims=VIDEO, text_dims=TEXT, width=6, heads=4)
    with pytest.raises(ValueError, match="lengths says nothing of 'frames'"):
        MMT(video_dims=VIDEO, text_dims=TEXT, frames=("frames",))
    mmt = MMT(video_dims=VIDEO, text_dims=TEXT, frames=("frames",), lengths={"frames": 2}, **SIZE).double()
    with pytest.raises(ValueError, match="'frames' has 3 frames a video; the model was built for 2"):
        mmt.embed_video({**given(VIDEO), "frames": frames()})
    with pytest.raises(ValueError, match="'frames' should come frame by frame, not as one row for each video"):
        mmt.embed_video(given(VIDEO))
