"""The fine-tuning of CLIP on one collection's pairs: batches in, a loss and a validation score out."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn.functional import normalize

from extractors.base import Pairs
from extractors.pinned import sent
from extractors.scoring import mrr, reciprocal
from extractors.tokens import FileTokens

if TYPE_CHECKING:
    from extractors.clip_ft import ClipFt

# (cosines [B, B], captions by videos, pairs on the diagonal; scale; the video of each caption [B]) -> scalar
Loss = Callable[[Tensor, Tensor, Tensor | None], Tensor]

MAX_SCALE = 100.0  # CLIP's own bound on the inverse temperature
VIDEOS = 16  # videos of one validation forward
CAPTIONS = 64  # captions that are scored with all videos at once, where pairs are scored


class ClipTask:
    """One sample is one caption with its video, as LAFF's authors have it. See extractors.base.Task.

    Losses here know no bias: the `logit_bias` that SigLIP's models have gets no gradient and stays as it was. Where the
    aggregator scores pairs, the loss sees its scores as they are, with scale 1, as in CLIP4Clip.
    """

    heads: tuple[str, ...] = ()  # what the names of the parameters begin with that start untrained

    def __init__(self, clip: ClipFt, train: Pairs, val: Pairs, loss: Loss) -> None:
        for name, pairs in (("train", train), ("val", val)):
            if not pairs.captions:
                raise ValueError(f"the {name} split has no captions to fine-tune CLIP with")
        self.clip = clip
        parts = {"clip": clip.net} | ({} if clip.aggregator is None else {"aggregator": clip.aggregator})
        self.model = nn.ModuleDict(parts)
        self.pairs = bool(getattr(clip.aggregator, "scores_pairs", False))
        if clip.aggregator is not None and any(True for _ in clip.aggregator.parameters()):
            self.heads = ("aggregator.",)
        self.samples = len(train.captions)
        self.train = train
        self.val = val
        self.objective = loss
        self.tokens = clip.tokens(train.captions)  # [C, context], once: they never change

    def loss(self, rows: Tensor) -> Tensor:
        """The loss of a batch: [B] int64 caption numbers -> scalar."""
        self.model.train()
        # A video with several captions in the batch is encoded once; rising rows suit any store of frames.
        video_of = self.train.video_of[rows.cpu().numpy()]
        videos, columns_of = np.unique(video_of, return_inverse=True)
        columns = sent(torch.from_numpy(columns_of), self.clip.device)
        owners = sent(torch.from_numpy(video_of), self.clip.device)
        text = self.clip.encode_texts(self.tokens[rows.cpu()])
        if self.pairs:
            scores = self.clip.scores(text, *self._frames(self.train, videos))[:, columns]
            return self.objective(scores, scores.new_ones(()), owners)
        video = self.video_vectors(self.train, videos)[columns]
        cosines = normalize(text, dim=-1) @ normalize(video, dim=-1).T
        return self.objective(cosines, self.clip.net.logit_scale.exp().clamp(max=MAX_SCALE), owners)

    @torch.no_grad()
    def score(self) -> float:
        """Mean reciprocal rank of the validation captions' videos, by cosine."""
        self.model.eval()
        count = len(self.val.videos)
        blocks = [np.arange(start, min(start + VIDEOS, count)) for start in range(0, count, VIDEOS)]
        text = torch.from_numpy(self.clip.extract_text(self.val.captions)).to(self.clip.device)
        video_of = torch.from_numpy(self.val.video_of)
        if not self.pairs:
            video = torch.cat([self.video_vectors(self.val, block) for block in blocks])
            return mrr(normalize(text, dim=-1), normalize(video, dim=-1), video_of)
        features, counts = zip(*(self._frames(self.val, block) for block in blocks), strict=True)
        frames, own_counts = torch.cat(features), torch.cat(counts)
        every_block = zip(text.split(CAPTIONS), video_of.to(text.device).split(CAPTIONS), strict=True)
        sums = (reciprocal(self.clip.scores(block, frames, own_counts), videos) for block, videos in every_block)
        return sum(sums) / len(text)

    def state(self) -> dict[str, Any]:
        """What ClipFt.load_state takes: {"model": tensors by name, on the CPU}.

        With "aggregator", tensors by name too, where there is one, and "tokenizer" where it came from a file.
        """
        parts = {"model": self.clip.net} | ({"aggregator": self.model["aggregator"]} if len(self.model) > 1 else {})
        state: dict[str, Any] = {
            name: {key: value.detach().cpu().clone() for key, value in part.state_dict().items()}
            for name, part in parts.items()
        }
        tokens = self.clip.tokens
        return state | ({"tokenizer": tokens.state()} if isinstance(tokens, FileTokens) else {})

    def video_vectors(self, pairs: Pairs, rows: np.ndarray) -> Tensor:
        """Vectors of videos: [n] rows -> [n, D]."""
        return self.clip.encode_videos(*self._pixels(pairs, rows))

    def _frames(self, pairs: Pairs, rows: np.ndarray) -> tuple[Tensor, Tensor]:
        """Features of frames: [n] rows -> [n, T, D], and how many of the T are each video's own."""
        pixels, counts = self._pixels(pairs, rows)
        return self.clip.encode_frames(pixels, counts), counts

    def _pixels(self, pairs: Pairs, rows: np.ndarray) -> tuple[Tensor, Tensor]:
        """Frames and how many are each video's own: [n] rows -> [n, T, H, W, 3] uint8 and [n] int64, on the device."""
        frames = np.ascontiguousarray(pairs.videos[rows])
        counts = np.full(len(rows), frames.shape[1]) if pairs.counts is None else pairs.counts[rows]
        return (
            sent(torch.from_numpy(frames), self.clip.device),
            sent(torch.from_numpy(counts.astype(np.int64)), self.clip.device),
        )
