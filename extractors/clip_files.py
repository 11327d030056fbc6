"""The files of a CLIP model on disk: its weights, checked against what they were made with, and its tokenizer."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from torch import Tensor, nn

from extractors.checkpoint import Converted, Layout, convert, fill
from extractors.clip_config import ClipConfig
from extractors.clip_layouts import HUGGING_FACE, OPEN_CLIP, OPENAI, SIGLIP
from extractors.clip_published import PICKLED, SAFE, SETTINGS_FILE, told
from extractors.tensors import config as read_config
from extractors.tokens import FILE, SETTINGS, FileTokens, read_tokens


def read_weights(net: nn.Module, path: Path, config: ClipConfig, layouts: Sequence[Layout]) -> None:
    """Load a file or folder of one of the layouts into `net`, the model that `config` describes.

    ValueError for what doesn't fit, can't be read, or was made with another activation than the model's: `net` would
    take such weights without a word and compute another function.
    """
    found = convert(_own_file(path), layouts, config.name)
    _check_origin(found, config)
    fill(net, _fitted(found.state, net, config), found.source, config.name)


def read_tokenizer(config: ClipConfig, given: str, weights: Path | None = None) -> FileTokens:
    """The tokenizer in the folder `given`, or beside the weights where that is "".

    ValueError where there is none, with where to get it.
    """
    beside = [weights if weights.is_dir() else weights.parent] if weights else []
    folder = Path(given).expanduser() if given else next(iter(beside), None)
    try:
        if folder is None:
            raise ValueError(f"{config.name}: captions need its tokenizer")
        return read_tokens(folder, config.context, **config.tokenizing)
    except ValueError as error:
        raise ValueError(
            f"{error}. Get {FILE} and {SETTINGS} from https://huggingface.co/{config.tokenizer}, put them beside "
            f"the weights of {config.name} or into another folder, and give that as tokenizer"
        ) from None


def _own_file(weights: Path) -> Path:
    """open_clip's own file of a folder that has it: beside it often lies the same model for other libraries."""
    return next((weights / name for name in (SAFE, PICKLED) if (weights / name).is_file()), weights)


def _check_origin(found: Converted, config: ClipConfig) -> None:
    """ValueError where the file says that its weights were made with another activation, or can't be read."""
    if found.layout is SIGLIP:
        raise ValueError(
            f"{found.source} can't be read; get {SAFE} of the same model, for {config.name} from "
            f"https://huggingface.co/{config.tokenizer or 'timm'}"
        )
    if found.layout is OPENAI and not config.quick_gelu:
        raise ValueError(f"{found.path} is OpenAI's and needs the quick activation; use {config.name}-quickgelu")
    quick = told(found.path if found.path.is_dir() else found.path.parent).get("quick_gelu", config.quick_gelu)
    if found.layout is OPEN_CLIP and quick != config.quick_gelu:
        plain = config.name.removesuffix("-quickgelu")
        raise ValueError(
            f"{found.source} has another activation, by the {SETTINGS_FILE} beside it; use model "
            f"{f'{plain}-quickgelu' if quick else plain}"
        )
    if found.layout is HUGGING_FACE:
        shape = found.config or read_config(found.path.parent)
        if not shape:
            raise ValueError(
                f"{found.source} doesn't say its activation; put its config.json beside it, or give the folder"
            )
        for tower in ("text_config", "vision_config"):
            activation = shape.get(tower, {}).get("hidden_act", "quick_gelu")  # the library's default
            if (activation == "quick_gelu") != config.quick_gelu:
                plain = config.name.removesuffix("-quickgelu")
                wanted = f"{plain}-quickgelu" if activation == "quick_gelu" else plain
                raise ValueError(f"{found.source} has the activation {activation} ({tower}); use model {wanted}")


def _fitted(state: dict[str, Tensor], net: nn.Module, config: ClipConfig) -> dict[str, Tensor]:
    """The names and shapes of this model's class: older files lack `text.`, and scales may be [] or [1]."""
    if config.custom_text and not any(key.startswith("text.") for key in state):
        outside = ("visual.", "logit_")
        state = {key if key.startswith(outside) else f"text.{key}": value for key, value in state.items()}
    own = net.state_dict()
    return {
        key: value.reshape(own[key].shape) if key.startswith("logit_") and key in own and value.numel() == 1 else value
        for key, value in state.items()
    }
