"""Captions as a rank stage scores them: those of test, or a bank of those of train; equal ones once."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from hashlib import blake2b
from typing import TYPE_CHECKING

import numpy as np

from pipeline.assembly import assemble, features
from pipeline.assembly.features import Rows
from pipeline.errors import LaffError
from pipeline.plan.context import Context
from pipeline.ranking.embed import distinct
from pipeline.ranking.scores import Score

if TYPE_CHECKING:
    from fusion.features import Feature

NO_BANK = "it needs a bank, the captions of train, and this collection has none; leave it out of rescore"
BANK = 1 << 14  # different captions of a bank whose features are in memory at once


@dataclass(frozen=True)
class Texts:
    """Captions with the text features that models read of them."""

    captions: np.ndarray  # [C] catalog rows
    features: dict[str, Feature]  # C rows each; {} where there are no models
    first: np.ndarray  # [U] where each different caption first stands
    of_text: np.ndarray  # [C] which of the different captions each is

    @property
    def different(self) -> np.ndarray:
        """[U] catalog rows of the different captions."""
        different: np.ndarray = self.captions[self.first]
        return different


Scorer = Callable[[Texts], Score]
"""scorer(captions): the scores of the different ones, by their numbers 0..U-1, for the videos of test"""


@dataclass(frozen=True)
class Bank:
    """A part of the captions of train: different ones, and how often each stands among all of them."""

    texts: Texts
    counts: np.ndarray  # [U] int64


def imported(context: Context, text: Iterable[str]) -> tuple[str, ...]:
    """The imported ones of these text features: the only ones whose rows may differ where the text does not."""
    return tuple(name for name in text if context.stage(name).step == "import")


def different(context: Context, captions: np.ndarray, text: Iterable[str]) -> tuple[np.ndarray, np.ndarray]:
    """The different ones of the captions [C], catalog rows: places [U] where each first stands, and [C] which each is.

    text: the text features by which they are told apart. Captions are one where their text is equal, and so are their
    rows in each of these features that was imported.
    """
    first, of_text = distinct([context.catalog.texts[row] for row in captions])
    for name in imported(context, text):
        repeated = np.flatnonzero(np.bincount(of_text)[of_text] > 1)
        digests = [b""] * len(captions)
        for start in range(0, len(repeated), BANK):
            places = repeated[start : start + BANK]
            rows = np.asarray(features.read(context, name, "text", captions[places])[0]) + 0.0  # -0.0 is 0.0
            for place, row in zip(places.tolist(), rows, strict=True):
                digests[place] = blake2b(row, digest_size=16).digest()
        first, of_text = distinct(list(zip(of_text.tolist(), digests, strict=True)))
    return first, of_text


def bank(context: Context, encoders: list[assemble.Joint], text: list[str], told_by: Iterable[str]) -> Iterator[Bank]:
    """The captions of train, BANK different ones at a time, in the order in which each first comes.

    text: the cached text features that models read; tokens of joint encoders are added. told_by: those by which
    captions are told apart, see `different`. LaffError where train has no captions.
    """
    catalog = context.catalog
    captions = catalog.split_captions("train")
    if not len(captions):
        raise LaffError(NO_BANK)
    first, of_text = different(context, captions, told_by)
    counts = np.bincount(of_text, minlength=len(first))
    for start in range(0, len(first), BANK):
        rows = captions[first[start : start + BANK]]
        read = {name: _read(context, name, rows) for name in text}
        part = Rows({}, read, rows[:0], rows, np.full(len(rows), -1))
        of_part = assemble.texts(context, part, encoders) if text or encoders else {}
        each = np.arange(len(rows))
        yield Bank(Texts(rows, of_part, each, each), counts[start : start + BANK])


def _read(context: Context, name: str, rows: np.ndarray) -> object:
    values, has_row = features.read(context, name, "text", rows)
    if not has_row.all():
        lost = context.catalog.ids("text", rows[~has_row])
        raise LaffError(f"{name}: {len(lost)} captions of train have no row, such as {lost[0]}; run its stage again")
    return values
