"""The mean over a video's frames."""

from __future__ import annotations

from torch import Tensor, nn
from torch.nn.functional import normalize

from fusion.frames.padding import check, check_sizes, own_mask


def mean(frames: Tensor, counts: Tensor) -> Tensor:
    """Mean over each video's own frames: [B, T, D], counts [B] int64 -> [B, D]."""
    return (frames * own_mask(frames, counts)[:, :, None]).sum(dim=1) / counts.clamp(min=1)[:, None]


class Mean(nn.Module):
    """Mean over the frames as they are: how LAFF's authors make a video's feature.

    In YAML: `aggregate: fusion.frames.mean.Mean`. With `aggregate_params: {pre_norm: true}` frames get length 1 first:
    meanP of CLIP4Clip (Luo et al., arXiv 2104.08860). The mean itself is normalised only where cosines are taken.
    """

    scores_pairs = False
    tied = False  # whether weights belong to frame positions, so that the number of frames is fixed
    learns = False  # whether it has weights; a class that says nothing has some

    def __init__(
        self,
        *,
        frames: int,
        dim: int,
        pre_norm: bool = False,  # frames get length 1 first, as CLIP4Clip's meanP
    ) -> None:
        super().__init__()
        check_sizes(frames, dim)
        self.dim = dim
        self.pre_norm = pre_norm

    def forward(self, frames: Tensor, counts: Tensor) -> Tensor:
        """Pool frames: [B, T, D], counts [B] int64 -> [B, D]."""
        check(frames, counts, self.dim)
        return mean(normalize(frames, dim=-1) if self.pre_norm else frames, counts)
