"""What transformers' own pipeline makes of frames and captions: its processor, its tokenizer, its model."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
import transformers
from torch import Tensor
from transformers import AutoImageProcessor, AutoModel, AutoTokenizer, AutoVideoProcessor

from extractors.hf_folder import quiet
from tests.extractors.hf_models import Family

# Whose features are what their classifier's last layer gets; where two parts stand side by side there, the first.
CLASSIFIERS = {
    "videomae": "VideoMAEForVideoClassification",
    "vjepa2": "VJEPA2ForVideoClassification",
    "timesformer": "TimesformerForVideoClassification",
    "vivit": "VivitForVideoClassification",
    "vit": "ViTForImageClassification",
    "deit": "DeiTForImageClassification",
    "beit": "BeitForImageClassification",
    "dinov2": "Dinov2ForImageClassification",
    "dinov2_with_registers": "Dinov2WithRegistersForImageClassification",
    "ijepa": "IJepaForImageClassification",
    "convnext": "ConvNextForImageClassification",
    "swin": "SwinForImageClassification",
}


def pixels(folder: Path, family: Family, frames: np.ndarray, backend: str) -> dict[str, Tensor]:
    """The model's inputs for a clip [T, H, W, 3] uint8, or its frames as pictures; backend: pil or torchvision."""
    with quiet():
        if "VideoProcessor" in family.processor:
            inputs = AutoVideoProcessor.from_pretrained(folder)(videos=[frames], return_tensors="pt")
        else:
            processor = AutoImageProcessor.from_pretrained(folder, backend=backend)
            clips = family.processor == "VideoMAEImageProcessor"
            inputs = processor([list(frames)] if clips else list(frames), return_tensors="pt")
    renamed = (
        {"pixel_values": "pixel_values_videos"} if family.kind == "videoprism" else {}
    )  # another model's processor
    return {renamed.get(key, key): torch.as_tensor(value) for key, value in inputs.items()}


@torch.no_grad()
def features(folder: Path, family: Family, inputs: dict[str, Tensor]) -> Tensor:
    """The feature of a clip [1, D], or of each picture [T, D]."""
    if family.reads:
        net = load(AutoModel, folder)
        seen = (net.get_video_features if hasattr(net, "get_video_features") else net.get_image_features)(**inputs)
        return (seen if isinstance(seen, Tensor) else seen.pooler_output).flatten(1)
    bare_vjepa = family.kind == "vjepa2" and not family.network
    if family.kind in CLASSIFIERS and not bare_vjepa and (family.network or family.kind != "videomae"):
        net = load(getattr(transformers, CLASSIFIERS[family.kind]), folder)
        got: list[Tensor] = []
        last = net.head if isinstance(getattr(net, "head", None), torch.nn.Linear) else net.classifier
        last.register_forward_hook(lambda _, given, __: got.append(given[0]))
        net(**inputs)
        return got[0][:, : width(net.config)]
    output = load(AutoModel, folder)(**inputs)
    if family.kind in ("videomae", "vjepa2"):
        return output.last_hidden_state.mean(dim=1)
    return output.pooler_output


@torch.no_grad()
def texts(folder: Path, captions: Sequence[str]) -> np.ndarray:
    """The features of captions [C, D], padded as the models were trained with."""
    with quiet():
        tokenizer = AutoTokenizer.from_pretrained(folder)
        inputs = tokenizer([*captions], padding="max_length", truncation=True, return_tensors="pt")
    seen = load(AutoModel, folder).get_text_features(**inputs)
    return (seen if isinstance(seen, Tensor) else seen.pooler_output).numpy()


def width(config: Any) -> int:
    """The number of channels of one part of a model's output."""
    return int(getattr(config, "hidden_size", None) or config.hidden_sizes[-1])


def load(kind: Any, folder: Path) -> Any:
    """A model of the folder by one of transformers' classes."""
    with quiet():
        return kind.from_pretrained(folder).eval()
