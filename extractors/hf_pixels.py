"""How a model of transformers wants its pixels: what its processor's files say, in the terms of a Sampling."""

from __future__ import annotations

import math
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import numpy as np
import torch
from PIL import Image
from torch import Tensor

from extractors.hf_folder import quiet
from extractors.pixels import normalise

FILES = ("preprocessor_config.json", "video_preprocessor_config.json", "processor_config.json")
FILTERS: dict[int, Literal["bilinear", "bicubic"]] = {2: "bilinear", 3: "bicubic"}  # as PIL numbers them
CLOSE = 4.0  # levels of 255 that a processor may differ by on the probe: torchvision rounds otherwise than PIL
LARGEST = 4096  # pixels of a side: far above what models see, and far below what fills the memory
BY_HAND = "set size, crop, resize, filter, mean and std yourself"


@dataclass(frozen=True)
class Pixels:
    """The preparation of a picture: resized, cropped in the centre, normalised."""

    size: int  # pixels of the short side, or of both
    crop: int  # pixels of the square that is seen
    resize: Literal["shortest", "squash"]  # squash makes a square of the whole picture
    filter: Literal["bilinear", "bicubic"]
    mean: tuple[float, ...]  # of red, green and blue in 0..1
    std: tuple[float, ...]


def read_pixels(folder: Path, config: Any) -> Pixels:
    """What the processor of a folder does with a picture.

    ValueError where there are no files of one, or where it does something else than to resize, crop and normalise: it
    is tried on a picture.
    """
    if not any((folder / name).is_file() for name in FILES):
        raise ValueError(f"{folder} has none of {', '.join(FILES)}, which say how it wants its pixels; {BY_HAND}")
    processor = read_processor(folder, config)
    try:
        pixels = _taken(processor)
        apart = float((_ours(pixels) - _theirs(processor, _probe(pixels.size))).abs().max())
    except (ValueError, TypeError, AttributeError, RuntimeError, ArithmeticError, MemoryError) as error:
        raise ValueError(f"{folder}: its {type(processor).__name__} is not understood ({error}); {BY_HAND}") from None
    if not apart <= CLOSE / 255 / min(pixels.std):
        raise ValueError(
            f"{folder}: its {type(processor).__name__} does more with a picture than to resize, crop and normalise it "
            f"(read as {pixels}, it differs by {apart:.3g}); {BY_HAND}"
        )
    return pixels


def read_processor(folder: Path, config: Any) -> Any:
    """Transformers' own processor of a folder; that of videos where it has one, on PIL where there is one."""
    from transformers import AutoImageProcessor, AutoVideoProcessor
    from transformers.models.auto.video_processing_auto import VIDEO_PROCESSOR_MAPPING

    ours = {"local_files_only": True, "trust_remote_code": False}
    try:
        with quiet():
            if (folder / FILES[1]).is_file() or type(config) in VIDEO_PROCESSOR_MAPPING:
                return AutoVideoProcessor.from_pretrained(folder, **ours)
            try:
                return AutoImageProcessor.from_pretrained(folder, backend="pil", **ours)
            except ValueError:  # some have only the one on torchvision
                return AutoImageProcessor.from_pretrained(folder, **ours)
    except Exception as error:  # a damaged file makes the reader fail in any way
        first = str(error).splitlines()[0] if str(error) else type(error).__name__
        raise ValueError(f"{folder}: its processor cannot be read ({first}); {BY_HAND}") from None


def _taken(processor: Any) -> Pixels:
    """The settings of a processor. ValueError where they make no square of one of the known kinds."""
    if not getattr(processor, "do_resize", False):
        raise ValueError("it does not resize")
    filter = FILTERS.get(int(processor.resample))
    if filter is None:
        raise ValueError(f"it resizes by filter {int(processor.resample)} of PIL, where 2 and 3 are known")
    size, resize = _size(processor)
    crop = _square(processor.crop_size, "crops") if getattr(processor, "do_center_crop", False) else size
    share = getattr(processor, "crop_pct", None)
    if share and resize == "shortest":  # ConvNeXt: large pictures whole, small ones cropped
        size, crop, resize = (int(size / share), size, resize) if size < 384 else (size, size, "squash")
    if crop > size:
        raise ValueError(f"it crops {crop} of {size} pixels")
    if not 0 < size <= LARGEST:
        raise ValueError(f"it resizes to {size} pixels, where 1 to {LARGEST} are possible")
    mean, std = _normalisation(processor, size)
    if not all(value > 0 for value in std):
        raise ValueError(f"it divides by {std}")
    return Pixels(size, crop, resize, filter, mean, std)


def _size(processor: Any) -> tuple[int, Literal["shortest", "squash"]]:
    """Pixels of a side, and whether the whole picture becomes a square."""
    patches = getattr(processor, "max_num_patches", None)
    if patches:  # SigLIP 2 with variable sizes: the largest square
        return math.isqrt(int(patches)) * int(processor.patch_size), "squash"
    short, long = (_number(processor.size, key) for key in ("shortest_edge", "longest_edge"))
    if short and not long:
        return short, "shortest"
    return _square(processor.size, "resizes to"), "squash"


def _square(size: Any, verb: str) -> int:
    """The side of a square; ValueError for other shapes."""
    if isinstance(size, int):
        return size
    height, width = (_number(size, key) for key in ("height", "width"))
    if not height or height != width:
        raise ValueError(f"it {verb} {size}, which is no square")
    return height


def _number(size: Any, key: str) -> int:
    """A number of a size, 0 where it has none; processors hold mappings or objects."""
    value = size.get(key) if isinstance(size, dict) else getattr(size, key, None)
    return int(value or 0)


def _normalisation(processor: Any, size: int) -> tuple[tuple[float, ...], tuple[float, ...]]:
    """Mean and std for values in 0..1: as the processor states them, or as it makes of black and white pictures."""
    black, white = (_theirs(processor, np.full((size, size, 3), level, np.uint8)) for level in (0, 255))
    low, high = (seen.mean(dim=(1, 2)).double() for seen in (black, white))
    std = 1 / (high - low)
    mean = -low * std
    stated: Any = [getattr(processor, name, None) for name in ("image_mean", "image_std")]
    if all(stated) and np.allclose(stated, [mean.tolist(), std.tolist()], atol=1e-5):
        return tuple(map(float, stated[0] or ())), tuple(map(float, stated[1] or ()))
    return tuple(round(value, 6) for value in mean.tolist()), tuple(round(value, 6) for value in std.tolist())


def _probe(size: int) -> np.ndarray:
    """A picture of coarse colours, a little larger than what is asked for: [S, S, 3] uint8."""
    side = size + max(8, size // 4)
    cells = np.random.default_rng(0).integers(0, 256, (6, 6, 3), dtype=np.uint8)
    return np.array(Image.fromarray(cells).resize((side, side), Image.Resampling.BICUBIC))


def _theirs(processor: Any, picture: np.ndarray) -> Tensor:
    """What the processor makes of a picture [H, W, 3]: [3, h, w] float32."""
    with quiet(), np.errstate(all="ignore"):  # a std of 0 is refused by what comes of it
        if hasattr(processor, "video_sampler") or "VideoProcessor" in type(processor).__name__:
            seen = processor(videos=[np.stack([picture] * 2)], return_tensors="pt", do_sample_frames=False)
        else:
            seen = processor(images=[picture], return_tensors="pt")
    values = torch.as_tensor(next(seen[key] for key in ("pixel_values_videos", "pixel_values") if key in seen)).float()
    if values.ndim == 3 and "spatial_shapes" in seen:  # lists of patches
        rows, columns = (int(number) for number in seen["spatial_shapes"][0])
        side = int(processor.patch_size)
        tiles = values[0, : rows * columns].reshape(rows, columns, side, side, 3)
        return tiles.permute(4, 0, 2, 1, 3).reshape(3, rows * side, columns * side)
    return values.flatten(0, -4)[0]


def _ours(pixels: Pixels) -> Tensor:
    """What we make of the same picture."""
    kind = {"bilinear": Image.Resampling.BILINEAR, "bicubic": Image.Resampling.BICUBIC}[pixels.filter]
    whole = Image.fromarray(_probe(pixels.size)).resize((pixels.size, pixels.size), kind)
    start = (pixels.size - pixels.crop) // 2
    cropped = np.asarray(whole)[start : start + pixels.crop, start : start + pixels.crop]
    return normalise(torch.tensor(cropped), pixels.mean, pixels.std, channel=0)
