"""The shape of a CLIP model by name: our own JSON files in clip_configs/, then those that open_clip ships.

Read as files: importing open_clip takes seconds, and a plan only wants a width and an image size.
"""

import json
from dataclasses import dataclass, field
from difflib import get_close_matches
from functools import cache
from importlib.util import find_spec
from pathlib import Path
from typing import Any

OWN = Path(__file__).parent / "clip_configs"
TOKENS = 49408  # of CLIP's byte-pair vocabulary, which open_clip carries

# What may stand in text_cfg, with open_clip's default: model.py, CLIPTextCfg.
TEXT: dict[str, Any] = {
    "context_length": 77,
    "vocab_size": TOKENS,
    "width": 512,
    "heads": 8,
    "layers": 12,
    "mlp_ratio": 4.0,
    "no_causal_mask": False,
    "pool_type": "argmax",
    "eos_id": 2,
    "proj_type": "linear",
    "proj_bias": False,
    "norm_kwargs": None,
    "act_kwargs": None,
}
OF_TOKENS = ("hf_tokenizer_name", "tokenizer_kwargs")  # read by ClipConfig
POOLS = ("argmax", "eos", "last", "first")


@dataclass(frozen=True)
class ClipConfig:
    """What the rest of the project needs to know of a CLIP model before it is built."""

    name: str
    path: Path  # the JSON file
    dim: int  # width of the shared space
    custom_text: bool  # open_clip's class with a text tower of its own
    size: int  # side of the input image in pixels
    context: int  # text length in tokens, with the start and end tokens
    quick_gelu: bool  # the activation of OpenAI's own weights
    tokenizer: str = ""  # the repository of the Hugging Face hub that has it; "" is CLIP's own
    tokenizing: dict[str, Any] = field(default_factory=dict)  # how captions are cleaned before it


def files() -> dict[str, Path]:
    """{name: JSON file} of every known model; ours win."""
    spec = find_spec("open_clip")
    shipped = Path(spec.origin).parent / "model_configs" if spec and spec.origin else OWN
    return {path.stem: path for folder in (shipped, OWN) for path in folder.glob("*.json")}


@cache
def clip_config(name: str) -> ClipConfig:
    """The configuration called `name`. ModuleNotFoundError where open_clip is missing, which has all but ours.

    ValueError for unknown names, and for models that are more than two plain towers: captioners, text towers of the
    Hugging Face hub (whose own configuration open_clip would fetch), images that are not square.
    """
    known = files()
    if name not in known and find_spec("open_clip") is None:
        raise ModuleNotFoundError(f"open_clip, which may know the model {name!r}, is not installed", name="open_clip")
    if name not in known:
        near = get_close_matches(name, known, n=3)
        hint = f"; did you mean {' or '.join(near)}?" if near else f"; {len(known)} are known, such as tiny-64"
        raise ValueError(f"model {name!r} is no CLIP configuration of open_clip or of {OWN.name}/{hint}")
    content = json.loads(known[name].read_text(encoding="utf-8"))
    text, size = content["text_cfg"], content["vision_cfg"].get("image_size", 224)
    if "multimodal_cfg" in content:
        raise ValueError(f"model {name!r} also writes captions, which takes another class; choose a plain CLIP model")
    if text.get("hf_model_name"):
        raise ValueError(
            f"model {name!r} has {text['hf_model_name']} of the Hugging Face hub as its text tower, and its shape is "
            "only known there; choose a model with open_clip's own text tower"
        )
    if not isinstance(size, int):
        raise ValueError(f"model {name!r} takes images of {size}; choose one with square images")
    tokenizer = text.get("hf_tokenizer_name") or ""
    words = text.get("vocab_size", TOKENS)
    if text.get("tokenizer_mode") or (not tokenizer and words != TOKENS):
        vocabulary = text.get("tokenizer_mode") or f"a vocabulary of {words}"
        raise ValueError(f"model {name!r} takes words by {vocabulary}, which is not known here; choose another model")
    return ClipConfig(
        name=name,
        path=known[name],
        dim=content["embed_dim"],
        custom_text=content.get("custom_text", False),
        size=size,
        context=text.get("context_length", 77),
        quick_gelu=content.get("quick_gelu", False),
        tokenizer=tokenizer,
        tokenizing=text.get("tokenizer_kwargs") or {},
    )


def text_shape(config: ClipConfig) -> dict[str, Any] | None:
    """text_cfg of open_clip's configuration with all defaults; None where it has more than is known here."""
    shape = json.loads(config.path.read_text(encoding="utf-8"))["text_cfg"]
    known = shape.keys() <= {*TEXT, *OF_TOKENS} and shape.get("pool_type", "argmax") in POOLS
    return TEXT | shape if known else None
