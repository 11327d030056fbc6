"""Paired: a video block beside a text block, H spaces and one similarity."""

from __future__ import annotations

from collections.abc import Mapping

from torch import Tensor, nn

from fusion.features import Feature
from fusion.spaces import Spaces, unit


class Paired(Spaces):
    """Model of two blocks: space h compares head h of both, and the similarity is the mean of the H cosines."""

    def __init__(
        self,
        video: nn.Module,
        text: nn.Module,
        encoders: Mapping[str, nn.Module] | None = None,
        heads: int | None = None,  # of the blocks, which may have one space all the same
    ) -> None:
        super().__init__(encoders)
        self.video = video
        self.text = text
        self.heads = heads

    def video_units(self, features: Mapping[str, Feature]) -> Tensor:
        """Map video features, [B, D_k] -> [B, H, W], unit length in each space."""
        return unit(self.video(features)[0])

    def text_units(self, features: Mapping[str, Feature]) -> Tensor:
        """Map text features, B rows each -> [B, H, W], unit length in each space."""
        return unit(self.text(self.encode(features))[0])

    def _check(self, video: Mapping[str, Feature], text: Mapping[str, Feature]) -> None:
        for side, block, features in (("video", self.video, video), ("text", self.text, self.encode(text))):
            _check_block(f"{type(block).__name__} of the {side} side", block(features), features, self.heads)


def _check_block(block: str, output: object, features: Mapping[str, Feature], heads: int | None) -> None:
    """Check that a block gave (fused [B, H, W] or [B, 1, W], weights [B, H, K] or None), else raise ValueError."""
    count, spaces = len(next(iter(features.values()))), heads or "H"
    expected = f"it should be [{count}, {spaces}, W] (rows, heads, width), or [{count}, 1, W] where it has one space"
    if not isinstance(output, tuple) or len(output) != 2 or not isinstance(output[0], Tensor):
        raise ValueError(
            f"{block} gave {_shape_or_type(output)}; it should be (fused, weights of the features or None)"
        )
    fused, weights = output
    if fused.ndim != 3 or len(fused) != count or (heads and fused.shape[1] not in (1, heads)):
        raise ValueError(f"{block} gave fused {list(fused.shape)}; {expected}")
    if weights is not None and (not isinstance(weights, Tensor) or weights.shape[:-1] != fused.shape[:2]):
        raise ValueError(
            f"{block} gave weights {_shape_or_type(weights)} beside fused {list(fused.shape)}; they should be "
            f"[{count}, {fused.shape[1]}, K] (rows, heads, features), or None"
        )


def _shape_or_type(output: object) -> str:
    return str(list(output.shape)) if isinstance(output, Tensor) else type(output).__name__
