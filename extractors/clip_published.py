"""The weights that open_clip knows by model and tag, as entries of the catalogue; nothing is fetched here."""

from __future__ import annotations

import json
from dataclasses import dataclass
from difflib import get_close_matches
from pathlib import Path
from typing import Any, Literal, TypedDict

from extractors.clip_config import clip_config
from extractors.tensors import ARCHIVES
from extractors.tokens import FILE, SETTINGS

PREFIX = "open_clip:"
SETTINGS_FILE = "open_clip_config.json"  # of a folder: the model's shape, and how it wants its pixels
SAFE, PICKLED = "open_clip_model.safetensors", "open_clip_pytorch_model.bin"
LICENCES = (  # where the name tells it; the owner's page has the rest
    ("/openai", "MIT"),
    ("/laion", "MIT"),
    ("SigLIP", "Apache-2.0"),
    ("PE-Core", "Apache-2.0"),
    ("metaclip", "CC-BY-NC-4.0"),
    ("MobileCLIP2", "apple-amlr"),  # as timm's table has it of the image towers
)


class Preprocessing(TypedDict):
    """How weights want their pixels: arguments of Clip's constructor."""

    mean: list[float]  # of red, green and blue in 0..1
    std: list[float]
    resize: Literal["shortest", "squash"]
    filter: Literal["bilinear", "bicubic"]


@dataclass(frozen=True)
class Settings:
    """What an open_clip_config.json says of the weights beside it."""

    quick_gelu: bool  # whether they were made with OpenAI's activation
    preprocessing: Preprocessing | None  # None where it says nothing of pixels


def entry(model: str, tag: str) -> dict[str, Any]:
    """The catalogue's entry of open_clip's weights `tag` of `model`.

    ValueError for unknown ones with names near it, for models that are refused (extractors.clip_config), and for
    weights made with another activation than the model's.
    """
    known = _known(model, tag)
    config = clip_config(model)
    fields: dict[str, Any] = {"uses": "extractors.clip.Clip", "params": {"model": model, **preprocessing(model, tag)}}
    name = f"{model}-{tag}"
    sha256 = known["url"].split("/")[-2] if tag == "openai" else ""
    notes = []
    if sha256 in ARCHIVES:
        fields |= {"source": known["url"], "file": ARCHIVES[sha256], "sha256": sha256}
    else:
        repository, _, file = known["hf_hub"].rpartition("/")
        file = file or (SAFE if repository.startswith(("timm/", "laion/")) else PICKLED)
        source = f"https://huggingface.co/{repository}/resolve/main/"
        if file in (SAFE, PICKLED):
            notes.append(f"{PICKLED if file == SAFE else SAFE} of {repository} is read as well")
        if config.tokenizer:
            fields |= {"source": source, "file": name, "files": dict.fromkeys((file, FILE, SETTINGS))}
            if config.tokenizer != repository:
                notes.append(f"where it has no tokenizer of its own, that of {config.tokenizer} belongs beside it")
        else:
            fields |= {"source": source + file, "file": name + file[file.rindex(".") :]}
        notes.append("no sha256 is published")
    names = f"{model}/{tag}/{known['hf_hub']}"
    licence = next((licence for sign, licence in LICENCES if sign in names), "")
    if not licence:
        notes.append(f"its licence stands at https://huggingface.co/{known['hf_hub'].rpartition('/')[0]}")
    return fields | {"feature": "", "licence": licence, "note": "; ".join(notes)}


def preprocessing(model: str, tag: str) -> Preprocessing:
    """How the published weights `tag` of `model` want their pixels."""
    known = _known(model, tag)
    return _pixels(known, f"{PREFIX}{model}/{tag}")


def agreed(model: str) -> Preprocessing | None:
    """The preprocessing that all published weights of a model agree on; None for a model without any.

    ValueError where they differ: then only the user knows.
    """
    from open_clip.pretrained import get_pretrained_cfg, list_pretrained

    tags = [tag for name, tag in list_pretrained() if name == model]
    wanted = [_pixels(get_pretrained_cfg(model, tag), f"{PREFIX}{model}/{tag}") for tag in tags]
    if any(other != wanted[0] for other in wanted):
        raise ValueError(
            f"the published weights of {model} want their pixels in different ways; say which these are by the params "
            f"mean, std, resize and filter (`laff weights list {PREFIX}{model}/{tags[0]}` shows those of one)"
        )
    return wanted[0] if wanted else None


def read_settings(folder: Path) -> Settings | None:
    """What a folder's open_clip_config.json says; None where there is none. ValueError for another file."""
    file = folder / SETTINGS_FILE
    if not file.is_file():
        return None
    try:
        content = json.loads(file.read_text(encoding="utf-8"))
        pixels = content.get("preprocess_cfg") or {}
        known = {"resize_mode": "shortest", "interpolation": "bicubic"} | pixels  # open_clip's own defaults
        preprocessing = _pixels(known, str(file)) if {"mean", "std"} <= pixels.keys() else None
        return Settings(bool(content["model_cfg"].get("quick_gelu", False)), preprocessing)
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise ValueError(f"{file}: not open_clip's settings of a model ({error})") from None


def _pixels(known: dict[str, Any], source: str) -> Preprocessing:
    """The preprocessing in open_clip's words; ValueError where frames are never resized so."""
    mean, std, resize, filter_ = (known[key] for key in ("mean", "std", "resize_mode", "interpolation"))
    if resize not in ("shortest", "squash") or filter_ not in ("bilinear", "bicubic"):
        raise ValueError(f"{source} resizes images by {resize} {filter_}; it should be shortest or squash")
    return {"mean": [*mean], "std": [*std], "resize": resize, "filter": filter_}


def names() -> list[str]:
    """All open_clip:MODEL/TAG that can be built here."""
    from open_clip.pretrained import list_pretrained

    known = []
    for model, tag in list_pretrained():
        try:
            entry(model, tag)
        except ValueError:
            continue
        known.append(f"{PREFIX}{model}/{tag}")
    return known


def _known(model: str, tag: str) -> dict[str, Any]:
    """open_clip's own row of the weights, whose activation is the model's."""
    from open_clip.pretrained import get_pretrained_cfg, list_pretrained

    known: dict[str, Any] = get_pretrained_cfg(model, tag)
    if not known:
        wanted, published = f"{model}/{tag}", [f"{name}/{tag_of}" for name, tag_of in list_pretrained()]
        near = get_close_matches(wanted, published, n=3)
        hint = f"; did you mean {' or '.join(PREFIX + name for name in near)}?" if near else ""
        raise ValueError(f"{PREFIX}{wanted} is not among open_clip's published weights{hint}")
    quick = bool(known.get("quick_gelu"))
    if quick != clip_config(model).quick_gelu:
        # Such a model takes the weights without a word and computes another function.
        other = f"{model}-quickgelu" if quick else model.removesuffix("-quickgelu")
        raise ValueError(f"{PREFIX}{model}/{tag} was made with another activation; use {PREFIX}{other}/{tag}")
    return known
