"""A video block beside a text block: H spaces, and one similarity."""

from __future__ import annotations

from collections.abc import Mapping

from torch import Tensor, nn

from fusion.features import Feature
from fusion.spaces import Spaces, unit


class Paired(Spaces):
    """Space h holds what head h of both blocks makes; similarity is the mean of the H cosines."""

    def __init__(self, video: nn.Module, text: nn.Module, encoders: Mapping[str, nn.Module] | None = None) -> None:
        super().__init__(encoders)
        self.video = video
        self.text = text

    def video_units(self, features: Mapping[str, Feature]) -> Tensor:
        """Video features [B, D_k] -> [B, H, W], unit length in each space."""
        return unit(self.video(features)[0])

    def text_units(self, features: Mapping[str, Feature]) -> Tensor:
        """Text features, B rows each -> [B, H, W], unit length in each space."""
        return unit(self.text(self.encode(features))[0])
