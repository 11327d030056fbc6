"""The files of a CLIP model on disk: its weights, checked against what they were made with, and its tokenizer."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from torch import Tensor, nn

from extractors.checkpoint import Converted, Layout, convert, fill
from extractors.clip_config import ClipConfig
from extractors.clip_layouts import HUGGING_FACE, OPEN_CLIP, OPENAI, SIGLIP
from extractors.clip_published import PICKLED, SAFE, SETTINGS_FILE, read_settings
from extractors.tensors import config as read_config
from extractors.tokens import FILE, SETTINGS, FileTokens, read_tokens


def read_weights(net: nn.Module, path: Path, config: ClipConfig, layouts: Sequence[Layout]) -> None:
    """Load a file or folder of one of the layouts into `net`, the model that `config` describes.

    ValueError for what doesn't fit, can't be read, or was made with another activation than the model's: `net` would
    take such weights without a word and compute another function.
    """
    converted = read_tensors(path, config, layouts)
    fill(net, _fitted(converted.state, net, config), converted.source, config.name)


def read_tensors(path: Path, config: ClipConfig, layouts: Sequence[Layout]) -> Converted:
    """The tensors of a file or folder by open_clip's names; ValueError as of `read_weights`, but for what fits."""
    converted = convert(_own_file(path), layouts, config.name)
    _check_origin(converted, config)
    return converted


def read_tokenizer(
    config: ClipConfig, given: str, weights: Path | None = None, kind: type[FileTokens] = FileTokens
) -> FileTokens:
    """The tokenizer in the folder `given`, or beside the weights where that is "".

    kind: the class that it becomes an object of. ValueError where there is none, with where to get it.
    """
    beside = [weights if weights.is_dir() else weights.parent] if weights else []
    folder = Path(given).expanduser() if given else next(iter(beside), None)
    try:
        if folder is None:
            raise ValueError(f"{config.name}: captions need its tokenizer")
        return read_tokens(folder, config.context, **config.tokenizing, kind=kind)
    except ValueError as error:
        raise ValueError(
            f"{error}. Get {FILE} and {SETTINGS} from https://huggingface.co/{config.tokenizer}, put them beside "
            f"the weights of {config.name} or into another folder, and give that as tokenizer"
        ) from None


def _own_file(weights: Path) -> Path:
    """open_clip's own file of a folder that has it: beside it often lies the same model for other libraries."""
    return next((weights / name for name in (SAFE, PICKLED) if (weights / name).is_file()), weights)


def _check_origin(converted: Converted, config: ClipConfig) -> None:
    """ValueError where the file says that its weights were made with another activation, or can't be read."""
    if converted.layout is SIGLIP:
        raise ValueError(
            f"{converted.source} can't be read; get {SAFE} of the same model, for {config.name} from "
            f"https://huggingface.co/{config.tokenizer or 'timm'}"
        )
    if converted.layout is OPENAI and not config.quick_gelu:
        raise ValueError(f"{converted.path} is OpenAI's and needs the quick activation; use {config.name}-quickgelu")
    settings = read_settings(converted.path if converted.path.is_dir() else converted.path.parent)
    quick = settings.quick_gelu if settings else config.quick_gelu
    if converted.layout is OPEN_CLIP and quick != config.quick_gelu:
        plain = config.name.removesuffix("-quickgelu")
        raise ValueError(
            f"{converted.source} has another activation, by the {SETTINGS_FILE} beside it; use model "
            f"{f'{plain}-quickgelu' if quick else plain}"
        )
    if converted.layout is HUGGING_FACE:
        shape = converted.config or read_config(converted.path.parent)
        if not shape:
            raise ValueError(
                f"{converted.source} doesn't say its activation; put its config.json beside it, or give the folder"
            )
        for tower in ("text_config", "vision_config"):
            activation = shape.get(tower, {}).get("hidden_act", "quick_gelu")  # the library's default
            if (activation == "quick_gelu") != config.quick_gelu:
                plain = config.name.removesuffix("-quickgelu")
                wanted = f"{plain}-quickgelu" if activation == "quick_gelu" else plain
                raise ValueError(f"{converted.source} has the activation {activation} ({tower}); use model {wanted}")


def _fitted(state: dict[str, Tensor], net: nn.Module, config: ClipConfig) -> dict[str, Tensor]:
    """The names and shapes of this model's class: older files lack `text.`, and scales may be [] or [1]."""
    if config.custom_text and not any(key.startswith("text.") for key in state):
        outside = ("visual.", "logit_")
        state = {key if key.startswith(outside) else f"text.{key}": value for key, value in state.items()}
    expected = net.state_dict()
    return {
        key: value.reshape(expected[key].shape)
        if key.startswith("logit_") and key in expected and value.numel() == 1
        else value
        for key, value in state.items()
    }
