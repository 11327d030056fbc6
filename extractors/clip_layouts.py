"""The names that code bases give the tensors of a CLIP model, brought to open_clip's."""

from __future__ import annotations

import re

import torch
from torch import Tensor

from extractors.checkpoint import Layout, rename

_TEXT, _IMAGE = "text_model", "vision_model"


def _hugging_face(state: dict[str, Tensor]) -> dict[str, Tensor]:
    """CLIPModel's tensors: queries, keys and values stand apart there, projections are transposed."""
    joined: dict[str, Tensor] = {}
    for key, value in state.items():
        if key in ("text_projection.weight", "visual_projection.weight"):
            joined["text_projection" if key.startswith("text") else "visual.proj"] = value.T.contiguous()
        elif match := re.fullmatch(r"(.*\.self_attn)\.q_proj\.(weight|bias)", key):
            parts = [state.get(f"{match[1]}.{letter}_proj.{match[2]}") for letter in "qkv"]
            present = [part for part in parts if part is not None]  # a lost part shows as a wrong shape
            joined[f"{match[1]}.in_proj_{match[2]}"] = torch.cat(present)
        elif not re.search(r"\.self_attn\.[kv]_proj\.", key):
            joined[key] = value
    return _NAMES(joined)


_NAMES = rename(
    (rf"^{_TEXT}\.embeddings\.token_embedding\.", "token_embedding."),
    (rf"^{_TEXT}\.embeddings\.position_embedding\.weight$", "positional_embedding"),
    (rf"^{_TEXT}\.final_layer_norm\.", "ln_final."),
    (rf"^{_IMAGE}\.embeddings\.class_embedding$", "visual.class_embedding"),
    (rf"^{_IMAGE}\.embeddings\.patch_embedding\.", "visual.conv1."),
    (rf"^{_IMAGE}\.embeddings\.position_embedding\.weight$", "visual.positional_embedding"),
    (rf"^{_IMAGE}\.pre_layrnorm\.", "visual.ln_pre."),  # sic
    (rf"^{_IMAGE}\.post_layernorm\.", "visual.ln_post."),
    (rf"^{_TEXT}\.encoder\.layers\.", "transformer.resblocks."),
    (rf"^{_IMAGE}\.encoder\.layers\.", "visual.transformer.resblocks."),
    (r"\.self_attn\.", ".attn."),
    (r"\.layer_norm([12])\.", r".ln_\1."),
    (r"\.mlp\.fc1\.", ".mlp.c_fc."),
    (r"\.mlp\.fc2\.", ".mlp.c_proj."),
)

OPENAI = Layout(
    "OpenAI's layout",
    (r"^input_resolution$", r"^visual\."),
    rename(),
    dropped=("input_resolution", "context_length", "vocab_size"),  # numbers that the shapes tell as well
)
HUGGING_FACE = Layout(
    "Hugging Face's layout",
    (rf"^{_TEXT}\.encoder\.", rf"^{_IMAGE}\.embeddings\.class_embedding$"),
    _hugging_face,
    dropped=(f"{_TEXT}.embeddings.position_ids", f"{_IMAGE}.embeddings.position_ids"),
)
SIGLIP = Layout("Hugging Face's layout of SigLIP", (rf"^{_TEXT}\.encoder\.", rf"^{_IMAGE}\.head\."), rename())
OPEN_CLIP = Layout("open_clip's layout", (r"^visual\.", r"^(text\.)?token_embedding\.", r"^logit_scale$"), rename())
