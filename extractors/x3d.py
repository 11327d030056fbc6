"""X3D, 2048-d: Feichtenhofer, "X3D: Expanding Architectures for Efficient Video Recognition", CVPR 2020.

Reads the checkpoints of two code bases, which differ (see `convert`): PyTorchVideo's model zoo and SlowFast.
"""

import re
import warnings
from pathlib import Path
from typing import Literal

import torch
from torch import Tensor, nn

from extractors.base import Sampling
from extractors.checkpoint import fill, read
from extractors.pixels import KINETICS_MEAN, KINETICS_STD, check, normalise
from extractors.untrained import seeded, settle

# size: depth factor, frames, stride, crop, short side the crop is taken from
NATIVE = {
    "XS": (2.2, 4, 12, 160, 182),
    "S": (2.2, 13, 6, 160, 182),
    "M": (2.2, 16, 5, 224, 256),
    "L": (5.0, 16, 5, 312, 356),
}
SMALLEST = 32  # pixels: the network halves the sides five times


class X3D:
    """Features before the classifier, averaged over clips: [B, 2048].

    `frames`, `stride` (frames at 30 a second; 0 spreads them over the video) and `crop` are those the size was
    trained with unless given. `clips` are spread evenly over the video; the paper tests with ten.
    """

    sides = ("video",)
    dim = 2048

    def __init__(
        self,
        *,
        size: Literal["XS", "S", "M", "L"] = "L",
        frames: int | None = None,
        stride: int | None = None,
        crop: int | None = None,
        clips: int = 10,
        weights: str = "x3d-l-k400",
    ) -> None:
        if size not in NATIVE:
            raise ValueError(f"size is {size!r}; it should be one of {', '.join(NATIVE)}")
        self.depth, native_frames, native_stride, native_crop, native_short = NATIVE[size]
        crop = native_crop if crop is None else crop
        if crop < SMALLEST:
            raise ValueError(f"crop is {crop}; it should be at least {SMALLEST}")
        self.weights = weights
        self.sampling = Sampling(
            frames=native_frames if frames is None else frames,
            size=round(crop * native_short / native_crop),
            crop=crop,
            clips=clips,
            stride=native_stride if stride is None else stride,
            fps=30.0,
        )

    def load(self, device: str, weights: Path | None) -> None:
        """Build the network for this clip length and crop; `weights` None means random ones (see `untrained`)."""
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", FutureWarning)  # it still compiles an activation by torch.jit
            from pytorchvideo.models.x3d import create_x3d

        with seeded():
            # The pooling window is fixed when the network is built, so it has to know the real input.
            net = create_x3d(
                input_clip_length=self.sampling.frames,
                input_crop_size=self.sampling.crop,
                depth_factor=self.depth,
                head_activation=None,
            )
        net.blocks[5].proj = nn.Identity()
        if weights is not None:
            state = convert(read(weights))
            if "blocks.1.res_blocks.0.branch1_norm.weight" in state:
                # SlowFast normalises the first shortcut; PyTorchVideo's model has no such layer.
                net.blocks[1].res_blocks[0].branch1_norm = nn.BatchNorm3d(24)
            fill(net, state, str(weights))
        else:
            settle(net, self.sampling.frames, self.sampling.crop)
        self.net = net.eval().to(device)

    @torch.no_grad()
    def extract(self, frames: Tensor) -> Tensor:
        """[B, M, T, H, W, 3] uint8 -> [B, 2048] float32."""
        check(frames, self.sampling)
        # Clip by clip: the working memory is that of B clips, however many each video has.
        clips = [self.net(normalise(clip, KINETICS_MEAN, KINETICS_STD)).float() for clip in frames.unbind(1)]
        return torch.stack(clips).mean(dim=0)


SLOWFAST = [
    # SlowFast's stem is a temporal convolution after a spatial one; PyTorchVideo's names are the wrong way round.
    (r"^s1\.pathway0_stem\.conv_xy\.", "blocks.0.conv.conv_t."),
    (r"^s1\.pathway0_stem\.conv\.", "blocks.0.conv.conv_xy."),
    (r"^s1\.pathway0_stem\.bn\.", "blocks.0.norm."),
    (r"^head\.conv_5\.", "blocks.5.pool.pre_conv."),
    (r"^head\.conv_5_bn\.", "blocks.5.pool.pre_norm."),
    (r"^head\.lin_5\.", "blocks.5.pool.post_conv."),
    (r"\.branch1\.", ".branch1_conv."),
    (r"\.branch1_bn\.", ".branch1_norm."),
    (r"\.branch2\.([abc])\.", r".branch2.conv_\1."),
    (r"\.branch2\.([ac])_bn\.", r".branch2.norm_\1."),
    (r"\.branch2\.b_bn\.", ".branch2.norm_b.0."),
    (r"\.branch2\.se\.fc1\.", ".branch2.norm_b.1.block.0."),
    (r"\.branch2\.se\.fc2\.", ".branch2.norm_b.1.block.2."),
]


def convert(state: dict[str, Tensor]) -> dict[str, Tensor]:
    """Keys of SlowFast or PyTorchVideo -> those of PyTorchVideo, without the classifier."""
    native = any(key.startswith("s1.pathway0_stem.") for key in state)
    renamed = {(_renamed(key) if native else key): value for key, value in state.items()}
    return {key: value for key, value in renamed.items() if not key.startswith(("blocks.5.proj.", "head.projection."))}


def _renamed(key: str) -> str:
    for pattern, new in SLOWFAST:
        key = re.sub(pattern, new, key)
    return re.sub(r"^s(\d)\.pathway0_res(\d+)\.", lambda at: f"blocks.{int(at[1]) - 1}.res_blocks.{at[2]}.", key)
