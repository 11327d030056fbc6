"""Captions to token numbers: CLIP's own vocabulary, or a tokenizer.json of the Hugging Face hub."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

FILE, SETTINGS = "tokenizer.json", "tokenizer_config.json"

Tokens = Callable[[Sequence[str]], Tensor]  # C captions -> [C, context] int64; longer ones lose their end


def own_tokens(context: int, options: dict[str, Any]) -> Tokens:
    """A tokenizer with CLIP's byte pairs, which open_clip contains."""
    from open_clip import SimpleTokenizer

    tokenizer = SimpleTokenizer(context_length=context, **options)
    return lambda captions: tokenizer(list(captions))


class FileTokens:
    """A tokenizer.json as open_clip applies it: captions are cleaned, cut, and padded to the context.

    The tokenizers library reads the file. The classes of transformers might replace rules of the file, as their version
    wants it.
    """

    def __init__(self, content: str, clean: str = "whitespace", zeroed: Sequence[int] = ()) -> None:
        """Take the file's content, with padding and cut; clean: a way of open_clip; zeroed: tokens that become 0."""
        from open_clip.tokenizer import get_clean_fn
        from tokenizers import Tokenizer

        self.clean = get_clean_fn(clean)
        self.zeroed = [*zeroed]
        self._tokenizer = Tokenizer.from_str(content)

    def __call__(self, captions: Sequence[str]) -> Tensor:
        """C captions -> [C, context] int64."""
        encoded = self._tokenizer.encode_batch([self.clean(caption) for caption in captions])
        ids = torch.tensor([one.ids for one in encoded], dtype=torch.int64)
        for token in self.zeroed:
            ids = ids.masked_fill(ids == token, 0)
        return ids

    def state(self) -> dict[str, Any]:
        """The arguments for `FileTokens(**state, clean=…)` to make the same tokenizer."""
        return {"content": self._tokenizer.to_str(), "zeroed": self.zeroed}


def read_tokens(
    path: Path,
    context: int,
    clean: str = "whitespace",
    strip_sep_token: bool = False,
    kind: type[FileTokens] = FileTokens,
) -> FileTokens:
    """The tokenizer of a folder with tokenizer.json and tokenizer_config.json, or of such a file beside the other.

    kind: the class that it becomes an object of. ValueError where the file is missing or broken, or the settings do not
    name the token to pad with.
    """
    from tokenizers import Tokenizer

    file = path / FILE if path.is_dir() else path
    if not file.is_file():
        raise ValueError(f"{file}: no such tokenizer")
    try:
        tokenizer = Tokenizer.from_str(file.read_text(encoding="utf-8"))
    except Exception as error:  # the library raises plain Exception
        raise ValueError(f"{file}: no tokenizer of the Hugging Face hub ({error})") from None
    settings = _settings(file.parent)
    pad, side = _number(tokenizer, settings, "pad_token", file), settings.get("padding_side", "right")
    tokenizer.enable_truncation(max_length=context)
    tokenizer.enable_padding(direction=side, pad_id=pad, pad_token=tokenizer.id_to_token(pad), length=context)
    zeroed = [_number(tokenizer, settings, "sep_token", file)] if strip_sep_token else []
    return kind(tokenizer.to_str(), clean, zeroed)


def _settings(folder: Path) -> dict[str, Any]:
    """The settings of a tokenizer: of both files, where both are there."""
    settings: dict[str, Any] = {}
    for name in ("special_tokens_map.json", SETTINGS):
        if (folder / name).is_file():
            try:
                settings |= json.loads((folder / name).read_text(encoding="utf-8"))
            except (ValueError, TypeError) as error:
                raise ValueError(f"{folder / name}: no settings of a tokenizer ({error})") from None
    return settings


def _number(tokenizer: Any, settings: dict[str, Any], role: str, file: Path) -> int:
    """The number of the token that has a role in the settings."""
    token = settings.get(role)
    if isinstance(token, dict):
        token = token.get("content")
    number = tokenizer.token_to_id(token) if token else None
    if number is None:
        raise ValueError(f"{file}: its {role} is {token!r}; put the {SETTINGS} that names it beside it")
    return int(number)
