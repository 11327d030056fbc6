"""The side of a network that reads: captions to features, each as if it were alone."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from torch import Tensor

from extractors.hf_folder import first, quiet
from extractors.hf_tower import width

# Towers that read from left to right and end with the caption's last token: what is behind it changes nothing.
CAUSAL = ("clip", "clipseg", "xclip", "metaclip_2")
LONGEST = 77  # tokens of a caption where the model has places for a whole page
WHOLE = "take tokenizer.json, or its vocabulary, from the repository of the model"
GPU_BATCH = 256  # captions of one forward on a GPU


class Reader:
    """Captions to [C, D] float32, by a model's own tokenizer and padding.

    Padding is to the model's full length, which towers such as SigLIP's were trained with and see; a causal one gets
    none. On a CPU each caption is a forward of its own, so that its sums do not depend on its company.
    """

    def __init__(self, net: Any, folder: Path, length: int | None = None, lower: bool = False) -> None:
        """Take a network and the folder of its tokenizer. ValueError where that cannot be read."""
        self.net = net
        self.lower = lower
        self.tokenizer = read_tokenizer(folder)
        places = int(net.config.text_config.max_position_embeddings)
        usual = min(places, int(self.tokenizer.model_max_length))
        self.length = (usual if usual <= 2 * LONGEST else LONGEST) if length is None else length
        if not 1 < self.length <= places:
            raise ValueError(
                f"length is {self.length}; {folder} has places for {places} tokens, and at least 2 are read"
            )
        self.padded = net.config.model_type not in CAUSAL
        if not self.padded and self.tokenizer("a").input_ids[-1] != self.tokenizer.eos_token_id:
            raise ValueError(
                f"{folder}: its tokenizer does not end a caption with {self.tokenizer.eos_token}, where a "
                f"{net.config.model_type} looks for its meaning; take tokenizer.json of the model's own repository"
            )
        if self.tokenizer.pad_token is None:
            raise ValueError(f"{folder}: its tokenizer has no token to pad with")
        size = int(net.config.text_config.vocab_size)
        if len(self.tokenizer) > size:
            raise ValueError(f"{folder}: its tokenizer has {len(self.tokenizer)} tokens, its network {size}")

    @property
    def about(self) -> dict[str, Any]:
        """How captions become tokens, for a shard."""
        return {"length": self.length, "padded": self.padded, "lower": self.lower}

    def __call__(self, captions: Sequence[str]) -> np.ndarray:
        """C texts -> [C, D] float32."""
        on_cpu = self.net.device.type == "cpu"
        size = 1 if on_cpu else GPU_BATCH
        rows = [self._encode(captions[start : start + size], on_cpu) for start in range(0, len(captions), size)]
        return np.concatenate(rows) if rows else np.zeros((0, width(self.net.config)), dtype=np.float32)

    def _encode(self, captions: Sequence[str], alone: bool) -> np.ndarray:
        """A few captions in one forward."""
        texts = [caption.lower() if self.lower else caption for caption in captions]
        padding = "do_not_pad" if alone and not self.padded else "max_length"
        with quiet():
            inputs = self.tokenizer(
                texts, padding=padding, truncation=True, max_length=self.length, return_tensors="pt"
            ).to(self.net.device)
        seen = self.net.get_text_features(**inputs)
        features: Tensor = seen if isinstance(seen, Tensor) else seen.pooler_output
        vectors: np.ndarray = features.float().flatten(1).cpu().numpy()
        return vectors


def read_tokenizer(folder: Path) -> Any:
    """The tokenizer of a folder; ValueError where it cannot be read. No code of the folder is run."""
    from transformers import AutoTokenizer

    if not any(folder.glob("*token*")) and not any(folder.glob("*vocab*")):
        raise ValueError(
            f"{folder} has no tokenizer (tokenizer.json, tokenizer_config.json), so it reads no captions; take these "
            "files from the repository of the model, or the stage hf-video, which reads none"
        )
    try:
        with quiet():
            tokenizer = AutoTokenizer.from_pretrained(folder, local_files_only=True, trust_remote_code=False)
    except Exception as error:  # a damaged file makes the reader fail in any way
        raise ValueError(f"{folder}: its tokenizer cannot be read ({first(error)}); {WHOLE}") from error
    if not set(tokenizer.get_vocab()).difference(tokenizer.all_special_tokens):
        raise ValueError(f"{folder}: its tokenizer knows no words, so all captions would be alike; {WHOLE}")
    return tokenizer
