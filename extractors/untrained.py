"""Random weights that are the same everywhere and of some use: for demos and tests, never for results."""

from collections.abc import Iterator
from contextlib import contextmanager

import torch
from torch import nn
from torch.nn.functional import interpolate

CLIPS = 4  # noise clips that the statistics come from
COARSE = 4  # pixels of noise of one colour: finer noise averages out within a few layers


@contextmanager
def seeded() -> Iterator[None]:
    """Weights drawn inside are the same in every process; the caller's random state is left alone."""
    with torch.random.fork_rng(devices=[]):  # models are built on the CPU, so no other generator is touched
        torch.default_generator.manual_seed(0)
        yield


@torch.no_grad()
def settle(net: nn.Module, frames: int, crop: int) -> None:
    """Set the statistics of batch normalisation to those of noise clips [4, 3, frames, crop, crop].

    Untouched statistics (mean 0, variance 1) fit no random network: layer by layer the signal fades, and the features
    of different videos end within a thousandth of each other. Trained weights come with statistics of their own.
    """
    with seeded():
        noise = torch.randn(CLIPS, 3, frames, max(crop // COARSE, 1), max(crop // COARSE, 1))
        norms = [module for module in net.modules() if isinstance(module, nn.BatchNorm3d)]
        momenta = [norm.momentum for norm in norms]
        for norm in norms:
            norm.reset_running_stats()
            norm.momentum = None  # the plain mean over the one batch
        net.train()
        net(interpolate(noise, size=(frames, crop, crop), mode="trilinear"))
        net.eval()
        for norm, momentum in zip(norms, momenta, strict=True):
            norm.momentum = momentum
