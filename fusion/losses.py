"""Losses over a batch of matching pairs, shared by everything that learns to retrieve."""

from collections.abc import Callable

import torch
from torch import Tensor

Loss = Callable[[Tensor, Tensor], Tensor]
"""loss(cosines [..., B, B], scale scalar) -> scalar. cosines[..., i, j] is caption i against video j, the pairs are on
the diagonal; leading dimensions are spaces, and their losses are summed."""

MARGIN = 0.2


def triplet(cosines: Tensor, scale: Tensor) -> Tensor:
    """Hinge against the hardest video of each caption: sum_i max_{j != i} [MARGIN + S(i, j) - S(i, i)]_+.

    Summed over batch and spaces; a batch of one gives 0. `scale` is not used. Source: Faghri et al., "VSE++", BMVC
    2018, one direction of it.
    """
    right = torch.diagonal(cosines, dim1=-2, dim2=-1)[..., None]
    same = torch.eye(cosines.shape[-1], dtype=torch.bool, device=cosines.device)
    cost = (MARGIN + cosines - right).clamp(min=0).masked_fill(same, 0)
    return cost.max(dim=-1).values.sum()


def infonce(cosines: Tensor, scale: Tensor) -> Tensor:
    """Mean of caption-to-video and video-to-caption cross entropy of scale * cosines.

    Mean over the batch, summed over spaces. Source: Radford et al., "Learning Transferable Visual Models From Natural
    Language Supervision", ICML 2021.
    """
    logits = scale * cosines
    forth = torch.diagonal(logits.log_softmax(dim=-1), dim1=-2, dim2=-1)
    back = torch.diagonal(logits.log_softmax(dim=-2), dim1=-2, dim2=-1)
    return -(forth + back).mean(dim=-1).sum() / 2


LOSSES: dict[str, Loss] = {"triplet": triplet, "infonce": infonce}
