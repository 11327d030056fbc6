"""Reading checkpoints of any origin into a model: nothing of a file is executed, nothing is skipped silently."""

from __future__ import annotations

import pickle
import warnings
import zipfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

WRAPPERS = ("model_state", "state_dict", "model")  # SlowFast and TimeSformer; mmaction2 and open_clip; others
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
    """The tensors of a TorchScript archive; its own reader rebuilds tensors and types, and no method is called."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", FutureWarning)  # the format is deprecated, but OpenAI's files stay as they are
        return dict(torch.jit.load(str(path), map_location="cpu").state_dict())


def _pickled(path: Path) -> dict[str, Any]:
    """The dict of a torch.save file."""
    try:
        content = torch.load(path, map_location="cpu", weights_only=True)
    except (pickle.UnpicklingError, RuntimeError, EOFError) as error:
        first = str(error).splitlines()[0] if str(error) else type(error).__name__
        raise ValueError(
            f"{path}: not a checkpoint of tensors and plain values ({first}); save its state_dict alone, "
            "as .safetensors or by torch.save"
        ) from error
    if not isinstance(content, Mapping):
        raise ValueError(f"{path}: holds a {type(content).__name__}; it should hold a dict of tensors")
    return dict(content)
