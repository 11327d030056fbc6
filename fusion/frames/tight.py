"""tightTransf: a transformer that reads a caption with a video's frames, after Luo et al., arXiv 2104.08860."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

import torch
from torch import Tensor, nn

from fusion.frames.excitation import Excitation
from fusion.frames.padding import check, check_sizes, own
from fusion.frames.positions import start as start_linear
from fusion.frames.resblocks import EPS, QuickGELU, Resblocks

PAIRS = 1024  # captions x videos that are scored at once


class TightTransf(nn.Module):
    """A score for each caption and video; videos have no vectors of their own, so ranking looks at every pair.

    [caption; frames] + positions, with dropout -> four layers like those of CLIP's text side -> LayerNorm of the
    caption's place -> Linear, QuickGELU, Linear -> the score, on no fixed scale. So CLIP4Clip's released code runs; the
    embeddings of types that the paper adds are commented out there.

    In YAML: `aggregate: fusion.frames.tight.TightTransf`; `aggregate_params: {excite: 4}` gates the frames first, the
    best form of Jing et al. (arXiv 2406.01604). `start` is as in SeqTransf.
    """

    scores_pairs = True
    tied = True

    def __init__(
        self,
        *,
        frames: int,
        dim: int,
        layers: int = 4,  # of the transformer
        heads: int = 0,  # of its attention; 0: as CLIP's text side, or one for each 64 columns
        dropout: float = 0.1,  # on the sequence, while learning
        start: Literal["text", "random"] = "text",  # from the first layers of CLIP's text side, or from random numbers
        excite: float = 0.0,  # ratio of the excitation before; 0 leaves it out
        relu6: bool = True,  # ReLU6 where a ratio below 1 expands, else ReLU
        masked: bool = True,  # padding does not count; false: it does, as in the authors' code
    ) -> None:
        super().__init__()
        check_sizes(frames, dim)
        if not excite >= 0:  # NaN neither
            raise ValueError(f"excite is {excite:g}; 0 leaves the block out, ratios are above")
        self.dim = dim
        self.start = start
        self.excitation = (
            Excitation(frames=frames, dim=dim, ratio=excite, relu6=relu6, masked=masked) if excite else None
        )
        self.transformer = Resblocks(length=1 + frames, dim=dim, layers=layers, heads=heads, dropout=dropout)
        self.norm = nn.LayerNorm(dim, eps=EPS)
        self.dense = nn.Linear(dim, dim)
        self.act = QuickGELU()
        self.out = nn.Linear(dim, 1)
        start_linear(self.dense)
        start_linear(self.out)

    def forward(self, text: Tensor, frames: Tensor, counts: Tensor) -> Tensor:
        """The scores of P pairs: text [P, D], frames [P, T, D], counts [P] int64 -> [P]."""
        check(frames, counts, self.dim)
        mine = own(frames, counts)
        if self.excitation is not None:
            frames = self.excitation.excite(frames, mine)
        both = torch.cat([text[:, None], frames], dim=1)
        seen = torch.cat([mine.new_ones(len(mine), 1), mine], dim=1)
        first = self.norm(self.transformer(both, seen)[:, 0])
        scores: Tensor = self.out(self.act(self.dense(first)))[:, 0]
        return scores

    def scores(self, text: Tensor, frames: Tensor, counts: Tensor) -> Tensor:
        """Every caption with every video: text [C, D], frames [V, T, D], counts [V] int64 -> [C, V].

        At most `PAIRS` pairs are in a forward; without gradients nothing of them is kept.
        """
        if text.ndim != 2 or text.shape[1] != self.dim:
            raise ValueError(f"captions are {list(text.shape)}; the aggregator was built for [C, {self.dim}]")
        rows = []
        for captions in text.split(max(1, PAIRS // len(frames))):
            blocks = []
            for videos, own_counts in zip(frames.split(PAIRS), counts.split(PAIRS), strict=True):
                repeated = captions.repeat_interleave(len(videos), dim=0)
                every = (videos.repeat(len(captions), 1, 1), own_counts.repeat(len(captions)))
                blocks.append(self(repeated, *every).view(len(captions), len(videos)))
            rows.append(torch.cat(blocks, dim=1))
        return torch.cat(rows)

    def start_from(self, positions: Tensor, blocks: Sequence[nn.Module]) -> None:
        """Take over the first layers and positions of CLIP's text side: see Resblocks. Nothing with start: random."""
        if self.start == "text":
            self.transformer.start_from(positions, blocks)
