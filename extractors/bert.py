"""Sentence encoders of the BERT family: Devlin et al., NAACL 2019; Reimers & Gurevych, "Sentence-BERT", EMNLP 2019.

Weights are a folder of the Hugging Face hub: config.json, the tensors, the tokenizer (tokenizer.json or its
vocabulary), and the files of sentence-transformers, where there are any, which say how words become a sentence.
"""

from __future__ import annotations

from collections.abc import Sequence
from copy import deepcopy
from pathlib import Path
from typing import Any, Literal

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn.utils.rnn import pad_sequence

from extractors.bert_encoder import BertEncoder, sentences
from extractors.bert_recipe import Recipe
from extractors.checkpoint import Converted, Layout, convert, fill, rename

BATCH = 256  # captions of one forward
TOKENIZERS = ("tokenizer.json", "vocab.txt", "vocab.json", "sentencepiece.bpe.model")
CHOICES = (
    "attn_implementation",
    "_attn_implementation",
    "experts_implementation",
    "auto_map",
)  # may name code of the hub
NO_RANDOM = "weights random: without a folder there is no tokenizer; give a folder, or leave bert out"


class Bert:
    """The last hidden states of a caption's words as one vector, [C, D] float32.

    The folder says what is not given here: `pooling` over the words (mean where the folder says nothing), `normalise`
    to unit length, `length` in word pieces with the two at the ends; longer captions lose their end.
    """

    sides: tuple[str, ...] = ("text",)
    rate = 0.01
    LAYOUTS = (
        Layout(
            "the Hugging Face hub's layout",
            (
                r"^((bert|distilbert|mpnet|roberta)\.)?embeddings\.word_embeddings\.weight$",
                r"(^|\.)layer\.0\.attention\.",
            ),
            rename(
                (r"^(bert|distilbert|mpnet|roberta)\.", ""),
                (r"LayerNorm\.gamma$", "LayerNorm.weight"),  # files as old as bert-base-uncased
                (r"LayerNorm\.beta$", "LayerNorm.bias"),
            ),
            # Heads of what it was trained for, and the numbers 0, 1, 2, … that old files hold beside the weights.
            dropped=("pooler.", "cls.", "lm_head.", "classifier.", "vocab_", "embeddings.position_ids"),
        ),
    )

    def __init__(
        self,
        *,
        pooling: Literal["auto", "mean", "cls", "max"] = "auto",  # auto: as the folder says, else mean
        normalise: bool | None = None,  # to length 1; null: as the folder says
        length: int | None = None,  # word pieces at most, the two at the ends among them; null: as the folder says
        weights: str = "all-minilm-l6-v2",  # a name of `laff weights list`, or a folder of yours
    ) -> None:
        if weights == "random":
            raise ValueError(NO_RANDOM)
        if length is not None and length < 3:
            raise ValueError(f"length is {length}; it should be at least 3, a word and the two ends")
        self.pooling = pooling
        self.normalise = normalise
        self.length = length
        self.weights = weights

    def __str__(self) -> str:
        return "Bert"

    def build(self, converted: Converted | None = None) -> nn.Module:
        """The network that the folder's config.json describes, without weights."""
        from transformers import AutoConfig, AutoModel

        shape = {key: value for key, value in (converted.config if converted else {}).items() if key not in CHOICES}
        if "model_type" not in shape:
            raise ValueError("a sentence encoder is built from the config.json of its folder, which names a model_type")
        try:
            config = AutoConfig.for_model(**shape)
            net: Any = AutoModel.from_config(config, trust_remote_code=False, dtype=torch.float32)
        except Exception as error:  # transformers checks the values in ways of its own
            raise ValueError(f"config.json describes no model that transformers builds: {error}") from None
        if hasattr(net, "pooler"):
            net.pooler = None  # it serves a task of the training, not sentences
        module: nn.Module = net
        return module

    def load(self, device: str, weights: Path | None) -> None:
        """Read the folder: network, tokenizer, pooling. ValueError where a part of it is missing or unknown."""
        if weights is None:
            raise ValueError(NO_RANDOM)
        lacks = [] if (weights / "config.json").is_file() else ["config.json"]
        if not any((weights / name).is_file() for name in TOKENIZERS):
            lacks.append(f"a tokenizer ({', '.join(TOKENIZERS)})")
        if lacks:
            raise ValueError(f"{weights} lacks {' and '.join(lacks)}; a sentence encoder is a whole folder of the hub")
        converted = convert(weights, self.LAYOUTS, str(self))
        net = self.build(converted)
        fill(net, converted.state, converted.source, str(self))
        self.tokenizer = _tokenizer(weights)
        self.recipe = self.read_recipe(weights, net)
        self.device = device
        self.net: Any = net.eval().to(device)

    def read_recipe(self, folder: Path, net: Any) -> Recipe:
        """How the folder of the loaded tokenizer makes a sentence with this network, as the parameters have it."""
        longest = self.tokenizer.model_max_length
        return Recipe(folder, net, longest, pooling=self.pooling, normalise=self.normalise, length=self.length)

    @property
    def dim(self) -> int:
        """D of the loaded folder; an AttributeError before it is loaded."""
        return int(self.net.config.hidden_size)

    @property
    def about(self) -> dict[str, Any]:
        """How the loaded folder makes a row."""
        recipe = self.recipe
        facts = {"pooling": recipe.pooling, "normalise": recipe.normalise, "length": recipe.length}
        return {"sentence": facts | {"lower": recipe.lower}}

    @torch.no_grad()
    def extract_text(self, captions: Sequence[str]) -> np.ndarray:
        """C texts -> [C, D] float32, in their order. Captions of similar length share a forward."""
        pieces = self._pieces(captions)
        order = sorted(range(len(pieces)), key=lambda row: len(pieces[row]))
        vectors = np.zeros((len(pieces), self.dim), dtype=np.float32)
        for start in range(0, len(order), BATCH):
            chosen = order[start : start + BATCH]
            vectors[chosen] = self._encode([pieces[row] for row in chosen]).cpu().numpy()
        return vectors

    def _pieces(self, captions: Sequence[str]) -> list[Tensor]:
        """The numbers of each caption's word pieces, [N] int64."""
        if not captions:
            return []
        texts = [caption.strip().lower() if self.recipe.lower else caption.strip() for caption in captions]
        numbers = self.tokenizer(texts, truncation=True, max_length=self.recipe.length)["input_ids"]
        return [torch.tensor(row) for row in numbers]

    def _encode(self, pieces: list[Tensor]) -> Tensor:
        """Captions of any lengths -> [B, D] float32; no word attends to padding, and no mean contains it."""
        ids = pad_sequence(pieces, batch_first=True, padding_value=self.tokenizer.pad_token_id).to(self.device)
        lengths = torch.tensor([len(row) for row in pieces], device=self.device)
        mask = torch.arange(ids.shape[1], device=self.device) < lengths[:, None]
        return sentences(self.net, ids, mask, self.recipe)

    def tokens(self, captions: Sequence[str], words: Sequence[str] = ()) -> tuple[Tensor, Tensor]:
        """C captions -> word pieces [sum L] int64, and starts [C + 1] int64 of each caption; for `encoder`.

        words: not looked at, since the loaded folder has the pieces.
        """
        pieces = self._pieces(captions)
        starts = torch.zeros(len(pieces) + 1, dtype=torch.int64)
        torch.cumsum(torch.tensor([len(row) for row in pieces], dtype=torch.int64), dim=0, out=starts[1:])
        return torch.cat([*pieces, torch.empty(0, dtype=torch.int64)]), starts

    @property
    def size(self) -> int:
        """How many word pieces the loaded folder knows."""
        return int(self.net.config.vocab_size)

    def encoder(self, words: Sequence[str] = (), vectors: object = None, seed: int | None = None) -> BertEncoder:
        """A copy of the loaded network, to learn inside a fusion model; it starts from the folder's weights.

        The parameters are those of every such encoder, and change nothing here: all that it starts from is loaded.
        """
        return BertEncoder(deepcopy(self.net), self.recipe, self.tokenizer.pad_token_id)


def _tokenizer(folder: Path) -> Any:
    """The tokenizer of a folder; ValueError where it cannot be read."""
    from transformers import AutoTokenizer

    try:
        return AutoTokenizer.from_pretrained(folder, local_files_only=True, trust_remote_code=False)
    except Exception as error:  # a damaged file makes the reader fail in any way
        first = str(error).splitlines()[0] if str(error) else type(error).__name__
        raise ValueError(f"{folder}: its tokenizer cannot be read ({first})") from error
