"""TimeSformer against the authors' network written out in functions, fed with the same file."""

from pathlib import Path

import pytest
import torch
from torch import Tensor
from torch.nn import functional as F

from extractors.tf import TimeSformer

WIDTH, LAYERS, HEADS, FRAMES, CROP, PATCH = 32, 2, 4, 4, 32, 8
PATCHES = (CROP // PATCH) ** 2
SMALL = {"frames": FRAMES, "crop": CROP, "patch": PATCH, "width": WIDTH, "layers": LAYERS, "heads": HEADS, "clips": 2}


def linear(name: str, out: int, into: int) -> dict[str, Tensor]:
    return {f"{name}.weight": torch.randn(out, into) / into**0.5, f"{name}.bias": torch.randn(out) * 0.1}


@pytest.fixture(scope="module")
def official() -> dict[str, Tensor]:
    """Random weights under the authors' names."""
    with torch.random.fork_rng():
        torch.manual_seed(1)
        state = {"cls_token": torch.randn(1, 1, WIDTH), "pos_embed": torch.randn(1, PATCHES + 1, WIDTH)}
        state |= {"time_embed": torch.randn(1, FRAMES, WIDTH), "patch_embed.proj.bias": torch.randn(WIDTH)}
        state |= {"patch_embed.proj.weight": torch.randn(WIDTH, 3, PATCH, PATCH) / 14}
        for layer in range(LAYERS):
            name = f"blocks.{layer}"
            for norm in ("norm1", "norm2", "temporal_norm1"):
                state |= {f"{name}.{norm}.weight": torch.rand(WIDTH) + 0.5, f"{name}.{norm}.bias": torch.randn(WIDTH)}
            for attention in ("attn", "temporal_attn"):
                state |= linear(f"{name}.{attention}.qkv", 3 * WIDTH, WIDTH)
                state |= linear(f"{name}.{attention}.proj", WIDTH, WIDTH)
            state |= linear(f"{name}.temporal_fc", WIDTH, WIDTH)
            state |= linear(f"{name}.mlp.fc1", 4 * WIDTH, WIDTH) | linear(f"{name}.mlp.fc2", WIDTH, 4 * WIDTH)
        state |= {"norm.weight": torch.rand(WIDTH) + 0.5, "norm.bias": torch.randn(WIDTH)}
        return state | linear("head", 400, WIDTH)


def reference(state: dict[str, Tensor], clip: Tensor) -> Tensor:
    """[T, H, W, 3] uint8 -> [WIDTH]: the class token after divided space-time attention, one video at a time."""

    def norm(x: Tensor, name: str) -> Tensor:
        return F.layer_norm(x, (WIDTH,), state[f"{name}.weight"], state[f"{name}.bias"], eps=1e-6)

    def apply(x: Tensor, name: str) -> Tensor:
        return F.linear(x, state[f"{name}.weight"], state[f"{name}.bias"])

    def attend(x: Tensor, name: str) -> Tensor:  # [groups, N, WIDTH]
        q, k, v = apply(x, f"{name}.qkv").view(*x.shape[:2], 3, HEADS, WIDTH // HEADS).permute(2, 0, 3, 1, 4)
        return apply(F.scaled_dot_product_attention(q, k, v).transpose(1, 2).reshape(x.shape), f"{name}.proj")

    images = (clip.permute(0, 3, 1, 2) / 255 - 0.45) / 0.225
    x = F.conv2d(images, state["patch_embed.proj.weight"], state["patch_embed.proj.bias"], stride=PATCH)
    x = x.flatten(2).transpose(1, 2) + state["pos_embed"][:, 1:] + state["time_embed"][0][:, None]  # [T, N, WIDTH]
    token = state["cls_token"][0] + state["pos_embed"][0, :1]  # [1, WIDTH]
    for layer in range(LAYERS):
        name = f"blocks.{layer}"
        time = attend(norm(x.transpose(0, 1), f"{name}.temporal_norm1"), f"{name}.temporal_attn")
        x = x + apply(time, f"{name}.temporal_fc").transpose(0, 1)
        space = torch.cat([token.expand(FRAMES, 1, WIDTH), x], dim=1)
        space = attend(norm(space, f"{name}.norm1"), f"{name}.attn")
        token, x = token + space[:, 0].mean(dim=0), x + space[:, 1:]
        both = [token, x.flatten(0, 1)]
        both = [
            part + apply(F.gelu(apply(norm(part, f"{name}.norm2"), f"{name}.mlp.fc1")), f"{name}.mlp.fc2")
            for part in both
        ]
        token, x = both[0], both[1].view(FRAMES, PATCHES, WIDTH)
    return norm(token, "norm")[0]


@pytest.mark.parametrize("prefix", ["model.", ""])
def test_equals_the_authors_network_with_its_own_names(
    tmp_path: Path, official: dict[str, Tensor], prefix: str
) -> None:
    torch.save({"model_state": {prefix + key: value for key, value in official.items()}}, tmp_path / "tf.pyth")
    frames = torch.randint(0, 256, (2, 2, FRAMES, CROP, CROP, 3), dtype=torch.uint8)
    tf = TimeSformer(**SMALL)
    tf.load("cpu", tmp_path / "tf.pyth")
    expected = torch.stack([torch.stack([reference(official, clip) for clip in video]).mean(dim=0) for video in frames])
    assert float((tf.extract(frames) - expected).norm() / expected.norm()) < 1e-5


def test_a_file_of_the_hub_fits_with_its_classifier_left_out(tmp_path: Path) -> None:
    tf = TimeSformer(**SMALL)
    tf.load("cpu", None)
    hub = {f"timesformer.{key}": value + 0.01 for key, value in tf.net.state_dict().items()}
    torch.save(
        hub | {"classifier.weight": torch.ones(400, WIDTH), "classifier.bias": torch.ones(400)}, tmp_path / "a.bin"
    )
    again = TimeSformer(**SMALL)
    again.load("cpu", tmp_path / "a.bin")
    assert all(torch.equal(value, hub[f"timesformer.{key}"]) for key, value in again.net.state_dict().items())


def test_another_number_of_frames_is_refused_and_would_have_been_wrong(
    tmp_path: Path, official: dict[str, Tensor]
) -> None:
    torch.save({"model_state": official}, tmp_path / "tf.pyth")
    with pytest.raises(ValueError, match=r"trained with 4 frames, not 8: set frames to 4"):
        TimeSformer(**SMALL | {"frames": 8}).load("cpu", tmp_path / "tf.pyth")
    tf = TimeSformer(**SMALL | {"clips": 1})
    tf.load("cpu", tmp_path / "tf.pyth")
    twice = torch.randint(0, 256, (1, 1, 2 * FRAMES, CROP, CROP, 3), dtype=torch.uint8)
    with pytest.raises(ValueError, match="they should be"):
        tf.extract(twice)
    # The network itself answers, which is why we look.
    assert tf.net(pixel_values=torch.zeros(1, 2 * FRAMES, 3, CROP, CROP)).last_hidden_state.isfinite().all()


def test_native_model() -> None:
    tf = TimeSformer()
    assert tf.dim == 768
    sampling = tf.sampling
    assert (sampling.frames, sampling.stride, sampling.fps, sampling.size, sampling.crop) == (8, 32, 30.0, 224, 224)


@pytest.mark.parametrize(
    ("params", "message"),
    [({"crop": 100}, "crop 100 is no multiple of patch 16"), ({"heads": 5}, "width 768 is no multiple of heads 5")],
)
def test_impossible_shapes_are_refused(params: dict[str, int], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        TimeSformer(**params)
