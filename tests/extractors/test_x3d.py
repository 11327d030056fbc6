"""X3D against SlowFast's network written out in functions, fed with the same file."""

from pathlib import Path

import pytest
import torch
from torch import Tensor
from torch.nn import functional as F

from extractors.x3d import X3D

SMALL = {"size": "XS", "frames": 4, "crop": 64, "clips": 2}
STAGES = ((3, 24, 54), (5, 48, 108), (11, 96, 216), (7, 192, 432))  # X3D-XS: blocks, width, inner width
SQUEEZE = {54: 8, 108: 8, 216: 16, 432: 32}  # a sixteenth of the inner width, to multiples of 8


def norm_state(name: str, width: int) -> dict[str, Tensor]:
    values = {"weight": torch.rand(width) + 0.5, "bias": torch.randn(width) * 0.1}
    values |= {"running_mean": torch.randn(width) * 0.1, "running_var": torch.rand(width) * 0.5 + 0.2}
    return {f"{name}.{key}": value for key, value in values.items()}


def conv(*shape: int) -> Tensor:
    return torch.randn(*shape) / (shape[1] * shape[2] * shape[3] * shape[4]) ** 0.5


@pytest.fixture(scope="module")
def slowfast() -> dict[str, Tensor]:
    """Random weights under SlowFast's names."""
    with torch.random.fork_rng():
        torch.manual_seed(1)
        state = {"s1.pathway0_stem.conv_xy.weight": conv(24, 3, 1, 3, 3)}
        state |= {"s1.pathway0_stem.conv.weight": conv(24, 1, 5, 1, 1), **norm_state("s1.pathway0_stem.bn", 24)}
        before = 24
        for stage, (count, width, inner) in enumerate(STAGES, 2):
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


def reference(state: dict[str, Tensor], frames: Tensor) -> Tensor:
    """[B, M, T, H, W, 3] uint8 -> [B, 2048]: SlowFast's X3D before its classifier, averaged over clips."""

    def norm(x: Tensor, name: str) -> Tensor:
        parts = [state[f"{name}.{part}"] for part in ("running_mean", "running_var", "weight", "bias")]
        return F.batch_norm(x, *parts, training=False, eps=1e-5)

    x = (frames.flatten(0, 1).permute(0, 4, 1, 2, 3) / 255 - 0.45) / 0.225
    x = F.conv3d(x, state["s1.pathway0_stem.conv_xy.weight"], stride=(1, 2, 2), padding=(0, 1, 1))
    x = F.conv3d(x, state["s1.pathway0_stem.conv.weight"], padding=(2, 0, 0), groups=24)
    x = F.relu(norm(x, "s1.pathway0_stem.bn"))
    for stage, (count, _, inner) in enumerate(STAGES, 2):
        for block in range(count):
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
    x = F.relu(norm(F.conv3d(x, state["head.conv_5.weight"]), "head.conv_5_bn")).mean(dim=(2, 3, 4), keepdim=True)
    x = F.relu(F.conv3d(x, state["head.lin_5.weight"])).flatten(1)
    return x.unflatten(0, frames.shape[:2]).mean(dim=1)


def test_equals_slowfast_with_its_own_names(tmp_path: Path, slowfast: dict[str, Tensor]) -> None:
    """Fails if the stem's two convolutions are not swapped, or the first shortcut's normalisation is lost."""
    torch.save({"model_state": slowfast, "cfg": "text"}, tmp_path / "x3d.pyth")
    frames = torch.randint(0, 256, (2, 2, 4, 64, 64, 3), dtype=torch.uint8)
    x3d = X3D(**SMALL)
    x3d.load("cpu", tmp_path / "x3d.pyth")
    expected = reference(slowfast, frames)
    assert float((x3d.extract(frames) - expected).norm() / expected.norm()) < 1e-5
    plain = dict(slowfast) | {  # what a model without that normalisation would compute
        f"s2.pathway0_res0.branch1_bn.{part}": torch.full((24,), value)
        for part, value in (("weight", 1.0), ("bias", 0.0), ("running_mean", 0.0), ("running_var", 1.0))
    }
    assert float((reference(plain, frames) - expected).norm() / expected.norm()) > 1e-3


def test_a_file_of_pytorchvideo_s_zoo_fits_its_plain_model(tmp_path: Path) -> None:
    x3d = X3D(**SMALL)
    x3d.load("cpu", None)
    zoo = x3d.net.state_dict() | {"blocks.5.proj.weight": torch.ones(400, 2048), "blocks.5.proj.bias": torch.ones(400)}
    zoo["blocks.0.norm.weight"] = torch.full((24,), 0.7)
    torch.save({"model_state": zoo}, tmp_path / "X3D_XS.pyth")
    again = X3D(**SMALL)
    again.load("cpu", tmp_path / "X3D_XS.pyth")
    assert all(torch.equal(value, zoo[key]) for key, value in again.net.state_dict().items())
    assert again.net.blocks[1].res_blocks[0].branch1_norm is None


def test_a_file_of_another_size_is_refused(tmp_path: Path, slowfast: dict[str, Tensor]) -> None:
    torch.save({"model_state": slowfast}, tmp_path / "x3d.pyth")
    with pytest.raises(ValueError, match=r"x3d\.pyth does not fit Net: \d+ missing: blocks\.1\.res_blocks\.3"):
        X3D(size="L", frames=4, crop=32).load("cpu", tmp_path / "x3d.pyth")


@pytest.mark.parametrize(
    ("size", "expected"),
    [("XS", (4, 12, 160, 182)), ("S", (13, 6, 160, 182)), ("M", (16, 5, 224, 256)), ("L", (16, 5, 312, 356))],
)
def test_native_sampling(size: str, expected: tuple[int, ...]) -> None:
    sampling = X3D(size=size).sampling  # type: ignore[arg-type]
    assert (sampling.frames, sampling.stride, sampling.crop, sampling.size) == expected
    assert sampling.fps == 30.0


def test_what_no_x3d_can_be_is_refused() -> None:
    with pytest.raises(ValueError, match="size is 'XL'; it should be one of XS, S, M, L"):
        X3D(size="XL")  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="crop is 31; it should be at least 32"):
        X3D(crop=31)
