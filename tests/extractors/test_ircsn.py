"""ir-CSN against the network written out in functions, fed with the same file in each published layout."""

import re
from collections.abc import Callable, Sequence
from dataclasses import asdict
from pathlib import Path

import pytest
import torch
from torch import Tensor
from torch.nn import functional as F

from extractors.checkpoint import convert
from extractors.ircsn import MMACTION, PYTORCHVIDEO, VMZ, IrCSN

Apart = Callable[[Tensor, Tensor], float]

SMALL = {"depth": 50, "frames": 4, "crop": 32, "clips": 1}
BLOCKS = {50: (3, 4, 6, 3), 152: (3, 8, 36, 3)}


def norm_state(name: str, width: int) -> dict[str, Tensor]:
    """Statistics far from 0 and 1, some variances as small as the eps in question."""
    values = {"weight": torch.rand(width) + 0.5, "bias": torch.randn(width) * 0.1}
    values |= {"running_mean": torch.randn(width) * 0.1, "running_var": torch.rand(width) * 0.05 + 0.002}
    return {f"{name}.{key}": value for key, value in values.items()} | {f"{name}.num_batches_tracked": torch.tensor(7)}


def conv(*shape: int) -> Tensor:
    return torch.randn(*shape) * (2 / (shape[1] * shape[2] * shape[3] * shape[4])) ** 0.5 * 0.2


def build(depth: int, classes: int = 359) -> dict[str, Tensor]:
    """Random weights under the names of VMZ (torchvision's VideoResNet)."""
    with torch.random.fork_rng():
        torch.manual_seed(1)
        state = {"stem.0.weight": conv(64, 3, 3, 7, 7), **norm_state("stem.1", 64)}
        before = 64
        for stage, count in enumerate(BLOCKS[depth], 1):
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
        return state | {"fc.weight": torch.randn(classes, 2048), "fc.bias": torch.zeros(classes)}


@pytest.fixture(scope="module")
def vmz() -> dict[str, Tensor]:
    return build(50)


@pytest.fixture(scope="module")
def paper() -> dict[str, Tensor]:
    """The depth of the paper's feature."""
    return build(152)


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


def pytorchvideo(state: dict[str, Tensor]) -> dict[str, Tensor]:
    """The same under PyTorchVideo's names."""
    renamed = {}
    for key, value in state.items():
        key = (
            key.replace("fc.", "blocks.5.proj.")
            .replace("stem.0.", "blocks.0.conv.")
            .replace("stem.1.", "blocks.0.norm.")
        )
        key = key.replace("downsample.0.", "branch1_conv.").replace("downsample.1.", "branch1_norm.")
        for number, letter in enumerate("abc", 1):
            key = key.replace(f"conv{number}.0.", f"branch2.conv_{letter}.")
            key = key.replace(f"conv{number}.1.", f"branch2.norm_{letter}.")
        renamed[re.sub(r"^layer(\d)\.(\d+)\.", r"blocks.\1.res_blocks.\2.", key)] = value
    return renamed


def reference(
    state: dict[str, Tensor],
    frames: Tensor,
    eps: float = 1e-3,
    pool: bool = True,
    mean: Sequence[float] = (0.43216, 0.394666, 0.37645),
    std: Sequence[float] = (0.22803, 0.22145, 0.216989),
) -> Tensor:
    """[B, M, T, H, W, 3] uint8 -> [B, 2048]: VMZ's ir_csn without its classifier, averaged over clips."""

    def norm(x: Tensor, name: str) -> Tensor:
        parts = [state[f"{name}.{part}"] for part in ("running_mean", "running_var", "weight", "bias")]
        return F.batch_norm(x, *parts, training=False, eps=eps)

    x = ((frames.flatten(0, 1) / 255 - torch.tensor(mean)) / torch.tensor(std)).permute(0, 4, 1, 2, 3)
    x = F.conv3d(x, state["stem.0.weight"], stride=(1, 2, 2), padding=(1, 3, 3))
    x = F.relu(norm(x, "stem.1"))
    if pool:
        x = F.max_pool3d(x, (1, 3, 3), stride=(1, 2, 2), padding=(0, 1, 1))
    for stage in range(1, 5):
        for block in range(sum(f"layer{stage}.{number}.conv1.0.weight" in state for number in range(36))):
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


@pytest.mark.parametrize(("frames", "crop"), [(8, 64), (32, 48)])
def test_the_paper_s_depth_equals_the_reference(
    tmp_path: Path, paper: dict[str, Tensor], apart: Apart, frames: int, crop: int
) -> None:
    torch.save(paper, tmp_path / "vmz.pth")
    clip = torch.randint(0, 256, (1, 1, frames, crop, crop, 3), dtype=torch.uint8)
    csn = IrCSN(frames=frames, crop=crop, clips=1)
    csn.load("cpu", tmp_path / "vmz.pth")
    assert apart(csn.extract(clip), reference(paper, clip)) < 1e-5


def test_the_traps_of_the_builder_would_show(tmp_path: Path, vmz: dict[str, Tensor], apart: Apart) -> None:
    """Its defaults (eps 1e-5, no pooling after the stem) load the same file and compute another function."""
    torch.save(vmz, tmp_path / "vmz.pth")
    frames = torch.randint(0, 256, (2, 2, 4, 32, 32, 3), dtype=torch.uint8)
    csn = IrCSN(**SMALL | {"clips": 2})
    csn.load("cpu", tmp_path / "vmz.pth")
    features = csn.extract(frames)
    assert apart(features, reference(vmz, frames)) < 1e-5
    assert apart(features, reference(vmz, frames, eps=1e-5)) > 1e-3
    assert apart(features, reference(vmz, frames, pool=False)) > 1e-2
    assert {module.eps for module in csn.net.modules() if isinstance(module, torch.nn.BatchNorm3d)} == {1e-3}
    assert csn.net.blocks[0](torch.zeros(1, 3, 8, 64, 64)).shape[2:] == (8, 16, 16)


def test_views_are_averaged_and_pixels_normalised_as_told(tmp_path: Path, vmz: dict[str, Tensor], apart: Apart) -> None:
    torch.save(vmz, tmp_path / "vmz.pth")
    frames = torch.randint(0, 256, (1, 6, 4, 32, 32, 3), dtype=torch.uint8)
    mean, std = [0.485, 0.456, 0.406], [0.229, 0.224, 0.225]
    csn = IrCSN(**SMALL | {"clips": 2}, crops=3, mean=mean, std=std)
    csn.load("cpu", tmp_path / "vmz.pth")
    assert apart(csn.extract(frames), reference(vmz, frames, mean=mean, std=std)) < 1e-5
    assert apart(csn.extract(frames), reference(vmz, frames)) > 1e-3


LAYOUTS = {
    "VMZ's layout": dict,
    "mmaction2's layout": lambda state: mmaction(state, "backbone."),
    "PyTorchVideo's layout": pytorchvideo,
}


def test_mmaction2_s_file_of_the_paper_s_model_has_930_keys(paper: dict[str, Tensor]) -> None:
    keys = mmaction(paper, "backbone.")
    assert len([key for key in keys if key.startswith("backbone.")]) == 930
    assert {"backbone.conv1.bn.running_var", "backbone.layer3.35.conv2.0.conv.weight", "cls_head.fc_cls.bias"} <= set(
        keys
    )


@pytest.mark.parametrize("wrapped", [True, False])
def test_every_layout_gives_the_same_network_without_its_classifier(
    tmp_path: Path, vmz: dict[str, Tensor], wrapped: bool
) -> None:
    published = pytorchvideo(vmz)
    kinetics = vmz | {"fc.weight": torch.randn(400, 2048), "fc.bias": torch.zeros(400)}
    files = [kinetics, mmaction(vmz, "backbone."), mmaction(vmz, ""), published]
    for state, layout in zip(files, [VMZ, MMACTION, MMACTION, PYTORCHVIDEO], strict=True):
        torch.save({"state_dict": state, "meta": {}} if wrapped else state, tmp_path / "a.pth")
        converted = convert(tmp_path / "a.pth", IrCSN.LAYOUTS)
        assert converted.layout is layout
        assert len(converted.dropped) == 2
        assert len(converted.state) + 2 == len(published)
        assert all(torch.equal(value, published[key]) for key, value in converted.state.items())
    csn = IrCSN(**SMALL)
    csn.load("cpu", tmp_path / "a.pth")
    assert all(torch.equal(value, published[key]) for key, value in csn.net.state_dict().items())


@pytest.mark.parametrize("layout", LAYOUTS)
def test_a_key_too_few_too_many_or_too_long(
    vmz: dict[str, Tensor], refuses_damage: Callable[..., None], layout: str
) -> None:
    state = LAYOUTS[layout](vmz)
    key = list(state)[list(vmz).index("layer1.2.conv2.0.weight")]
    refuses_damage(lambda: IrCSN(**SMALL), state, layout, key, "blocks.1.res_blocks.2.branch2.conv_b.weight")


def test_a_file_of_another_depth_is_refused(tmp_path: Path, vmz: dict[str, Tensor]) -> None:
    torch.save(vmz, tmp_path / "vmz.pth")
    message = r"vmz\.pth, in VMZ's layout, does not fit IrCSN \(depth 101\): \d+ missing: blocks\.3\.res_blocks"
    with pytest.raises(ValueError, match=message):
        IrCSN(depth=101, frames=4, crop=32).load("cpu", tmp_path / "vmz.pth")


def test_the_paper_s_model_has_29_million_parameters() -> None:
    with torch.device("meta"):
        net = IrCSN().build()
    classifier = 2048 * 359 + 359
    assert round((sum(p.numel() for p in net.parameters()) + classifier) / 1e6, 1) == 29.6  # with IG-65M's classes


def test_vmz_s_preprocessing_is_the_default_and_scales_with_the_crop() -> None:
    csn = IrCSN()
    wanted = {"frames": 32, "stride": 1, "fps": 15.0, "size": 256, "width": 324, "crop": 224, "antialias": False}
    assert wanted.items() <= asdict(csn.sampling).items()
    assert (csn.mean, csn.std) == ((0.43216, 0.394666, 0.37645), (0.22803, 0.22145, 0.216989))
    small = IrCSN(crop=56).sampling
    assert (small.size, small.width) == (64, 81)


def test_mmaction2_s_preprocessing_can_be_said() -> None:
    sampling = IrCSN(stride=2, fps=0.0, short=256, width=0, crop=256, crops=3).sampling
    wanted = {"stride": 2, "fps": 0.0, "size": 256, "width": 0, "crop": 256, "clips": 10, "crops": 3}
    assert wanted.items() <= asdict(sampling).items()
    assert sampling.views == 30


def test_what_no_ir_csn_can_be_is_refused() -> None:
    with pytest.raises(ValueError, match="depth is 34; it should be 50, 101 or 152"):
        IrCSN(depth=34)  # type: ignore[arg-type]
    with pytest.raises(ValueError, match=r"mean is \[0\.5\]; it should be three numbers"):
        IrCSN(mean=[0.5])
    with pytest.raises(ValueError, match=r"std is \[0\.2, 0\.2, 0\]; it should be three numbers"):
        IrCSN(std=[0.2, 0.2, 0])
