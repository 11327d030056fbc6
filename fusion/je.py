"""JE: joint embeddings, a space for each video feature, and late fusion.

Source: Mithun et al., "Learning Joint Embedding with Multimodal Cues for Cross-Modal Video-Text Retrieval", ICMR 2018,
as the LAFF paper runs it on its features: all spaces with the same share of the score, or 0.8 or 0.9 of it for CLIP.
"""

from __future__ import annotations

from collections.abc import Mapping

import torch
from torch import Tensor, nn

from fusion.affine import Affine
from fusion.cpu.dropout import Dropout
from fusion.features import Feature, pick
from fusion.spaces import Spaces, unit
from fusion.transform import Transform, check_model


class JE(Spaces):
    """One space for each video feature i: a map of feature i, and a map of all text features side by side.

    - Each map is dropout(tanh(x A_i + b_i)), as in LAFF's other rivals; in the JE paper it is linear.
    - Each space has all text features. The LAFF paper does not say which it has.
    - The space of `lead` has `share` of the score; the other spaces divide the rest equally (the LAFF paper does not
      say how). With lead '' all spaces have the same share.
    - The loss is the plain sum over the spaces, so each space is trained as if alone. Two things are shared: a sentence
      encoder inside the model, and the clipping of the norm of all gradients.

    Raises ValueError for sizes below 1, dropout outside [0, 1), an unknown lead and a share outside (0, 1].
    """

    def __init__(
        self,
        *,
        video_dims: dict[str, int],
        text_dims: dict[str, int],
        width: int = 1024,  # of each space
        dropout: float = 0.2,  # share of values dropped while learning
        lead: str = "",  # the video feature whose space has `share` of the score; '': all have the same
        share: float = 0.0,  # see lead
        encoders: Mapping[str, nn.Module] | None = None,
    ) -> None:
        super().__init__(encoders)
        check_model(video_dims, text_dims, dropout, width=width)
        self.video_dims = dict(video_dims)
        self.spaces = len(video_dims)
        self.shares = _shares(list(video_dims), lead, share)
        self.video = nn.ModuleDict({name: Transform(dim, width, dropout) for name, dim in video_dims.items()})
        self.text = Affine(text_dims, width, self.spaces)
        self.dropout = Dropout(dropout)

    def video_units(self, features: Mapping[str, Feature]) -> Tensor:
        """Map video features, [B, D_k] -> [B, S, W], unit length in each space; S in the order of `video_dims`."""
        picked = pick(features, self.video_dims)
        return unit(
            torch.stack([layer(feature) for layer, feature in zip(self.video.values(), picked, strict=True)], dim=1)
        )

    def text_units(self, features: Mapping[str, Feature]) -> Tensor:
        """Map text features, B rows each -> [B, S, W], unit length in each space."""
        joined = self.text(self.encode(features))
        return unit(self.dropout(torch.tanh(joined)).unflatten(1, (self.spaces, -1)))


def _shares(names: list[str], lead: str, share: float) -> tuple[float, ...] | None:
    """Shares of the spaces in the score, summing to one; None: all the same. Raises ValueError, see JE."""
    if not lead:
        if share:
            raise ValueError(f"share is {share}, but lead names no feature; set lead to one of {', '.join(names)}")
        return None
    if lead not in names:
        raise ValueError(f"lead is '{lead}', which is no video feature of the model; take one of {', '.join(names)}")
    if not 0 < share <= 1:
        raise ValueError(f"share of lead '{lead}' is {share}; it should be above 0 and at most 1, such as 0.8")
    if len(names) == 1:
        return None
    rest = (1 - share) / (len(names) - 1)
    return tuple(share if name == lead else rest for name in names)
