"""Tells a download that is not what was asked for, where no sha256 is known to compare it with."""

import json
import zipfile
from pathlib import Path


def is_page(path: Path) -> bool:
    """Whether a file is a web page, as servers send it in place of what they do not have."""
    with path.open("rb") as file:
        return file.read(64).lstrip().lower().startswith((b"<!doctype", b"<html"))


def is_cut(path: Path, name: str) -> bool:
    """Whether a file lacks its end, as far as its kind tells: zip (as torch writes), safetensors, JSON.

    A server that tells no length ends a file by ending the connection, whole or not.
    """
    if not path.stat().st_size:
        return True
    with path.open("rb") as file:
        if file.read(4) == b"PK\3\4":
            return not zipfile.is_zipfile(path)
    try:
        if name.endswith(".json"):
            json.loads(path.read_bytes())
        return name.endswith(".safetensors") and path.stat().st_size < _end(path)
    except (ValueError, LookupError, TypeError, AttributeError):
        return True


def _end(path: Path) -> int:
    """Where the last tensor of a safetensors file ends, in bytes, by its header."""
    with path.open("rb") as file:
        length = int.from_bytes(file.read(8), "little")
        header = json.loads(file.read(min(length, path.stat().st_size)))
    ends = [tensor["data_offsets"][1] for key, tensor in header.items() if key != "__metadata__"]
    return int(8 + length + max(ends, default=0))
