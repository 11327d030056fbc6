"""Losses over a batch of matching pairs, for everything that learns to retrieve.

cosines [..., B, B]: [i, j] is caption i against video j, and matching pairs are on the diagonal. Leading dimensions are
spaces; their losses are summed. videos [B]: the number of each caption's video. A batch may have two captions of one
video. With `mask`, their places off the diagonal are not used as negatives; without it, as in the LAFF authors' code,
they are.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from functools import partial

import torch
from torch import Tensor

Loss = Callable[[Tensor, Tensor, Tensor | None], Tensor]
"""loss(cosines [..., B, B], scale scalar, videos [B] int64 or None) -> scalar."""

MARGIN = 0.2


def make(name: str, mask: bool = False, prior: float = 0.1) -> Loss:
    """Make the loss with this name in LOSSES, with or without the mask; only dual-softmax uses `prior`.

    Raises ValueError for another name, and a prior that is not above 0.
    """
    if name not in LOSSES:
        raise ValueError(f"there is no loss '{name}'; take one of {', '.join(LOSSES)}")
    if not 0 < prior < math.inf:
        raise ValueError(f"prior is {prior}; it should be above 0")
    options = {"prior": prior} if LOSSES[name] is dual_softmax else {}
    return partial(LOSSES[name], mask=mask, **options)


def triplet(cosines: Tensor, scale: Tensor, videos: Tensor | None = None, mask: bool = False) -> Tensor:
    """Hinge against the hardest video of each caption: sum_i max_{j != i} [MARGIN + S(i, j) - S(i, i)]_+.

    Summed over batch and spaces; a batch of one gives 0. `scale` is not used. Source: Faghri et al., "VSE++", BMVC
    2018, one direction of it.
    """
    return _violations(cosines, videos, mask)[0].max(dim=-1).values.sum()


def triplet_caption(cosines: Tensor, scale: Tensor, videos: Tensor | None = None, mask: bool = False) -> Tensor:
    """Hinge against the hardest caption of each video, as the LAFF authors' code does for models of one space."""
    return triplet(cosines.mT, scale, videos, mask)


def triplet_both(cosines: Tensor, scale: Tensor, videos: Tensor | None = None, mask: bool = False) -> Tensor:
    """Both directions of the hinge, summed."""
    return triplet(cosines, scale, videos, mask) + triplet_caption(cosines, scale, videos, mask)


def triplet_sum(cosines: Tensor, scale: Tensor, videos: Tensor | None = None, mask: bool = False) -> Tensor:
    """Hinge against every video of the batch but a caption's own: sum_i sum_{j != i} [MARGIN + S(i, j) - S(i, i)]_+.

    Summed over batch and spaces; a batch of one gives 0. `scale` is not used. Source: Kiros et al., "Unifying
    Visual-Semantic Embeddings with Multimodal Neural Language Models", arXiv 1411.2539, one direction of it.
    """
    return _violations(cosines, videos, mask)[0].sum()


def triplet_sum_caption(cosines: Tensor, scale: Tensor, videos: Tensor | None = None, mask: bool = False) -> Tensor:
    """Hinge against every caption of the batch but a video's own, summed."""
    return triplet_sum(cosines.mT, scale, videos, mask)


def triplet_sum_both(cosines: Tensor, scale: Tensor, videos: Tensor | None = None, mask: bool = False) -> Tensor:
    """Both directions of the hinge over all violations, summed."""
    return triplet_sum(cosines, scale, videos, mask) + triplet_sum_caption(cosines, scale, videos, mask)


def triplet_mean(cosines: Tensor, scale: Tensor, videos: Tensor | None = None, mask: bool = False) -> Tensor:
    """Mean of the hinge over all pairs of a caption and a negative video: `triplet_sum` / (B (B - 1)) in each space.

    With `mask`, the mean is over the pairs that are negatives. Summed over spaces; a batch without negatives gives 0.
    """
    cost, negatives = _violations(cosines, videos, mask)
    return cost.sum() / negatives.sum().clamp(min=1)  # counted on the GPU, which nobody waits for


def triplet_mean_caption(cosines: Tensor, scale: Tensor, videos: Tensor | None = None, mask: bool = False) -> Tensor:
    """Mean of the hinge over all pairs of a video and a negative caption."""
    return triplet_mean(cosines.mT, scale, videos, mask)


def triplet_mean_both(cosines: Tensor, scale: Tensor, videos: Tensor | None = None, mask: bool = False) -> Tensor:
    """Mean of the hinge over the negatives of both directions together, so half the sum of the two means.

    Source: the max-margin ranking loss of Gabeur et al., "Multi-modal Transformer for Video Retrieval", ECCV 2020,
    whose margin is 0.05 and not MARGIN.
    """
    return (triplet_mean(cosines, scale, videos, mask) + triplet_mean_caption(cosines, scale, videos, mask)) / 2


def infonce(cosines: Tensor, scale: Tensor, videos: Tensor | None = None, mask: bool = False) -> Tensor:
    """Mean of the cross entropies from caption to video and from video to caption, of scale * cosines.

    Mean over the batch, summed over spaces. Source: Radford et al., "Learning Transferable Visual Models From Natural
    Language Supervision", ICML 2021.
    """
    logits = _excluding(_further_matches(cosines, videos, mask), scale * cosines)
    return _cross_entropy(logits, logits)


def dual_softmax(
    cosines: Tensor, scale: Tensor, videos: Tensor | None = None, mask: bool = False, prior: float = 0.1
) -> Tensor:
    """`infonce` with each similarity weighted by how strongly the other side of the pair chooses it.

    - From caption to video, logits [i, j] are multiplied by B times the softmax of column j over the captions.
    - From video to caption, they are multiplied by B times the softmax of row i over the videos.
    - Both softmaxes are of prior * cosines.
    - A prior of 0.1 equals the authors' code (temperature 1000 on CLIP's 100 * cosines). All weights are then close to
      1, and the loss hardly differs from `infonce`.
    - A sharp prior, such as the scale itself, fails for negative cosines (MMT's MRR fell to .087): a more negative
      cosine gets a smaller weight and so a larger logit, and the true pair may become the worst.

    Source: Cheng et al., "Improving Video-Text Retrieval by Multi-Stream Corpus Alignment and Dual Softmax Loss",
    arXiv 2109.04290.
    """
    matches = _further_matches(cosines, videos, mask)
    choices = _excluding(matches, prior * cosines)
    size = cosines.shape[-1]
    weights = (choices.softmax(dim=-2) * size, choices.softmax(dim=-1) * size)
    return _cross_entropy(*(_excluding(matches, scale * cosines * weight) for weight in weights))


def _violations(cosines: Tensor, videos: Tensor | None, mask: bool) -> tuple[Tensor, Tensor]:
    """Hinges [..., B, B] of row i against column j, 0 where j is no negative of i; and where it is one, [B, B] bool."""
    positives = torch.diagonal(cosines, dim1=-2, dim2=-1)[..., None]
    diagonal = torch.eye(cosines.shape[-1], dtype=torch.bool, device=cosines.device)
    matches = _further_matches(cosines, videos, mask)
    excluded = diagonal if matches is None else diagonal | matches
    return (MARGIN + cosines - positives).clamp(min=0).masked_fill(excluded, 0), ~excluded


def _further_matches(cosines: Tensor, videos: Tensor | None, mask: bool) -> Tensor | None:
    """Places off the diagonal whose caption and video match too, [B, B] bool; None without mask or videos."""
    if not mask or videos is None:
        return None
    diagonal = torch.eye(len(videos), dtype=torch.bool, device=cosines.device)
    return (videos[:, None] == videos).to(cosines.device) & ~diagonal


def _excluding(matches: Tensor | None, logits: Tensor) -> Tensor:
    """Set logits to -inf at further matches, which are no negatives."""
    return logits if matches is None else logits.masked_fill(matches, -torch.inf)


def _cross_entropy(to_videos: Tensor, to_captions: Tensor) -> Tensor:
    """Cross entropy of the diagonal along rows of `to_videos` and columns of `to_captions`.

    The mean over both and over the batch, summed over spaces.
    """
    by_caption = torch.diagonal(to_videos.log_softmax(dim=-1), dim1=-2, dim2=-1)
    by_video = torch.diagonal(to_captions.log_softmax(dim=-2), dim1=-2, dim2=-1)
    return -(by_caption + by_video).mean(dim=-1).sum() / 2


LOSSES: dict[str, Callable[..., Tensor]] = {
    "triplet": triplet,
    "triplet-caption": triplet_caption,
    "triplet-both": triplet_both,
    "triplet-sum": triplet_sum,
    "triplet-sum-caption": triplet_sum_caption,
    "triplet-sum-both": triplet_sum_both,
    "triplet-mean": triplet_mean,
    "triplet-mean-caption": triplet_mean_caption,
    "triplet-mean-both": triplet_mean_both,
    "infonce": infonce,
    "dual-softmax": dual_softmax,
}
