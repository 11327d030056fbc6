"""Spaces: the base of every retrieval model, unit vectors of videos and captions in S spaces, and their score."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

import torch
from torch import Tensor, nn

from fusion.features import Feature, Tokens

TINY = 1e-14


def unit(fused: Tensor) -> Tensor:
    """Scale vectors [..., W] to length 1; a zero vector stays zero."""
    units: Tensor = fused / (torch.linalg.vector_norm(fused, dim=-1, keepdim=True) + TINY)
    return units


class Spaces(nn.Module):
    """Base of all models: the score of a caption and a video is the weighted mean of their S cosines.

    A model says what its vectors are (`video_units`, `text_units`) and, where some spaces count more than others, their
    `shares`. The score is then one dot product, and ranking is exact.
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
        """Check the shapes of the model's vectors; raise ValueError for a wrong one, which might train unnoticed.

        video, text: B rows each, of pairs. Draws no random numbers, for the model runs as in retrieval.
        """
        training = self.training
        self.eval()
        try:
            self._check(video, text)
        finally:
            self.train(training)

    def _check(self, video: Mapping[str, Feature], text: Mapping[str, Feature]) -> None:
        if self.scores_pairs:
            return
        for side, units_of, features in (("video", self.video_units, video), ("text", self.text_units, text)):
            count, units = len(next(iter(features.values()))), units_of(features)
            if units.ndim != 3 or len(units) != count:
                raise ValueError(
                    f"{side}_units of {type(self).__name__} gave {list(units.shape)} for {count} rows; it should be "
                    f"[{count}, S, W], S spaces of width W"
                )

    def encode(self, features: Mapping[str, Feature]) -> dict[str, Feature]:
        """Encode tokens to [B, D]; other features stay. Raises ValueError where an encoder has no tokens."""
        encoded = dict(features)
        for name, encoder in self.encoders.items():
            tokens = features.get(name)
            if not isinstance(tokens, Tokens):
                raise ValueError(f"feature '{name}' has an encoder in the model and should be given as tokens")
            encoded[name] = encoder(tokens.ids, tokens.starts) if tokens.encoded is None else tokens.encoded
        return encoded

    @torch.no_grad()
    def encoded(self, features: Mapping[str, Feature]) -> dict[str, Feature]:
        """Copy features, with the vectors of tokens: many captions at once are faster to encode than block by block."""
        encoded = dict(features)
        for name, vectors in self.encode(features).items():
            tokens = features[name]
            if isinstance(tokens, Tokens) and isinstance(vectors, Tensor):
                encoded[name] = replace(tokens, encoded=vectors)
        return encoded

    def video_units(self, features: Mapping[str, Feature]) -> Tensor:
        """Map video features, B rows each -> [B, S, W], unit length in each space."""
        raise NotImplementedError(f"{type(self).__name__} does not say what its video vectors are")

    def text_units(self, features: Mapping[str, Feature]) -> Tensor:
        """Map text features, B rows each -> [B, S, W], unit length in each space."""
        raise NotImplementedError(f"{type(self).__name__} does not say what its text vectors are")

    def embed_video(self, features: Mapping[str, Feature]) -> Tensor:
        """Embed video features -> [B, S * W]: the dot product with a text embedding is the score."""
        return self._joined(self.video_units(features))

    def embed_text(self, features: Mapping[str, Feature]) -> Tensor:
        """Embed text features -> [B, S * W], for dot products with video embeddings."""
        return self._joined(self.text_units(features))

    def cosines(self, video: Mapping[str, Feature], text: Mapping[str, Feature]) -> Tensor:
        """Cosines [S, B, B] of every caption (rows) and every video (columns) in each space: the input of the loss."""
        return self.compare(self.video_units(video), self.text_units(text))

    def compare(self, videos: Tensor, texts: Tensor) -> Tensor:
        """Compare units [V, S, W] and [C, S, W] -> cosines [S, C, V], in float32 even where products are bfloat16."""
        if videos.shape[1:] != texts.shape[1:]:
            raise ValueError(
                f"the video block makes {list(videos.shape[1:])} and the text block {list(texts.shape[1:])} "
                "[heads, width]; they should be equal"
            )
        with torch.autocast(videos.device.type, enabled=False):
            exact = torch.promote_types(videos.dtype, torch.float32)
            return texts.to(exact).transpose(0, 1) @ videos.to(exact).permute(1, 2, 0)

    def scores(self, video: Mapping[str, Feature], text: Mapping[str, Feature]) -> Tensor:
        """Scores [C, V] of C captions with V videos, every caption with every video."""
        return self.embed_text(text) @ self.embed_video(video).T

    def forward(self, video: Mapping[str, Feature], text: Mapping[str, Feature]) -> Tensor:
        """Do what `cosines` does."""
        return self.cosines(video, text)

    def _joined(self, units: Tensor) -> Tensor:
        """Join spaces [B, S, W] -> [B, S * W], each scaled by the root of its share."""
        if self.shares is None:
            joined: Tensor = units.flatten(1) / units.shape[1] ** 0.5
        else:
            joined = (units * units.new_tensor(self.shares).sqrt()[:, None]).flatten(1)
        return joined
