"""What a shard says of itself: by what code, libraries, hardware and settings it was made."""

import json
import subprocess
from functools import cache
from pathlib import Path
from typing import Any

from extractors.base import member
from pipeline.extraction.target import Target
from pipeline.parts import code
from pipeline.video import reading
from pipeline.workers.versions import installed

LIBRARIES = (
    *("numpy", "scipy", "pillow", "torch", "open_clip_torch", "pytorchvideo", "timm", "transformers"),
    *("tokenizers", "safetensors", "gensim"),
)


def resolved(device: str, precision: str) -> str:
    """float32, float16 or bfloat16: what `auto` means on a device."""
    if precision != "auto":
        return precision
    return "float16" if device == "cuda" else "float32"


def attributes(target: Target, part: Any, decoder: str = "pyav") -> dict[str, Any]:
    """What a shard says of itself, from which a reader can see how it was made, and make it again.

    decoder: who read the frames, where there were some.
    Nothing of clocks: shards made of the same are the same files, byte for byte. WORK/times.jsonl says when.
    """
    recipe = target.recipe
    about = {
        "fingerprint": target.fingerprint,
        "content": target.content,
        "recipe": json.dumps(recipe, sort_keys=True),
        "stage": target.stage,
        "weights": str(recipe.get("weights", "")),
        "laff": laff(),
        "libraries": libraries(),
    }
    if part is not None:
        about["extractor"] = recipe.get("uses") or f"{type(part).__module__}.{type(part).__name__}"
    if member(part, "sampling") is not None and not target.key.startswith("text/"):
        about["sampling"] = json.dumps(part.sampling.__dict__)
        about["precision"] = f"{resolved(target.device, target.precision)} on {hardware(target.device)}"
        about["decoder"] = reading.VERSIONS[decoder]
        about["level"] = member(part, "level")
        about["colours"] = member(part, "colours")
        for name in ("mean", "std"):
            if (values := member(part, name)) is not None:
                about[name] = json.dumps(list(values))
    elif hasattr(part, "extract_text"):
        about["precision"] = f"float32 on {hardware(target.device)}"
    findings = member(part, "about")  # facts that a part read from its files
    return about | target.about | {name: json.dumps(value) for name, value in findings.items()}


def hardware(device: str) -> str:
    """The name of the GPU and its CUDA version; cpu for the CPU."""
    if device == "cpu":
        return device
    import torch

    return f"{device}: {torch.cuda.get_device_name()}, CUDA {torch.version.cuda}"


@cache
def libraries() -> str:
    """Versions of what computes features: all of them, whichever the part uses."""
    return ", ".join(f"{name} {installed(name)}" for name in LIBRARIES)


def laff() -> str:
    """The version of laff; in a checkout its commit too, which ends in -dirty where files differ from it."""
    return _version(code.ROOT)


@cache
def _version(root: Path) -> str:
    if not (root / ".git").exists():
        return installed("laff")
    command = ["git", "-C", str(root), "describe", "--always", "--dirty", "--abbrev=12", "--exclude=*"]
    try:
        commit = subprocess.run(command, capture_output=True, text=True, timeout=10, check=True).stdout.strip()
    except (OSError, subprocess.SubprocessError):  # without git, or of another owner
        return installed("laff")
    return f"{installed('laff')} (git {commit})"
