"""The fine-tuning of CLIP on one collection's pairs: batches in, a loss and a validation score out."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from torch import Tensor
from torch.nn.functional import normalize

from extractors.base import Pairs
from extractors.scoring import mrr
from extractors.tokens import FileTokens

if TYPE_CHECKING:
    from extractors.clip_ft import ClipFt

# (cosines [B, B], captions by videos, pairs on the diagonal; scale; the video of each caption [B]) -> scalar
Loss = Callable[[Tensor, Tensor, Tensor | None], Tensor]

MAX_SCALE = 100.0  # CLIP's own bound on the inverse temperature
VIDEOS = 16  # videos of one validation forward


class ClipTask:
    """One sample is one caption with its video, as LAFF's authors have it. See extractors.base.Task.

    Losses here know no bias: the `logit_bias` that SigLIP's models have gets no gradient and stays as it was.
    """

    def __init__(self, clip: ClipFt, train: Pairs, val: Pairs, loss: Loss) -> None:
        for name, pairs in (("train", train), ("val", val)):
            if not pairs.captions:
                raise ValueError(f"the {name} split has no captions to fine-tune CLIP with")
        self.clip = clip
        self.model = clip.net
        self.samples = len(train.captions)
        self.train = train
        self.val = val
        self.objective = loss
        self.tokens = clip.tokens(train.captions)  # [C, context], once: they never change

    def loss(self, rows: Tensor) -> Tensor:
        """[B] int64 caption numbers -> scalar."""
        self.model.train()
        # A video with several captions in the batch is encoded once; rising rows suit any store of frames.
        videos, place = np.unique(self.train.video_of[rows.cpu().numpy()], return_inverse=True)
        video = self._videos(self.train, videos)[torch.from_numpy(place).to(self.clip.device)]
        text = self.clip.encode_texts(self.tokens[rows.cpu()])
        cosines = normalize(text, dim=-1) @ normalize(video, dim=-1).T
        of = torch.from_numpy(self.train.video_of[rows.cpu().numpy()])
        return self.objective(cosines, self.model.logit_scale.exp().clamp(max=MAX_SCALE), of)

    @torch.no_grad()
    def score(self) -> float:
        """Mean reciprocal rank of the validation captions' videos, by cosine."""
        self.model.eval()
        count = len(self.val.videos)
        blocks = [np.arange(start, min(start + VIDEOS, count)) for start in range(0, count, VIDEOS)]
        video = torch.cat([self._videos(self.val, block) for block in blocks])
        text = torch.from_numpy(self.clip.extract_text(self.val.captions)).to(video.device)
        return mrr(normalize(text, dim=-1), normalize(video, dim=-1), torch.from_numpy(self.val.video_of))

    def state(self) -> dict[str, Any]:
        """{"model": tensors by name, on the CPU, and where it came from a file "tokenizer"}: for ClipFt.load_state."""
        tensors = {key: value.detach().cpu().clone() for key, value in self.model.state_dict().items()}
        tokens = self.clip.tokens
        return {"model": tensors} | ({"tokenizer": tokens.state()} if isinstance(tokens, FileTokens) else {})

    def _videos(self, pairs: Pairs, rows: np.ndarray) -> Tensor:
        frames = torch.from_numpy(np.ascontiguousarray(pairs.videos[rows]))
        return self.clip.encode_videos(frames.to(self.clip.device))
