"""The weight of each feature in a trained model: mean and std of its attention weights over the test split.

A weight multiplies the feature's vector, and a vector that is twice as long counts twice. So there is also the share
a_k |f_k| / sum_j a_j |f_j| of a feature k, where the block shows the vectors f_k [H, W] that its weights a_k multiply.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from pipeline.errors import LaffError
from pipeline.inspection.subject import Subject, in_blocks
from pipeline.ranking.shares import entering, names_of, shares

if TYPE_CHECKING:
    from torch import nn

    from fusion.spaces import Spaces

SIDES = ("video", "text")
ALIKE = 0.02  # difference of mean weights that is not worth a name


@dataclass
class Moments:
    """Sums over N items of the weights of K features in H heads, which give mean and std."""

    count: int
    total: np.ndarray  # [H, K] float64
    squares: np.ndarray  # [H, K] float64
    shares: np.ndarray  # [H, K] float64; NaN where the block does not show its vectors

    def of_heads(self) -> tuple[np.ndarray, np.ndarray]:
        """Mean and std over the items, each [H, K]."""
        mean = self.total / self.count
        return mean, np.sqrt(np.maximum(self.squares / self.count - mean**2, 0.0))

    def of_all(self) -> tuple[np.ndarray, np.ndarray]:
        """Mean and std over items and heads together, each [K]."""
        mean = self.total.mean(axis=0) / self.count
        return mean, np.sqrt(np.maximum(self.squares.mean(axis=0) / self.count - mean**2, 0.0))


@dataclass(frozen=True)
class Weight:
    """The weight of one feature on one side of a model: a line of the CSV."""

    side: str
    feature: str
    seed: str  # a number, or "all"
    head: str  # a number from 0, or "all"; head 0 of one seed has nothing to do with head 0 of another
    mean: float
    std: float  # over items, and over heads and seeds where these are "all"
    std_of_seeds: float  # of the seeds' means, as of a sample; 0 for one seed
    share: float  # mean of weight times length of the vector, over the sum of all these; NaN where it is unknown


def measure(subject: Subject) -> dict[str, tuple[list[str], dict[int, Moments]]]:
    """The features and the moments of each seed, for each side that gives weights.

    LaffError where neither side of the model gives weights.
    """
    from fusion.paired import Paired

    moments_of_sides: dict[str, tuple[list[str], dict[int, Moments]]] = {}
    for seed in subject.seeds:
        model = subject.trained(seed)
        for side in SIDES:
            block = getattr(model, side) if isinstance(model, Paired) else None
            if block is not None and (moments := _moments(subject, model, block, side)):
                moments_of_sides.setdefault(side, (names_of(block), {}))[1][seed] = moments
    if not moments_of_sides:
        raise LaffError(
            f"{subject.name} ({subject.model.uses}) has no weights for its features, so there is nothing to show; "
            "name a model with attention over its features, such as LAFF, by --model"
        )
    return moments_of_sides


def _moments(subject: Subject, model: "Spaces", block: "nn.Module", side: str) -> Moments | None:
    """Sums over all videos or captions of test; None where the block gives no weights [B, H, K] of its features."""
    import torch

    test = subject.test
    take, count = (test.video_rows, test.videos) if side == "video" else (test.text_rows, len(test))
    sums: Moments | None = None
    with torch.no_grad():
        for features in in_blocks(take, count):
            with entering(block) as vectors:
                weights = block(features if side == "video" else model.encode(features))[1]
            if weights is None or weights.ndim != 3 or weights.shape[2] != len(names_of(block)):
                return None
            values = weights.double().numpy()  # [B, H, K]
            if sums is None:
                sums = Moments(0, *(np.zeros(values.shape[1:]) for _ in range(3)))
            sums.count += len(values)
            sums.total += values.sum(axis=0)
            sums.squares += (values**2).sum(axis=0)
            sums.shares += shares(values, vectors).sum(axis=0)
    return sums


def lines(measured: Mapping[str, tuple[list[str], Mapping[int, Moments]]]) -> list[Weight]:
    """All lines of the CSV: over seeds and heads, heaviest first; of each of several seeds; of each head."""
    weights: list[Weight] = []
    for side, (names, seeds) in measured.items():
        of_seeds = [moments.of_all() for moments in seeds.values()]
        means = np.array([mean for mean, _ in of_seeds])
        mean = means.mean(axis=0)
        std = np.sqrt(np.maximum(np.mean([s**2 + m**2 for m, s in of_seeds], axis=0) - mean**2, 0.0))
        share = np.mean([moments.shares.mean(axis=0) / moments.count for moments in seeds.values()], axis=0)
        between = means.std(axis=0, ddof=1) if len(seeds) > 1 else np.zeros(len(names))
        weights += [
            Weight(side, names[k], "all", "all", float(mean[k]), float(std[k]), float(between[k]), float(share[k]))
            for k in np.argsort(-mean, kind="stable")
        ]
    for side, (names, seeds) in measured.items():
        for seed, moments in seeds.items():
            shares = moments.shares / moments.count
            if len(seeds) > 1:
                weights += _of_seed(side, names, seed, "all", *moments.of_all(), shares.mean(axis=0))
            for head, values in enumerate(zip(*moments.of_heads(), shares, strict=True)):
                weights += _of_seed(side, names, seed, str(head), *values)
    return weights


def _of_seed(
    side: str, names: list[str], seed: int, head: str, mean: np.ndarray, std: np.ndarray, share: np.ndarray
) -> Iterator[Weight]:
    """The lines of one seed, and of one head or all."""
    for k, name in enumerate(names):
        yield Weight(side, name, str(seed), head, float(mean[k]), float(std[k]), 0.0, float(share[k]))


def summary(weights: list[Weight]) -> dict[str, list[Weight]]:
    """{side: weights over all seeds and heads, heaviest first}."""
    sides: dict[str, list[Weight]] = {}
    for weight in weights:
        if weight.seed == weight.head == "all":
            sides.setdefault(weight.side, []).append(weight)
    return sides


def sentence(weights: list[Weight]) -> str:
    """A text that names the features with the largest and the smallest weight."""
    sentences = []
    for side, members in summary(weights).items():
        if len(members) == 1:
            sentences.append(f"The {side} side has {members[0].feature} alone, so it carries all.")
            continue
        even = sum(line.mean for line in members) / len(members)
        most = [line for line in members if line.mean > even] or members[:1]
        names = ", ".join(f"{line.feature} ({line.mean:.2f})" for line in most)
        last = members[-1]
        sentences.append(
            f"On the {side} side all features weigh about the same ({even:.2f})."
            if members[0].mean - last.mean < ALIKE
            else f"On the {side} side {names} carr{'ies' if len(most) == 1 else 'y'} more than an even share "
            f"({even:.2f}); {last.feature} carries least ({last.mean:.2f})."
        )
        top = max(members, key=lambda line: line.share)
        if np.isfinite(top.share):
            sentences.append(
                f"Counting the lengths of the vectors, {top.feature} is the largest part ({top.share:.2f})."
            )
    return "\n".join(sentences)


def table(weights: list[Weight]) -> list[list[str]]:
    """The cells of the table, a header first, then a line for each feature, over all heads and seeds."""
    cells = [["feature", "side", "mean", "std", "std of seeds", "share"]]
    for members in summary(weights).values():
        for line in members:
            between = f"{line.std_of_seeds:.4f}" if any(weight.std_of_seeds for weight in members) else "-"
            share = f"{line.share:.4f}" if np.isfinite(line.share) else "-"
            cells.append([line.feature, line.side, f"{line.mean:.4f}", f"{line.std:.4f}", between, share])
    return cells
