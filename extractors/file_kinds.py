"""Tells what a file of weights is, by its first bytes and not by its name."""

from __future__ import annotations

import zipfile
from pathlib import Path

STARTS = {
    b"version https://git-lfs": "a Git LFS pointer, not the weights themselves: `git lfs pull` fetches those",
    b"\x89HDF\r\n\x1a\n": "an HDF5 file, as Keras writes",
    b"\x93NUMPY": "an array of NumPy (.npy)",
    b"GGUF": "a GGUF file, whose weights are quantised",
    b"\x1f\x8b": "a file compressed with gzip: unpack it first",
}


def is_safetensors(path: Path) -> bool:
    """Whether a file begins as safetensors do: with the length of a header, and a brace."""
    with path.open("rb") as file:
        head = file.read(9)
    return head[8:] == b"{" and int.from_bytes(head[:8], "little") < 1 << 32


def description(path: Path) -> str:
    """What a file is that torch cannot read, in words that follow "but"; '' where it is unknown or cut off."""
    with path.open("rb") as file:
        head = file.read(64)
    for start, what in STARTS.items():
        if head.startswith(start):
            return what
    if head.lstrip().startswith(b"<"):
        return "a web page or XML: the download went wrong; fetch the file anew, from the address of the file itself"
    if head and all(byte >= 32 or byte in b"\t\n\r" for byte in head):
        return "a file of text"
    if zipfile.is_zipfile(path):  # whole: its list of files stands at its end
        with zipfile.ZipFile(path) as archive:
            names = archive.namelist()
        if not any(name.endswith("data.pkl") for name in names):
            return f"a zip archive in which torch has saved nothing: it holds {', '.join(names[:4]) or 'no file'}"
    return ""
