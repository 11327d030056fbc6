"""ir-CSN against the network written out in functions, fed with the same file in each published layout."""

import re
from pathlib import Path

import pytest
import torch
from torch import Tensor
from torch.nn import functional as F

from extractors.ircsn import IrCSN

SMALL = {"depth": 50, "frames": 8, "crop": 64, "clips": 2}
BLOCKS = (3, 4, 6, 3)


def norm_state(name: str, width: int) -> dict[str, Tensor]:
    """Statistics far from 0 and 1, some variances as small as the eps in question."""
    values = {"weight": torch.rand(width) + 0.5, "bias": torch.randn(width) * 0.1}
    values |= {"running_mean": torch.randn(width) * 0.1, "running_var": torch.rand(width) * 0.05 + 0.002}
    return {f"{name}.{key}": value for key, value in values.items()} | {f"{name}.num_batches_tracked": torch.tensor(7)}


def conv(*shape: int) -> Tensor:
    return torch.randn(*shape) * (2 / (shape[1] * shape[2] * shape[3] * shape[4])) ** 0.5 * 0.2


@pytest.fixture(scope="module")
def vmz() -> dict[str, Tensor]:
    """Random weights under the names of VMZ (torchvision's VideoResNet)."""
    with torch.random.fork_rng():
        torch.manual_seed(1)
        state = {"stem.0.weight": conv(64, 3, 3, 7, 7), **norm_state("stem.1", 64)}
        before = 64
        for stage, count in enumerate(BLOCKS, 1):
            inner, outer = 32 * 2**stage, 128 * 2**stage
            for block in range(count):
                name = f"layer{stage}.{block}"
                shapes = {1: (inner, before, 1, 1, 1), 2: (inner, 1, 3, 3, 3), 3: (outer, inner, 1, 1, 1)}
                for number, shape in shapes.items():
                    state[f"{name}.conv{number}.0.weight"] = conv(*shape)
                    state |= norm_state(f"{name}.conv{number}.1", shape[0])
                if block == 0:
                    state[f"{name}.downsample.0.weight"] = conv(outer, before, 1, 1, 1)
                    state |= norm_state(f"{name}.downsample.1", outer)
                before = outer
        return state | {"fc.weight": torch.randn(359, 2048), "fc.bias": torch.zeros(359)}


def mmaction(state: dict[str, Tensor], prefix: str) -> dict[str, Tensor]:
    """The same under the names of mmaction2's ResNet3dCSN."""
    renamed = {}
    for key, value in state.items():
        key = key.replace("stem.0.", "conv1.conv.").replace("stem.1.", "conv1.bn.")
        key = key.replace("downsample.0.", "downsample.conv.").replace("downsample.1.", "downsample.bn.")
        key = re.sub(r"(layer.*)\.conv([13])\.0\.", r"\1.conv\2.conv.", key)
        key = re.sub(r"(layer.*)\.conv([13])\.1\.", r"\1.conv\2.bn.", key)
        key = re.sub(r"(layer.*)\.conv2\.0\.", r"\1.conv2.0.conv.", key)  # the one with a Sequential around it
        key = re.sub(r"(layer.*)\.conv2\.1\.", r"\1.conv2.0.bn.", key)
        renamed[f"cls_head.fc_cls.{key[3:]}" if key.startswith("fc.") else prefix + key] = value
    return renamed


def reference(state: dict[str, Tensor], frames: Tensor, eps: float = 1e-3, pool: bool = True) -> Tensor:
    """[B, M, T, H, W, 3] uint8 -> [B, 2048]: VMZ's ir_csn without its classifier, averaged over clips."""

    def norm(x: Tensor, name: str) -> Tensor:
        parts = [state[f"{name}.{part}"] for part in ("running_mean", "running_var", "weight", "bias")]
        return F.batch_norm(x, *parts, training=False, eps=eps)

    mean = torch.tensor([0.43216, 0.394666, 0.37645]).view(1, 3, 1, 1, 1)
    std = torch.tensor([0.22803, 0.22145, 0.216989]).view(1, 3, 1, 1, 1)
    x = (frames.flatten(0, 1).permute(0, 4, 1, 2, 3) / 255 - mean) / std
    x = F.conv3d(x, state["stem.0.weight"], stride=(1, 2, 2), padding=(1, 3, 3))
    x = F.relu(norm(x, "stem.1"))
    if pool:
        x = F.max_pool3d(x, (1, 3, 3), stride=(1, 2, 2), padding=(0, 1, 1))
    for stage, count in enumerate(BLOCKS, 1):
        for block in range(count):
            name = f"layer{stage}.{block}"
            stride = 2 if stage > 1 and block == 0 else 1
            y = F.relu(norm(F.conv3d(x, state[f"{name}.conv1.0.weight"]), f"{name}.conv1.1"))
            weight = state[f"{name}.conv2.0.weight"]
            y = F.relu(norm(F.conv3d(y, weight, None, stride, 1, groups=len(weight)), f"{name}.conv2.1"))
            y = norm(F.conv3d(y, state[f"{name}.conv3.0.weight"]), f"{name}.conv3.1")
            if block == 0:
                x = norm(F.conv3d(x, state[f"{name}.downsample.0.weight"], None, stride), f"{name}.downsample.1")
            x = F.relu(x + y)
    return x.mean(dim=(2, 3, 4)).unflatten(0, frames.shape[:2]).mean(dim=1)


def apart(one: Tensor, other: Tensor) -> float:
    return float((one - other).norm() / other.norm())


def test_equals_the_reference_and_the_traps_would_show(tmp_path: Path, vmz: dict[str, Tensor]) -> None:
    torch.save(vmz, tmp_path / "vmz.pth")
    frames = torch.randint(0, 256, (1, 2, 8, 64, 64, 3), dtype=torch.uint8)
    csn = IrCSN(**SMALL)
    csn.load("cpu", tmp_path / "vmz.pth")
    features = csn.extract(frames)
    assert apart(features, reference(vmz, frames)) < 1e-5
    # What a builder's defaults would give, had they been left alone: far outside that tolerance.
    assert apart(reference(vmz, frames, eps=1e-5), reference(vmz, frames)) > 1e-3
    assert apart(reference(vmz, frames, pool=False), reference(vmz, frames)) > 1e-2


@pytest.mark.parametrize("prefix", ["backbone.", ""])
def test_mmaction2_names_give_the_same_features(tmp_path: Path, vmz: dict[str, Tensor], prefix: str) -> None:
    torch.save(vmz, tmp_path / "vmz.pth")
    torch.save({"state_dict": mmaction(vmz, prefix), "meta": {}}, tmp_path / "mm.pth")
    frames = torch.randint(0, 256, (1, 1, 4, 32, 32, 3), dtype=torch.uint8)
    features = []
    for name in ("vmz.pth", "mm.pth"):
        csn = IrCSN(depth=50, frames=4, crop=32, clips=1)
        csn.load("cpu", tmp_path / name)
        features.append(csn.extract(frames))
    assert torch.equal(*features)


def test_a_file_of_another_depth_is_refused(tmp_path: Path, vmz: dict[str, Tensor]) -> None:
    torch.save(vmz, tmp_path / "vmz.pth")
    with pytest.raises(ValueError, match=r"vmz\.pth does not fit Net: \d+ missing: blocks\.3\.res_blocks"):
        IrCSN(depth=101, frames=4, crop=32).load("cpu", tmp_path / "vmz.pth")


def test_the_paper_s_model_has_29_million_parameters() -> None:
    csn = IrCSN()
    assert (csn.sampling.frames, csn.sampling.crop, csn.sampling.size, csn.sampling.fps) == (32, 224, 256, 15.0)
    csn = IrCSN(depth=152, frames=4, crop=32)
    csn.load("cpu", None)
    classifier = 2048 * 359 + 359
    assert round((sum(p.numel() for p in csn.net.parameters()) + classifier) / 1e6, 1) == 29.6  # with IG-65M's classes


def test_an_unknown_depth_is_refused() -> None:
    with pytest.raises(ValueError, match="depth is 34; it should be 50, 101 or 152"):
        IrCSN(depth=34)  # type: ignore[arg-type]
