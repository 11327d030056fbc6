"""A BERT that learns inside a fusion model: tokens in, sentences out, with gradients. See extractors/bert.py."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.functional import normalize

from extractors.bert_recipe import Recipe
from extractors.pinned import sent

BATCH = 256  # captions of one forward where nothing is learned


class BertEncoder(nn.Module):
    """Word pieces of captions to sentences [B, D]; in training its dropout is that of the folder's config.json."""

    def __init__(self, net: nn.Module, recipe: Recipe, padding: int) -> None:
        """net: as transformers build it; padding: the number of the piece that only fills up."""
        super().__init__()
        self.net: Any = net
        self._recipe = recipe
        self._padding = padding

    @property
    def dim(self) -> int:
        """D."""
        return int(self.net.config.hidden_size)

    def forward(self, ids: Tensor, starts: Tensor) -> Tensor:
        """Sentences of captions that follow one another: ids [sum L] int64, starts [B + 1] int64 -> [B, D] float32.

        Where nothing is learned, captions of similar length share a forward.
        """
        starts = starts.cpu()
        if torch.is_grad_enabled():
            return self._sentences(ids, starts[:-1], starts.diff())
        lengths = starts.diff()
        order = lengths.argsort(stable=True)
        groups = [self._sentences(ids, starts[rows], lengths[rows]) for rows in order.split(BATCH)]
        return torch.cat(groups)[sent(order.argsort(), ids.device)]

    def _sentences(self, ids: Tensor, first: Tensor, lengths: Tensor) -> Tensor:
        """Captions whose pieces begin at `first` [B]: side by side in one forward."""
        places = torch.arange(int(lengths.max()))
        mask = places < lengths[:, None]
        taken = ids[sent((first[:, None] + places).where(mask, first[:, None]), ids.device)]
        mask = sent(mask, ids.device)
        return sentences(self.net, taken.masked_fill(~mask, self._padding), mask, self._recipe)


def sentences(net: Any, ids: Tensor, mask: Tensor, recipe: Recipe) -> Tensor:
    """Pieces [B, N], of which `mask` [B, N] bool are a caption's own -> [B, D] float32.

    No word attends to padding, and no mean contains it.
    """
    states = net(input_ids=ids, attention_mask=mask.long()).last_hidden_state.float()  # [B, N, D]
    if recipe.pooling == "cls":
        vectors: Tensor = states[:, 0]
    elif recipe.pooling == "max":
        vectors = states.masked_fill(~mask[..., None], -torch.inf).amax(dim=1)
    else:
        vectors = (states * mask[..., None]).sum(dim=1) / mask.sum(dim=1)[:, None]
    return normalize(vectors, dim=1) if recipe.normalise else vectors
