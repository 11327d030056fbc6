"""A plain BERT that reads sentences without transformers, whose import takes longer than all else that a search does.

The same layers of torch in the same order and the folder's own tokenizer.json, so the same rows to the last bit. Only a
search uses it, so it counts in no fingerprint. A folder that asks for more than is known here is read by the feature
itself.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

import torch
from torch import Tensor, nn
from torch.nn.functional import scaled_dot_product_attention

from extractors.bare import Embedding, Linear
from extractors.bert import Bert
from extractors.bert_recipe import read_json
from extractors.checkpoint import convert, fill

LONGEST = 10**6  # model_max_length where the folder says none


def known(folder: Path) -> bool:
    """Whether a folder holds a BERT, and a tokenizer.json that does what transformers makes of its settings."""
    try:
        shape, settings = read_json(folder / "config.json"), read_json(folder / "tokenizer_config.json")
        rules = read_json(folder / "tokenizer.json")
        normaliser = {
            "type": "BertNormalizer",
            "clean_text": True,
            "handle_chinese_chars": settings.get("tokenize_chinese_chars", True),
            "strip_accents": settings.get("strip_accents"),
            "lowercase": settings.get("do_lower_case", True),
        }
        return (
            shape["model_type"] == "bert"
            and shape.get("hidden_act", "gelu") == "gelu"
            and shape.get("position_embedding_type", "absolute") == "absolute"
            and not shape.get("is_decoder")
            and not shape.get("add_cross_attention")
            and settings["tokenizer_class"] in ("BertTokenizer", "BertTokenizerFast")
            and rules["normalizer"] == normaliser
            and rules["pre_tokenizer"] == {"type": "BertPreTokenizer"}
            and rules["model"]["type"] == "WordPiece"
        )
    except (ValueError, KeyError, TypeError, AttributeError):
        return False  # what is wrong with it the feature says


class BertText(Bert):
    """Captions [C, D] as Bert makes them."""

    sides: tuple[str, ...] = ()  # no feature of its own: stages name Bert

    def load(self, device: str, weights: Path | None) -> None:
        """Read the folder: network, tokenizer, pooling; by transformers where it is not `known`."""
        if weights is None or not known(weights):
            super().load(device, weights)
            return
        converted = convert(weights, self.LAYOUTS, str(self))
        net = Encoder(converted.config)
        fill(net, converted.state, converted.source, str(self), assign=True)
        self.tokenizer = WordPieces(weights)
        self.recipe = self.read_recipe(weights, net)
        self.device = device
        self.net: Any = net.eval().to(device)


class WordPieces:
    """The folder's tokenizer.json, read by the library tokenizers and called as transformers' tokenizers are."""

    def __init__(self, folder: Path) -> None:
        from tokenizers import Tokenizer

        self._tokenizer = Tokenizer.from_str((folder / "tokenizer.json").read_text(encoding="utf-8"))
        self._tokenizer.no_padding()
        settings = json.loads((folder / "tokenizer_config.json").read_text(encoding="utf-8"))
        self.model_max_length = int(min(settings.get("model_max_length") or LONGEST, LONGEST))
        self.pad_token_id = self._tokenizer.token_to_id(settings.get("pad_token", "[PAD]"))

    def __call__(self, texts: Sequence[str], truncation: bool, max_length: int) -> dict[str, list[list[int]]]:
        """The numbers of each text's pieces, the two ends among them."""
        self._tokenizer.enable_truncation(max_length)
        return {"input_ids": [encoding.ids for encoding in self._tokenizer.encode_batch(list(texts))]}


class States(NamedTuple):
    """What the encoder gives."""

    last_hidden_state: Tensor  # [B, N, D]


class Shape(NamedTuple):
    """What others ask of config.json."""

    hidden_size: int
    max_position_embeddings: int


class Encoder(nn.Module):
    """Word pieces to their last hidden states, as transformers' BertModel computes them. B captions of N pieces."""

    def __init__(self, shape: dict[str, Any]) -> None:
        """shape: config.json, with the library's defaults where it says nothing."""
        super().__init__()
        width = shape.get("hidden_size", 768)
        self.config = Shape(width, shape.get("max_position_embeddings", 512))
        epsilon = shape.get("layer_norm_eps", 1e-12)
        sizes = {
            "word_embeddings": shape.get("vocab_size", 30522),
            "position_embeddings": self.config.max_position_embeddings,
            "token_type_embeddings": shape.get("type_vocab_size", 2),
        }
        self.embeddings = nn.ModuleDict({name: Embedding(size, width) for name, size in sizes.items()})
        self.embeddings["LayerNorm"] = nn.LayerNorm(width, epsilon)
        heads, inner = shape.get("num_attention_heads", 12), shape.get("intermediate_size", 3072)
        layers = [Layer(width, heads, inner, epsilon) for _ in range(shape.get("num_hidden_layers", 12))]
        self.encoder: Any = nn.ModuleDict({"layer": nn.ModuleList(layers)})

    def forward(self, input_ids: Tensor, attention_mask: Tensor) -> States:
        """input_ids [B, N] int64; attention_mask [B, N], 0 where a piece only fills up."""
        count, length = input_ids.shape
        places = torch.arange(length, device=input_ids.device)[None]
        table = self.embeddings
        x = table["word_embeddings"](input_ids) + table["token_type_embeddings"](torch.zeros_like(input_ids))
        x = table["LayerNorm"](x + table["position_embeddings"](places))
        full = attention_mask.bool()
        mask = None if full.all() else full[:, None, None, :].expand(count, 1, length, length)
        for layer in self.encoder["layer"]:
            x = layer(x, mask)
        return States(x)


class Layer(nn.Module):
    """Attention, then two layers; each is added to what comes in and normalised. [B, N, W] -> the same."""

    def __init__(self, width: int, heads: int, inner: int, epsilon: float) -> None:
        super().__init__()
        self._heads = heads
        attention = nn.ModuleDict({name: Linear(width, width) for name in ("query", "key", "value")})
        self.attention: Any = nn.ModuleDict({"self": attention, "output": _output(width, width, epsilon)})
        self.intermediate = nn.ModuleDict({"dense": Linear(width, inner)})
        self.output: Any = _output(inner, width, epsilon)

    def forward(self, x: Tensor, mask: Tensor | None) -> Tensor:
        """mask: [B, 1, N, N] bool, the pieces that each may look at; None: all."""
        layers = self.attention["self"]
        q, k, v = (
            layers[name](x).unflatten(2, (self._heads, -1)).transpose(1, 2) for name in ("query", "key", "value")
        )
        seen = scaled_dot_product_attention(q, k, v, attn_mask=mask, scale=q.shape[3] ** -0.5)
        x = _added(self.attention["output"], seen.transpose(1, 2).flatten(2), x)
        return _added(self.output, nn.functional.gelu(self.intermediate["dense"](x)), x)


def _output(inner: int, width: int, epsilon: float) -> nn.ModuleDict:
    return nn.ModuleDict({"dense": Linear(inner, width), "LayerNorm": nn.LayerNorm(width, epsilon)})


def _added(output: Any, y: Tensor, x: Tensor) -> Tensor:
    """[B, N, W]: what `output` makes of y, added to x."""
    total: Tensor = output["LayerNorm"](output["dense"](y) + x)
    return total
