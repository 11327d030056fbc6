"""How the folder of a sentence encoder makes a sentence of its words: the files of sentence-transformers, read."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

POOLINGS = {"pooling_mode_mean_tokens": "mean", "pooling_mode_cls_token": "cls", "pooling_mode_max_tokens": "max"}
MODULES = ("Transformer", "Pooling", "Normalize")  # of sentence-transformers; a Dense after them would be left out


class Recipe:
    """How words become a sentence: as the part says, else as the folder says, else by the mean."""

    def __init__(
        self, folder: Path, net: Any, tokenizer_length: int, *, pooling: str, normalise: bool | None, length: int | None
    ) -> None:
        """Read the folder; ValueError where it asks for what is not known here.

        net: the network; tokenizer_length: in word pieces; the others are Bert's parameters, which go before what the
        folder says.
        """
        modules = _modules(folder)
        if strange := [kind for kind, _ in modules if kind not in MODULES]:
            raise ValueError(f"{folder} has a {strange[0]} in modules.json; only {', '.join(MODULES)} are known here")
        sentence = read_json(folder / "sentence_bert_config.json") or {}
        self.lower = bool(sentence.get("do_lower_case"))
        self.pooling = pooling
        if pooling == "auto":
            self.pooling = next((_pooling(folder / path) for kind, path in modules if kind == "Pooling"), "mean")
        self.normalise = "Normalize" in dict(modules) if normalise is None else normalise
        # RoBERTa and MPNet number positions from after that of the padding.
        longest = net.config.max_position_embeddings - getattr(net.embeddings, "padding_idx", -1) - 1
        self.length = min(length or sentence.get("max_seq_length") or tokenizer_length, longest)
        if length and length > longest:
            raise ValueError(f"length is {length}; {folder} has positions for {longest}")


def _modules(folder: Path) -> list[tuple[str, str]]:
    """The modules of sentence-transformers in their order: kind, and the folder inside this one."""
    try:
        modules = [(row["type"].rpartition(".")[2], row["path"]) for row in read_json(folder / "modules.json") or []]
        inside = all(Path(path).parts in ((), (Path(path).name,)) and path != ".." for _, path in modules)
    except (AttributeError, KeyError, TypeError) as error:
        raise ValueError(f"{folder / 'modules.json'}: no list of modules with type and path ({error!r})") from None
    if not inside:
        raise ValueError(f"{folder / 'modules.json'}: a path leads out of the folder: {dict(modules)}")
    return modules


def _pooling(folder: Path) -> str:
    """The one pooling that is on in sentence-transformers' config.json of `folder`."""
    active = [
        name for name, value in (read_json(folder / "config.json") or {}).items() if value is True and "mode" in name
    ]
    if len(active) != 1 or active[0] not in POOLINGS:
        raise ValueError(
            f"{folder}: pools by {', '.join(active) or 'nothing known here'}; set pooling to mean, cls or max"
        )
    return POOLINGS[active[0]]


def read_json(path: Path) -> Any:
    """The content of a JSON file; None where there is none."""
    if not path.is_file():
        return None
    try:
        return json.loads(path.read_text(encoding="utf-8"))
    except ValueError as error:
        raise ValueError(f"{path}: no JSON ({error})") from None
