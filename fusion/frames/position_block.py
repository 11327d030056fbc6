"""What excitation and aggregation share: their parameters, and one number for each frame position."""

from __future__ import annotations

from torch import nn

from fusion.frames.padding import check_sizes
from fusion.frames.positions import Positions


class PositionBlock(nn.Module):
    """Base of the two blocks of Jing et al., arXiv 2406.01604; a subclass says what the numbers do to the frames.

    Raises ValueError for sizes below 1 and a ratio that leaves no hidden unit.
    """

    def __init__(
        self,
        *,
        frames: int,
        dim: int,
        ratio: float = 4.0,  # above 1 squeezes, below 1 expands
        relu6: bool = True,  # ReLU6 where a ratio below 1 expands, else ReLU
        masked: bool = True,  # padding does not count; false: it does, as in the authors' code
        pre_norm: bool = True,  # frames get length 1 first
    ) -> None:
        super().__init__()
        check_sizes(frames, dim)
        self.dim = dim
        self.masked = masked
        self.pre_norm = pre_norm
        self.positions = Positions(frames=frames, ratio=ratio, relu6=relu6, masked=masked)
