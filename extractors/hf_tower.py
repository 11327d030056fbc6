"""The side of a network that sees: pictures or clips to one feature each, as each model's own classifier has it."""

from __future__ import annotations

import inspect
from typing import Any, Literal

import torch
from torch import Tensor

from extractors.hf_folder import POOLING_CLASSIFIERS

Pool = Literal["auto", "pooler", "cls", "mean"]
# What a model's own classifiers look at, where that is not its pooler_output (or, without one, the mean of its tokens).
OWN: dict[str, Literal["cls", "mean"]] = {
    **dict.fromkeys(("vit", "deit", "vit_msn", "timesformer", "vivit"), "cls"),
    **dict.fromkeys(("dinov2", "dinov2_with_registers", "dinov3_vit"), "cls"),
    **dict.fromkeys(("ijepa", "videomae", "vjepa2"), "mean"),
}


def is_pair(config: Any) -> bool:
    """Whether a config is of a model with a side that sees and one that reads."""
    return hasattr(config, "vision_config") and hasattr(config, "text_config")


def clip_length(config: Any) -> int:
    """T, the frames of a clip that a model of videos takes; 0 for a model of pictures."""
    seeing = getattr(config, "vision_config", config)
    return int(getattr(seeing, "num_frames", 0) or getattr(seeing, "frames_per_clip", 0) or 0)


def width(config: Any) -> int:
    """D, the width of the feature."""
    seeing = config.vision_config if is_pair(config) else config
    if is_pair(config) and getattr(config, "projection_dim", None) and config.model_type not in ("siglip", "siglip2"):
        return int(config.projection_dim)
    return int(getattr(seeing, "hidden_size", None) or seeing.hidden_sizes[-1])


class NoPooler(ValueError):
    """A network without the output that `pool` asks for."""


class Tower:
    """Pictures [N, 3, H, W] or clips [N, T, 3, H, W], float32, to features [N, D].

    Of a model with two sides that is its embedding in their shared space, not normalised here. Else `pool` says what
    stands for the picture: auto is what the model's own classifiers look at (OWN), with their normalisation or
    attentive pooling where the weights hold them.
    """

    def __init__(self, net: Any, pool: Pool = "auto") -> None:
        """Take a network of hf_folder; ValueError where `pool` does not apply to it."""
        self.net = net
        self.pair = is_pair(net.config)
        if self.pair and pool != "auto":
            raise ValueError(f"pool is {pool}, but a {net.config.model_type} gives one embedding of a picture: auto")
        self.pool: str = OWN.get(net.config.model_type, "auto") if pool == "auto" else pool
        classifies = type(net).__name__ in POOLING_CLASSIFIERS
        self.bare: Any = net.base_model if classifies else net
        headed = net if classifies and pool == "auto" else None
        self.norm: Any = getattr(headed, "fc_norm", None)  # VideoMAE's, of the mean
        self.attentive: Any = getattr(headed, "pooler", None)  # V-JEPA 2's, of all tokens
        self._see = self._seeing()
        names = inspect.signature(self._see).parameters
        self._input = "pixel_values_videos" if "pixel_values_videos" in names else "pixel_values"
        self._more = {"skip_predictor": True} if "skip_predictor" in names else {}
        self._patch = net.config.vision_config.patch_size if net.config.model_type == "siglip2" else 0

    def lacking(self, missing: list[str]) -> list[str]:
        """Those of a network's missing weights that its features need."""
        idle = ["classifier.", "predictor."]
        if self.pool in ("cls", "mean") and self.attentive is None:
            idle.append("pooler.")
        below = f"{self.net.base_model_prefix}."
        return [name for name in missing if not name.removeprefix(below).startswith(tuple(idle))]

    @torch.no_grad()
    def __call__(self, pixels: Tensor) -> Tensor:
        """[N, 3, H, W], or [N, T, 3, H, W] of a model of videos -> [N, D] float32."""
        inputs = self.patches(pixels) if self._patch else {self._input: pixels}
        seen = self._see(**inputs, **self._more)
        features: Tensor = self._pooled(seen)
        return features.float()

    def _pooled(self, seen: Any) -> Tensor:
        if isinstance(seen, Tensor):
            return seen
        pooled: Tensor | None = getattr(seen, "pooler_output", None)
        if self.pool in ("auto", "pooler") and pooled is not None:
            return pooled.flatten(1)  # of convolutions [N, D, 1, 1], of VideoPrism [N, 1, D]
        if self.pool == "pooler":
            raise NoPooler(f"a {self.net.config.model_type} has no pooler; set pool to cls or mean")
        tokens: Tensor = seen.last_hidden_state
        if self.attentive is not None:
            attended: Tensor = self.attentive(tokens)
            return attended
        if self.pool == "cls":
            return tokens[:, 0]
        mean = tokens.flatten(2).mean(dim=2) if tokens.ndim == 4 else tokens.mean(dim=1)
        return mean if self.norm is None else self.norm(mean)

    def _seeing(self) -> Any:
        if not self.pair:
            return self.bare.forward
        for name in ("get_video_features", "get_image_features"):
            if hasattr(self.net, name) and hasattr(self.net, "get_text_features"):
                return getattr(self.net, name)
        raise ValueError(f"transformers' {type(self.net).__name__} has no space that pictures and texts share")

    def patches(self, pixels: Tensor) -> dict[str, Tensor]:
        """The inputs of SigLIP 2 with variable sizes, whose pictures are lists of patches: [N, h * w, P * P * 3]."""
        side, count = self._patch, len(pixels)
        rows, columns = pixels.shape[2] // side, pixels.shape[3] // side
        tiles = pixels.reshape(count, 3, rows, side, columns, side).permute(0, 2, 4, 3, 5, 1)
        return {
            "pixel_values": tiles.reshape(count, rows * columns, -1),
            "pixel_attention_mask": torch.ones(count, rows * columns, dtype=torch.int32, device=pixels.device),
            "spatial_shapes": torch.tensor([[rows, columns]] * count, device=pixels.device),
        }
