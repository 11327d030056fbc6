"""Tokenizers of CLIP models as in extractors/tokens.py, without importing open_clip, which takes seconds."""

from __future__ import annotations

import importlib.util
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from extractors.clip_config import ClipConfig
from extractors.tokens import FileTokens, Tokens


def lean_tokens(config: ClipConfig) -> Tokens:
    """CLIP's own tokenizer, of byte pairs."""
    module, options = _module(), dict(config.tokenizing)
    if options.keys() <= {"clean"}:
        tokenizer = module._tokenizer  # made when the module was run: to make another would read the vocabulary again
        tokenizer.clean_fn = module.get_clean_fn(options.get("clean", "lower"))
    else:
        tokenizer = module.SimpleTokenizer(**options)
    return lambda captions: tokenizer(list(captions), context_length=config.context)


class LeanTokens(FileTokens):
    """FileTokens that import nothing of open_clip but its tokenizer's own file."""

    def __init__(self, content: str, clean: str = "whitespace", zeroed: Sequence[int] = ()) -> None:
        """Take the same as FileTokens."""
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
