"""Random weights that are the same everywhere and give usable features: for demos and tests, never for results."""

from collections.abc import Iterator
from contextlib import contextmanager

import torch
from torch import nn
from torch.nn.functional import interpolate

CLIPS = 8  # noise clips that the statistics come from


@contextmanager
def seeded() -> Iterator[None]:
    """Make random weights inside the block equal in every process; the caller's random state does not change."""
    with torch.random.fork_rng(devices=[]):  # models are built on the CPU, so no other generator is touched
        torch.default_generator.manual_seed(0)
        yield


@torch.no_grad()
def settle(net: nn.Module, frames: int, crop: int) -> None:
    """Set the statistics of batch normalisation to those of noise clips [8, 3, frames, crop, crop].

    The initial statistics (mean 0, variance 1) fit no random network: the signal fades from layer to layer, until the
    features of different videos differ by a thousandth. Trained weights have statistics of their own.
    """
    with seeded():
        clips = natural_noise(frames, crop)
        norms = [module for module in net.modules() if isinstance(module, nn.BatchNorm3d)]
        momenta = [norm.momentum for norm in norms]
        for norm in norms:
            norm.reset_running_stats()
            norm.momentum = None  # the plain mean over the one batch
        net.train()
        net(clips)
        net.eval()
        for norm, momentum in zip(norms, momenta, strict=True):
            norm.momentum = momentum


def natural_noise(frames: int, crop: int) -> torch.Tensor:
    """Clips [8, 3, frames, crop, crop] of mean 0 and variance 1 with the spectrum of natural videos.

    Photographs have the same energy in every octave of scale (Field, 1987), and coarse structures move little. With the
    statistics of fine, flickering noise the signal of real videos would grow from layer to layer.
    """
    octaves = [2**k for k in range(crop.bit_length()) if 2**k <= crop]
    clips = torch.zeros(CLIPS, 3, frames, crop, crop)
    for number, cells in enumerate(octaves):
        moments = max(1, frames * number // (2 * len(octaves)))
        noise = torch.randn(CLIPS, 3, moments, cells, cells)
        clips += interpolate(noise, size=(frames, crop, crop), mode="nearest")
    scaled: torch.Tensor = clips / len(octaves) ** 0.5
    return scaled
