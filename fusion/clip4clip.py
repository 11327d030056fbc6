"""Clip4Clip: CLIP4Clip over cached features, an aggregator of frames beside a caption's vector, in one space."""

from __future__ import annotations

import importlib
import inspect
import pkgutil
from collections.abc import Mapping
from difflib import get_close_matches
from typing import Any

from torch import Tensor, nn
from torch.nn.functional import normalize

from fusion import frames as package
from fusion.features import Feature, Frames, pick, pick_all
from fusion.spaces import Spaces


class Clip4Clip(Spaces):
    """Cosine of a video's vector, made of its frames by an aggregator of fusion/frames/, and a caption's own vector.

    Reads one video feature frame by frame (`frames` names it) and one text feature of the same width, both from one
    CLIP model. `aggregate` and `aggregate_params` are as in finetune, but layers that start from CLIP's text side there
    start from random numbers here. Only the aggregator learns. With the tight type each pair of a caption and a video
    has a score, and there are no vectors. Source: Luo et al., "CLIP4Clip", arXiv 2104.08860.
    """

    def __init__(
        self,
        *,
        video_dims: dict[str, int],
        text_dims: dict[str, int],
        lengths: dict[str, int],
        frames: tuple[str, ...] = (),  # names the video feature, frame by frame
        aggregate: str = "fusion.frames.ea.EA",  # what makes a video of its frames: a class of fusion/frames/
        aggregate_params: dict[str, Any] | None = None,  # params of that class
        encoders: Mapping[str, nn.Module] | None = None,
    ) -> None:
        super().__init__(encoders)
        if len(video_dims) != 1 or len(text_dims) != 1:
            raise ValueError(
                f"Clip4Clip compares one video feature with one text feature, not {', '.join(video_dims)} with "
                f"{', '.join(text_dims)}; give it `video: [NAME]` and `text: [NAME]`"
            )
        ((self.video, dim), (self.text, width)) = (*video_dims.items(), *text_dims.items())
        if self.video not in frames or self.video not in lengths:
            raise ValueError(
                f"Clip4Clip reads '{self.video}' frame by frame; name it in frames (now "
                f"{', '.join(frames) or 'none'}), and give its stage level: frame"
            )
        if dim != width:
            raise ValueError(
                f"'{self.video}' is {dim} wide and '{self.text}' {width}; Clip4Clip compares features of one CLIP model"
            )
        self.dim = dim
        self.aggregator = aggregator(aggregate, {"frames": lengths[self.video], "dim": dim}, aggregate_params or {})
        self.scores_pairs = bool(self.aggregator.scores_pairs)

    def video_units(self, features: Mapping[str, Feature]) -> Tensor:
        """Unit vectors [B, 1, D] of B videos, made of their frames."""
        if self.scores_pairs:
            raise ValueError(f"{type(self.aggregator).__name__} scores pairs; a video alone has no vector")
        frames = self._frames(features)
        return normalize(self.aggregator(frames.values, frames.counts), dim=-1)[:, None]

    def text_units(self, features: Mapping[str, Feature]) -> Tensor:
        """Unit vectors [B, 1, D] of B captions."""
        return normalize(self._rows(features), dim=-1)[:, None]

    def cosines(self, video: Mapping[str, Feature], text: Mapping[str, Feature]) -> Tensor:
        """Cosines [1, B, B], or the scores of the pairs: the input of the loss."""
        return self.scores(video, text)[None] if self.scores_pairs else super().cosines(video, text)

    def scores(self, video: Mapping[str, Feature], text: Mapping[str, Feature]) -> Tensor:
        """Scores [C, V] of C captions with V videos, every caption with every video."""
        if not self.scores_pairs:
            return super().scores(video, text)
        frames = self._frames(video)
        scores: Tensor = self.aggregator.scores(self._rows(text), frames.values, frames.counts)
        return scores

    def _frames(self, features: Mapping[str, Feature]) -> Frames:
        [frames] = pick_all(features, {self.video: self.dim}, (self.video,))
        assert isinstance(frames, Frames)
        return frames

    def _rows(self, features: Mapping[str, Feature]) -> Tensor:
        [rows] = pick(self.encode(features), {self.text: self.dim})
        if not isinstance(rows, Tensor):
            raise ValueError(f"feature '{self.text}' should hold dense rows, not {type(rows).__name__}")
        return rows


def aggregator(path: str, sizes: dict[str, int], params: dict[str, Any]) -> Any:
    """Make the aggregator of fusion/frames/ with this dotted path. Raises ValueError for another path or parameter."""
    module, _, name = path.rpartition(".")
    known = [f"{package.__name__}.{file.name}" for file in pkgutil.iter_modules(package.__path__)]
    class_ = getattr(importlib.import_module(module), name, None) if module in known else None
    if not hasattr(class_, "scores_pairs") or not isinstance(class_, type):
        near = get_close_matches(module, known, n=1)
        hint = f"; did you mean a class of {near[0]}?" if near else f"; there are {', '.join(known)}"
        raise ValueError(f"aggregate is {path!r}, which names no aggregator of fusion/frames/{hint}")
    settable = [key for key in inspect.signature(class_).parameters if key not in sizes]
    for key in params:
        if key not in settable:
            near = get_close_matches(key, settable, n=1)
            hint = f"did you mean '{near[0]}'?" if near else f"there are {', '.join(settable)}"
            raise ValueError(f"aggregate_params: {path} has no parameter '{key}'; {hint}")
    return class_(**sizes, **params)
