"""Any encoder of pictures or videos that transformers has, as a video feature: DINOv3, VideoMAE, V-JEPA 2 and others.

The side that sees of a model that also reads will do as well.
"""

from __future__ import annotations

from typing import Literal

from extractors.hf import Hf


class HfVideo(Hf):
    """Features of clips or frames, averaged over the video: [B, D], or at level "frame" of each frame: [B, T, D].

    As extractors.hf.Hf has it, without captions. `pool` says what stands for a clip or picture.
    """

    sides = ("video",)

    def __init__(
        self,
        *,
        model: str | None = None,  # the model_type that the folder's config.json should have; null: any
        dim: int | None = None,  # D, which the folder should have; null: any
        frames: int | None = None,  # in a clip, or of the video; null: the model's, or 8 for a model of pictures
        clips: int = 1,  # in a video
        crops: int = 1,  # in a clip: 1 in the centre, or 3 along the long side
        stride: int = 0,  # frames at fps from one to the next; 0 spreads them over the video
        fps: float = 0.0,  # that stride counts at; 0: the video's own
        level: Literal["video", "frame"] = "video",  # one row a video, or one for each frame
        pool: Literal["auto", "pooler", "cls", "mean"] = "auto",  # auto: what the model's own classifiers look at
        size: int | None = None,  # pixels of the short side, or of both; null: the folder's
        crop: int | None = None,  # pixels of the square that is seen; null: the folder's, or size if that is given
        resize: Literal["shortest", "squash"] | None = None,  # squash: whole image; null: the folder's
        filter: Literal["bilinear", "bicubic"] | None = None,  # null: the folder's
        mean: list[float] | None = None,  # of pixels in 0..1; null: the folder's
        std: list[float] | None = None,  # of pixels in 0..1; null: the folder's
        config: str = "",  # with weights random: a folder whose config.json and processor they have; '': a tiny model
        weights: str = "dinov2-base",  # of `laff weights list`, hf:ORG/NAME, a folder, or random
    ) -> None:
        super().__init__(
            model=model,
            dim=dim,
            frames=frames,
            clips=clips,
            crops=crops,
            stride=stride,
            fps=fps,
            level=level,
            size=size,
            crop=crop,
            resize=resize,
            filter=filter,
            mean=mean,
            std=std,
            config=config,
            weights=weights,
        )
        self.pool = pool
