"""Excitation, then aggregation of the frames it has recalibrated, after Jing et al., arXiv 2406.01604."""

from __future__ import annotations

from torch import Tensor, nn
from torch.nn.functional import normalize

from fusion.frames.aggregation import Aggregation
from fusion.frames.excitation import Excitation
from fusion.frames.padding import check, own_mask


class EA(nn.Module):
    """EA(X) = Aggregation(Excitation(X)), each with weights of its own.

    In YAML: `aggregate: fusion.frames.ea.EA`, the squeeze form, with which the authors do best on mean pooling;
    `aggregate_params: {excite: 0.25, aggregate: 0.25}` expands, `{excite: 4, aggregate: 0.25}` and
    `{excite: 0.25, aggregate: 4}` are the mixed forms.
    """

    scores_pairs = False
    tied = True

    def __init__(
        self,
        *,
        frames: int,
        dim: int,
        excite: float = 4.0,  # ratio of the excitation: above 1 squeezes, below 1 expands
        aggregate: float = 4.0,  # ratio of the aggregation
        relu6: bool = True,  # ReLU6 where a ratio below 1 expands, else ReLU
        masked: bool = True,  # padding does not count; false: it does, as in the authors' code
        pre_norm: bool = True,  # frames get length 1 first
    ) -> None:
        super().__init__()
        self.pre_norm = pre_norm
        self.excitation = Excitation(frames=frames, dim=dim, ratio=excite, relu6=relu6, masked=masked)
        self.aggregation = Aggregation(frames=frames, dim=dim, ratio=aggregate, relu6=relu6, masked=masked)
        self.dim = dim

    def forward(self, frames: Tensor, counts: Tensor) -> Tensor:
        """Pool frames: [B, N, D], counts [B] int64 -> [B, D]."""
        check(frames, counts, self.dim)
        mask = own_mask(frames, counts)
        excited = self.excitation.excite(normalize(frames, dim=-1) if self.pre_norm else frames, mask)
        return self.aggregation.pool(excited, mask)
