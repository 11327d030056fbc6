"""ConSE, search without training: videos as the mean of sentences about what a classifier sees in them.

Norouzi et al., "Zero-Shot Learning by Convex Combination of Semantic Embeddings", ICLR 2014. Both networks are small
and come in packages, so nothing is downloaded when it runs. It knows the thousand things of ImageNet as photographs
show them: drawings and what people do are beyond it.
"""

from __future__ import annotations

import zlib
from collections.abc import Sequence
from dataclasses import replace
from functools import cached_property
from pathlib import Path
from threading import Lock
from typing import Any

import numpy as np
import torch
from torch import Tensor

from extractors.base import Sampling
from extractors.bert import Bert
from extractors.timm import Timm
from extractors.words import tokenise

CLASSES = 1000  # of ImageNet, whose names open_clip has
RANDOM_WIDTH = 64  # of the vectors that stand for words where there is no sentence encoder


class Conse(Timm):
    """Videos [B, D] and captions [C, D] in the space of a sentence encoder.

    A video is a weighted mean of the vectors of "a video of a CLASS", for the `best` classes that are most probable in
    the mean of its frames' probabilities; the weights are these probabilities, scaled to the sum 1. A caption is its
    sentence vector. `weights` are those of an image model of timm with its classifier; `sentences` those of a sentence
    encoder, an entry of extractors/weights.yaml or a folder, which also says how words become a sentence.
    """

    sides = ("video", "text")
    WEIGHTS = {"sentences": "extractors.bert.Bert"}  # noqa: RUF012 (read as a literal)
    CLASSIFIES = True

    def __init__(
        self,
        *,
        model: str = "tf_efficientnet_lite2",  # a name of timm, of those trained on ImageNet's thousand classes
        frames: int = 8,  # spread over the video
        crop: int | None = None,  # pixels of the square that is seen; null: the model's own
        best: int = 10,  # classes of a video, the most probable ones
        sentence: str = "a video of a {}",  # about a class, which stands at {}
        weights: str = "efficientnet-lite2",  # a name of `laff weights list`, a file of yours, or random
        sentences: str = "all-minilm-l6-v2",  # of the encoder: a name of `laff weights list`, a folder, or random
    ) -> None:
        super().__init__(model=model, frames=frames, crop=crop, weights=weights)
        if best < 1:
            raise ValueError(f"best is {best}; it should be at least 1, a class")
        if sentence.count("{}") != 1 or sentence.replace("{}", "").count("{") + sentence.replace("{}", "").count("}"):
            raise ValueError(f"sentence is {sentence!r}; it should have {{}} once, where the class stands")
        self.best = best
        self.sentence = sentence
        self.sentences = sentences

    def __str__(self) -> str:
        return f"Conse (model {self.model})"

    def load(self, device: str, weights: Path | None, sentences: Path | None = None) -> None:
        """Build the classifier and read the sentence encoder's folder; None means random weights, for demos only."""
        if (count := self._config()["num_classes"]) != CLASSES:
            raise ValueError(
                f"model {self.model!r} tells {count} classes apart; conse knows names for ImageNet's {CLASSES} alone; "
                "take a model that timm has trained on those (…in1k)"
            )
        super().load(device, weights)
        self._classes: Tensor | None = None
        self._making = Lock()
        self._encoder: Any = RandomWords()
        if sentences is not None:
            self._encoder = Bert(weights=str(sentences))
            self._encoder.load(device, sentences)

    @cached_property
    def dim(self) -> int:
        """D, the sentence encoder's; an AttributeError before its folder is read."""
        return int(self._encoder.dim)

    @cached_property
    def sampling(self) -> Sampling:
        """timm's, but without the border that it cuts off: what a video shows need not stand in its middle."""
        whole = super().sampling
        return replace(whole, size=whole.crop, width=whole.crop if whole.width else 0)

    @property
    def about(self) -> dict[str, Any]:
        """How the loaded folder makes a row of a sentence."""
        return dict(getattr(self._encoder, "about", {}))

    @torch.no_grad()
    def extract(self, frames: Tensor) -> Tensor:
        """[B, M, T, H, W, 3] uint8 -> [B, D] float32, of length below 1 where its classes differ."""
        chances = self.of_frames(frames).softmax(dim=2).mean(dim=1)  # [B, K]
        return mixture(chances, self.classes, self.best)

    def extract_text(self, captions: Sequence[str]) -> np.ndarray:
        """C texts -> [C, D] float32."""
        vectors: np.ndarray = self._encoder.extract_text(captions)
        return vectors

    @property
    def classes(self) -> Tensor:
        """[K, D] float32: the sentence vector of each class; made when a video first asks, since captions need none."""
        with self._making:  # forwards run side by side
            if self._classes is None:
                from open_clip import IMAGENET_CLASSNAMES

                device = next(self.net.parameters()).device
                with torch.autocast(device.type, enabled=False):
                    vectors = self._encoder.extract_text([self.sentence.format(name) for name in IMAGENET_CLASSNAMES])
                self._classes = torch.from_numpy(vectors).to(device)
            return self._classes


def mixture(chances: Tensor, classes: Tensor, best: int) -> Tensor:
    """The mean of the `best` most probable classes, weighted by chance: chances [B, K], classes [K, D] -> [B, D]."""
    top = chances.topk(min(best, chances.shape[1]), dim=1)
    weights = top.values / top.values.sum(dim=1, keepdim=True)
    return (weights[:, :, None] * classes[top.indices]).sum(dim=1)


class RandomWords:
    """A sentence is the sum of random vectors of its words, the same everywhere: for demos and tests."""

    dim = RANDOM_WIDTH

    def extract_text(self, captions: Sequence[str]) -> np.ndarray:
        """C texts -> [C, 64] float32 of unit length; zeros where there is no word."""
        vectors = np.zeros((len(captions), self.dim), dtype=np.float32)
        for vector, caption in zip(vectors, captions, strict=True):
            for word in tokenise(caption):
                vector += np.random.default_rng(zlib.crc32(word.encode())).normal(size=self.dim)
            vector /= max(float(np.linalg.norm(vector)), 1e-12)
        return vectors
