"""TimeSformer, 768-d: Bertasius et al., "Is Space-Time Attention All You Need for Video Understanding?", ICML 2021.

Divided space-time attention. Reads the checkpoints of the authors and of the Hugging Face hub.
"""

import re
from pathlib import Path

import torch
from torch import Tensor

from extractors.base import Sampling
from extractors.checkpoint import fill, read
from extractors.pixels import KINETICS_MEAN, KINETICS_STD, check, normalise
from extractors.untrained import seeded


class TimeSformer:
    """The class token of the last layer, averaged over clips: [B, width].

    `frames` is a property of the weights, which hold one embedding for each; `stride` counts frames at 30 a second
    (0 spreads them over the video). The published HowTo100M models see 8, 32, 64 or 96 frames at stride 32, the
    Kinetics ones 8 at 32 or 96 at 4.
    """

    sides = ("video",)

    def __init__(
        self,
        *,
        frames: int = 8,
        stride: int = 32,
        crop: int = 224,
        clips: int = 1,
        patch: int = 16,
        width: int = 768,
        layers: int = 12,
        heads: int = 12,
        weights: str = "timesformer-8x32-howto100m",
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
        self.sampling = Sampling(frames=frames, size=crop, crop=crop, clips=clips, stride=stride, fps=30.0)

    def load(self, device: str, weights: Path | None) -> None:
        """Build the network; `weights` None means random ones."""
        from transformers import TimesformerConfig, TimesformerModel

        config = TimesformerConfig(
            image_size=self.sampling.crop,
            patch_size=self.patch,
            num_frames=self.sampling.frames,
            hidden_size=self.dim,
            intermediate_size=4 * self.dim,
            num_hidden_layers=self.layers,
            num_attention_heads=self.heads,
            attention_type="divided_space_time",
        )
        with seeded():
            net = TimesformerModel(config)
        if weights is not None:
            state = convert(read(weights))
            # The network would stretch the embeddings of other lengths, and the features would mean something else.
            trained = state["embeddings.time_embeddings"].shape[1] if "embeddings.time_embeddings" in state else None
            if trained is not None and trained != self.sampling.frames:
                raise ValueError(
                    f"{weights} was trained with {trained} frames, not {self.sampling.frames}: set frames to {trained}"
                )
            fill(net, state, str(weights))
        self.net = net.eval().to(device)

    @torch.no_grad()
    def extract(self, frames: Tensor) -> Tensor:
        """[B, M, T, H, W, 3] uint8 -> [B, width] float32.

        ValueError when T is not the model's number of frames: the network itself would answer, wrongly.
        """
        check(frames, self.sampling)
        clips = (normalise(clip, KINETICS_MEAN, KINETICS_STD, channel=2) for clip in frames.unbind(1))
        tokens = [self.net(pixel_values=clip).last_hidden_state[:, 0].float() for clip in clips]
        return torch.stack(tokens).mean(dim=0)


OFFICIAL = [
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
]


def convert(state: dict[str, Tensor]) -> dict[str, Tensor]:
    """Keys of the authors' code or of the hub -> those of the hub's TimesformerModel, without the classifier."""
    official = any(key.removeprefix("model.") == "pos_embed" for key in state)
    renamed = {}
    for old, value in state.items():
        key = old.removeprefix("timesformer.")
        for pattern, new in OFFICIAL if official else []:
            key = re.sub(pattern, new, key)
        if not key.startswith(("head.", "classifier.")):
            renamed[key] = value
    return renamed
