"""Which files of a repository of the Hugging Face hub make up a model, asked from the hub when it is fetched."""

import json
import re
from dataclasses import replace
from pathlib import Path
from typing import Any

from pipeline.errors import LaffError
from pipeline.graph.graph import Weights

SOURCE = re.compile(r"(https://huggingface\.co)/([^/]+/[^/]+)/resolve/([^/]+)/")
TENSORS = ("model.safetensors", "model.safetensors.index.json", "pytorch_model.bin", "pytorch_model.bin.index.json")
PARTS = re.compile(r"(model|pytorch_model)-\d+-of-\d+\.(safetensors|bin)")
READ = re.compile(r"[\w.-]+\.(json|txt|model)")  # configs, tokenizers, vocabularies


def address(entry: Weights) -> str:
    """Where the hub tells the files of an entry that names a repository and no files; '' for other entries."""
    found = SOURCE.fullmatch(entry.source)
    if not found or entry.files:
        return ""
    return f"{found[1]}/api/models/{found[2]}/revision/{found[3]}?blobs=true"


def complete(entry: Weights, answer: Path) -> Weights:
    """The entry with its files, at the commit that the hub's answer names, and the sha256 of those that it keeps apart.

    answer: the JSON that `address` gave. LaffError where the repository holds no tensors that can be read.
    """
    try:
        content: Any = json.loads(answer.read_bytes())
        commit = str(content["sha"])
        hashes = {str(file["rfilename"]): (file.get("lfs") or {}).get("sha256") for file in content["siblings"]}
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise LaffError(f"{address(entry)} brought no list of files ({error!r})") from None
    tensors = next((name for name in TENSORS if name in hashes), "")
    if not tensors:
        some = ", ".join(sorted(hashes)[:8]) or "nothing"
        raise LaffError(f"{entry.source} has none of {', '.join(TENSORS)}; it holds {some}")
    kind = "bin" if ".bin" in tensors else "safetensors"
    wanted = [name for name in hashes if READ.fullmatch(name) and not name.endswith(".index.json")] + [tensors]
    if tensors.endswith(".index.json"):
        wanted += [name for name in hashes if PARTS.fullmatch(name) and name.endswith(kind)]
    source = re.sub(r"/resolve/[^/]+/", f"/resolve/{commit}/", entry.source)
    return replace(entry, source=source, files={name: hashes[name] for name in sorted(wanted)})
