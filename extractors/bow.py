"""Bag of words: how often each word of the vocabulary occurs in a caption (W2VV++, LAFF)."""

from collections.abc import Sequence
from typing import Any

import numpy as np
from scipy.sparse import csr_matrix

from extractors.words import tokenise, vocabulary


class Bow:
    """Counts of a caption's words, without stop words; D is the size of the train captions' vocabulary.

    Counts are not weighted or normalised, and unknown words have no column. `dim` is known once the state is loaded.
    """

    sides = ("text",)
    sparse = True  # rows of counts in CSR
    dim: int

    def __init__(
        self,
        *,
        threshold: int = 5,  # occurrences in the train captions that a word needs
    ) -> None:
        """Take the threshold: how often a word must occur in all train captions together."""
        if threshold < 1:
            raise ValueError(f"threshold is {threshold}; it should be at least 1")
        self.threshold = threshold

    def fit(self, captions: Sequence[str]) -> dict[str, Any]:
        """Train captions -> {"words": list of str}, column by column. Raises ValueError if no word is left."""
        return {"words": vocabulary(captions, self.threshold, stopwords=False)}

    def check_captions(self, captions: Sequence[str]) -> None:
        """Raise ValueError where a fit to these train captions would have no word."""
        self.fit(captions)

    def load_state(self, state: dict[str, Any], device: str = "cpu") -> None:
        """Take the vocabulary; counting needs no device."""
        self._columns = {word: column for column, word in enumerate(state["words"])}
        self.dim = len(self._columns)

    def knows(self, word: str) -> bool:
        """Whether a word, as `tokenise` gives it, has a column."""
        return word in self._columns

    def extract_text(self, captions: Sequence[str]) -> csr_matrix:
        """C captions -> [C, D] float32 counts, columns rising within a row; a caption of unknown words has none."""
        columns: list[int] = []
        starts = [0]
        for caption in captions:
            columns += [self._columns[word] for word in tokenise(caption) if word in self._columns]
            starts.append(len(columns))
        ones = np.ones(len(columns), dtype=np.float32)
        matrix = csr_matrix((ones, np.array(columns, np.int64), np.array(starts, np.int64)), (len(captions), self.dim))
        matrix.sum_duplicates()
        return matrix
