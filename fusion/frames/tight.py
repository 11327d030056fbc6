"""tightTransf: a transformer that reads a caption with a video's frames, after Luo et al., arXiv 2104.08860."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

import torch
from torch import Tensor, nn

from fusion.frames.excitation import Excitation
from fusion.frames.padding import check, check_sizes, own_mask
from fusion.frames.positions import start as start_linear
from fusion.frames.resblocks import EPS, QuickGELU, Resblocks

PAIRS = 1024  # captions x videos that are scored at once


class TightTransf(nn.Module):
    """A score for each caption and video; videos have no vectors of their own, so ranking looks at every pair.

    [caption; frames] + positions, with dropout -> four layers like those of CLIP's text side -> LayerNorm of the
    caption's place -> Linear, QuickGELU, Linear -> the score, on no fixed scale. This is what CLIP4Clip's released code
    does; it leaves out the paper's embeddings of types (caption or frame).

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
        if not excite >= 0:  # also true for NaN
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
        """Scores of P pairs: text [P, D], frames [P, T, D], counts [P] int64 -> [P]."""
        check(frames, counts, self.dim)
        mask = own_mask(frames, counts)
        if self.excitation is not None:
            frames = self.excitation.excite(frames, mask)
        sequence = torch.cat([text[:, None], frames], dim=1)
        sequence_mask = torch.cat([mask.new_ones(len(mask), 1), mask], dim=1)
        caption_state = self.norm(self.transformer(sequence, sequence_mask)[:, 0])
        scores: Tensor = self.out(self.act(self.dense(caption_state)))[:, 0]
        return scores

    def scores(self, text: Tensor, frames: Tensor, counts: Tensor) -> Tensor:
        """Scores of every caption with every video: text [C, D], frames [V, T, D], counts [V] int64 -> [C, V].

        A forward takes at most `PAIRS` pairs; without gradients nothing of it is kept.
        """
        if text.ndim != 2 or text.shape[1] != self.dim:
            raise ValueError(f"captions are {list(text.shape)}; the aggregator was built for [C, {self.dim}]")
        caption_blocks = []
        for captions in torch.split(text, max(1, PAIRS // len(frames))):
            blocks = []
            for videos, video_counts in zip(torch.split(frames, PAIRS), torch.split(counts, PAIRS), strict=True):
                repeated = captions.repeat_interleave(len(videos), dim=0)
                pairs = (repeated, videos.repeat(len(captions), 1, 1), video_counts.repeat(len(captions)))
                blocks.append(self(*pairs).view(len(captions), len(videos)))
            caption_blocks.append(torch.cat(blocks, dim=1))
        return torch.cat(caption_blocks)

    def start_from(self, positions: Tensor, blocks: Sequence[nn.Module]) -> None:
        """Take over the first layers and positions of CLIP's text side, see Resblocks; not with `start: random`."""
        if self.start == "text":
            self.transformer.start_from(positions, blocks)
