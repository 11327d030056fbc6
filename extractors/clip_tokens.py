"""Tokenizers of CLIP models for who reads sentences alone: as extractors/tokens.py, without importing open_clip."""

from __future__ import annotations

import importlib.util
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from extractors.clip_config import ClipConfig
from extractors.clip_files import read_tokenizer
from extractors.tokens import FILE, FileTokens, Tokens, _number, _settings


def own_tokens(config: ClipConfig) -> Tokens:
    """CLIP's byte pairs. The module reads its vocabulary when it is run, so that one is taken."""
    module, options = _module(), dict(config.tokenizing)
    if options.keys() <= {"clean"}:
        tokenizer = module._tokenizer  # of this copy of the module, which nobody else has
        tokenizer.clean_fn = module.get_clean_fn(options.get("clean", "lower"))
    else:
        tokenizer = module.SimpleTokenizer(**options)
    return lambda captions: tokenizer(list(captions), context_length=config.context)


def file_tokens(config: ClipConfig, given: str, weights: Path) -> Tokens:
    """The tokenizer in the folder `given`, or beside the weights where that is ""; ValueError as of read_tokenizer."""
    from tokenizers import Tokenizer

    folder = Path(given).expanduser() if given else weights if weights.is_dir() else weights.parent
    file = folder / FILE if folder.is_dir() else folder
    try:
        tokenizer, settings = Tokenizer.from_str(file.read_text(encoding="utf-8")), _settings(file.parent)
        pad, side = _number(tokenizer, settings, "pad_token", file), settings.get("padding_side", "right")
        separator = _number(tokenizer, settings, "sep_token", file) if _strips(config) else None
    except Exception:  # the library raises plain Exception; what is wrong the feature's own way says
        return read_tokenizer(config, given, weights)
    tokenizer.enable_truncation(max_length=config.context)
    tokenizer.enable_padding(direction=side, pad_id=pad, pad_token=tokenizer.id_to_token(pad), length=config.context)
    zeroed = [] if separator is None else [separator]
    return LearnedTokens(tokenizer.to_str(), config.tokenizing.get("clean", "whitespace"), zeroed)


def _strips(config: ClipConfig) -> bool:
    return bool(config.tokenizing.get("strip_sep_token", False))


class LearnedTokens(FileTokens):
    """FileTokens, from the same state."""

    def __init__(self, content: str, clean: str = "whitespace", zeroed: Sequence[int] = ()) -> None:
        from tokenizers import Tokenizer

        self.clean = _module().get_clean_fn(clean)
        self.zeroed = [*zeroed]
        self._tokenizer = Tokenizer.from_str(content)


def _module() -> Any:
    """open_clip's tokenizer.py run as a module of ours: it needs nothing else of the package."""
    package = importlib.util.find_spec("open_clip")
    if package is None or package.origin is None:
        raise ModuleNotFoundError("open_clip, which has CLIP's vocabulary, is not installed", name="open_clip")
    spec = importlib.util.spec_from_file_location("clip_tokenizer", Path(package.origin).with_name("tokenizer.py"))
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module
