"""Each family of encoders that `hf` and `hf-video` read, against transformers' own pipeline on a tiny random model.

Prints, for each, the largest difference of the video feature where frames have the model's size already, and where both
have to resize and crop them (with the processor on PIL, where there is one, and the one on torchvision); how many
levels of 255 their pixels then differ by; and the largest difference of a caption's feature. Differences of features
are shares of the feature's largest number.

    python benchmarks/hf_families.py [FAMILY…]
"""

import sys
import tempfile
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from extractors.hf import Hf
from extractors.hf_tower import clip_length
from extractors.hf_video import HfVideo
from extractors.pixels import normalise
from pipeline.video.pixels import crops, resize
from tests.extractors import hf_library, hf_models

CAPTIONS = ["a dog runs on the beach", "x", "Two men, one of them tall, play chess in a park and laugh"]
HEAD = ("family", "video", "PIL", "torchvision", "levels: PIL", "torchvision", "text")


def main(names: list[str]) -> None:
    """Print the table."""
    print(f"{HEAD[0]:22} {HEAD[1]:>9} {HEAD[2]:>9} {HEAD[3]:>12} {HEAD[4]:>12} {HEAD[5]:>12} {HEAD[6]:>9}")
    for name, family in hf_models.FAMILIES.items():
        if names and name not in names:
            continue
        with tempfile.TemporaryDirectory() as folder:
            figures = compare(hf_models.write(Path(folder), family), family)
        print(f"{name:22}", *(f"{figure:>{wide}}" for figure, wide in zip(figures, (9, 9, 12, 12, 12, 9), strict=True)))


def compare(folder: Path, family: hf_models.Family) -> list[str]:
    """The figures of one family, as they are printed."""
    part = (Hf if family.reads else HfVideo)(weights=str(folder), frames=None if clips(folder) else 4)
    part.load("cpu", folder)
    size = part.sampling.size
    plain = video(size, size)
    first = hf_library.pixels(folder, family, plain, "pil" if family.on_pil else "torchvision")
    figures = [apart(ours(part, plain)[0], hf_library.features(folder, family, first))]
    levels = []
    for backend in ("pil", "torchvision"):
        if backend == "pil" and not family.on_pil:
            figures.append(None)
            levels.append(None)
            continue
        wide = video(53, 53) if family.kind in ("siglip2", "convnext") else video(46, 62)
        inputs = hf_library.pixels(folder, family, wide, backend)
        feature, pictures = ours(part, wide)
        figures.append(apart(feature, hf_library.features(folder, family, inputs)))
        theirs = next(iter(inputs.values()))
        mine = part.tower.patches(pictures)["pixel_values"] if family.kind == "siglip2" else pictures
        levels.append(float((mine.reshape(theirs.shape) - theirs).abs().max()) * min(part.std) * 255)
    text = None
    if family.reads:
        expected = torch.from_numpy(hf_library.texts(folder, CAPTIONS))
        text = float((torch.from_numpy(part.extract_text(CAPTIONS)) - expected).abs().max() / expected.abs().max())
    shown = ["-" if figure is None else f"{figure:.1e}" for figure in figures]
    shown += ["-" if level is None else f"{level:.2f}" for level in levels]
    return [*shown, "-" if text is None else f"{text:.1e}"]


def clips(folder: Path) -> bool:
    """Whether a folder holds a model of videos."""
    return bool(clip_length(HfVideo(weights=str(folder)).config))


def ours(part: Hf, frames: np.ndarray) -> tuple[Tensor, Tensor]:
    """The feature of one video [1, D] as a run computes it, and its normalised pictures [T, 3, H, W]."""
    at = part.sampling
    small = [resize(frame, at.size, at.filter, at.antialias, at.width) for frame in frames]
    cut = torch.from_numpy(np.stack([crops(frame, at.crop)[0] for frame in small]))
    return part.extract(cut[None, None]), normalise(cut, part.mean, part.std)


def video(height: int, width: int) -> np.ndarray:
    """Four frames of coarse colours: [4, H, W, 3] uint8."""
    cells = np.random.default_rng(height).integers(0, 256, (4, 6, 6, 3), dtype=np.uint8)
    rows, columns = (np.arange(length) * 6 // length for length in (height, width))
    return np.ascontiguousarray(cells[:, rows][:, :, columns])


def apart(mine: Tensor, theirs: Tensor) -> float:
    """The largest difference from the mean of theirs, as a share of its largest number."""
    mean = theirs.mean(dim=0, keepdim=True)
    return float((mine - mean).abs().max() / mean.abs().max())


if __name__ == "__main__":
    main(sys.argv[1:])
