"""ir-CSN, 2048-d: Tran et al., "Video Classification with Channel-Separated Convolutional Networks", ICCV 2019.

The weights the paper's feature comes from were trained from scratch on IG-65M (Ghadiyaram et al., CVPR 2019) and
published with VMZ; mmaction2 has them under its own names. Both are read, and PyTorchVideo's own layout.
"""

import re
import warnings
from pathlib import Path
from typing import Literal

import torch
from torch import Tensor, nn

from extractors.base import Sampling
from extractors.checkpoint import fill, read
from extractors.pixels import VMZ_MEAN, VMZ_STD, check, normalise
from extractors.untrained import seeded, settle

SHORT = 256 / 224  # VMZ: the short side that a crop is taken from, as a multiple of it
EPS = 1e-3  # VMZ's batch normalisation; the builder's 1e-5 is off by 1.4e-3 relative, and nothing says so


class IrCSN:
    """Features before the classifier, averaged over positions and clips: [B, 2048].

    `stride` counts frames at 15 a second (0 spreads the frames over the video). VMZ's clips overlap by half;
    `clips` evenly spaced ones do about that for videos of ten seconds.
    """

    sides = ("video",)
    dim = 2048

    def __init__(
        self,
        *,
        depth: Literal[50, 101, 152] = 152,
        frames: int = 32,
        stride: int = 1,
        crop: int = 224,
        clips: int = 10,
        weights: str = "ircsn-152-ig65m",
    ) -> None:
        if depth not in (50, 101, 152):
            raise ValueError(f"depth is {depth}; it should be 50, 101 or 152")
        self.depth = depth
        self.weights = weights
        self.sampling = Sampling(
            frames=frames, size=round(crop * SHORT), crop=crop, clips=clips, stride=stride, fps=15.0
        )

    def load(self, device: str, weights: Path | None) -> None:
        """Build the network; `weights` None means random ones (see `untrained`)."""
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", FutureWarning)  # it still compiles an activation by torch.jit
            from pytorchvideo.models.csn import create_csn

        with seeded():
            # Without stem_pool the weights load just as well, at twice the resolution they were trained for.
            net = create_csn(model_depth=self.depth, stem_pool=nn.MaxPool3d, head_pool_kernel_size=(4, 7, 7))
        net.blocks = net.blocks[:-1]  # the head pools a fixed window and classifies; we average what there is
        for module in net.modules():
            if isinstance(module, nn.BatchNorm3d):
                module.eps = EPS
        if weights is not None:
            fill(net, convert(read(weights)), str(weights))
        else:
            settle(net, self.sampling.frames, self.sampling.crop)
        self.net = net.eval().to(device)

    @torch.no_grad()
    def extract(self, frames: Tensor) -> Tensor:
        """[B, M, T, H, W, 3] uint8 -> [B, 2048] float32."""
        check(frames, self.sampling)
        # Clip by clip: the working memory is that of B clips, however many each video has.
        maps = (self.net(normalise(clip, VMZ_MEAN, VMZ_STD)) for clip in frames.unbind(1))
        return torch.stack([map.float().mean(dim=(2, 3, 4)) for map in maps]).mean(dim=0)


VMZ = [
    (r"^stem\.0\.", "blocks.0.conv."),
    (r"^stem\.1\.", "blocks.0.norm."),
    (r"^(layer\d\.\d+)\.conv([123])\.0\.", r"\1.conv\2.conv."),  # from here on as mmaction2 has it
    (r"^(layer\d\.\d+)\.conv([123])\.1\.", r"\1.conv\2.bn."),
    (r"\.downsample\.0\.", ".downsample.conv."),
    (r"\.downsample\.1\.", ".downsample.bn."),
]
MMACTION = [
    (r"^backbone\.", ""),
    (r"^conv1\.conv\.", "blocks.0.conv."),
    (r"^conv1\.bn\.", "blocks.0.norm."),
    (r"\.conv2\.0\.", ".conv2."),
    (r"\.downsample\.conv\.", ".branch1_conv."),
    (r"\.downsample\.bn\.", ".branch1_norm."),
    *((rf"\.conv{number}\.conv\.", f".branch2.conv_{letter}.") for number, letter in ((1, "a"), (2, "b"), (3, "c"))),
    *((rf"\.conv{number}\.bn\.", f".branch2.norm_{letter}.") for number, letter in ((1, "a"), (2, "b"), (3, "c"))),
    (r"^layer(\d)\.(\d+)\.", r"blocks.\1.res_blocks.\2."),
]
HEADS = ("fc.", "cls_head.", "blocks.5.")


def convert(state: dict[str, Tensor]) -> dict[str, Tensor]:
    """Keys of VMZ, mmaction2 or PyTorchVideo -> those of PyTorchVideo, without the classifier."""
    rules = [*(VMZ if "stem.0.weight" in state else []), *MMACTION]
    renamed = {}
    for old, value in state.items():
        if old.startswith(HEADS):
            continue
        key = old
        for pattern, new in rules:
            key = re.sub(pattern, new, key)
        renamed[key] = value
    return renamed
