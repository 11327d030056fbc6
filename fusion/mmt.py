"""MMT, the multi-modal transformer: video features look at each other, and the text says how much each expert counts.

Source: Gabeur et al., "Multi-modal Transformer for Video Retrieval", ECCV 2020.
"""

from __future__ import annotations

from collections.abc import Mapping

import torch
from torch import Tensor, nn

from fusion.affine import Affine
from fusion.experts import Experts
from fusion.features import Feature
from fusion.spaces import Spaces, unit
from fusion.transform import check_model


class MMT(Spaces):
    """Scores sum_i w_i(text) <video_i, text_i>, with i over the experts, which are the video features.

    video_i: what a transformer makes of expert i's aggregate token (`fusion.experts`), length 1. text_i: a gated
    embedding unit, x * sigmoid(x G_i + c_i) with x = t A_i + b_i, length 1. w = softmax_i(t . u_i + d_i). The text
    embedding carries w, so a score is one dot product.

    What differs from the paper:
    - experts are the cached features that the stage reads: one token each, or with `frames` one for each frame;
    - t is all text features side by side instead of BERT's [CLS], and BERT is not fine-tuned;
    - every video has every expert, so weights are not renormalised;
    - loss, optimiser, batch and stopping are those of the train stage (paper: bidirectional hinge, margin 0.05, mean
      over all negatives, Adam 5e-5, batch 32, 50 epochs; the nearest here is `options: {loss: triplet-mean-both}`).

    frames: video features that are read frame by frame. lengths: the most frames that a video has of each of them.
    Raises ValueError for sizes below 1, dropout outside [0, 1), a width that heads do not divide, and frames without
    a length.
    """

    def __init__(
        self,
        *,
        video_dims: dict[str, int],
        text_dims: dict[str, int],
        lengths: dict[str, int] | None = None,
        frames: tuple[str, ...] = (),  # video features that are read frame by frame
        layers: int = 4,  # of the transformer
        heads: int = 4,  # of its attention
        width: int = 512,  # of tokens and embeddings
        ffn: int = 3072,  # inner width of a layer
        dropout: float = 0.1,  # share of values dropped while learning
        encoders: Mapping[str, nn.Module] | None = None,
    ) -> None:
        super().__init__(encoders)
        check_model(video_dims, text_dims, dropout, layers=layers, heads=heads, width=width, ffn=ffn)
        self.experts = len(video_dims)
        self.video = Experts(video_dims, lengths or {}, frames, layers, heads, width, ffn, dropout)
        self.text = Affine(text_dims, width, self.experts)
        self.gate = nn.Parameter(torch.empty(self.experts, width, width))
        self.gate_bias = nn.Parameter(torch.zeros(self.experts, width))
        self.mixture = Affine(text_dims, 1, self.experts)
        nn.init.uniform_(self.gate, -(width**-0.5), width**-0.5)  # as a Linear(width, width) starts

    def video_units(self, features: Mapping[str, Feature]) -> Tensor:
        """Unit vectors [B, E, W] of videos, one for each expert; features: B rows or Frames each."""
        return unit(self.video(features))

    def text_units(self, features: Mapping[str, Feature]) -> Tensor:
        """Unit vectors [B, E, W] of captions, one for each expert, without the weights; features: B rows each."""
        return self._text_units(self.encode(features))

    def embed_video(self, features: Mapping[str, Feature]) -> Tensor:
        """Embed video features -> [B, E * W]."""
        return self.video_units(features).flatten(1)

    def embed_text(self, features: Mapping[str, Feature]) -> Tensor:
        """Embed text features -> [B, E * W]; the length of each expert's part is its weight."""
        encoded = self.encode(features)
        weights = self.mixture(encoded).softmax(dim=1)  # [B, E]
        embedded: Tensor = (weights[..., None] * self._text_units(encoded)).flatten(1)
        return embedded

    def cosines(self, video: Mapping[str, Feature], text: Mapping[str, Feature]) -> Tensor:
        """Scores [1, B, B] of every caption (rows) and video (columns), in -1..1."""
        return self.compare(self.embed_video(video)[:, None], self.embed_text(text)[:, None])

    def _text_units(self, encoded: Mapping[str, Feature]) -> Tensor:
        joined = torch.unflatten(self.text(encoded), 1, (self.experts, -1))
        gates = torch.einsum("bew,ewx->bex", joined, self.gate) + self.gate_bias
        return unit(joined * gates.sigmoid())
