"""A model in a folder of the Hugging Face hub: its config.json read, its network built by transformers' own classes.

No code of a folder is ever run: what its config.json says of code (auto_map) is not followed, and tensors are read from
safetensors, or from pickles that may hold nothing else.
"""

from __future__ import annotations

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from difflib import get_close_matches
from pathlib import Path
from typing import Any

import torch
from torch import nn

from extractors.tensors import config as read_json
from extractors.tensors import read
from extractors.untrained import seeded

LOG = logging.getLogger(__name__)  # gets which tensors of a folder the feature does not need
# Classifiers that pool in a way of their own, with weights that the bare model lacks; their last layer is not used.
POOLING_CLASSIFIERS = ("VideoMAEForVideoClassification", "VJEPA2ForVideoClassification")
LEFT = (  # of a config.json: what may name code of the hub, and what changes in which form a network answers
    *("auto_map", "attn_implementation", "_attn_implementation", "experts_implementation"),
    *("return_dict", "torchscript", "output_hidden_states", "output_attentions"),
)
# Attention that masks in every case: with torch's own, AIMv2's text tower forgets to read from left to right where no
# caption of a batch is padded (transformers 5.23).
EAGER = ("aimv2",)
SHOWN = 4  # names in a message
REFUSED = {"vit_mae": "it hides three quarters of every picture, at random"}


def read_config(folder: Path) -> Any:
    """The config.json of a folder, as an object of the class that transformers has for it.

    ValueError where there is none, or where transformers has no class: code that the folder brings is never run.
    """
    if not folder.is_dir():
        what = "is a file" if folder.exists() else "is not there"
        raise ValueError(f"{folder} {what}; a model of transformers is a folder with config.json and its tensors")
    content = read_json(folder)
    if not isinstance(content.get("model_type"), str):
        here = (folder / "config.json").is_file()
        lack = "has a config.json without model_type" if here else "has no config.json"
        raise ValueError(f"{folder} {lack}, so it is no model that transformers can build")
    import transformers

    kind = content["model_type"]
    if kind not in transformers.CONFIG_MAPPING:
        code = ", ".join(map(str, (content.get("auto_map") or {}).values()))
        near = ", ".join(get_close_matches(kind, list(transformers.CONFIG_MAPPING.keys()), n=3))
        raise ValueError(
            f"{folder}: transformers {transformers.__version__} has no model_type {kind!r}"
            + (f"; near it: {near}" if near else "")
            + (f". The folder brings code of its own ({code}), which is never run" if code else "")
        )
    if kind in REFUSED:
        raise ValueError(f"{folder}: a {kind} gives no features of a video: {REFUSED[kind]}")
    if content.get("quantization_config"):
        raise ValueError(f"{folder} holds quantised weights (quantization_config); take the model as it was trained")
    shape = {key: value for key, value in content.items() if key not in LEFT}
    try:
        with quiet():
            return transformers.CONFIG_MAPPING[kind].from_dict(shape)
    except Exception as error:  # transformers checks the values in ways of its own
        raise ValueError(f"{folder / 'config.json'} describes no {kind}: {error}") from None


def build(config: Any) -> Any:
    """The network that a config describes, with random weights, the same in every process."""
    from transformers import AutoModel, AutoModelForVideoClassification

    _class(config)  # says what is wrong
    auto: Any = AutoModelForVideoClassification if _classifies(config) else AutoModel
    with seeded(), quiet():
        return auto.from_config(config, trust_remote_code=False, **_exact(config)).eval()


def read_network(folder: Path, config: Any) -> tuple[Any, list[str]]:
    """The network of a folder with its weights, and the names of weights that the folder lacks, which are random.

    ValueError where the tensors cannot be read without running code, have other shapes, or are not finite.
    """
    state = read(folder)
    try:
        with seeded(), quiet():
            net, found = _class(config).from_pretrained(
                None, config=config, state_dict=state, output_loading_info=True, **_exact(config)
            )
    except RuntimeError as error:  # shapes: the reasons stand in a table of transformers' own
        raise ValueError(f"{folder} does not fit its own config.json: {_first(error)}") from None
    if wrong := [name for name, value in net.named_parameters() if not value.isfinite().all()]:
        raise ValueError(f"{folder}: {len(wrong)} tensors are not of finite numbers: {some(wrong)}")
    if unused := sorted(found["unexpected_keys"]):
        LOG.info("%s: %d tensors are not needed: %s", folder, len(unused), some(unused))
    return net.eval(), sorted(found["missing_keys"])


def some(names: list[str]) -> str:
    """The first of some names."""
    return ", ".join(names[:SHOWN]) + (", …" if len(names) > SHOWN else "")


@contextmanager
def quiet() -> Iterator[None]:
    """Keep transformers from reporting and drawing bars: what matters of a folder is said by whoever reads it."""
    from transformers.utils import logging as messages

    before, bars = messages.get_verbosity(), messages.is_progress_bar_enabled()
    messages.set_verbosity(logging.CRITICAL)
    messages.disable_progress_bar()
    try:
        yield
    finally:
        messages.set_verbosity(before)
        if bars:
            messages.enable_progress_bar()


def _exact(config: Any) -> dict[str, Any]:
    """How transformers builds a network whose features depend on nothing but its weights and what it is given."""
    return {"dtype": torch.float32} | ({"attn_implementation": "eager"} if config.model_type in EAGER else {})


def _class(config: Any) -> type[Any]:
    """The class of transformers for a config: the bare model, or a classifier that pools in a way of its own."""
    from transformers import MODEL_FOR_VIDEO_CLASSIFICATION_MAPPING as CLASSIFIERS
    from transformers import MODEL_MAPPING

    mapping = CLASSIFIERS if _classifies(config) else MODEL_MAPPING
    if type(config) not in mapping:
        raise ValueError(f"transformers has no bare model of {config.model_type}, only parts or heads of one")
    found: Any = mapping[type(config)]
    chosen: type[nn.Module] = found[0] if isinstance(found, tuple) else found
    return chosen


def _classifies(config: Any) -> bool:
    """Whether a folder holds a classifier that pools in a way of its own."""
    return (getattr(config, "architectures", None) or [""])[0] in POOLING_CLASSIFIERS


def _first(error: Exception) -> str:
    """The first lines of a message that tell something."""
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    return "; ".join(lines[:2]) or type(error).__name__
