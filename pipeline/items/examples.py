"""Sentences to try a search with: captions of the collection itself."""

from __future__ import annotations

from collections import Counter

import numpy as np

from extractors.words import STOPWORDS, tokenise
from pipeline.items.catalog import Catalog
from pipeline.items.splits import SPLITS

LOOKED_AT = 2000  # captions, spread evenly over those of a split
WORDS = range(3, 15)  # words of an example


def examples(catalog: Catalog, count: int = 3) -> list[str]:
    """At most so many captions, of test where it has some, else of val or train; [] of a collection without captions.

    Always the same ones. The first is the most usual, by how many captions its words are in; each next one shares the
    fewest words with those before. Captions that are long or of a word or two are left out.
    """
    for split in reversed(SPLITS):
        captions = catalog.split_captions(split)
        if not len(captions):
            continue
        spread = np.unique(np.linspace(0, len(captions) - 1, LOOKED_AT).astype(int))
        texts = dict.fromkeys(catalog.texts[row].strip() for row in captions[spread].tolist())
        words = {text: set(tokenise(text) or text.casefold().split()) - STOPWORDS for text in texts if _short(text)}
        if chosen := _varied({text: its for text, its in words.items() if its}, count):
            return chosen
    return []


def _short(text: str) -> bool:
    return text.isprintable() and len(text.split()) in WORDS


def _varied(words: dict[str, set[str]], count: int) -> list[str]:
    """Usual texts with few words in common. words: of each text, stop words aside."""
    captions = Counter(word for its in words.values() for word in its)  # that a word is in
    usual = {text: sum(captions[word] for word in its) / len(its) for text, its in words.items()}
    chosen: list[str] = []
    told: set[str] = set()
    for _ in range(min(count, len(words))):
        left = [text for text in words if text not in chosen]
        best = min(left, key=lambda text: (len(words[text] & told) / len(words[text]), -usual[text], text))
        chosen.append(best)
        told |= words[best]
    return chosen
