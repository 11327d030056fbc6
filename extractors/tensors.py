"""Reads the tensors of a weights file of any kind; nothing in a file is executed."""

from __future__ import annotations

import hashlib
import json
import warnings
import zipfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from extractors import file_kinds
from extractors.pickled import ALLOWED, refused
from extractors.wrapping import dicts, plain

IN_FOLDERS = (  # of the Hugging Face hub; the first that is there is read
    "model.safetensors",
    "model.safetensors.index.json",
    "pytorch_model.bin",
    "pytorch_model.bin.index.json",
    "open_clip_model.safetensors",
    "open_clip_pytorch_model.bin",
)
SHOWN = 4  # classes that are named in an error
ARCHIVES = {  # CLIP's published files, each named by its sha256 in the address it is fetched from
    "40d365715913c9da98579312b702a82c18be219cc2a73407c4526f58eba950af": "ViT-B-32.pt",
    "5806e77cd80f8b59890b7e101eabd078d9fb84e6937f9e85e4ecb61988df416f": "ViT-B-16.pt",
    "b8cca3fd41ae0c99ba7e8951adf17d267cdb84cd88be6f7c2e0eca1737a03836": "ViT-L-14.pt",
    "3035c92b350959924f9f00213499208652fc7ea050643e8b385c2dac08641f02": "ViT-L-14-336px.pt",
}


def read(path: Path) -> dict[str, Tensor]:
    """The tensors of a checkpoint by name, on the CPU: those of the first dict that `read_all` gives.

    A `module.` before every name (DataParallel) is removed. Raises ValueError as `read_all` does.
    """
    return plain(read_all(path)[0][1])


def read_all(path: Path) -> list[tuple[str, dict[str, Tensor]]]:
    """Every dict of tensors in a checkpoint with its place in the file, as wrapping.dicts gives them; at least one.

    A file (torch.save, safetensors or OpenAI's TorchScript archives, whatever its ending), or a folder of the Hugging
    Face hub with one of IN_FOLDERS. Raises ValueError for a file that is no checkpoint, is cut off, or could run code
    when it is loaded.
    """
    if path.is_dir():
        return [("", _folder(path))]
    if not path.is_file():
        raise ValueError(f"{path}: no such weights file")
    if file_kinds.is_safetensors(path):
        return [("", _safetensors(path))]
    content = _torchscript(path) if _is_torchscript(path) else _pickled(path)
    held = list(dicts(content))
    if not held:
        raise ValueError(f"{path}: holds no tensors by name; its keys are {', '.join(map(str, list(content)[:8]))}")
    return held


def config(path: Path) -> dict[str, Any]:
    """The config.json of a folder; {} for a file, or a folder without one."""
    file = path / "config.json"
    return _json(file) if file.is_file() else {}


def _folder(path: Path) -> dict[str, Tensor]:
    """The tensors of a folder: of one file, or of the parts that an index lists."""
    name = next((name for name in IN_FOLDERS if (path / name).is_file()), None)
    if name is None:
        held = ", ".join(sorted(file.name for file in path.iterdir())[:8]) or "nothing"
        raise ValueError(f"{path}: a folder without weights: it holds {held}, but none of {', '.join(IN_FOLDERS)}")
    if not name.endswith(".index.json"):
        return read(path / name)
    placed = _json(path / name).get("weight_map")
    if not isinstance(placed, dict):
        raise ValueError(f"{path / name}: has no weight_map, which says where each tensor is")
    state: dict[str, Tensor] = {}
    for part in sorted({str(file) for file in placed.values()}):
        if Path(part).name != part or not (path / part).is_file():  # an index leads nowhere else
            raise ValueError(f"{path / name}: lists the part {part!r}, which is no file beside it")
        state |= read(path / part)
    if state.keys() != placed.keys():
        lost = sorted(state.keys() ^ placed.keys())
        raise ValueError(f"{path / name}: its parts hold other tensors than it lists: {', '.join(lost[:4])}")
    return state


def _json(path: Path) -> dict[str, Any]:
    """The mapping in a JSON file; {} where it holds another value."""
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
    except ValueError as error:
        raise ValueError(f"{path}: no JSON ({error})") from None
    return content if isinstance(content, dict) else {}


def _safetensors(path: Path) -> dict[str, Tensor]:
    """The tensors of a safetensors file."""
    from safetensors import SafetensorError
    from safetensors.torch import load_file

    try:
        return load_file(path)
    except SafetensorError as error:
        raise ValueError(f"{path}: cut off or no checkpoint: {path.stat().st_size} bytes ({error})") from None


def _is_torchscript(path: Path) -> bool:
    """Whether a zip archive was written by torch.jit.save, as OpenAI's CLIP files were."""
    if not zipfile.is_zipfile(path):
        return False
    with zipfile.ZipFile(path) as archive:
        return any(name.endswith("/constants.pkl") for name in archive.namelist())


def _torchscript(path: Path) -> dict[str, Any]:
    """The tensors of one of OpenAI's TorchScript archives, known by its sha256: reading such a file can run its code.

    ValueError for any other archive.
    """
    with path.open("rb") as file:
        sha256 = hashlib.file_digest(file, "sha256").hexdigest()
    if sha256 not in ARCHIVES:
        raise ValueError(
            f"{path}: a TorchScript archive that is not one of OpenAI's (sha256 {sha256}); reading it could run its "
            "code. Save its state_dict as .safetensors on a machine that may run it, and give that"
        )
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", FutureWarning)  # the format is deprecated, but OpenAI's files stay as they are
        module = torch.jit.load(str(path), map_location="cpu")
        return dict(module.state_dict())


def _pickled(path: Path) -> dict[str, Any]:
    """The dict of a torch.save file."""
    try:
        with (
            torch.serialization.safe_globals([*ALLOWED]),
            warnings.catch_warnings(),
            path.open("rb") as file,  # a path would let torch go by its ending
        ):
            warnings.simplefilter("ignore", UserWarning)  # of a pickle that torch did not write: it is read, or refused
            content = torch.load(file, map_location="cpu", weights_only=True)
    except Exception as error:  # the reader fails in any way on other files: KeyError, UnicodeError, …
        # torch's own message advises to read the file in the unsafe way.
        if kind := file_kinds.description(path):  # text may look like the opcodes of a pickle
            raise ValueError(f"{path}: no checkpoint, but {kind}") from error
        if classes := refused(path):
            shown = ", ".join(classes[:SHOWN]) + (", …" if len(classes) > SHOWN else "")
            raise ValueError(
                f"{path}: not a checkpoint of tensors and plain values: it holds {shown}, which could run code; where "
                "it was made, save its state_dict alone, as .safetensors or by torch.save"
            ) from error
        raise ValueError(f"{path}: cut off or no checkpoint: {path.stat().st_size} bytes") from error
    if not isinstance(content, Mapping):
        raise ValueError(f"{path}: holds a {type(content).__name__}; it should hold a dict of tensors")
    return dict(content)
