"""seqTransf: a transformer over the frames, after Luo et al., CLIP4Clip, arXiv 2104.08860."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

from torch import Tensor, nn

from fusion.frames.resblocks import Resblocks
from fusion.frames.sequential import Sequential


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
        excite: float = 0.0,  # ratio of the excitation before; 0 leaves it out
        aggregate: float = 0.0,  # ratio of the aggregation after; 0 leaves it out
        relu6: bool = True,  # ReLU6 where a ratio below 1 expands, else ReLU
        masked: bool = True,  # padding does not count; false: it does, as in the authors' code
        pre_norm: bool | None = None,  # the sum gets length 1 before it is pooled; null: unless both blocks are there
    ) -> None:
        super().__init__(
            frames=frames, dim=dim, excite=excite, aggregate=aggregate, relu6=relu6, masked=masked, pre_norm=pre_norm
        )
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
