"""Reading checkpoints of any origin into a model: nothing of a file is executed, nothing is skipped silently."""

from __future__ import annotations

import hashlib
import warnings
import zipfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

WRAPPERS = ("model_state", "state_dict", "model")  # SlowFast and TimeSformer; mmaction2 and open_clip; others
ARCHIVES = {  # CLIP's published files, each named by its sha256 in the address it is fetched from
    "40d365715913c9da98579312b702a82c18be219cc2a73407c4526f58eba950af": "ViT-B-32.pt",
    "5806e77cd80f8b59890b7e101eabd078d9fb84e6937f9e85e4ecb61988df416f": "ViT-B-16.pt",
    "b8cca3fd41ae0c99ba7e8951adf17d267cdb84cd88be6f7c2e0eca1737a03836": "ViT-L-14.pt",
    "3035c92b350959924f9f00213499208652fc7ea050643e8b385c2dac08641f02": "ViT-L-14-336px.pt",
}
SHOWN = 4  # keys of each kind named in an error


def read(path: Path) -> dict[str, Tensor]:
    """The tensors of a checkpoint (.pt, .pth, .pyth, .bin, .safetensors, TorchScript archive), on the CPU.

    One level of wrapping and a `module.` before every key (DataParallel) are taken off. Raises ValueError for
    files that are no checkpoint or could run code when loaded.
    """
    if not path.is_file():
        raise ValueError(f"{path}: no such weights file")
    if path.suffix == ".safetensors":
        from safetensors.torch import load_file

        return load_file(path)
    content = _torchscript(path) if _is_torchscript(path) else _pickled(path)
    for name in WRAPPERS:
        if isinstance(content.get(name), Mapping):
            content = content[name]
            break
    state = {str(key): value for key, value in content.items() if isinstance(value, Tensor)}
    if not state:
        raise ValueError(f"{path}: holds no tensors by name; its keys are {', '.join(map(str, list(content)[:8]))}")
    if all(key.startswith("module.") for key in state):
        state = {key.removeprefix("module."): value for key, value in state.items()}
    return state


def fill(model: nn.Module, state: Mapping[str, Tensor], source: str) -> None:
    """Load `state` into `model`, every key and every shape; ValueError names what doesn't fit.

    Counters of batch normalisation (`num_batches_tracked`) may be missing: old files lack them and only
    training reads them. Half precision is widened to the model's own dtype.
    """
    own = model.state_dict()
    missing = [key for key in own if key not in state and not key.endswith("num_batches_tracked")]
    unexpected = [key for key in state if key not in own]
    shapes = [
        f"{key} is {list(state[key].shape)}, the model's {list(own[key].shape)}"
        for key in own
        if key in state and state[key].shape != own[key].shape
    ]
    problems = [
        f"{len(keys)} {kind}: {', '.join(keys[:SHOWN])}{', …' if len(keys) > SHOWN else ''}"
        for kind, keys in (("missing", missing), ("unexpected", unexpected), ("of another shape", shapes))
        if keys
    ]
    if problems:
        raise ValueError(f"{source} does not fit {type(model).__name__}: " + "; ".join(problems))
    model.load_state_dict({**own, **state})


def _is_torchscript(path: Path) -> bool:
    """Whether a zip archive was written by torch.jit.save, as OpenAI's CLIP files were."""
    if not zipfile.is_zipfile(path):
        return False
    with zipfile.ZipFile(path) as archive:
        return any(name.endswith("/constants.pkl") for name in archive.namelist())


def _torchscript(path: Path) -> dict[str, Any]:
    """The tensors of one of OpenAI's TorchScript archives, told by its sha256: reading such a file can run its code.

    ValueError for any other archive.
    """
    with path.open("rb") as file:
        found = hashlib.file_digest(file, "sha256").hexdigest()
    if found not in ARCHIVES:
        raise ValueError(
            f"{path}: a TorchScript archive that is not one of OpenAI's (sha256 {found}); reading it could run its "
            "code. Save its state_dict as .safetensors on a machine that may run it, and give that"
        )
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", FutureWarning)  # the format is deprecated, but OpenAI's files stay as they are
        return dict(torch.jit.load(str(path), map_location="cpu").state_dict())


def _pickled(path: Path) -> dict[str, Any]:
    """The dict of a torch.save file."""
    try:
        content = torch.load(path, map_location="cpu", weights_only=True)
    except Exception as error:  # a file of another kind makes the reader fail in any way: KeyError, UnicodeError, …
        first = str(error).splitlines()[0] if str(error) else type(error).__name__
        raise ValueError(
            f"{path}: not a checkpoint of tensors and plain values ({first}); save its state_dict alone, "
            "as .safetensors or by torch.save"
        ) from error
    if not isinstance(content, Mapping):
        raise ValueError(f"{path}: holds a {type(content).__name__}; it should hold a dict of tensors")
    return dict(content)
