"""A split of videos that have none: drawn by a seed, or by the words of a column or a folder."""

import random
from collections.abc import Iterable, Sequence

from pipeline.protocols.prepared import SPLITS

FRACTIONS = (0.8, 0.1, 0.1)
WORDS = {  # what people call the splits, in lower case
    **dict.fromkeys(("train", "training"), "train"),
    **dict.fromkeys(("val", "valid", "validate", "validation", "dev"), "val"),
    **dict.fromkeys(("test", "testing", "eval"), "test"),
}


def drawn(videos: Iterable[str], fractions: Sequence[float], seed: int) -> dict[str, str]:
    """{video: split} by a random draw that depends on the ids and the seed alone, not on their order.

    fractions: of train, val and test, which sum to one. A split with a fraction above zero gets one video at least,
    where there are enough; test gets what is left by rounding.
    """
    ids = sorted(videos)
    random.Random(seed).shuffle(ids)
    train, val = (_share(fraction, len(ids)) for fraction in fractions[:2])
    if fractions[2] and train + val >= len(ids) > 2:
        train = max(len(ids) - 1 - val, 1)
    if not fractions[2]:
        train = len(ids) - val
    names = ["train"] * train + ["val"] * val
    names += ["test"] * max(len(ids) - len(names), 0)
    return dict(zip(ids, names, strict=False))


def _share(fraction: float, total: int) -> int:
    return max(round(fraction * total), 1) if fraction else 0


def words(fractions: Sequence[float], seed: int) -> str:
    """The draw in words."""
    parts = "/".join(f"{fraction * 100:g}" for fraction in fractions)
    return f"a random split by video, {parts} % {', '.join(SPLITS)}, drawn by seed {seed}"
