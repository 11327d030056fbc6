"""Spaces: what every retrieval model gives, unit vectors of videos and captions in S spaces, and their one score."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

import torch
from torch import Tensor, nn

from fusion.features import Feature, Tokens

TINY = 1e-14


def unit(fused: Tensor) -> Tensor:
    """[..., W] -> the same directions with length 1; a zero vector stays zero."""
    return fused / (torch.linalg.vector_norm(fused, dim=-1, keepdim=True) + TINY)


class Spaces(nn.Module):
    """Base of all models: the score of a caption and a video is the weighted mean of their S cosines.

    A model says what its vectors are (`video_units`, `text_units`) and, where its spaces do not count the same, their
    `shares`. So the score is one dot product, and ranking is exact.
    encoders: modules that turn the tokens of a text feature into [B, D] before anything else sees them, called as
    encoder(ids [sum L], starts [B + 1]); they are trained with the rest.
    """

    scores_pairs = False  # True: there are no vectors, `scores` looks at each caption and video together
    shares: tuple[float, ...] | None = None  # of the S spaces in the score, summing to one; None: all the same

    def __init__(self, encoders: Mapping[str, nn.Module] | None = None) -> None:
        super().__init__()
        self.encoders = nn.ModuleDict(dict(encoders or {}))

    @torch.no_grad()
    def check(self, video: Mapping[str, Feature], text: Mapping[str, Feature]) -> None:
        """Raises ValueError unless the vectors have the shape that they should have: a wrong one may train unnoticed.

        video, text: B rows each, of pairs. Draws no random numbers, for it looks at the model as it is used.
        """
        learning = self.training
        self.eval()
        try:
            self._check(video, text)
        finally:
            self.train(learning)

    def _check(self, video: Mapping[str, Feature], text: Mapping[str, Feature]) -> None:
        if self.scores_pairs:
            return
        for side, made, features in (("video", self.video_units, video), ("text", self.text_units, text)):
            rows, units = len(next(iter(features.values()))), made(features)
            if units.ndim != 3 or len(units) != rows:
                raise ValueError(
                    f"{side}_units of {type(self).__name__} gave {list(units.shape)} for {rows} rows; it should be "
                    f"[{rows}, S, W], S spaces of width W"
                )

    def encode(self, features: Mapping[str, Feature]) -> dict[str, Feature]:
        """Tokens become [B, D]; other features stay. Raises ValueError where an encoder and its tokens don't meet."""
        encoded = dict(features)
        for name, encoder in self.encoders.items():
            tokens = features.get(name)
            if not isinstance(tokens, Tokens):
                raise ValueError(f"feature '{name}' has an encoder in the model and should be given as tokens")
            encoded[name] = encoder(tokens.ids, tokens.starts) if tokens.encoded is None else tokens.encoded
        return encoded

    @torch.no_grad()
    def encoded(self, features: Mapping[str, Feature]) -> dict[str, Feature]:
        """The same features, tokens encoded: for many captions at once, which takes less than block by block."""
        found = dict(features)
        for name, rows in self.encode(features).items():
            tokens = features[name]
            if isinstance(tokens, Tokens) and isinstance(rows, Tensor):
                found[name] = replace(tokens, encoded=rows)
        return found

    def video_units(self, features: Mapping[str, Feature]) -> Tensor:
        """Video features, B rows each -> [B, S, W], unit length in each space."""
        raise NotImplementedError(f"{type(self).__name__} does not say what its video vectors are")

    def text_units(self, features: Mapping[str, Feature]) -> Tensor:
        """Text features, B rows each -> [B, S, W], unit length in each space."""
        raise NotImplementedError(f"{type(self).__name__} does not say what its text vectors are")

    def embed_video(self, features: Mapping[str, Feature]) -> Tensor:
        """Video features -> [B, S * W]: its dot product with a text embedding is the score."""
        return self._joined(self.video_units(features))

    def embed_text(self, features: Mapping[str, Feature]) -> Tensor:
        """Text features -> [B, S * W], for dot products with video embeddings."""
        return self._joined(self.text_units(features))

    def cosines(self, video: Mapping[str, Feature], text: Mapping[str, Feature]) -> Tensor:
        """What the loss sees: cosines [S, B, B] of every caption (rows) and every video (columns) in each space."""
        return self.compare(self.video_units(video), self.text_units(text))

    def compare(self, videos: Tensor, texts: Tensor) -> Tensor:
        """Units [V, S, W] and [C, S, W] -> cosines [S, C, V], in float32 where the models' products are bfloat16."""
        if videos.shape[1:] != texts.shape[1:]:
            raise ValueError(
                f"the video block makes {list(videos.shape[1:])} and the text block {list(texts.shape[1:])} "
                "[heads, width]; they should be equal"
            )
        with torch.autocast(videos.device.type, enabled=False):
            exact = torch.promote_types(videos.dtype, torch.float32)
            return texts.to(exact).transpose(0, 1) @ videos.to(exact).permute(1, 2, 0)

    def scores(self, video: Mapping[str, Feature], text: Mapping[str, Feature]) -> Tensor:
        """V videos and C captions -> [C, V], every caption with every video."""
        return self.embed_text(text) @ self.embed_video(video).T

    def forward(self, video: Mapping[str, Feature], text: Mapping[str, Feature]) -> Tensor:
        """The same as `cosines`."""
        return self.cosines(video, text)

    def _joined(self, units: Tensor) -> Tensor:
        """[B, S, W] -> [B, S * W], each space scaled by the root of its share."""
        if self.shares is None:
            return units.flatten(1) / units.shape[1] ** 0.5
        return (units * units.new_tensor(self.shares).sqrt()[:, None]).flatten(1)
