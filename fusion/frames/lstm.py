"""seqLSTM: an LSTM over the frames, after Luo et al., CLIP4Clip, arXiv 2104.08860."""

from __future__ import annotations

from torch import Tensor, nn

from fusion.frames.sequential import Sequential


class SeqLSTM(Sequential):
    """One layer, one direction, as wide as the frames, with a residual.

    In YAML: `aggregate: fusion.frames.lstm.SeqLSTM`; `aggregate_params: {aggregate: 0.25}` is where the authors of
    aggregation find it best, `{excite: 4, aggregate: 4}` the sandwich, `{excite: 4}` excitation, LSTM, mean.
    Without the two blocks it takes any number of frames.
    """

    scores_pairs = False
    tied = True

    def __init__(
        self,
        *,
        frames: int,
        dim: int,
        excite: float = 0.0,  # ratio of the excitation before; 0 leaves it out
        aggregate: float = 0.0,  # ratio of the aggregation after; 0 leaves it out
        relu6: bool = True,  # ReLU6 where a ratio below 1 expands, else ReLU
        masked: bool = True,  # padding does not count; false: it does, as in the authors' code
        pre_norm: bool | None = None,  # the sum gets length 1 before it is pooled; null: unless both blocks are there
    ) -> None:
        super().__init__(
            frames=frames, dim=dim, excite=excite, aggregate=aggregate, relu6=relu6, masked=masked, pre_norm=pre_norm
        )
        self.tied = bool(excite or aggregate)
        self.lstm = nn.LSTM(dim, dim, batch_first=True)

    def sequence(self, frames: Tensor, mask: Tensor) -> Tensor:
        """Hidden states [B, T, D]. Padding comes last and time runs forward, so it has no effect on own frames."""
        hidden: Tensor = self.lstm(frames)[0]
        return hidden
