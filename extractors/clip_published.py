"""The weights that open_clip knows by model and tag, as entries of the catalogue; nothing is fetched here."""

from __future__ import annotations

import json
from difflib import get_close_matches
from pathlib import Path
from typing import Any

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


def entry(model: str, tag: str) -> dict[str, Any]:
    """The catalogue's entry of open_clip's weights `tag` of `model`.

    ValueError for unknown ones with names near it, for models that are refused (extractors.clip_config), and for
    weights made with another activation than the model's.
    """
    known = _known(model, tag)
    config = clip_config(model)
    found: dict[str, Any] = {"uses": "extractors.clip.Clip", "params": {"model": model, **preprocessing(model, tag)}}
    name = f"{model}-{tag}"
    sha256 = known["url"].split("/")[-2] if tag == "openai" else ""
    notes = []
    if sha256 in ARCHIVES:
        found |= {"source": known["url"], "file": ARCHIVES[sha256], "sha256": sha256}
    else:
        repository, _, file = known["hf_hub"].rpartition("/")
        file = file or (SAFE if repository.startswith(("timm/", "laion/")) else PICKLED)
        source = f"https://huggingface.co/{repository}/resolve/main/"
        if file in (SAFE, PICKLED):
            notes.append(f"{PICKLED if file == SAFE else SAFE} of {repository} is read as well")
        if config.tokenizer:
            found |= {"source": source, "file": name, "files": dict.fromkeys((file, FILE, SETTINGS))}
            if config.tokenizer != repository:
                notes.append(f"where it has no tokenizer of its own, that of {config.tokenizer} belongs beside it")
        else:
            found |= {"source": source + file, "file": name + file[file.rindex(".") :]}
        notes.append("no sha256 is published")
    told = f"{model}/{tag}/{known['hf_hub']}"
    licence = next((licence for sign, licence in LICENCES if sign in told), "")
    if not licence:
        notes.append(f"its licence stands at https://huggingface.co/{known['hf_hub'].rpartition('/')[0]}")
    return found | {"feature": "", "licence": licence, "note": "; ".join(notes)}


def preprocessing(model: str, tag: str) -> dict[str, Any]:
    """{mean, std, resize, filter} of the published weights, for Clip's constructor."""
    known = _known(model, tag)
    return _pixels(known, f"{PREFIX}{model}/{tag}")


def agreed(model: str) -> dict[str, Any] | None:
    """What all published weights of a model agree on, as `preprocessing` has it; None for a model without any.

    ValueError where they differ: then only the user knows.
    """
    from open_clip.pretrained import get_pretrained_cfg, list_pretrained

    tags = [tag for name, tag in list_pretrained() if name == model]
    found = [_pixels(get_pretrained_cfg(model, tag), f"{PREFIX}{model}/{tag}") for tag in tags]
    if any(other != found[0] for other in found):
        raise ValueError(
            f"the published weights of {model} want their pixels in different ways; say which these are by the params "
            f"mean, std, resize and filter (`laff weights list {PREFIX}{model}/{tags[0]}` shows those of one)"
        )
    return found[0] if found else None


def told(folder: Path) -> dict[str, Any]:
    """What a folder's open_clip_config.json says: `preprocess_cfg` as `preprocessing` has it, `quick_gelu`."""
    file = folder / SETTINGS_FILE
    if not file.is_file():
        return {}
    try:
        content = json.loads(file.read_text(encoding="utf-8"))
        found: dict[str, Any] = {"quick_gelu": bool(content["model_cfg"].get("quick_gelu", False))}
        pixels = content.get("preprocess_cfg") or {}
        known = {"resize_mode": "shortest", "interpolation": "bicubic"} | pixels  # open_clip's own defaults
        return found | (_pixels(known, str(file)) if {"mean", "std"} <= pixels.keys() else {})
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise ValueError(f"{file}: not open_clip's settings of a model ({error})") from None


def _pixels(known: dict[str, Any], source: str) -> dict[str, Any]:
    mean, std, resize, filter_ = (known[key] for key in ("mean", "std", "resize_mode", "interpolation"))
    if resize not in ("shortest", "squash") or filter_ not in ("bilinear", "bicubic"):
        raise ValueError(f"{source} resizes images by {resize} {filter_}; it should be shortest or squash")
    return {"mean": [*mean], "std": [*std], "resize": resize, "filter": filter_}


def names() -> list[str]:
    """All open_clip:MODEL/TAG that can be built here."""
    from open_clip.pretrained import list_pretrained

    found = []
    for model, tag in list_pretrained():
        try:
            entry(model, tag)
        except ValueError:
            continue
        found.append(f"{PREFIX}{model}/{tag}")
    return found


def _known(model: str, tag: str) -> dict[str, Any]:
    """open_clip's own row of the weights, whose activation is the model's."""
    from open_clip.pretrained import get_pretrained_cfg, list_pretrained

    known: dict[str, Any] = get_pretrained_cfg(model, tag)
    if not known:
        wanted, published = f"{model}/{tag}", [f"{one}/{other}" for one, other in list_pretrained()]
        near = get_close_matches(wanted, published, n=3)
        hint = f"; did you mean {' or '.join(PREFIX + name for name in near)}?" if near else ""
        raise ValueError(f"{PREFIX}{wanted} is not among open_clip's published weights{hint}")
    quick = bool(known.get("quick_gelu"))
    if quick != clip_config(model).quick_gelu:
        # Such a model takes the weights without a word and computes another function.
        other = f"{model}-quickgelu" if quick else model.removesuffix("-quickgelu")
        raise ValueError(f"{PREFIX}{model}/{tag} was made with another activation; use {PREFIX}{other}/{tag}")
    return known
