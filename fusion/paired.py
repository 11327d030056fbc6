"""A video block beside a text block: H spaces, and one similarity."""

from __future__ import annotations

from collections.abc import Mapping

import torch
from torch import Tensor, nn

from fusion.features import Feature, Tokens

TINY = 1e-14


def unit(fused: Tensor) -> Tensor:
    """[..., W] -> the same directions with length 1; a zero vector stays zero."""
    return fused / (torch.linalg.vector_norm(fused, dim=-1, keepdim=True) + TINY)


class Paired(nn.Module):
    """Space h holds what head h of both blocks makes; similarity is the mean of the H cosines.

    encoders: modules that turn the tokens of a text feature into [B, D] before the text block sees them, called as
    encoder(ids [sum L], starts [B + 1]); they are trained with the rest.
    """

    def __init__(self, video: nn.Module, text: nn.Module, encoders: Mapping[str, nn.Module] | None = None) -> None:
        super().__init__()
        self.video = video
        self.text = text
        self.encoders = nn.ModuleDict(dict(encoders or {}))

    def encode(self, features: Mapping[str, Feature]) -> dict[str, Feature]:
        """Tokens become [B, D]; other features stay. Raises ValueError where an encoder and its tokens don't meet."""
        encoded = dict(features)
        for name, encoder in self.encoders.items():
            tokens = features.get(name)
            if not isinstance(tokens, Tokens):
                raise ValueError(f"feature '{name}' has an encoder in the model and should be given as tokens")
            encoded[name] = encoder(tokens.ids, tokens.starts)
        return encoded

    def video_units(self, features: Mapping[str, Feature]) -> Tensor:
        """Video features [B, D_k] -> [B, H, W], unit length in each space."""
        return unit(self.video(features)[0])

    def text_units(self, features: Mapping[str, Feature]) -> Tensor:
        """Text features, B rows each -> [B, H, W], unit length in each space."""
        return unit(self.text(self.encode(features))[0])

    def embed_video(self, features: Mapping[str, Feature]) -> Tensor:
        """Video features [B, D_k] -> [B, H * W]: its dot product with a text embedding is the mean of the H cosines."""
        return _joined(self.video_units(features))

    def embed_text(self, features: Mapping[str, Feature]) -> Tensor:
        """Text features, B rows each -> [B, H * W], for dot products with video embeddings."""
        return _joined(self.text_units(features))

    def cosines(self, video: Mapping[str, Feature], text: Mapping[str, Feature]) -> Tensor:
        """Cosines [H, B, B] of every caption (rows) and every video (columns) in each space."""
        videos, texts = self.video_units(video), self.text_units(text)
        if videos.shape[1:] != texts.shape[1:]:
            raise ValueError(
                f"the video block makes {list(videos.shape[1:])} and the text block {list(texts.shape[1:])} "
                "[heads, width]; they should be equal"
            )
        return texts.transpose(0, 1) @ videos.permute(1, 2, 0)

    def forward(self, video: Mapping[str, Feature], text: Mapping[str, Feature]) -> Tensor:
        """The same as `cosines`."""
        return self.cosines(video, text)


def _joined(units: Tensor) -> Tensor:
    """[B, H, W] -> [B, H * W] of length 1."""
    return units.flatten(1) / units.shape[1] ** 0.5
