"""CLIP as published: any plain model of open_clip, both sides, 512-d for ViT-B/32.

Radford et al., "Learning Transferable Visual Models From Natural Language Supervision", ICML 2021, and its successors
(MetaCLIP, SigLIP, PE-Core, …). A video is the mean of its own frames' features, neither of them normalised, as LAFF's
authors have it; retrieval is by cosine. Where a video is shorter than the clip, the places left over are images of
zeros, as in CLIP4Clip.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from functools import cached_property
from pathlib import Path
from typing import Any, Literal, cast

import numpy as np
import torch
from torch import Tensor, nn

from extractors.base import Sampling
from extractors.checkpoint import fill
from extractors.clip_config import clip_config, text_shape
from extractors.clip_files import read_tokenizer, read_weights
from extractors.clip_layouts import HUGGING_FACE, OPEN_CLIP, OPENAI, SIGLIP
from extractors.clip_places import cut, encode, in_groups
from extractors.clip_published import PREFIX, Preprocessing, agreed, preprocessing, read_settings
from extractors.pinned import sent
from extractors.pixels import CLIP_MEAN, CLIP_STD, check, normalise
from extractors.tokens import FileTokens, Tokens, own_tokens
from extractors.untrained import seeded


class Clip:
    """Videos [B, D] and captions [C, D] of one CLIP model; at level "frame" videos are [B, T, D].

    `model` names a configuration of open_clip or a JSON file of extractors/clip_configs/. `mean`, `std`, `resize`
    ("squash" makes a square of the whole image) and `filter` are what the weights were made with: None takes them from
    open_clip's table for weights "open_clip:MODEL/TAG", for a file or folder from its open_clip_config.json or from
    what all published weights of the model agree on, and OpenAI's otherwise. `tokenizer` is a folder with
    tokenizer.json and tokenizer_config.json for models that have one; "" finds them beside the weights.

    OpenAI's files and Hugging Face's folders tell the activation they were made with, and another is refused. A file
    of open_clip's own doesn't: for OpenAI's, MetaCLIP's and DFN's weights in it take a model ending in -quickgelu.
    """

    sides = ("video", "text")
    CONFIGS = (("model", "extractors/clip_configs"),)  # parameters that may name a JSON file, and where it lies
    FILES = ("tokenizer",)  # parameters that name files, whose content counts and not their place
    # Read beside a weights file.
    BESIDE = ("tokenizer.json", "tokenizer_config.json", "special_tokens_map.json", "open_clip_config.json")
    LAYOUTS = (OPENAI, SIGLIP, HUGGING_FACE, OPEN_CLIP)
    colours = "RGB"
    counted = True  # extract is told how many frames are a video's own

    def __init__(
        self,
        *,
        model: str = "ViT-B-32-quickgelu",  # a configuration of open_clip, or a JSON file of extractors/clip_configs/
        frames: int = 8,  # of a video
        stride: int = 0,  # frames at fps from one to the next; 0 spreads them over the video
        fps: float = 0.0,  # that stride counts at; 0: the video's own
        rule: Literal["even", "first"] = "even",  # with a stride: about the middle, or from the first on
        level: Literal["video", "frame"] = "video",  # one row a video, or one for each frame
        mean: list[float] | None = None,  # of pixels in 0..1; null: the weights'
        std: list[float] | None = None,  # of pixels in 0..1; null: the weights'
        resize: Literal["shortest", "squash"] | None = None,  # squash: whole image; null: the weights'
        filter: Literal["bilinear", "bicubic"] | None = None,  # null: the weights'
        tokenizer: str = "",  # a folder with tokenizer.json; '': beside the weights, or the model's own
        weights: str = "openai-clip-vit-b-32",  # a name of `laff weights list`, a file of yours, or random
    ) -> None:
        self.config = clip_config(model)
        if "/" in weights and not weights.startswith(PREFIX) and not Path(weights).expanduser().exists():
            raise ValueError(f"{weights} is not there, which also tells how its model wants its pixels")
        published, _, self._tag = (
            weights.removeprefix(PREFIX).rpartition("/") if weights.startswith(PREFIX) else [""] * 3
        )
        if published not in ("", model):
            raise ValueError(f"weights {weights} are of model {published}, not of {model}")
        if "openai" in weights.rpartition("/")[2] and not self.config.quick_gelu:
            # Such a model takes the weights without a word and computes another function.
            raise ValueError(f"model {model!r} lacks the activation of OpenAI's weights; use {model}-quickgelu")
        for name, three in (("mean", mean), ("std", std)):
            if three is not None and (len(three) != 3 or (name == "std" and min(three) <= 0)):
                above = " above 0" if name == "std" else ""
                raise ValueError(f"{name} is {three}; it should be three numbers{above}, of red, green and blue")
        self.model = model
        self.level = level
        self.tokenizer = tokenizer
        self.weights = weights
        self.dim = self.config.dim
        self._frames: dict[str, Any] = {"frames": frames, "stride": stride, "fps": fps, "rule": rule}
        self._given = {"mean": mean, "std": std, "resize": resize, "filter": filter}
        self._sampling("shortest", "bicubic")  # refuses numbers that don't go together, before anything runs

    @cached_property
    def sampling(self) -> Sampling:
        """The frames, at the model's size."""
        return self._sampling(self._pixels["resize"], self._pixels["filter"])

    @property
    def mean(self) -> list[float]:
        """Of red, green and blue, for values in 0..1."""
        return list(self._pixels["mean"])

    @property
    def std(self) -> list[float]:
        """Of red, green and blue, for values in 0..1."""
        return list(self._pixels["std"])

    def build(self) -> nn.Module:
        """The model without weights. open_clip's own factory would look for some, and warn that it found none."""
        import open_clip

        shape = json.loads(self.config.path.read_text(encoding="utf-8"))
        shape.pop("custom_text", None)
        if "timm_model_name" in shape["vision_cfg"]:
            shape["vision_cfg"]["timm_model_pretrained"] = False  # some of open_clip's files say true
        net: nn.Module = (open_clip.CustomTextCLIP if self.config.custom_text else open_clip.CLIP)(**shape)
        return net

    def load(self, device: str, weights: Path | None) -> None:
        """Build the model with the weights of a file or folder, or random ones for None."""
        with seeded():
            net = self.build()
        if self.config.tokenizer:  # now, not when all videos are done
            self._tokens: Tokens = read_tokenizer(self.config, self.tokenizer, weights)
        if weights is not None:
            read_weights(net, weights, self.config, self.LAYOUTS)
        self._use(net, device)

    def load_state(self, state: dict[str, Any], device: str) -> None:
        """Build the model with what a fine-tuning learned: {"model": tensors by name, "tokenizer": …}."""
        net = self.build()
        fill(net, state["model"], f"the fine-tuned {self.model}")
        if "tokenizer" in state:
            self._tokens = FileTokens(**state["tokenizer"], clean=self.config.tokenizing.get("clean", "whitespace"))
        self._use(net, device)

    @torch.no_grad()
    def extract(self, frames: Tensor, counts: Tensor | None = None) -> Tensor:
        """[B, 1, T, H, W, 3] uint8 -> [B, D] float32, or [B, T, D] at level "frame"; not normalised.

        counts: [B] int64, how many of the T frames are a video's own, the first; None: all.
        """
        check(frames, self.sampling)
        encode = self.encode_frames if self.level == "frame" else self.encode_videos
        return encode(frames[:, 0], counts)

    @torch.no_grad()
    def extract_text(self, captions: Sequence[str]) -> np.ndarray:
        """C texts -> [C, D] float32, not normalised; a row's bytes on a CPU depend on its own text alone."""
        if not captions:
            return np.zeros((0, self.dim), dtype=np.float32)
        return in_groups(self._encode, self.tokens(captions), self._text, self.dim, self.device)

    @property
    def tokens(self) -> Tokens:
        """C texts -> [C, context] int64; longer texts lose their end. ValueError without the tokenizer's files."""
        if not hasattr(self, "_tokens"):
            config = self.config
            self._tokens = (
                read_tokenizer(config, self.tokenizer)
                if config.tokenizer
                else own_tokens(config.context, config.tokenizing)
            )
        return self._tokens

    def encode_videos(self, frames: Tensor, counts: Tensor | None = None) -> Tensor:
        """[B, T, H, W, 3] uint8 on the device -> [B, D] float32: the mean of the own frames' features."""
        features, is_own = self.encode_frames(frames, counts), own_frames(frames, counts)
        return (features * is_own[:, :, None]).sum(dim=1) / is_own.sum(dim=1, keepdim=True)

    def encode_frames(self, frames: Tensor, counts: Tensor | None = None) -> Tensor:
        """[B, T, H, W, 3] uint8 on the device -> [B, T, D] float32; those that are not a video's own: of zeros."""
        images = normalise(frames.flatten(0, 1), self.mean, self.std)
        images.masked_fill_(~own_frames(frames, counts).flatten()[:, None, None, None], 0)
        features: Tensor = self.net.encode_image(images).float().unflatten(0, frames.shape[:2])
        return features

    def encode_texts(self, tokens: Tensor) -> Tensor:
        """[B, context] int64 on the CPU -> [B, D] float32, in one forward, at the fixed length of the longest."""
        return self._encode(sent(cut(tokens, self._text), self.device)).float()

    def _encode(self, tokens: Tensor) -> Tensor:
        """[B, L] int64 on the device -> [B, D]; L is below the context only where `_text` is known."""
        if self._text is None:
            features: Tensor = self.net.encode_text(tokens)
            return features
        return encode(getattr(self.net, "text", self.net), tokens, self._text)  # of its own in some models

    @cached_property
    def _text(self) -> dict[str, Any] | None:
        """The shape of the text tower, where all of it is known."""
        return text_shape(self.config)

    @cached_property
    def _pixels(self) -> Preprocessing:
        """What the parameters say of the pixels, completed by what the weights say."""
        known = Preprocessing(mean=[*CLIP_MEAN], std=[*CLIP_STD], resize="shortest", filter="bicubic")
        params = {key: value for key, value in self._given.items() if value is not None}
        file = Path(self.weights).expanduser()
        if len(params) == len(known):
            return cast(Preprocessing, params)
        if self._tag:
            known = preprocessing(self.model, self._tag)
        elif file.exists():  # a file of the user's, which no entry speaks for
            folder = file if file.is_dir() else file.parent
            settings = read_settings(folder)
            known = (settings and settings.preprocessing) or agreed(self.model) or known
        return cast(Preprocessing, known | params)

    def _sampling(self, resize: str, filter: Any) -> Sampling:
        size = self.config.size
        return Sampling(size=size, crop=size, width=size if resize == "squash" else 0, filter=filter, **self._frames)

    def _use(self, net: Any, device: str) -> None:
        self.device = device
        self.net = net.eval().to(device)


def own_frames(frames: Tensor, counts: Tensor | None) -> Tensor:
    """Which frames are a video's own: frames [B, T, ...], counts [B] int64 (None: all) -> [B, T] bool.

    The first one always is.
    """
    if counts is None:
        return torch.ones(frames.shape[:2], dtype=torch.bool, device=frames.device)
    return torch.arange(frames.shape[1], device=frames.device) < counts.to(frames.device).clamp(min=1)[:, None]
