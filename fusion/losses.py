"""Losses over a batch of matching pairs, shared by everything that learns to retrieve.

cosines [..., B, B]: [i, j] is caption i against video j, the pairs are on the diagonal; leading dimensions are spaces,
and their losses are summed. videos [B] says which video each caption belongs to. With `mask`, the video of another
caption of the same video is no negative; without, as LAFF's authors have it, it is.
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
    """The loss of that name in LOSSES, with or without the mask; `prior` is for dual-softmax alone.

    Raises ValueError for another name, and a prior that is not above 0.
    """
    if name not in LOSSES:
        raise ValueError(f"there is no loss '{name}'; take one of {', '.join(LOSSES)}")
    if not 0 < prior < math.inf:
        raise ValueError(f"prior is {prior}; it should be above 0")
    own = {"prior": prior} if LOSSES[name] is dual_softmax else {}
    return partial(LOSSES[name], mask=mask, **own)


def triplet(cosines: Tensor, scale: Tensor, videos: Tensor | None = None, mask: bool = False) -> Tensor:
    """Hinge against the hardest video of each caption: sum_i max_{j != i} [MARGIN + S(i, j) - S(i, i)]_+.

    Summed over batch and spaces; a batch of one gives 0. `scale` is not used. Source: Faghri et al., "VSE++", BMVC
    2018, one direction of it.
    """
    right = torch.diagonal(cosines, dim1=-2, dim2=-1)[..., None]
    same = torch.eye(cosines.shape[-1], dtype=torch.bool, device=cosines.device)
    others = _mates(cosines, videos, mask)
    cost = (MARGIN + cosines - right).clamp(min=0).masked_fill(same if others is None else same | others, 0)
    return cost.max(dim=-1).values.sum()


def triplet_caption(cosines: Tensor, scale: Tensor, videos: Tensor | None = None, mask: bool = False) -> Tensor:
    """Hinge against the hardest caption of each video, as the LAFF authors' code does for models of one space."""
    return triplet(cosines.mT, scale, videos, mask)


def triplet_both(cosines: Tensor, scale: Tensor, videos: Tensor | None = None, mask: bool = False) -> Tensor:
    """Both directions of the hinge, summed."""
    return triplet(cosines, scale, videos, mask) + triplet_caption(cosines, scale, videos, mask)


def infonce(cosines: Tensor, scale: Tensor, videos: Tensor | None = None, mask: bool = False) -> Tensor:
    """Mean of caption-to-video and video-to-caption cross entropy of scale * cosines.

    Mean over the batch, summed over spaces. Source: Radford et al., "Learning Transferable Visual Models From Natural
    Language Supervision", ICML 2021.
    """
    logits = _without(_mates(cosines, videos, mask), scale * cosines)
    return _cross_entropy(logits, logits)


def dual_softmax(
    cosines: Tensor, scale: Tensor, videos: Tensor | None = None, mask: bool = False, prior: float = 0.1
) -> Tensor:
    """`infonce` with each similarity weighted by how strongly the other side of the pair chooses it.

    Towards videos, logits [i, j] are multiplied by B times the softmax of column j over the captions; towards
    captions, by B times the softmax of row i over the videos. These softmaxes are of prior * cosines. 0.1 is what the
    authors' code comes to (temperature 1000 on CLIP's 100 * cosines); such weights are all close to 1, and the loss
    hardly differs from `infonce`. A sharp prior, such as the scale itself, fails where cosines are negative (MMT's MRR
    fell to .087): one counts the less the more negative it is, so that the right pair may become the worst.
    Source: Cheng et al., "Improving Video-Text Retrieval by Multi-Stream Corpus Alignment and Dual Softmax Loss",
    arXiv 2109.04290.
    """
    others = _mates(cosines, videos, mask)
    choices = _without(others, prior * cosines)
    size = cosines.shape[-1]
    weights = (choices.softmax(dim=-2) * size, choices.softmax(dim=-1) * size)
    return _cross_entropy(*(_without(others, scale * cosines * weight) for weight in weights))


def _mates(cosines: Tensor, videos: Tensor | None, mask: bool) -> Tensor | None:
    """[B, B] bool: places off the diagonal that match too, since both captions are of one video; None: none count."""
    if not mask or videos is None:
        return None
    same = torch.eye(len(videos), dtype=torch.bool, device=cosines.device)
    return (videos[:, None] == videos).to(cosines.device) & ~same


def _without(others: Tensor | None, logits: Tensor) -> Tensor:
    """Logits with -inf at places that are no negatives."""
    return logits if others is None else logits.masked_fill(others, -torch.inf)


def _cross_entropy(forth: Tensor, back: Tensor) -> Tensor:
    """Of the diagonal, along the rows of `forth` and the columns of `back`: mean over both and the batch, summed over
    spaces."""
    rows = torch.diagonal(forth.log_softmax(dim=-1), dim1=-2, dim2=-1)
    columns = torch.diagonal(back.log_softmax(dim=-2), dim1=-2, dim2=-1)
    return -(rows + columns).mean(dim=-1).sum() / 2


LOSSES: dict[str, Callable[..., Tensor]] = {
    "triplet": triplet,
    "triplet-caption": triplet_caption,
    "triplet-both": triplet_both,
    "infonce": infonce,
    "dual-softmax": dual_softmax,
}
