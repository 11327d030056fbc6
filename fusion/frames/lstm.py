"""seqLSTM: an LSTM over the frames, after Luo et al., CLIP4Clip, arXiv 2104.08860."""

from __future__ import annotations

from typing import Unpack

from torch import Tensor, nn

from fusion.frames.sequential import Blocks, Sequential


class SeqLSTM(Sequential):
    """One layer, one direction, as wide as the frames, with a residual.

    In YAML: `aggregate: fusion.frames.lstm.SeqLSTM`; `aggregate_params: {aggregate: 0.25}` is where the authors of
    aggregation find it best, `{excite: 4, aggregate: 4}` the sandwich, `{excite: 4}` excitation, LSTM, mean.
    Without the two blocks it takes any number of frames.
    """

    scores_pairs = False
    tied = True

    def __init__(self, *, frames: int, dim: int, **blocks: Unpack[Blocks]) -> None:
        super().__init__(frames=frames, dim=dim, **blocks)
        self.tied = self.excitation is not None or self.aggregation is not None
        self.lstm = nn.LSTM(dim, dim, batch_first=True)

    def sequence(self, frames: Tensor, mask: Tensor) -> Tensor:
        """Hidden states [B, T, D]. Padding comes last and time runs forward, so it has no effect on own frames."""
        hidden: Tensor = self.lstm(frames)[0]
        return hidden
