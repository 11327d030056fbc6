"""Writes a file of weights anew, with laff's names and as safetensors, for `laff weights convert`."""

import os
import re
from pathlib import Path
from typing import Any

from extractors.base import member
from pipeline import files
from pipeline.errors import LaffError
from pipeline.graph.graph import Weights
from pipeline.weights import lookup
from pipeline.weights.check import asked, part_of, some
from pipeline.weights.outline import outline


def convert(path: Path, out: Path, entry: Weights) -> str:
    """Write the tensors of `path` by our names as safetensors, after a check that they fit.

    Values and types stay as they are. LaffError where `out` exists, the file does not fit, or its tensors alone say too
    little; OSError for a full disk.
    """
    from extractors import checkpoint

    if out.suffix != ".safetensors":
        raise LaffError(f"{out}: should end in .safetensors, which is what is written")
    if out.exists():
        raise LaffError(f"{out}: is there already; give another name, or delete it first")
    part = part_of(entry)
    if wrong := _unbuildable(part):
        raise LaffError(f"weights '{entry.name}' stay as they are: {wrong}")
    converted = asked(checkpoint.convert, path, part.LAYOUTS, f"'{entry.name}'")
    asked(part.load, "cpu", path)
    about = {
        "entry": entry.name,
        "extractor": entry.uses,
        "source": path.name,
        "source_sha256": lookup.sha256_of(path),
        "source_layout": converted.layout.name,
        "dropped": ", ".join(converted.dropped),
    }
    if converted.taken:
        about["source_wrapping"] = converted.taken
    with files.whole(out) as temporary:
        _write(converted.state, temporary, about)
    lines = [f"{out}: {len(converted.state)} tensors, from {converted.layout.name}"]
    if converted.taken:
        lines[0] += f", {converted.taken}"
    if converted.dropped:
        lines[0] += f"; dropped: {some(converted.dropped)}"
    folder = path if path.is_dir() else path.parent
    if left := [name for name in member(part, "BESIDE") if (folder / name).is_file()]:
        lines.append(f"  {', '.join(left)} stay in {folder}: put copies beside {out.name}, where they are read too")
    return "\n".join(lines)


def _write(state: dict[str, Any], path: Path, about: dict[str, str]) -> None:
    """Write tensors as safetensors, and check that the same can be read back."""
    import torch
    from safetensors import SafetensorError
    from safetensors.torch import load_file, save_file

    try:
        save_file({key: value.clone().contiguous() for key, value in state.items()}, path, about)
    except SafetensorError as error:
        number = re.search(r"os error (\d+)", str(error))
        if number is None:
            raise LaffError(f"{path} cannot be written: {error}") from None
        raise OSError(int(number[1]), os.strerror(int(number[1])), str(path)) from None
    back = load_file(path)
    if back.keys() != state.keys() or not all(torch.equal(back[key], state[key]) for key in state):
        raise LaffError(f"{path}: reads back as other tensors than were written; the disk may be damaged")


def _unbuildable(part: Any) -> str:
    """Why the part's network cannot be built without its files, or ''. No memory is taken for it."""
    try:
        with outline():
            part.build()
    except ValueError as error:
        return str(error)
    return ""
