"""What CLIP4Clip's sequential types share: a module over the sequence of frames, added to them, and pooling."""

from __future__ import annotations

from torch import Tensor, nn
from torch.nn.functional import normalize

from fusion.frames.aggregation import Aggregation
from fusion.frames.excitation import Excitation
from fusion.frames.mean import mean
from fusion.frames.padding import check, check_sizes, own_mask


class Sequential(nn.Module):
    """Base of aggregators that pool frames + sequence(frames); a subclass says what `sequence` is.

    Rows of padding stay as they are, which matters where `masked: false` lets them count. In CLIP4Clip's code the
    transformer's output is added there too, and what an LSTM adds depends on the longest video of the batch.

    `excite` and `aggregate` are ratios of the blocks of Jing et al. (arXiv 2406.01604); 0 leaves a block out.

    excite 0, aggregate 0: CLIP4Clip's own: sum, length 1, mean over the own frames.
    aggregate above 0: sum, length 1, aggregation.
    excite above 0: excitation of the frames as they are, sum, length 1, mean over the own frames.
    both: excitation of the frames as they are, sum, aggregation, with no normalisation between.
    `pre_norm` true or false overrules where the sum gets length 1 before it is pooled.
    """

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
        super().__init__()
        check_sizes(frames, dim)
        if not (excite >= 0 and aggregate >= 0):  # also true for NaN
            raise ValueError(
                f"excite is {excite:g} and aggregate {aggregate:g}; 0 leaves a block out, ratios are above"
            )
        self.dim = dim
        self.pre_norm = not (excite and aggregate) if pre_norm is None else pre_norm
        self.excitation = (
            Excitation(frames=frames, dim=dim, ratio=excite, relu6=relu6, masked=masked) if excite else None
        )
        self.aggregation = (
            Aggregation(frames=frames, dim=dim, ratio=aggregate, relu6=relu6, masked=masked) if aggregate else None
        )

    def sequence(self, frames: Tensor, mask: Tensor) -> Tensor:
        """Output [B, T, D] over frames [B, T, D]; mask [B, T] bool. Rows at padding are not looked at."""
        raise NotImplementedError

    def forward(self, frames: Tensor, counts: Tensor) -> Tensor:
        """Pool frames: [B, T, D], counts [B] int64 -> [B, D]."""
        check(frames, counts, self.dim)
        mask = own_mask(frames, counts)
        if self.excitation is not None:
            frames = self.excitation.excite(frames, mask)
        frames = frames + self.sequence(frames, mask) * mask[:, :, None]
        frames = normalize(frames, dim=-1) if self.pre_norm else frames
        return mean(frames, counts) if self.aggregation is None else self.aggregation.pool(frames, mask)
