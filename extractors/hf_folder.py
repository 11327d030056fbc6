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
LEFT = (  # of a config.json, at every depth: what may name code of the hub, and what changes how a network answers
    *("auto_map", "attn_implementation", "_attn_implementation", "experts_implementation"),
    *("return_dict", "torchscript", "output_hidden_states", "output_attentions"),
)
# Attention that masks in every case: with torch's own, AIMv2's text tower forgets to read from left to right where no
# caption of a batch is padded (transformers 5.23).
EAGER = ("aimv2",)
LARGEST = 20_000_000_000  # parameters of a network: more than any encoder of videos has
SHOWN = 4  # names in a message
REFUSED = {"vit_mae": "it hides three quarters of every picture, at random"}
TIMMS = ("timm_backbone", "timm_wrapper")  # networks of timm's, which may fetch what they are while they are built


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
        raise ValueError(f"{folder} {lack}, so it is no model that transformers can build{_instead(folder)}")
    import transformers

    kind = content["model_type"]
    if kind not in transformers.CONFIG_MAPPING:
        mapped = content.get("auto_map") or {}
        code = ", ".join(map(str, mapped.values() if isinstance(mapped, dict) else [mapped]))
        near = ", ".join(get_close_matches(kind, list(transformers.CONFIG_MAPPING.keys()), n=3))
        raise ValueError(
            f"{folder}: transformers {transformers.__version__} has no model_type {kind!r}"
            + (f"; near it: {near}" if near else "")
            + (f". The folder brings code of its own ({code}), which is never run" if code else "")
        )
    if kind in REFUSED:
        raise ValueError(f"{folder}: a {kind} gives no features of a video: {REFUSED[kind]}")
    if names := sorted(set(_backbones(content))):
        raise ValueError(
            f"{folder / 'config.json'} takes its backbone from elsewhere ({some(names)}), which transformers would ask "
            "the hub for; take the folder of that backbone itself"
        )
    if content.get("quantization_config"):
        raise ValueError(f"{folder} holds quantised weights (quantization_config); take the model as it was trained")
    try:
        with quiet():
            config = transformers.CONFIG_MAPPING[kind].from_dict(_cleaned(content))
            kinds = set(_kinds(config.to_dict()))
    except Exception as error:  # transformers checks the values in ways of its own
        raise ValueError(f"{folder / 'config.json'} describes no {kind}: {error}") from None
    if inside := kinds.intersection(TIMMS):
        raise ValueError(
            f"{folder} holds a {inside.pop()}: a network of timm's, which could ask the hub for more; the stage timm "
            "takes timm's models"
        )
    return config


def build(config: Any) -> Any:
    """The network that a config describes, with random weights, the same in every process."""
    outline(config)  # says what is wrong
    return _built(config)


def outline(config: Any) -> Any:
    """The network that a config describes, without memory for its weights (on torch's device meta)."""
    with torch.device("meta"):
        net = _built(config)
    if (count := sum(parameter.numel() for parameter in net.parameters())) > LARGEST:
        raise ValueError(
            f"no {config.model_type} can be built as its config.json says: it would have {count:,} parameters, where "
            f"{LARGEST:,} are possible"
        )
    return net


def _built(config: Any) -> Any:
    from transformers import AutoModel, AutoModelForVideoClassification

    _class(config)  # says what is wrong
    auto: Any = AutoModelForVideoClassification if _classifies(config) else AutoModel
    try:
        with seeded(), quiet():
            return auto.from_config(config, trust_remote_code=False, **_exact(config)).eval()
    except (ArithmeticError, MemoryError, RuntimeError, TypeError) as error:  # sizes that no machine or network has
        raise ValueError(f"no {config.model_type} can be built as its config.json says: {first(error)}") from None


def read_network(folder: Path, config: Any) -> tuple[Any, list[str]]:
    """The network of a folder with its weights, and the names of weights that the folder lacks, which are random.

    ValueError where the tensors cannot be read without running code, have other shapes, or are not finite.
    """
    state = read(folder)
    try:
        with seeded(), quiet():
            net, found = _class(config).from_pretrained(
                None,
                config=config,
                state_dict=state,
                output_loading_info=True,
                ignore_mismatched_sizes=True,  # they are told below
                **_exact(config),
            )
    except (ArithmeticError, MemoryError, RuntimeError, TypeError) as error:
        raise ValueError(f"{folder} does not fit its own config.json: {first(error)}") from None
    missing, needed = sorted(found["missing_keys"]), net.state_dict()
    if 2 * len(missing) > len(needed):
        raise ValueError(
            f"{folder} holds tensors of another model than its config.json says: it lacks {len(missing)} of the "
            f"{len(needed)} of a {config.model_type}, such as {some(missing)}; take both from one repository"
        )
    if others := sorted(found["mismatched_keys"]):
        name, held, expected = others[0]
        raise ValueError(
            f"{folder} does not fit its own config.json: {len(others)} tensors have other shapes, such as {name}: "
            f"it is {list(held)} where config.json makes it {list(expected)}; take both from one repository"
        )
    if wrong := [name for name, value in net.named_parameters() if not value.isfinite().all()]:
        raise ValueError(f"{folder}: {len(wrong)} tensors are not of finite numbers: {some(wrong)}")
    if unused := sorted(found["unexpected_keys"]):
        LOG.info("%s: %d tensors are not needed: %s", folder, len(unused), some(unused))
    return net.eval(), missing


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


def _instead(folder: Path) -> str:
    """What to do about a folder without a model's config.json, where something tells; else ''."""
    if snapshots := sorted((folder / "snapshots").glob("*/config.json")):
        return f"; in the hub's own cache the model lies further in: {snapshots[-1].parent}"
    if (folder / "adapter_config.json").is_file():
        return "; it holds an adapter: merge that into its model first, and save the whole"
    return ""


def _cleaned(value: Any) -> Any:
    """A value of a config.json without what is LEFT out."""
    if isinstance(value, dict):
        return {key: _cleaned(inner) for key, inner in value.items() if key not in LEFT}
    return [_cleaned(inner) for inner in value] if isinstance(value, list) else value


def _kinds(value: Any) -> Iterator[str]:
    """Each model_type in a config's mapping, those of the networks inside it too."""
    if isinstance(value, dict):
        yield str(value.get("model_type"))
    for inner in value.values() if isinstance(value, dict) else value if isinstance(value, list) else ():
        yield from _kinds(inner)


def _backbones(value: Any) -> Iterator[str]:
    """Each name of another repository, or of timm, that a config.json has for the network inside its network."""
    if isinstance(value, dict) and isinstance(value.get("backbone"), str):
        yield value["backbone"]
    for inner in value.values() if isinstance(value, dict) else value if isinstance(value, list) else ():
        yield from _backbones(inner)


def _exact(config: Any) -> dict[str, Any]:
    """How transformers builds a network whose features depend on nothing but its weights and what it is given."""
    return {"dtype": torch.float32} | ({"attn_implementation": "eager"} if config.model_type in EAGER else {})


def sees(config: Any) -> bool:
    """Whether pictures or videos are what a network takes first; a pair's may take captions first."""
    return str(_class(config).main_input_name).startswith("pixel_values")


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


def first(error: Exception) -> str:
    """The first lines of a message that tell something."""
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    return "; ".join(lines[:2]) or type(error).__name__
