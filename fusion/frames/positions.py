"""One number for each frame position, from one number of each frame: what excitation and aggregation share."""

from __future__ import annotations

from torch import Tensor, nn

from fusion.frames.padding import check_tied

NEAR = 1e-6  # 12 / 0.1666666667 is meant to be 72


class Positions(nn.Module):
    """Two linear layers over the means s of N frames, N -> N / ratio -> N: u = W2 act(W1 s + b1) + b2.

    `ratio` above 1 squeezes (act is ReLU), below 1 expands (ReLU6; with `relu6: false` ReLU, as in the authors'
    released file); the paper's ratios are 1/6, 1/4, 1/3, 1/2, 2, 3, 4, 6. With `masked` padding counts as 0 in s.
    Without it, as in the authors' code, the rows of padding count as they are: what CLIP makes of an image of zeros
    (extractors/clip.py).

    Source: Jing et al., arXiv 2406.01604. Weights start as N(0, 0.02) and biases as 0, so u is nearly 0.
    """

    def __init__(self, *, frames: int, ratio: float = 4.0, relu6: bool = True, masked: bool = True) -> None:
        super().__init__()
        if frames < 1 or not ratio > 0:  # also true for NaN
            raise ValueError(f"frames is {frames} and ratio {ratio}; both should be above 0")
        hidden = int(frames / ratio + NEAR)
        if not hidden:
            raise ValueError(
                f"ratio {ratio:g} of {frames} frames leaves no hidden unit; take more frames, or a ratio up to {frames}"
            )
        self.frames = frames
        self.masked = masked
        self.inner = nn.Linear(frames, hidden)
        self.act = nn.ReLU6() if relu6 and ratio < 1 else nn.ReLU()
        self.outer = nn.Linear(hidden, frames)
        start(self)

    def forward(self, frames: Tensor, mask: Tensor) -> Tensor:
        """Numbers u [B, N]: frames [B, N, D], mask [B, N] bool, false at padding. Raises ValueError for another N."""
        check_tied(frames, self.frames)
        means = frames.mean(dim=2)
        u: Tensor = self.outer(self.act(self.inner(means.masked_fill(~mask, 0) if self.masked else means)))
        return u


def start(module: nn.Module) -> None:
    """Draw all linear layers as CLIP4Clip starts new ones: weights N(0, 0.02), biases 0."""
    for layer in module.modules():
        if isinstance(layer, nn.Linear):
            nn.init.normal_(layer.weight, std=0.02)
            if layer.bias is not None:
                nn.init.zeros_(layer.bias)
