"""Retrieval: the task of finding the video of a caption, a loss on batches and a score on the validation split."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

import torch
from torch import Tensor

from fusion.features import Split, index, take
from fusion.losses import Loss
from fusion.measures import MRR, Measure
from fusion.spaces import Spaces

BLOCK = 1024  # videos or captions that are embedded and compared at a time


class Retrieval:
    """Task of one model, with the split that it learns from and the one by which its best epoch is chosen.

    The splits are on the model's device. `scale` multiplies the cosines where the loss uses it (infonce); it isn't
    learned. Random numbers come from torch's global generators only, so a saved generator state repeats them.
    precision: "float32" or "bfloat16", of the operands of matrix products in training; sums, weights, the optimizer's
    state, the cosines and the loss are float32 in both cases. measure: of the score on the validation split.
    factors: {prefix of parameter names: factor of their learning rate}, for encoders inside the model that say one.
    Raises ValueError when a split has no captions.
    """

    def __init__(
        self,
        model: Spaces,
        train: Split,
        val: Split,
        loss: Loss,
        *,
        scale: float = 20.0,
        precision: str = "float32",
        measure: Measure = MRR,
        factors: Mapping[str, float] = MappingProxyType({}),
    ) -> None:
        for name, split in (("train", train), ("validation", val)):
            if not len(split):
                raise ValueError(f"the {name} split has no captions; training needs at least one")
        self.model = model
        self.train = train
        self.val = val
        self.samples = len(train)
        self.measure = measure
        self.factors = dict(factors)
        self._loss = loss
        self._precision = precision
        # A model that scores pairs learns the scale of its scores.
        self._scale = torch.tensor(1.0 if model.scores_pairs else scale, device=train.video_of.device)
        dense = {name: feature for name, feature in train.video.items() if isinstance(feature, Tensor)}
        blank = {name: ~(feature != 0).any(dim=1).cpu() for name, feature in dense.items()}
        self._blank = {name: flags for name, flags in blank.items() if bool(flags.any())}  # videos whose row is all 0
        self._video_of = train.video_of.cpu()  # on the CPU as the flags are: a step need not wait for the GPU

    def loss(self, captions: Tensor) -> Tensor:
        """Loss, a scalar, of these captions, [B] int64 on the CPU, and their videos."""
        video, text = self.train.batch(captions)
        for name, flags in self._blank.items():
            # A feature that is 0 for every video of this batch would become one constant.
            if bool(flags[self._video_of[captions]].all()):
                video[name] = torch.randn_like(video[name])  # type: ignore[arg-type]
        with self.products():
            cosines = self.model.cosines(video, text)
        return self._loss(cosines, self._scale, index(self.train.video_of, captions))

    def products(self) -> torch.autocast:
        """Context in which the operands of matrix products have the precision; each weight is cast once in it."""
        device = self.train.video_of.device.type
        return torch.autocast(device, torch.bfloat16, enabled=self._precision == "bfloat16")

    def score(self) -> float:
        """The measure on the validation split; the mean reciprocal rank where none was named."""
        training = self.model.training
        self.model.eval()
        try:
            return self.measure.of(ranks(self.model, self.val))
        finally:
            self.model.train(training)

    def state(self) -> dict[str, Tensor]:
        """Copy the model's parameters and buffers to the CPU."""
        return {name: value.detach().cpu().clone() for name, value in self.model.state_dict().items()}


def mrr(model: Spaces, split: Split) -> float:
    """Mean reciprocal rank of each caption's video among all videos of the split."""
    return MRR.of(ranks(model, split))


@torch.no_grad()
def ranks(model: Spaces, split: Split) -> Tensor:
    """Rank [C] float64 of each caption's video among all videos of the split, block by block.

    rank = 1 + videos strictly above + half of the other videos with the same similarity; NaN where the video's own
    similarity is NaN.
    """
    all_videos = torch.arange(split.videos)  # on the CPU: taking rows by these numbers need not wait for the GPU
    texts = split.text
    if not model.scores_pairs:
        blocks = torch.split(all_videos, BLOCK)
        videos = torch.cat([model.embed_video(split.video_rows(block)) for block in blocks])
        texts = model.encoded(texts)
    of_blocks = [torch.empty(0, dtype=torch.float64, device=split.video_of.device)]
    for captions in torch.split(torch.arange(len(split)), BLOCK):
        text = {name: take(feature, captions) for name, feature in texts.items()}
        if model.scores_pairs:
            similarity = model.scores(split.video_rows(all_videos), text)
        else:
            similarity = model.embed_text(text) @ videos.T
        true = similarity.gather(1, index(split.video_of, captions)[:, None])
        above = (similarity > true).sum(dim=1)
        equal = (similarity == true).sum(dim=1) - 1
        place = (1 + above + equal / 2).double()
        of_blocks.append(place.masked_fill(true[:, 0].isnan(), torch.nan))  # NaN is above nothing: give no reward
    return torch.cat(of_blocks)
