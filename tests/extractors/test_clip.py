"""CLIP as published, against the publication's definition; what pixels it takes."""

import json
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import save_file
from torch import Tensor
from torch.nn.functional import gelu, layer_norm, linear

from extractors.base import Sampling
from extractors.clip import Clip

CAPTIONS = ["a red square moves left", "two blue circles, and a third one that stays", ""]

State = dict[str, Tensor]


def quick(x: Tensor) -> Tensor:
    return x * torch.sigmoid(1.702 * x)


def transformer(state: State, name: str, x: Tensor, heads: int, causal: bool, activation=quick) -> Tensor:
    """Pre-norm blocks (Radford et al. 2019, 2021): x + attention(norm(x)), then x + mlp(norm(x)); x is [N, L, W]."""
    length, width = x.shape[1:]
    hidden = torch.full((length, length), -torch.inf).triu(1) if causal else torch.zeros(length, length)
    layer = 0
    while f"{name}.resblocks.{layer}.ln_1.weight" in state:
        p = {
            key.removeprefix(start): state[key]
            for key in state
            if key.startswith(start := f"{name}.resblocks.{layer}.")
        }
        y = layer_norm(x, (width,), p["ln_1.weight"], p["ln_1.bias"], 1e-5)
        q, k, v = (
            part.unflatten(2, (heads, width // heads)).transpose(1, 2)
            for part in linear(y, p["attn.in_proj_weight"], p["attn.in_proj_bias"]).chunk(3, dim=2)
        )
        looked = ((q @ k.mT) / (width // heads) ** 0.5 + hidden).softmax(dim=-1) @ v
        x = x + linear(looked.transpose(1, 2).flatten(2), p["attn.out_proj.weight"], p["attn.out_proj.bias"])
        y = layer_norm(x, (width,), p["ln_2.weight"], p["ln_2.bias"], 1e-5)
        y = activation(linear(y, p["mlp.c_fc.weight"], p["mlp.c_fc.bias"]))
        x = x + linear(y, p["mlp.c_proj.weight"], p["mlp.c_proj.bias"])
        layer += 1
    return x


def image_features(state: State, images: Tensor, heads: int, activation=quick) -> Tensor:
    """[N, 3, S, S] -> [N, D]: patches and a class token, normed before and after, the class token projected."""
    kernel = state["visual.conv1.weight"]  # [W, 3, P, P]: a linear map of each patch
    side, patch = images.shape[2] // kernel.shape[2], kernel.shape[2]
    cut = images.unflatten(3, (side, patch)).unflatten(2, (side, patch))  # [N, 3, side, P, side, P]
    patches = cut.permute(0, 2, 4, 1, 3, 5).flatten(3).flatten(1, 2)
    x = linear(patches, kernel.flatten(1))
    x = (
        torch.cat([state["visual.class_embedding"].expand(len(x), 1, -1), x], dim=1)
        + state["visual.positional_embedding"]
    )
    x = layer_norm(x, x.shape[2:], state["visual.ln_pre.weight"], state["visual.ln_pre.bias"], 1e-5)
    x = transformer(state, "visual.transformer", x, heads, False, activation)[:, 0]
    return (
        layer_norm(x, x.shape[1:], state["visual.ln_post.weight"], state["visual.ln_post.bias"], 1e-5)
        @ state["visual.proj"]
    )


def text_features(state: State, tokens: Tensor, heads: int, activation=quick) -> Tensor:
    """[N, L] -> [N, D]: no token sees a later one; the end token, whose number is the largest, is projected."""
    x = state["token_embedding.weight"][tokens] + state["positional_embedding"]
    x = transformer(state, "transformer", x, heads, True, activation)
    x = layer_norm(x, x.shape[2:], state["ln_final.weight"], state["ln_final.bias"], 1e-5)
    return x[torch.arange(len(x)), tokens.argmax(dim=1)] @ state["text_projection"]


def error(values: Tensor | np.ndarray, wanted: Tensor) -> float:
    return float((torch.as_tensor(values) - wanted).norm() / wanted.norm())


def shaken(clip: Clip) -> State:
    """The model's weights, none of them left at 0 or 1 where they began; matrices began with random numbers."""
    with torch.no_grad():
        for name, value in clip.net.named_parameters():
            if not name.startswith("logit_") and value.ndim < 2:
                value.add_(torch.randn_like(value) * 0.1)
    return clip.net.state_dict()


@torch.no_grad()
def test_vit_b_32_is_the_publication_s() -> None:
    clip = Clip(frames=2, weights="random")
    clip.load("cpu", None)
    state = shaken(clip)
    frames = torch.randint(0, 256, (1, 1, 2, 224, 224, 3), dtype=torch.uint8)
    mean = torch.tensor([0.48145466, 0.4578275, 0.40821073]).view(3, 1, 1)
    std = torch.tensor([0.26862954, 0.26130258, 0.27577711]).view(3, 1, 1)
    images = (frames[0, 0].permute(0, 3, 1, 2) / 255 - mean) / std
    assert error(clip.extract(frames), image_features(state, images, 12).mean(dim=0, keepdim=True)) <= 1e-5
    tokens = clip.tokens(CAPTIONS)
    assert tokens.shape == (3, 77)
    assert error(clip.extract_text(CAPTIONS), text_features(state, tokens, 8)) <= 1e-5
    # The trap: the same weights with the plain activation give other features, without a word.
    assert error(clip.extract(frames), image_features(state, images, 12, gelu).mean(dim=0, keepdim=True)) > 1e-3
    assert error(clip.extract_text(CAPTIONS), text_features(state, tokens, 8, gelu)) > 1e-3


def test_frame_level_has_a_row_a_frame() -> None:
    frames = torch.randint(0, 256, (2, 1, 3, 64, 64, 3), dtype=torch.uint8)
    vectors = {}
    for level in ("video", "frame"):
        clip = Clip(model="tiny-64", frames=3, level=level, weights="random")  # type: ignore[arg-type]
        clip.load("cpu", None)
        vectors[level] = clip.extract(frames)
    assert vectors["frame"].shape == (2, 3, 64)
    assert error(vectors["frame"].mean(dim=1), vectors["video"]) <= 1e-6


def test_pixels_are_as_given_or_as_published() -> None:
    clip = Clip(model="tiny-64", weights="random")
    assert clip.sampling == Sampling(frames=8, size=64, crop=64, filter="bicubic")
    assert clip.mean == [0.48145466, 0.4578275, 0.40821073]
    given = Clip(model="tiny-64", mean=[0.5] * 3, std=[0.25] * 3, resize="squash", filter="bilinear", weights="random")
    assert given.sampling == Sampling(frames=8, size=64, crop=64, width=64)
    assert (given.mean, given.std) == ([0.5] * 3, [0.25] * 3)
    published = Clip(model="PE-Core-B-16", weights="open_clip:PE-Core-B-16/meta")
    assert published.sampling == Sampling(frames=8, size=224, crop=224, width=224)
    assert (published.mean, published.std) == ([0.5] * 3, [0.5] * 3)
    changed = Clip(model="PE-Core-B-16", weights="open_clip:PE-Core-B-16/meta", mean=[0.1] * 3)
    assert (changed.mean, changed.std, changed.sampling.width) == (
        [0.1] * 3,
        [0.5] * 3,
        224,
    )  # what is not given is as published
    assert Clip(frames=4, stride=2, fps=5.0, rule="first", weights="random").sampling.rule == "first"
    with pytest.raises(ValueError, match=r"mean is \[0\.5\]; it should be three numbers"):
        Clip(mean=[0.5])
    with pytest.raises(ValueError, match=r"std is \[0\.5, 0, 0\.5\]; it should be three numbers above 0"):
        Clip(std=[0.5, 0, 0.5])
    with pytest.raises(ValueError, match="are of model PE-Core-B-16, not of ViT-B-32"):
        Clip(model="ViT-B-32", weights="open_clip:PE-Core-B-16/meta")


def test_a_file_of_one_s_own_is_fed_as_its_model_s_published_weights_are(tmp_path: Path) -> None:
    file = tmp_path / "model.safetensors"
    file.touch()
    siglip = Clip(model="ViT-B-16-SigLIP2-256", weights=str(file))
    assert siglip.sampling == Sampling(frames=8, size=256, crop=256, width=256, filter="bicubic")
    assert (siglip.mean, siglip.std) == ([0.5] * 3, [0.5] * 3)
    assert Clip(weights=str(file)).mean == [0.48145466, 0.4578275, 0.40821073]
    assert Clip(model="tiny-64", weights=str(file)).sampling.width == 0  # nobody published any
    with pytest.raises(
        ValueError, match=r"weights of ViT-L-14 want their pixels in different ways; .* mean, std, resize"
    ):
        Clip(model="ViT-L-14", weights=str(file)).sampling  # noqa: B018
    half = [0.5] * 3
    given = Clip(model="ViT-L-14", weights=str(file), mean=half, std=half, filter="bicubic", resize="shortest")
    assert (given.mean, given.sampling.width) == (half, 0)


def test_a_folder_says_how_it_wants_its_pixels_and_its_activation(tmp_path: Path) -> None:
    clip = Clip(model="tiny-64", weights="random")
    clip.load("cpu", None)
    save_file(clip.net.state_dict(), tmp_path / "open_clip_model.safetensors")
    pixels = {"mean": [0.5, 0.4, 0.3], "std": [0.2, 0.2, 0.1], "interpolation": "bilinear", "resize_mode": "squash"}
    settings = {"model_cfg": {"quick_gelu": True}, "preprocess_cfg": pixels}
    (tmp_path / "open_clip_config.json").write_text(json.dumps(settings))
    folder = Clip(model="tiny-64", weights=str(tmp_path))
    assert (folder.mean, folder.std) == ([0.5, 0.4, 0.3], [0.2, 0.2, 0.1])
    assert folder.sampling == Sampling(frames=8, size=64, crop=64, width=64)
    folder.load("cpu", tmp_path)
    beside = Clip(model="tiny-64", weights=str(tmp_path / "open_clip_model.safetensors"))  # the file in its place
    assert (beside.mean, beside.sampling) == (folder.mean, folder.sampling)
    with pytest.raises(ValueError, match=r"gone/model\.pt is not there, which also tells how its model wants"):
        Clip(model="tiny-64", weights=str(tmp_path / "gone" / "model.pt"))
    (tmp_path / "open_clip_config.json").write_text(json.dumps(settings | {"model_cfg": {}}))
    with pytest.raises(
        ValueError, match=r"another activation, by the open_clip_config\.json beside it; use model tiny-64"
    ):
        Clip(model="tiny-64", weights=str(tmp_path)).load("cpu", tmp_path)
    (tmp_path / "open_clip_config.json").write_text("[]")
    with pytest.raises(ValueError, match=r"open_clip_config\.json: not open_clip's settings"):
        Clip(model="tiny-64", weights=str(tmp_path)).load("cpu", tmp_path)
