"""seqTransf: a transformer over the frames, after Luo et al., CLIP4Clip, arXiv 2104.08860."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal, Unpack

from torch import Tensor, nn

from fusion.frames.resblocks import Resblocks
from fusion.frames.sequential import Blocks, Sequential


class SeqTransf(Sequential):
    """Positions and four layers like those of CLIP's text side, with a residual.

    In YAML: `aggregate: fusion.frames.transformer.SeqTransf`; `aggregate_params: {aggregate: 0.25}` is where the
    authors of aggregation find it best, `{excite: 4, aggregate: 4}` the sandwich, `{excite: 4}` excitation,
    transformer, mean. With `start: text` it starts from the first layers of the CLIP it is fine-tuned with; over
    cached features there is no CLIP, and it starts from random numbers.
    """

    scores_pairs = False
    tied = True

    def __init__(
        self,
        *,
        frames: int,
        dim: int,
        layers: int = 4,  # of the transformer
        heads: int = 0,  # of its attention; 0: as CLIP's text side, or one for each 64 columns
        start: Literal["text", "random"] = "text",  # from the first layers of CLIP's text side, or from random numbers
        **blocks: Unpack[Blocks],
    ) -> None:
        super().__init__(frames=frames, dim=dim, **blocks)
        self.start = start
        self.transformer = Resblocks(length=frames, dim=dim, layers=layers, heads=heads)

    def sequence(self, frames: Tensor, mask: Tensor) -> Tensor:
        """Output of the last layer, [B, T, D]."""
        out: Tensor = self.transformer(frames, mask)
        return out

    def start_from(self, positions: Tensor, blocks: Sequence[nn.Module]) -> None:
        """Take over the first layers and positions of CLIP's text side, see Resblocks; not with `start: random`."""
        if self.start == "text":
            self.transformer.start_from(positions, blocks)
