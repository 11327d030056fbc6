"""X3D against SlowFast's network written out in functions, fed with the same file."""

from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path

import pytest
import torch
from torch import Tensor
from torch.nn import functional as F

from extractors.checkpoint import convert
from extractors.x3d import X3D

Apart = Callable[[Tensor, Tensor], float]

SMALL = {"size": "XS", "frames": 4, "crop": 64, "clips": 1}
COUNTS = {"XS": (3, 5, 11, 7), "S": (3, 5, 11, 7), "L": (5, 10, 25, 15)}  # blocks of the stages
WIDTHS = ((24, 54), (48, 108), (96, 216), (192, 432))  # of the stages: outside, inside
SQUEEZE = {54: 8, 108: 8, 216: 16, 432: 32}  # a sixteenth of the inner width, to multiples of 8


def norm_state(name: str, width: int) -> dict[str, Tensor]:
    values = {"weight": torch.rand(width) + 0.5, "bias": torch.randn(width) * 0.1}
    values |= {"running_mean": torch.randn(width) * 0.1, "running_var": torch.rand(width) * 0.5 + 0.2}
    return {f"{name}.{key}": value for key, value in values.items()}


def conv(*shape: int) -> Tensor:
    return torch.randn(*shape) / (shape[1] * shape[2] * shape[3] * shape[4]) ** 0.5


def build(size: str) -> dict[str, Tensor]:
    """Random weights under SlowFast's names."""
    with torch.random.fork_rng():
        torch.manual_seed(1)
        state = {"s1.pathway0_stem.conv_xy.weight": conv(24, 3, 1, 3, 3)}
        state |= {"s1.pathway0_stem.conv.weight": conv(24, 1, 5, 1, 1), **norm_state("s1.pathway0_stem.bn", 24)}
        before = 24
        for stage, (count, (width, inner)) in enumerate(zip(COUNTS[size], WIDTHS, strict=True), 2):
            for block in range(count):
                name = f"s{stage}.pathway0_res{block}"
                if block == 0:
                    state[f"{name}.branch1.weight"] = conv(width, before, 1, 1, 1)
                    state |= norm_state(f"{name}.branch1_bn", width)
                for letter, shape in {
                    "a": (inner, before, 1, 1, 1),
                    "b": (inner, 1, 3, 3, 3),
                    "c": (width, inner, 1, 1, 1),
                }.items():
                    state[f"{name}.branch2.{letter}.weight"] = conv(*shape)
                    state |= norm_state(f"{name}.branch2.{letter}_bn", shape[0])
                if block % 2 == 0:
                    for layer, out, into in (("fc1", SQUEEZE[inner], inner), ("fc2", inner, SQUEEZE[inner])):
                        state[f"{name}.branch2.se.{layer}.weight"] = conv(out, into, 1, 1, 1)
                        state[f"{name}.branch2.se.{layer}.bias"] = torch.randn(out)
                before = width
        state |= {"head.conv_5.weight": conv(432, 192, 1, 1, 1), **norm_state("head.conv_5_bn", 432)}
        state |= {"head.lin_5.weight": conv(2048, 432, 1, 1, 1)}
        return state | {"head.projection.weight": torch.randn(400, 2048), "head.projection.bias": torch.zeros(400)}


def zoo(state: dict[str, Tensor]) -> dict[str, Tensor]:
    """The same under PyTorchVideo's names, without the layer that its network lacks."""
    renamed = {}
    for key, value in state.items():
        if "s2.pathway0_res0.branch1_bn" in key:
            continue
        if key.startswith("s1."):
            key = key.replace("s1.pathway0_stem.conv_xy.", "blocks.0.conv.conv_t.")  # its names are the wrong way round
            key = key.replace("s1.pathway0_stem.conv.", "blocks.0.conv.conv_xy.")
            key = key.replace("s1.pathway0_stem.bn.", "blocks.0.norm.")
        elif key.startswith("head."):
            for theirs, ours in (
                ("conv_5_bn", "pool.pre_norm"),
                ("conv_5", "pool.pre_conv"),
                ("lin_5", "pool.post_conv"),
            ):
                key = key.replace(f"head.{theirs}.", f"blocks.5.{ours}.")
            key = key.replace("head.projection.", "blocks.5.proj.")
        else:
            stage, block, rest = key.split(".", 2)
            for theirs, ours in (("se.fc1", "norm_b.1.block.0"), ("se.fc2", "norm_b.1.block.2"), ("b_bn", "norm_b.0")):
                rest = rest.replace(f"branch2.{theirs}.", f"branch2.{ours}.")
            for letter in "abc":
                rest = rest.replace(f"branch2.{letter}.", f"branch2.conv_{letter}.")
                rest = rest.replace(f"branch2.{letter}_bn.", f"branch2.norm_{letter}.")
            rest = rest.replace("branch1.", "branch1_conv.").replace("branch1_bn.", "branch1_norm.")
            key = f"blocks.{int(stage[1]) - 1}.res_blocks.{block.removeprefix('pathway0_res')}.{rest}"
        renamed[key] = value
    return renamed


def unnormalised(state: dict[str, Tensor]) -> dict[str, Tensor]:
    """What a network without the normalisation of the first shortcut computes, under SlowFast's names."""
    plain = {"weight": 1.0, "bias": 0.0, "running_mean": 0.0, "running_var": 1.0 - 1e-5}
    return state | {f"s2.pathway0_res0.branch1_bn.{part}": torch.full((24,), value) for part, value in plain.items()}


@pytest.fixture(scope="module")
def slowfast() -> dict[str, Tensor]:
    return build("XS")


def reference(state: dict[str, Tensor], frames: Tensor, window: int) -> Tensor:
    """[B, M, T, H, W, 3] uint8 -> [B, 2048]: SlowFast's X3D before its classifier, averaged over views.

    `window` is the side of its last pooling, over all T moments: a 32nd of the crop it was trained with, rounded up.
    """

    def norm(x: Tensor, name: str) -> Tensor:
        parts = [state[f"{name}.{part}"] for part in ("running_mean", "running_var", "weight", "bias")]
        return F.batch_norm(x, *parts, training=False, eps=1e-5)

    x = (frames.flatten(0, 1).permute(0, 4, 1, 2, 3) / 255 - 0.45) / 0.225
    x = F.conv3d(x, state["s1.pathway0_stem.conv_xy.weight"], stride=(1, 2, 2), padding=(0, 1, 1))
    x = F.conv3d(x, state["s1.pathway0_stem.conv.weight"], padding=(2, 0, 0), groups=24)
    x = F.relu(norm(x, "s1.pathway0_stem.bn"))
    for stage, (_, inner) in enumerate(WIDTHS, 2):
        for block in range(sum(f"s{stage}.pathway0_res{number}.branch2.a.weight" in state for number in range(25))):
            name = f"s{stage}.pathway0_res{block}"
            stride = (1, 2, 2) if block == 0 else 1
            y = F.relu(norm(F.conv3d(x, state[f"{name}.branch2.a.weight"]), f"{name}.branch2.a_bn"))
            y = F.conv3d(y, state[f"{name}.branch2.b.weight"], None, stride, 1, groups=inner)
            y = norm(y, f"{name}.branch2.b_bn")
            if block % 2 == 0:
                se = y.mean(dim=(2, 3, 4), keepdim=True)
                for layer in ("fc1", "fc2"):
                    linear = [state[f"{name}.branch2.se.{layer}.{part}"] for part in ("weight", "bias")]
                    se = F.conv3d(F.relu(se) if layer == "fc2" else se, *linear)
                y = y * se.sigmoid()
            y = norm(F.conv3d(F.silu(y), state[f"{name}.branch2.c.weight"]), f"{name}.branch2.c_bn")
            if block == 0:
                x = norm(F.conv3d(x, state[f"{name}.branch1.weight"], None, stride), f"{name}.branch1_bn")
            x = F.relu(x + y)
    x = F.relu(norm(F.conv3d(x, state["head.conv_5.weight"]), "head.conv_5_bn"))
    x = F.avg_pool3d(x, (x.shape[2], window, window), stride=1)
    x = F.relu(F.conv3d(x, state["head.lin_5.weight"])).mean(dim=(2, 3, 4))
    return x.unflatten(0, frames.shape[:2]).mean(dim=1)


@pytest.mark.parametrize(("size", "frames", "crop"), [("S", 13, 160), ("L", 16, 312)])
def test_native_sizes_equal_the_reference(tmp_path: Path, apart: Apart, size: str, frames: int, crop: int) -> None:
    state = build(size)
    torch.save({"model_state": state, "cfg": "text"}, tmp_path / "x3d.pyth")
    clip = torch.randint(0, 256, (1, 1, frames, crop, crop, 3), dtype=torch.uint8)
    x3d = X3D(size=size, clips=1)  # type: ignore[arg-type]
    x3d.load("cpu", tmp_path / "x3d.pyth")
    assert apart(x3d.extract(clip), reference(state, clip, -(-crop // 32))) < 1e-5


def test_slowfast_s_stem_and_shortcut(tmp_path: Path, slowfast: dict[str, Tensor], apart: Apart) -> None:
    """Its two convolutions go to names the wrong way round; its first shortcut is normalised."""
    torch.save(slowfast, tmp_path / "x3d.pyth")
    frames = torch.randint(0, 256, (2, 2, 4, 64, 64, 3), dtype=torch.uint8)
    x3d = X3D(**SMALL | {"clips": 2})
    x3d.load("cpu", tmp_path / "x3d.pyth")
    assert apart(x3d.extract(frames), reference(slowfast, frames, 2)) < 1e-5
    stem = x3d.net.blocks[0].conv
    assert torch.equal(stem.conv_t.weight, slowfast["s1.pathway0_stem.conv_xy.weight"])
    assert torch.equal(stem.conv_xy.weight, slowfast["s1.pathway0_stem.conv.weight"])
    assert apart(x3d.extract(frames), reference(unnormalised(slowfast), frames, 2)) > 1e-3


def test_the_stem_s_names_the_right_way_round_are_refused(tmp_path: Path, slowfast: dict[str, Tensor]) -> None:
    state = zoo(slowfast)
    first, second = (f"blocks.0.conv.conv_{axes}.weight" for axes in ("t", "xy"))
    torch.save(state | {first: state[second], second: state[first]}, tmp_path / "x3d.pyth")
    with pytest.raises(ValueError, match=r"2 of another shape: blocks.0.conv.conv_t.weight is \[24, 1, 5, 1, 1\]"):
        X3D(**SMALL).load("cpu", tmp_path / "x3d.pyth")


def test_a_file_of_pytorchvideo_s_zoo_fits_its_plain_model(
    tmp_path: Path, slowfast: dict[str, Tensor], apart: Apart
) -> None:
    torch.save({"model_state": zoo(slowfast)}, tmp_path / "X3D_XS.pyth")
    frames = torch.randint(0, 256, (1, 1, 4, 64, 64, 3), dtype=torch.uint8)
    x3d = X3D(**SMALL)
    x3d.load("cpu", tmp_path / "X3D_XS.pyth")
    assert apart(x3d.extract(frames), reference(unnormalised(slowfast), frames, 2)) < 1e-5
    assert apart(x3d.extract(frames), reference(slowfast, frames, 2)) > 1e-3


def test_three_crops_are_larger_than_training_s_and_pooled_by_its_window(
    tmp_path: Path, slowfast: dict[str, Tensor], apart: Apart
) -> None:
    """As SlowFast tests: at 182 pixels the last map is 6 x 6, the window 5 x 5 as at 160."""
    torch.save(slowfast, tmp_path / "x3d.pyth")
    frames = torch.randint(0, 256, (1, 3, 4, 182, 182, 3), dtype=torch.uint8)
    x3d = X3D(size="XS", clips=1, crops=3)
    x3d.load("cpu", tmp_path / "x3d.pyth")
    features = x3d.extract(frames)
    assert apart(features, reference(slowfast, frames, 5)) < 1e-5
    assert apart(features, reference(slowfast, frames, 6)) > 1e-4


@pytest.mark.parametrize("layout", ["SlowFast's layout", "PyTorchVideo's layout"])
def test_a_key_too_few_too_many_or_too_long(
    slowfast: dict[str, Tensor], refuses_damage: Callable[..., None], layout: str
) -> None:
    ours = "blocks.2.res_blocks.2.branch2.norm_b.1.block.0.weight"
    state, key = (slowfast, "s3.pathway0_res2.branch2.se.fc1.weight") if "SlowFast" in layout else (zoo(slowfast), ours)
    refuses_damage(lambda: X3D(**SMALL), state, layout, key, ours)


def test_the_classifier_is_named_as_dropped(tmp_path: Path, slowfast: dict[str, Tensor]) -> None:
    torch.save(slowfast, tmp_path / "a.pyth")
    converted = convert(tmp_path / "a.pyth", X3D.LAYOUTS)
    assert converted.dropped == ["head.projection.weight", "head.projection.bias"]
    assert len(converted.state) + 2 == len(slowfast)


def test_a_file_of_another_size_is_refused(tmp_path: Path, slowfast: dict[str, Tensor]) -> None:
    torch.save({"model_state": slowfast}, tmp_path / "x3d.pyth")
    message = r"x3d\.pyth, in SlowFast's layout, does not fit X3D \(size L\): \d+ missing: blocks\.1\.res_blocks\.3"
    with pytest.raises(ValueError, match=message):
        X3D(size="L", frames=4, crop=32).load("cpu", tmp_path / "x3d.pyth")


@pytest.mark.parametrize(
    ("size", "frames", "stride", "crop", "short"),
    [("XS", 4, 12, 160, 182), ("S", 13, 6, 160, 182), ("M", 16, 5, 224, 256), ("L", 16, 5, 312, 356)],
)
def test_native_sampling(size: str, frames: int, stride: int, crop: int, short: int) -> None:
    wanted = {"frames": frames, "stride": stride, "fps": 30.0, "size": short, "clips": 10, "antialias": False}
    one, three = (X3D(size=size, crops=crops).sampling for crops in (1, 3))  # type: ignore[arg-type]
    assert wanted.items() <= asdict(one).items()
    assert wanted.items() <= asdict(three).items()
    assert (one.crop, one.views, three.crop, three.views) == (crop, 10, short, 30)


def test_another_crop_scales_the_short_side() -> None:
    sampling = X3D(size="M", crop=112).sampling
    assert (sampling.size, sampling.crop) == (128, 112)
    sampling = X3D(size="M", crop=128, crops=3).sampling
    assert (sampling.size, sampling.crop) == (128, 128)


def test_what_no_x3d_can_be_is_refused() -> None:
    with pytest.raises(ValueError, match="size is 'XL'; it should be one of XS, S, M, L"):
        X3D(size="XL")  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="crop is 31; it should be at least 32"):
        X3D(crop=31)
