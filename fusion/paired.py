"""A video block beside a text block: H spaces, and one similarity."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from torch import Tensor, nn

from fusion.features import Feature
from fusion.spaces import Spaces, unit


class Paired(Spaces):
    """Space h holds what head h of both blocks makes; similarity is the mean of the H cosines."""

    def __init__(
        self,
        video: nn.Module,
        text: nn.Module,
        encoders: Mapping[str, nn.Module] | None = None,
        heads: int | None = None,  # that the blocks were given; they may make one space of them
    ) -> None:
        super().__init__(encoders)
        self.video = video
        self.text = text
        self.heads = heads

    def video_units(self, features: Mapping[str, Feature]) -> Tensor:
        """Video features [B, D_k] -> [B, H, W], unit length in each space."""
        return unit(self.video(features)[0])

    def text_units(self, features: Mapping[str, Feature]) -> Tensor:
        """Text features, B rows each -> [B, H, W], unit length in each space."""
        return unit(self.text(self.encode(features))[0])

    def _check(self, video: Mapping[str, Feature], text: Mapping[str, Feature]) -> None:
        for side, block, features in (("video", self.video, video), ("text", self.text, self.encode(text))):
            _check_block(f"{type(block).__name__} of the {side} side", block(features), features, self.heads)


def _check_block(whose: str, given: Any, features: Mapping[str, Feature], heads: int | None) -> None:
    """Raises ValueError unless a block gave (fused [B, H, W] or [B, 1, W], weights [B, H, K] or None)."""
    rows, spaces = len(next(iter(features.values()))), heads or "H"
    wanted = f"it should be [{rows}, {spaces}, W] (rows, heads, width), or [{rows}, 1, W] where it has one space"
    if not isinstance(given, tuple) or len(given) != 2 or not isinstance(given[0], Tensor):
        raise ValueError(f"{whose} gave {_told(given)}; it should be (fused, weights of the features or None)")
    fused, weights = given
    if fused.ndim != 3 or len(fused) != rows or (heads and fused.shape[1] not in (1, heads)):
        raise ValueError(f"{whose} gave fused {list(fused.shape)}; {wanted}")
    if weights is not None and (not isinstance(weights, Tensor) or weights.shape[:-1] != fused.shape[:2]):
        raise ValueError(
            f"{whose} gave weights {_told(weights)} beside fused {list(fused.shape)}; they should be "
            f"[{rows}, {fused.shape[1]}, K] (rows, heads, features), or None"
        )


def _told(given: Any) -> str:
    return str(list(given.shape)) if isinstance(given, Tensor) else type(given).__name__
