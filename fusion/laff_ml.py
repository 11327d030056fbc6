"""LAFF-ml: LAFF at several levels. A softmax over a video's frames makes one vector of them, which LAFF then fuses.

Source: Hu et al., ECCV 2022, as the authors' released code executes it (its frame-level model without a map before).
"""

from __future__ import annotations

from collections.abc import Mapping

import torch
from torch import Tensor, nn

from fusion.features import Feature, Frames, pick_all
from fusion.laff import LAFF
from fusion.spaces import unit


class LAFFml(LAFF):
    """LAFF with batch normalisation behind every learned map, and features that it reads frame by frame.

    Of such a feature: a = softmax_t(w . frame_t) over a video's own frames, x = sum_t a_t frame_t, brought to length 1;
    x is raw, so it is tiled to every head and normalised over the batch. (A bias there would cancel. The authors'
    softmax takes the zeros behind short videos along; the length takes that out again.) Names in `frames` and `raw`
    that `dims` lacks are ignored, so that the text side can have the same parameters.
    """

    def __init__(
        self,
        *,
        dims: dict[str, int],
        heads: int = 8,  # spaces that features are fused in, each with weights of its own
        width: int = 512,  # columns of a head
        dropout: float = 0.2,  # share of values dropped while learning
        raw: tuple[str, ...] = ("clip-ft",),  # features taken as they are, not through a learned map
        frames: tuple[str, ...] = ("clip-ft-frames",),  # video features that are read frame by frame
    ) -> None:
        super().__init__(dims=dims, heads=heads, width=width, dropout=dropout, raw=(*raw, *frames), norm=True)
        scores = {name: torch.empty(dims[name]) for name in frames if name in dims}
        self.frame_score = nn.ParameterDict(
            {name: score.uniform_(-(len(score) ** -0.5), len(score) ** -0.5) for name, score in scores.items()}
        )

    def forward(self, features: Mapping[str, Feature]) -> tuple[Tensor, Tensor]:
        """features[k]: [B, D_k], or Frames [B, T, D_k] -> fused [B, H, W], weights [B, H, K] that sum to one over K.

        Raises ValueError naming a feature that is missing, has another width, or should come frame by frame.
        """
        given = dict(zip(self.dims, pick_all(features, self.dims, tuple(self.frame_score)), strict=True))
        pooled = {name: pool(given[name], score) for name, score in self.frame_score.items()}
        return super().forward({**given, **pooled})


def pool(frames: Feature, score: Tensor) -> Tensor:
    """Frames [B, T, D] and score [D] -> [B, D] of length 1: weighted by a softmax over each video's own frames."""
    assert isinstance(frames, Frames)
    values = frames.values.to(score.dtype)
    weights = (values @ score).masked_fill(~frames.own, -torch.inf).softmax(dim=1)
    return unit((weights[..., None] * values).sum(dim=1))
