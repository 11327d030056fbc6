"""Training of a sentence encoder towards one fixed video feature, for `extractors.gru` on its own."""

import math
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional

from extractors.base import Pairs
from extractors.pinned import sent
from extractors.scoring import mrr

# (cosines [B, B], caption i against video j; scale; the video of each caption [B]) -> scalar
Loss = Callable[[Tensor, Tensor, Tensor | None], Tensor]
Tokens = Callable[[Sequence[str]], tuple[Tensor, Tensor]]  # C captions -> ids [sum L], starts [C + 1]
BATCH = 8192  # captions at once when nothing is learned


class Projected(nn.Module):
    """An encoder, a linear layer to the width of a video feature, and the scale of cosines for contrastive losses."""

    def __init__(self, encoder: nn.Module, dim: int, width: int) -> None:
        """Build it; dim: the width of the encoder, width: that of the video feature."""
        super().__init__()
        self.encoder = encoder
        self.linear = nn.Linear(dim, width)
        self.log_scale = nn.Parameter(torch.tensor(math.log(1 / 0.07)))  # CLIP's start; a ranking loss ignores it

    def forward(self, ids: Tensor, starts: Tensor) -> Tensor:
        """Tokens of B captions -> [B, width], not normalised."""
        projected: Tensor = self.linear(self.encoder(ids, starts))
        return projected


class GruTask:
    """Cosines of projected captions against the video features, a batch of pairs at a time."""

    model: nn.Module

    def __init__(
        self,
        encoder: nn.Module,
        dim: int,
        tokens: Tokens,
        train: Pairs,
        val: Pairs,
        loss: Loss,
        learned: dict[str, Any],
        seed: int,
        device: str = "cpu",
    ) -> None:
        """Prepare both splits; dim: the width of the encoder, learned: what the state has besides the weights.

        seed: of the linear layer. The videos of both splits are features, [V, W] float. Raises ValueError where they
        are not, or their widths differ.
        """
        self.videos, self.video_of = _side(train)
        self.val_videos, self.val_of = (part.to(device) for part in _side(val))
        if self.videos.shape[1] != self.val_videos.shape[1]:
            raise ValueError(
                f"video features are {self.videos.shape[1]} wide in train, {self.val_videos.shape[1]} in val"
            )
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(seed)
            self.projected = Projected(encoder, dim, self.videos.shape[1]).to(device)
        self.model = self.projected
        self.criterion, self.learned, self.device = loss, learned, device
        self.ids, self.starts = tokens(train.captions)
        self.val_ids, self.val_starts = tokens(val.captions)
        self.samples = len(train.captions)

    def loss(self, samples: Tensor) -> Tensor:
        """The loss of the train captions with these numbers: [B] int64 -> scalar."""
        samples = samples.cpu()
        ids, starts = take(self.ids, self.starts, samples)
        text = functional.normalize(self.projected(sent(ids, self.device), starts), dim=1)
        video_of = self.video_of[samples]
        video = sent(self.videos[video_of], self.device)
        scale = self.projected.log_scale.exp().clamp(max=100.0)
        return self.criterion(text @ video.T, scale, sent(video_of, self.device))

    def score(self) -> float:
        """Mean reciprocal rank of the validation captions' videos."""
        text = functional.normalize(embed(self.projected, self.val_ids, self.val_starts), dim=1)
        return mrr(text, self.val_videos, self.val_of)

    def state(self) -> dict[str, Any]:
        """`learned` and the encoder's weights, copied to the CPU; the linear layer is no part of the feature."""
        weights = self.projected.encoder.state_dict()
        return {**self.learned, "encoder": {name: value.detach().cpu().clone() for name, value in weights.items()}}


def take(ids: Tensor, starts: Tensor, numbers: Tensor) -> tuple[Tensor, Tensor]:
    """The token sequences with these numbers [B], in that order: ids [sum L] and starts [B + 1]."""
    lengths = starts.diff()[numbers]
    ends = lengths.cumsum(0)
    taken = torch.repeat_interleave(starts[numbers] - ends + lengths, lengths) + torch.arange(int(lengths.sum()))
    return ids[taken], functional.pad(ends, (1, 0))


@torch.no_grad()
def embed(model: nn.Module, ids: Tensor, starts: Tensor) -> Tensor:
    """The model's outputs for all C sequences in evaluation mode: [C, D] on its device.

    Batches have captions of similar length, so that few steps run with few captions.
    """
    if len(starts) == 1:
        raise ValueError("there are no captions to encode")
    device = next(model.parameters()).device
    training = model.training
    model.eval()
    order = starts.diff().argsort(stable=True)
    pieces = (take(ids, starts, numbers) for numbers in order.split(BATCH))
    vectors = [model(ids_of_piece.to(device), bounds) for ids_of_piece, bounds in pieces]
    model.train(training)
    return torch.cat(vectors)[order.argsort().to(device)]


def _side(pairs: Pairs) -> tuple[Tensor, Tensor]:
    """Video features of length one [V, W] float32, and the video row [C] of each caption."""
    features = np.asarray(pairs.videos, dtype=np.float32)
    if features.ndim != 2:
        raise ValueError(f"the encoder learns towards one video feature [V, W], not an array of shape {features.shape}")
    return functional.normalize(torch.from_numpy(features), dim=1), torch.from_numpy(np.asarray(pairs.video_of))
