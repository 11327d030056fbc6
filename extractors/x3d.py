"""X3D, 2048-d: Feichtenhofer, "X3D: Expanding Architectures for Efficient Video Recognition", CVPR 2020.

Reads the checkpoints of two code bases, whose networks and names differ: SlowFast's and PyTorchVideo's model zoo.
XS, S and M are one architecture, so the file of one loads into the others; `size` has to be that of the file.
"""

import warnings
from pathlib import Path
from typing import Any, Literal

import torch
from torch import Tensor, nn

from extractors.base import Sampling
from extractors.checkpoint import Layout, convert, fill, rename
from extractors.pixels import KINETICS_MEAN, KINETICS_STD, check, normalise
from extractors.untrained import seeded, settle

# size: depth factor, frames, stride, side of one central crop, short side that crops are taken from
NATIVE = {
    "XS": (2.2, 4, 12, 160, 182),
    "S": (2.2, 13, 6, 160, 182),
    "M": (2.2, 16, 5, 224, 256),
    "L": (5.0, 16, 5, 312, 356),
}
SMALLEST = 32  # pixels: the network halves the sides five times
SHORTCUT = "blocks.1.res_blocks.0.branch1_norm."  # a layer that SlowFast's network has and PyTorchVideo's lacks

SLOWFAST = Layout(
    "SlowFast's layout",
    (r"^s1\.pathway0_stem\.", r"^s\d\.pathway0_res\d+\.branch2\.se\."),
    rename(
        # SlowFast's stem is a temporal convolution after a spatial one; PyTorchVideo's names are the wrong way round.
        (r"^s1\.pathway0_stem\.conv_xy\.", "blocks.0.conv.conv_t."),
        (r"^s1\.pathway0_stem\.conv\.", "blocks.0.conv.conv_xy."),
        (r"^s1\.pathway0_stem\.bn\.", "blocks.0.norm."),
        (r"^head\.conv_5\.", "blocks.5.pool.pre_conv."),
        (r"^head\.conv_5_bn\.", "blocks.5.pool.pre_norm."),
        (r"^head\.lin_5\.", "blocks.5.pool.post_conv."),
        *((rf"^s{stage}\.pathway0_res(\d+)\.", rf"blocks.{stage - 1}.res_blocks.\1.") for stage in range(2, 6)),
        (r"\.branch1\.", ".branch1_conv."),
        (r"\.branch1_bn\.", ".branch1_norm."),
        (r"\.branch2\.([abc])\.", r".branch2.conv_\1."),
        (r"\.branch2\.([ac])_bn\.", r".branch2.norm_\1."),
        (r"\.branch2\.b_bn\.", ".branch2.norm_b.0."),
        (r"\.branch2\.se\.fc1\.", ".branch2.norm_b.1.block.0."),
        (r"\.branch2\.se\.fc2\.", ".branch2.norm_b.1.block.2."),
    ),
    dropped=("head.projection.",),
)
ZOO = Layout("PyTorchVideo's layout", (r"^blocks\.0\.conv\.conv_(t|xy)\.",), dict, dropped=("blocks.5.proj.",))


class X3D:
    """Features before the classifier, averaged over clips and crops: [B, 2048].

    `frames`, `stride` (frames at 30 a second; 0 spreads them over the video) and `crop` are those that the size was
    trained with, unless given. `clips` are spread evenly over the video; the paper tests with ten. One crop is the
    centre; three crops are as large as the picture's short side, which is the same for both.
    """

    sides = ("video",)
    dim = 2048
    mean = KINETICS_MEAN
    std = KINETICS_STD
    colours = "RGB"
    last = False  # whether the channels of a pixel are neighbours in the network's memory
    LAYOUTS = (SLOWFAST, ZOO)
    NEEDS = {"pytorchvideo": ""}  # noqa: RUF012 (read as a literal)

    def __init__(
        self,
        *,
        size: Literal["XS", "S", "M", "L"] = "L",  # of the network
        frames: int | None = None,  # in a clip; null: the size's own
        stride: int | None = None,  # frames at 30 a second; 0 spreads them over the video; null: the size's own
        crop: int | None = None,  # pixels of the square that is seen; null: the size's own
        clips: int = 10,  # spread over the video
        crops: int = 1,  # in a clip: 1 in the centre, or 3 along the long side
        weights: str = "x3d-l-k400",  # a name of `laff weights list`, a file of yours, or random
    ) -> None:
        if size not in NATIVE:
            raise ValueError(f"size is {size!r}; it should be one of {', '.join(NATIVE)}")
        self.size = size
        self.depth, native_frames, native_stride, native_crop, native_short = NATIVE[size]
        whole = native_short if crops == 3 else native_crop
        crop = whole if crop is None else crop
        if crop < SMALLEST:
            raise ValueError(f"crop is {crop}; it should be at least {SMALLEST}")
        self.weights = weights
        self.trained = round(crop * native_crop / whole)  # the crop it would be trained with
        self.sampling = Sampling(
            frames=native_frames if frames is None else frames,
            size=round(crop * native_short / whole),
            crop=crop,
            clips=clips,
            stride=native_stride if stride is None else stride,
            fps=30.0,
            rule="slowfast",
            antialias=False,
            crops=crops,
        )

    def __str__(self) -> str:
        return f"X3D (size {self.size})"

    def load(self, device: str, weights: Path | None) -> None:
        """Build the network for this clip length and crop; without `weights` they are random (see `untrained`)."""
        if weights is None:
            net = self.build()
            settle(net, self.sampling.frames, self.sampling.crop)
        else:
            converted = convert(weights, self.LAYOUTS, str(self))
            net = self.build(converted.state)
            fill(net, converted.state, converted.source, str(self))
        # On a CPU this makes its convolutions 1.1 times as fast, those of ir-CSN slower; on a GPU nobody has measured.
        self.last = device == "cpu"
        self.net: nn.Module = net.eval().to(device)
        if self.last:
            self.net.to(memory_format=torch.channels_last_3d)

    def build(self, state: dict[str, Tensor] | None = None) -> nn.Module:
        """The network with random weights, and with the layer that only SlowFast has where `state` has it."""
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", FutureWarning)  # it still compiles an activation by torch.jit
            from pytorchvideo.models.x3d import create_x3d

        with seeded():
            # The pooling window is fixed when the network is built: that of training, also for larger crops. Then the
            # last layers see a small map, and their output is averaged.
            net: Any = create_x3d(
                input_clip_length=self.sampling.frames,
                input_crop_size=self.trained,
                depth_factor=self.depth,
                head_activation=None,
            )
            if state is not None and any(key.startswith(SHORTCUT) for key in state):
                net.blocks[1].res_blocks[0].branch1_norm = nn.BatchNorm3d(24)
        net.blocks[5].proj = nn.Identity()
        module: nn.Module = net
        return module

    @torch.no_grad()
    def extract(self, frames: Tensor) -> Tensor:
        """[B, M, T, H, W, 3] uint8 -> [B, 2048] float32."""
        check(frames, self.sampling)
        # View by view, so that the working memory is that of B clips, however many each video has.
        clips = (normalise(clip, self.mean, self.std, last=self.last) for clip in frames.unbind(1))
        return torch.stack([self.net(clip).float() for clip in clips]).mean(dim=0)
