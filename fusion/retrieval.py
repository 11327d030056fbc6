"""Training a paired model to find the video of a caption: loss on batches, score on the validation split."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from fusion.features import Split, at, take
from fusion.losses import Loss
from fusion.spaces import Spaces

BLOCK = 1024  # rows that are embedded and compared at a time


class Retrieval:
    """One paired model and the two splits it learns from and is chosen by.

    The splits lie on the model's device. `scale` multiplies the cosines where the loss uses it (infonce); it isn't
    learned. Random numbers come from torch's global generators only, so a saved generator state repeats them.
    precision: of the operands of matrix products while learning, "float32" or "bfloat16"; sums, weights, what the
    optimizer keeps, the cosines and the loss are float32 all the same.
    Raises ValueError when a split has no captions.
    """

    def __init__(
        self, model: Spaces, train: Split, val: Split, loss: Loss, *, scale: float = 20.0, precision: str = "float32"
    ) -> None:
        for name, split in (("train", train), ("validation", val)):
            if not len(split):
                raise ValueError(f"the {name} split has no captions; training needs at least one")
        self.model = model
        self.train = train
        self.val = val
        self.samples = len(train)
        self._loss = loss
        self._precision = precision
        # Scores of pairs are on a scale of their own, which is learned.
        self._scale = torch.tensor(1.0 if model.scores_pairs else scale, device=train.video_of.device)
        rows = {name: feature for name, feature in train.video.items() if isinstance(feature, Tensor)}
        blank = {name: ~(feature != 0).any(dim=1).cpu() for name, feature in rows.items()}
        self._blank = {name: flags for name, flags in blank.items() if bool(flags.any())}
        self._video_of = train.video_of.cpu()  # beside the flags: no waiting for the GPU in a step

    def loss(self, rows: Tensor) -> Tensor:
        """Caption numbers [B] int64, on the CPU -> scalar loss of these captions and their videos."""
        video, text = self.train.batch(rows)
        for name, flags in self._blank.items():
            # A feature that says nothing at all in this batch would be one constant for every video.
            if bool(flags[self._video_of[rows]].all()):
                video[name] = torch.randn_like(video[name])  # type: ignore[arg-type]
        with self.products():
            cosines = self.model.cosines(video, text)
        return self._loss(cosines, self._scale, at(self.train.video_of, rows))

    def products(self) -> torch.autocast:
        """Where the model's matrix products get operands of the precision: each weight is cast once in it."""
        device = self.train.video_of.device.type
        return torch.autocast(device, torch.bfloat16, enabled=self._precision == "bfloat16")

    def score(self) -> float:
        """Mean of 1 / rank of each validation caption's video, in 0..1."""
        training = self.model.training
        self.model.eval()
        try:
            return mrr(self.model, self.val)
        finally:
            self.model.train(training)

    def state(self) -> dict[str, Any]:
        """The model's parameters and buffers, copied to the CPU."""
        return {name: value.detach().cpu().clone() for name, value in self.model.state_dict().items()}


@torch.no_grad()
def mrr(model: Spaces, split: Split) -> float:
    """Mean reciprocal rank of each caption's video among all videos of the split, block by block.

    rank = 1 + videos strictly above + half of the other videos with the same similarity.
    """
    device = split.video_of.device
    every = torch.arange(split.videos)  # numbers on the CPU: which rows these are is known without asking a GPU
    texts = split.text
    if not model.scores_pairs:
        videos = torch.cat([model.embed_video(split.video_rows(rows)) for rows in every.split(BLOCK)])
        texts = model.encoded(texts)
    total = torch.zeros((), dtype=torch.float64, device=device)
    for rows in torch.arange(len(split)).split(BLOCK):
        text = {name: take(feature, rows) for name, feature in texts.items()}
        if model.scores_pairs:
            similarity = model.scores(split.video_rows(every), text)
        else:
            similarity = model.embed_text(text) @ videos.T
        right = similarity.gather(1, at(split.video_of, rows)[:, None])
        above = (similarity > right).sum(dim=1)
        equal = (similarity == right).sum(dim=1) - 1
        reciprocal = 1 / (1 + above + equal / 2).double()
        total += reciprocal.masked_fill(right[:, 0].isnan(), torch.nan).sum()  # NaN is above nothing: don't reward it
    return float(total / len(split))
