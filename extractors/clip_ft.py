"""CLIP, fine-tuned on the collection or as published: both sides, 512-d for ViT-B/32.

Radford et al., "Learning Transferable Visual Models From Natural Language Supervision", ICML 2021. A video is the mean
of its frames' features, neither of them normalised, as LAFF's authors have it; retrieval is by cosine.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from torch import Tensor, nn

from extractors.base import Pairs, Sampling
from extractors.checkpoint import fill, read
from extractors.clip_config import ClipConfig, clip_config
from extractors.pixels import CLIP_MEAN, CLIP_STD, check, normalise
from extractors.untrained import seeded

if TYPE_CHECKING:
    from extractors.clip_task import ClipTask, Loss

CAPTIONS = 256  # captions of one forward


class ClipFt:
    """Videos [B, D] and captions [C, D] of one CLIP model.

    `model` names a configuration of open_clip or a JSON file of extractors/clip_configs/. Its weights come from a
    fine-tuning (`load_state`), or from a file (`load`): open_clip's .safetensors or .pt, or OpenAI's archive.
    """

    sides = ("video", "text")
    CONFIGS = (("model", "extractors/clip_configs"),)  # parameters that may name a JSON file, and where it lies

    def __init__(
        self, *, model: str = "ViT-B-32-quickgelu", frames: int = 8, weights: str = "openai-clip-vit-b-32"
    ) -> None:
        self.config = clip_config(model)
        if "openai" in weights and not self.config.quick_gelu:
            # Such a model takes the weights without a word and computes another function.
            raise ValueError(f"model {model!r} lacks the activation of OpenAI's weights; use {model}-quickgelu")
        self.model = model
        self.weights = weights
        self.dim = self.config.dim
        self.sampling = Sampling(frames=frames, size=self.config.size, crop=self.config.size, filter="bicubic")

    def load(self, device: str, weights: Path | None) -> None:
        """Build the model with the weights of a file, or random ones for None."""
        with seeded():
            net = _build(self.config)
        if weights is not None:
            fill(net, convert(read(weights), self.config, str(weights)), str(weights))
        self._use(net, device)

    def load_state(self, state: dict[str, Any], device: str) -> None:
        """Build the model with what a fine-tuning learned: {"model": tensors by name}."""
        net = _build(self.config)
        fill(net, state["model"], f"the fine-tuned {self.model}")
        self._use(net, device)

    def task(self, train: Pairs, val: Pairs, loss: Loss) -> ClipTask:
        """The fine-tuning of the loaded model on pairs whose videos are frames [V, T, H, W, 3] uint8."""
        from extractors.clip_task import ClipTask

        return ClipTask(self, train, val, loss)

    @torch.no_grad()
    def extract(self, frames: Tensor) -> Tensor:
        """[B, 1, T, H, W, 3] uint8 -> [B, D] float32, not normalised."""
        check(frames, self.sampling)
        return self.encode_videos(frames[:, 0])

    @torch.no_grad()
    def extract_text(self, captions: Sequence[str]) -> np.ndarray:
        """C texts -> [C, D] float32, not normalised."""
        blocks = [captions[start : start + CAPTIONS] for start in range(0, len(captions), CAPTIONS)]
        rows = [self.encode_texts(self.tokens(block)).cpu().numpy() for block in blocks]
        return np.concatenate(rows) if rows else np.zeros((0, self.dim), dtype=np.float32)

    def tokens(self, captions: Sequence[str]) -> Tensor:
        """C texts -> [C, context] int64; longer texts lose their end."""
        return self.tokenizer(list(captions))

    def encode_videos(self, frames: Tensor) -> Tensor:
        """[B, T, H, W, 3] uint8 on the device -> [B, D] float32: the mean of the frames' features."""
        features = self.net.encode_image(normalise(frames.flatten(0, 1), CLIP_MEAN, CLIP_STD))
        return features.float().unflatten(0, frames.shape[:2]).mean(dim=1)

    def encode_texts(self, tokens: Tensor) -> Tensor:
        """[C, context] int64 -> [C, D] float32."""
        return self.net.encode_text(tokens.to(self.device)).float()

    def _use(self, net: Any, device: str) -> None:
        from open_clip import SimpleTokenizer

        self.tokenizer = SimpleTokenizer(context_length=self.config.context)
        self.device = device
        self.net = net.eval().to(device)


def convert(state: dict[str, Tensor], config: ClipConfig, source: str) -> dict[str, Tensor]:
    """OpenAI's three numbers beside the weights are checked and dropped; all else has open_clip's names already.

    ValueError where the numbers, or the activation that such a file implies, are not those of `config`.
    """
    numbers = {"input_resolution": config.size, "context_length": config.context, "vocab_size": config.words}
    if "input_resolution" in state and not config.quick_gelu:
        raise ValueError(f"{source} is OpenAI's and needs the quick activation; use {config.name}-quickgelu")
    for name, wanted in numbers.items():
        if name in state and int(state[name]) != wanted:
            raise ValueError(f"{source}: {name} is {int(state[name])}, that of {config.name} is {wanted}")
    return {key: value for key, value in state.items() if key not in numbers}


def _build(config: ClipConfig) -> nn.Module:
    """The model without weights. open_clip's own factory would look for some, and warn that it found none."""
    import open_clip

    shape = json.loads(config.path.read_text(encoding="utf-8"))
    shape.pop("custom_text", None)
    return (open_clip.CustomTextCLIP if config.custom_text else open_clip.CLIP)(**shape)
