"""ir-CSN, 2048-d: Tran et al., "Video Classification with Channel-Separated Convolutional Networks", ICCV 2019.

The weights the paper's feature comes from were trained from scratch on IG-65M (Ghadiyaram et al., CVPR 2019) and
published with VMZ; mmaction2 has them under its own names. Both are read, and PyTorchVideo's own layout.

The defaults are VMZ's: frames at 15 a second, every picture 256 high and 324 wide, the central 224, VMZ's mean and std.
mmaction2's models tuned on Kinetics-400 are tested with `fps: 0, stride: 2, rule: mmaction2, short: 256, width: 0,
crop: 256, crops: 3`, `mean: [0.485, 0.456, 0.406]` and `std: [0.229, 0.224, 0.225]`; its ones from scratch keep VMZ's
mean and std.
"""

import warnings
from pathlib import Path
from typing import Any, Literal

import torch
from torch import Tensor, nn

from extractors.base import Sampling
from extractors.checkpoint import Layout, convert, fill, rename
from extractors.pixels import VMZ_MEAN, VMZ_STD, check, normalise, three
from extractors.untrained import seeded, settle

HEIGHT, WIDTH, CROP = 256, 324, 224  # VMZ: what every picture is resized to, and the crop taken from that
EPS = 1e-3  # VMZ's batch normalisation; the builder's 1e-5 is off by 1.4e-3 relative, and nothing says so

BLOCKS = (  # mmaction2's blocks -> PyTorchVideo's
    *((rf"\.conv{number}\.conv\.", f".branch2.conv_{letter}.") for number, letter in ((1, "a"), (2, "b"), (3, "c"))),
    *((rf"\.conv{number}\.bn\.", f".branch2.norm_{letter}.") for number, letter in ((1, "a"), (2, "b"), (3, "c"))),
    (r"\.downsample\.conv\.", ".branch1_conv."),
    (r"\.downsample\.bn\.", ".branch1_norm."),
    (r"^layer(\d)\.(\d+)\.", r"blocks.\1.res_blocks.\2."),
)
VMZ = Layout(
    "VMZ's layout",
    (r"^stem\.[01]\.", r"^layer\d\.\d+\.conv3\.0\.weight$"),
    rename(
        (r"^stem\.0\.", "blocks.0.conv."),
        (r"^stem\.1\.", "blocks.0.norm."),
        (r"^(layer\d\.\d+)\.conv([123])\.0\.", r"\1.conv\2.conv."),  # from here on as mmaction2 has it
        (r"^(layer\d\.\d+)\.conv([123])\.1\.", r"\1.conv\2.bn."),
        (r"\.downsample\.0\.", ".downsample.conv."),
        (r"\.downsample\.1\.", ".downsample.bn."),
        *BLOCKS,
    ),
    dropped=("fc.",),
)
MMACTION = Layout(
    "mmaction2's layout",
    (r"^(backbone\.)?conv1\.(conv|bn)\.", r"^(backbone\.)?layer\d\.\d+\.conv2\.0\.conv\.weight$"),
    rename(
        (r"^backbone\.", ""),
        (r"^conv1\.conv\.", "blocks.0.conv."),
        (r"^conv1\.bn\.", "blocks.0.norm."),
        (r"\.conv2\.0\.", ".conv2."),  # the one convolution with a Sequential around it
        *BLOCKS,
    ),
    dropped=("cls_head.",),
)
PYTORCHVIDEO = Layout(
    "PyTorchVideo's layout",
    (r"^blocks\.\d\.res_blocks\.\d+\.branch2\.norm_b\.weight$",),
    dict,
    dropped=("blocks.5.",),
)


class IrCSN:
    """Features before the classifier, averaged over positions, clips and crops: [B, 2048].

    `stride` counts frames at `fps` a second (fps 0: the video's own; stride 0: frames spread over the video). VMZ's
    clips overlap by half, and so do about `clips` evenly spaced ones in a video of ten seconds. Pictures are resized to
    `short` by `width` pixels whatever their shape, or by their short side alone where `width` is 0; None scales VMZ's
    sizes with the crop. `mean` and `std` are VMZ's unless given, for values in 0..1.
    """

    sides = ("video",)
    dim = 2048
    colours = "RGB"
    LAYOUTS = (VMZ, MMACTION, PYTORCHVIDEO)
    NEEDS = {"pytorchvideo": ""}  # noqa: RUF012 (read as a literal)

    def __init__(
        self,
        *,
        depth: Literal[50, 101, 152] = 152,  # layers
        frames: int = 32,  # in a clip
        stride: int = 1,  # frames at fps from one to the next; 0 spreads them over the video
        fps: float = 15.0,  # that stride counts at; 0: the video's own
        rule: Literal["even", "mmaction2"] = "even",  # where clips lie: evenly, or as mmaction2 places them
        crop: int = CROP,  # pixels of the square that is seen
        short: int | None = None,  # height after resizing; the short side where width is 0; null: VMZ's, by the crop
        width: int | None = None,  # after resizing; 0 keeps the shape; null: VMZ's, by the crop
        clips: int = 10,  # in a video
        crops: int = 1,  # in a clip: 1 in the centre, or 3 along the long side
        mean: list[float] | None = None,  # of pixels in 0..1; null: VMZ's
        std: list[float] | None = None,  # of pixels in 0..1; null: VMZ's
        weights: str = "ircsn-152-ig65m",  # a name of `laff weights list`, a file of yours, or random
    ) -> None:
        if depth not in (50, 101, 152):
            raise ValueError(f"depth is {depth}; it should be 50, 101 or 152")
        self.depth = depth
        self.mean = VMZ_MEAN if mean is None else three("mean", mean)
        self.std = VMZ_STD if std is None else three("std", std)
        self.weights = weights
        self.sampling = Sampling(
            frames=frames,
            size=round(crop * HEIGHT / CROP) if short is None else short,
            crop=crop,
            clips=clips,
            stride=stride,
            fps=fps,
            rule=rule,
            antialias=False,
            width=round(crop * WIDTH / CROP) if width is None else width,
            crops=crops,
        )

    def __str__(self) -> str:
        return f"IrCSN (depth {self.depth})"

    def load(self, device: str, weights: Path | None) -> None:
        """Build the network; `weights` None means random ones (see `untrained`)."""
        net = self.build()
        if weights is None:
            settle(net, self.sampling.frames, self.sampling.crop)
        else:
            converted = convert(weights, self.LAYOUTS, str(self))
            fill(net, converted.state, converted.source, str(self))
        self.net = net.eval().to(device)

    def build(self) -> nn.Module:
        """The network with random weights, without its head, which pools a fixed window and classifies."""
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", FutureWarning)  # it still compiles an activation by torch.jit
            from pytorchvideo.models.csn import create_csn

        with seeded():
            # Without stem_pool the weights load just as well, at twice the resolution they were trained for.
            net: Any = create_csn(model_depth=self.depth, stem_pool=nn.MaxPool3d, head_pool_kernel_size=(4, 7, 7))
        net.blocks = net.blocks[:-1]
        for module in net.modules():
            if isinstance(module, nn.BatchNorm3d):
                module.eps = EPS
        network: nn.Module = net
        return network

    @torch.no_grad()
    def extract(self, frames: Tensor) -> Tensor:
        """[B, M, T, H, W, 3] uint8 -> [B, 2048] float32."""
        check(frames, self.sampling)
        # View by view, so that the working memory is that of B clips, however many each video has.
        maps = (self.net(normalise(clip, self.mean, self.std)) for clip in frames.unbind(1))
        return torch.stack([map.float().mean(dim=(2, 3, 4)) for map in maps]).mean(dim=0)
