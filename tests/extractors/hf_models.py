"""Tiny random models of transformers, each in a folder as the Hugging Face hub has them."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import torch
import transformers
from tokenizers import Tokenizer, models, pre_tokenizers, processors
from transformers import AutoConfig, PreTrainedTokenizerFast

from extractors.hf_folder import quiet

LAYERS = {"hidden_size": 32, "intermediate_size": 48, "num_hidden_layers": 2, "num_attention_heads": 4}
SEEN = LAYERS | {"image_size": 32, "patch_size": 16}
READ = LAYERS | {"vocab_size": 270, "max_position_embeddings": 24, "pad_token_id": 0, "bos_token_id": 2}
READ |= {"eos_token_id": 1}
STAGES = {"hidden_sizes": [8, 16, 16, 24], "depths": [1, 1, 1, 1], "image_size": 32}
SHORT = {"size": {"shortest_edge": 36}, "crop_size": {"height": 32, "width": 32}}
SQUARE = {"size": {"height": 32, "width": 32}}
PAIR = {"text_config": READ, "vision_config": SEEN, "projection_dim": 24}
FRAMES = {"num_frames": 4, "tubelet_size": 2}
MULTIFRAME = {"mit_hidden_size": 24, "mit_intermediate_size": 32, "mit_num_hidden_layers": 1}
MULTIFRAME |= {"mit_num_attention_heads": 4, "num_frames": 4}
PRISM = {"hidden_size": 32, "intermediate_size": 48, "num_attention_heads": 4, "image_size": 32, "num_frames": 4}
PRISM |= {"tubelet_size": [1, 16, 16], "num_spatial_layers": 1, "num_temporal_layers": 1, "num_auxiliary_layers": 1}
VJEPA = {"crop_size": 32, "patch_size": 16, "frames_per_clip": 4, "hidden_size": 24, "num_hidden_layers": 2}
VJEPA |= {"num_attention_heads": 2, "mlp_ratio": 2, "num_pooler_layers": 1, "pred_hidden_size": 24}
VJEPA |= {"pred_num_attention_heads": 2, "pred_num_hidden_layers": 1}


@dataclass(frozen=True)
class Family:
    """One kind of model: its config, the class of its network, and its processor."""

    kind: str  # model_type
    config: dict[str, Any]
    processor: str  # a class of transformers
    pixels: dict[str, Any] = field(default_factory=lambda: dict(SHORT))
    network: str = ""  # a class of transformers; '': that of AutoModel

    @property
    def reads(self) -> bool:
        """Whether it has a side for captions."""
        return "text_config" in self.config

    @property
    def on_pil(self) -> bool:
        """Whether transformers has a processor on PIL for it."""
        return hasattr(transformers, f"{self.processor}Pil")


FAMILIES = {
    "CLIP": Family("clip", PAIR, "CLIPImageProcessor"),
    "SigLIP, SigLIP 2": Family("siglip", PAIR, "SiglipImageProcessor", SQUARE),
    "SigLIP 2, sizes vary": Family(
        "siglip2",
        {"text_config": READ, "vision_config": LAYERS | {"patch_size": 16, "num_patches": 4}},
        "Siglip2ImageProcessor",
        {"patch_size": 16, "max_num_patches": 4},
    ),
    "MetaCLIP 2": Family("metaclip_2", PAIR, "CLIPImageProcessor"),
    "AIMv2": Family("aimv2", PAIR, "CLIPImageProcessor"),
    "AltCLIP": Family(
        "altclip",
        PAIR | {"text_config": READ | {"project_dim": 32, "max_position_embeddings": 30}},
        "CLIPImageProcessor",
    ),
    "Chinese CLIP": Family("chinese_clip", PAIR, "ChineseCLIPImageProcessor", SQUARE | SHORT),
    "BLIP": Family("blip", PAIR, "BlipImageProcessor", SQUARE),
    "X-CLIP": Family(
        "xclip",
        PAIR | {"vision_config": SEEN | MULTIFRAME, "prompt_num_attention_heads": 4, "prompt_layers": 1},
        "VideoMAEImageProcessor",
    ),
    "TIPSv2": Family(
        "tipsv2",
        {"text_config": READ, "vision_config": SEEN | {"mlp_ratio": 2}},
        "Tipsv2ImageProcessor",
        SQUARE,
    ),
    "VideoPrism": Family(
        "videoprism",
        {"text_config": READ, "vision_config": PRISM},
        "VideoMAEVideoProcessor",
        SQUARE | {"do_normalize": False, "do_center_crop": False},
    ),
    "VideoMAE": Family("videomae", SEEN | FRAMES, "VideoMAEImageProcessor"),
    "VideoMAE, fine-tuned": Family(
        "videomae", SEEN | FRAMES, "VideoMAEVideoProcessor", network="VideoMAEForVideoClassification"
    ),
    "V-JEPA 2": Family("vjepa2", VJEPA, "VJEPA2VideoProcessor", {"crop_size": 32}),
    "V-JEPA 2, fine-tuned": Family(
        "vjepa2", VJEPA, "VJEPA2VideoProcessor", {"crop_size": 32}, network="VJEPA2ForVideoClassification"
    ),
    "TimeSformer": Family("timesformer", SEEN | {"num_frames": 4}, "VideoMAEImageProcessor"),
    "ViViT": Family("vivit", SEEN | {"num_frames": 4, "tubelet_size": [2, 16, 16]}, "VivitVideoProcessor"),
    "ViT": Family("vit", SEEN, "ViTImageProcessor", SQUARE, network="ViTForImageClassification"),
    "DeiT": Family("deit", SEEN, "DeiTImageProcessor", {"size": {"height": 36, "width": 36}, "crop_size": 32}),
    "BEiT": Family("beit", SEEN, "BeitImageProcessor", SQUARE),
    "DINOv2": Family("dinov2", SEEN | {"mlp_ratio": 2}, "BitImageProcessor"),
    "DINOv2, registers": Family("dinov2_with_registers", SEEN | {"mlp_ratio": 2}, "BitImageProcessor"),
    "DINOv3 ViT": Family("dinov3_vit", SEEN, "DINOv3ViTImageProcessor", SQUARE),
    "DINOv3 ConvNeXt": Family("dinov3_convnext", STAGES, "DINOv3ViTImageProcessor", SQUARE),
    "I-JEPA": Family("ijepa", SEEN, "ViTImageProcessor", SQUARE),
    "ConvNeXt": Family("convnext", STAGES, "ConvNextImageProcessor", {"size": {"shortest_edge": 32}}),
    "Swin": Family(
        "swin",
        {"image_size": 32, "patch_size": 4, "embed_dim": 8, "depths": [1, 1], "num_heads": [2, 2], "window_size": 4},
        "ViTImageProcessor",
        SQUARE,
    ),
}


def write(folder: Path, family: Family) -> Path:
    """A folder with config.json, model.safetensors and the files of processor and tokenizer; weights are random."""
    with torch.random.fork_rng(devices=[]), quiet():
        torch.manual_seed(1)
        config = AutoConfig.for_model(family.kind, **family.config)
        auto: Any = transformers.AutoModel.from_config
        net = getattr(transformers, family.network)(config) if family.network else auto(config)
        for parameter in net.parameters():  # many start at zero, and would hide what is done with them
            torch.nn.init.normal_(parameter, std=0.2)
        net.save_pretrained(folder)
        getattr(transformers, family.processor)(**family.pixels).save_pretrained(folder)
        if family.reads:
            tokenizer().save_pretrained(folder)
    return folder


def tokenizer() -> Any:
    """One token for each byte, behind a first and before a last one, which is the largest, as in CLIP."""
    vocabulary = {token: number for number, token in enumerate(["<pad>", "</s>", "<s>", "<unk>", "<mask>"])}
    vocabulary |= {token: number + 5 for number, token in enumerate(sorted(pre_tokenizers.ByteLevel.alphabet()))}
    words = Tokenizer(models.BPE(vocab=vocabulary, merges=[]))
    words.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False)  # type: ignore[assignment]
    words.post_processor = processors.TemplateProcessing(  # type: ignore[assignment]
        single="<s> $A </s>", special_tokens=[("<s>", 2), ("</s>", 1)]
    )
    return PreTrainedTokenizerFast(
        tokenizer_object=words, pad_token="<pad>", eos_token="</s>", bos_token="<s>", model_max_length=24
    )
