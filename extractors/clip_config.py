"""The shape of a CLIP model by name: our own JSON files in clip_configs/, then those that open_clip ships.

Read as files: importing open_clip takes seconds, and a plan only wants a width and an image size.
"""

import json
from dataclasses import dataclass
from difflib import get_close_matches
from functools import cache
from importlib.util import find_spec
from pathlib import Path

OWN = Path(__file__).parent / "clip_configs"
TOKENS = 49408  # of CLIP's byte-pair vocabulary, which open_clip carries


@dataclass(frozen=True)
class ClipConfig:
    """What the rest of the project needs to know of a CLIP model before it is built."""

    name: str
    path: Path  # the JSON file
    dim: int  # width of the shared space
    custom_text: bool  # open_clip's class with a text tower of its own
    size: int  # side of the input image in pixels
    context: int  # text length in tokens, with the start and end tokens
    words: int  # size of the token vocabulary
    quick_gelu: bool  # the activation of OpenAI's own weights


def _files() -> dict[str, Path]:
    """{name: JSON file} of every known model; ours win."""
    spec = find_spec("open_clip")
    shipped = Path(spec.origin).parent / "model_configs" if spec and spec.origin else OWN
    return {path.stem: path for folder in (shipped, OWN) for path in folder.glob("*.json")}


@cache
def clip_config(name: str) -> ClipConfig:
    """The configuration called `name`.

    ValueError for unknown names, for models whose words come from a tokenizer on the hub (this project works
    without network), and for images that are not square.
    """
    files = _files()
    if name not in files:
        near = get_close_matches(name, files, n=3)
        hint = f"; did you mean {' or '.join(near)}?" if near else f"; {len(files)} are known, such as tiny-64"
        raise ValueError(f"model {name!r} is no CLIP configuration of open_clip or of {OWN.name}/{hint}")
    content = json.loads(files[name].read_text(encoding="utf-8"))
    text, vision = content["text_cfg"], content["vision_cfg"]
    size = vision.get("image_size", 224)
    if "hf_tokenizer_name" in text or "hf_model_name" in text or text.get("vocab_size", TOKENS) != TOKENS:
        raise ValueError(f"model {name!r} takes its words from the Hugging Face hub; choose one with CLIP's own tokens")
    if "multimodal_cfg" in content:
        raise ValueError(f"model {name!r} also writes captions, which takes another class; choose a plain CLIP model")
    if not isinstance(size, int):
        raise ValueError(f"model {name!r} takes images of {size}; choose one with square images")
    return ClipConfig(
        name=name,
        path=files[name],
        dim=content["embed_dim"],
        custom_text=content.get("custom_text", False),
        size=size,
        context=text.get("context_length", 77),
        words=TOKENS,
        quick_gelu=content.get("quick_gelu", False),
    )
