"""TimeSformer, 768-d: Bertasius et al., "Is Space-Time Attention All You Need for Video Understanding?", ICML 2021.

Divided space-time attention. Reads the checkpoints of the authors and of the Hugging Face hub, files and folders.
"""

from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from extractors.base import Sampling
from extractors.checkpoint import Converted, Layout, convert, fill, rename
from extractors.pixels import KINETICS_MEAN, KINETICS_STD, check, normalise
from extractors.untrained import seeded

AUTHORS = Layout(
    "the authors' layout",
    (r"^(model\.)?blocks\.\d+\.temporal_attn\.",),
    rename(
        (r"^model\.", ""),
        (r"^cls_token$", "embeddings.cls_token"),
        (r"^pos_embed$", "embeddings.position_embeddings"),
        (r"^time_embed$", "embeddings.time_embeddings"),
        (r"^patch_embed\.proj\.", "embeddings.patch_embeddings.projection."),
        (r"^norm\.", "layernorm."),
        (r"^blocks\.", "encoder.layer."),
        (r"\.temporal_norm1\.", ".temporal_layernorm."),
        (r"\.temporal_fc\.", ".temporal_dense."),
        (r"\.norm1\.", ".layernorm_before."),
        (r"\.norm2\.", ".layernorm_after."),
        (r"\.(temporal_attn|attn)\.qkv\.", r".\1.attention.qkv."),
        (r"\.(temporal_attn|attn)\.proj\.", r".\1.output.dense."),
        (r"\.temporal_attn\.", ".temporal_attention."),
        (r"\.attn\.", ".attention."),
        (r"\.mlp\.fc1\.", ".intermediate.dense."),
        (r"\.mlp\.fc2\.", ".output.dense."),
    ),
    dropped=("head.", "model.head."),
)
HUB = Layout(
    "the layout of Hugging Face",
    (r"^(timesformer\.)?encoder\.layer\.\d+\.temporal_dense\.",),
    rename((r"^timesformer\.", "")),
    dropped=("classifier.",),
)


ENTRY = " (`laff weights check FILE` tells which published model it may be, with its settings)"


class TimeSformer:
    """The class token of the last layer, averaged over clips and crops: [B, width].

    `frames` is a property of the weights, which hold one embedding for each; `stride` counts frames at 30 a second
    (0 spreads them over the video). The published HowTo100M models see 8, 32, 64 or 96 frames at stride 32, the
    Kinetics ones 8 at 32, 16 at 16 (crop 448) or 96 at 4. The authors test with one clip in three crops.
    """

    sides = ("video",)
    mean = KINETICS_MEAN
    std = KINETICS_STD
    colours = "RGB"
    LAYOUTS = (AUTHORS, HUB)

    def __init__(
        self,
        *,
        frames: int = 8,  # in a clip; the weights hold an embedding for each
        stride: int = 32,  # frames at 30 a second from one to the next; 0 spreads them over the video
        crop: int = 224,  # pixels of the square that is seen
        clips: int = 1,  # in a video
        crops: int = 3,  # in a clip: 1 in the centre, or 3 along the long side
        patch: int = 16,  # pixels of a patch's side
        width: int = 768,  # of the tokens, D
        layers: int = 12,  # of the transformer
        heads: int = 12,  # of its attention
        weights: str = "timesformer-8x32-howto100m",  # a name of `laff weights list`, a file of yours, or random
    ) -> None:
        if crop % patch:
            raise ValueError(f"crop {crop} is no multiple of patch {patch}")
        if width % heads:
            raise ValueError(f"width {width} is no multiple of heads {heads}")
        self.dim = width
        self.patch = patch
        self.layers = layers
        self.heads = heads
        self.weights = weights
        self.sampling = Sampling(
            frames=frames,
            size=crop,
            crop=crop,
            clips=clips,
            stride=stride,
            fps=30.0,
            rule="slowfast",
            antialias=False,
            crops=crops,
        )

    def __str__(self) -> str:
        return f"TimeSformer ({self.sampling.frames} frames, width {self.dim}, {self.layers} layers)"

    def load(self, device: str, weights: Path | None) -> None:
        """Build the network; `weights` None means random ones."""
        net = self.build()
        if weights is not None:
            converted = convert(weights, self.LAYOUTS, str(self))
            self.agree(converted)
            fill(net, converted.state, converted.source, str(self))
        self.net = net.eval().to(device)

    def build(self) -> nn.Module:
        """The network with random weights."""
        from transformers import TimesformerConfig, TimesformerModel

        with seeded():
            return TimesformerModel(TimesformerConfig(**self._config()))

    def agree(self, converted: Converted) -> None:
        """Raise ValueError, with the parameter to set, for a file of other frames, sizes or attention.

        The network would stretch embeddings of other lengths, and the features would have another meaning.
        """
        settings = {"num_frames": "frames", "image_size": "crop", "patch_size": "patch", "hidden_size": "width"}
        settings |= {"num_hidden_layers": "layers", "num_attention_heads": "heads"}
        for name, ours in self._config().items():
            theirs = converted.config.get(name, ours)
            if theirs != ours:
                advice = f"set {settings[name]} to {theirs}" if name in settings else "no parameter here changes that"
                raise ValueError(
                    f"{converted.path}: its config.json says {name} {theirs}, this model has {ours}: {advice}"
                )
        time = converted.state.get("embeddings.time_embeddings")
        if time is not None and time.shape[1] != self.sampling.frames:
            raise ValueError(
                f"{converted.path} was trained with {time.shape[1]} frames, not {self.sampling.frames}: "
                f"set frames to {time.shape[1]}, and stride to that of its training{ENTRY}"
            )
        places = converted.state.get("embeddings.position_embeddings")
        side = 0 if places is None else round((places.shape[1] - 1) ** 0.5) * self.patch
        if side and side != self.sampling.crop:
            raise ValueError(
                f"{converted.path} was trained with pictures of {side} pixels, not {self.sampling.crop}: "
                f"set crop to {side}, and stride to that of its training{ENTRY}"
            )

    @torch.no_grad()
    def extract(self, frames: Tensor) -> Tensor:
        """[B, M, T, H, W, 3] uint8 -> [B, width] float32.

        ValueError where T is not the model's number of frames: the network itself would give wrong features.
        """
        check(frames, self.sampling)
        clips = (normalise(clip, self.mean, self.std, channel=2) for clip in frames.unbind(1))
        tokens = [self.net(pixel_values=clip).last_hidden_state[:, 0].float() for clip in clips]
        return torch.stack(tokens).mean(dim=0)

    def _config(self) -> dict[str, Any]:
        """The settings of the model, by the names of Hugging Face's config.json."""
        return {
            "image_size": self.sampling.crop,
            "patch_size": self.patch,
            "num_frames": self.sampling.frames,
            "hidden_size": self.dim,
            "intermediate_size": 4 * self.dim,
            "num_hidden_layers": self.layers,
            "num_attention_heads": self.heads,
            "attention_type": "divided_space_time",
            "hidden_act": "gelu",
            "layer_norm_eps": 1e-6,
            "qkv_bias": True,
        }
