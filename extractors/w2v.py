"""Mean word vector of a caption (word2vec, Mikolov et al. 2013; as a feature: W2VV, Dong et al. 2018)."""

import zlib
from collections import Counter
from collections.abc import Sequence
from itertools import chain
from pathlib import Path
from typing import Any

import numpy as np
import torch
from scipy.sparse import csr_matrix

from extractors.vectors import open_vectors, width
from extractors.words import STOPWORDS, TooRare, counts, tokenise


class W2v:
    """Mean vector of a caption's different words that have a vector and are no stop words; zeros where there are none.

    The vectors come from a file, or are trained on the train captions (skip-gram). With a file, the state has the
    vectors of the train captions' words, which the GRU starts from. The file is opened again for words of other
    captions: a pretrained vector is worth most for a word that the train captions lack.
    """

    sides = ("text",)
    NEEDS = {"gensim": "vectors"}  # noqa: RUF012 (read as a literal)
    FILES = ("vectors",)  # parameters that name files, whose content counts and not their place

    def __init__(
        self,
        *,
        vectors: str = "",  # file of word2vec or GloVe, or a BigFile folder; '' trains our own from the train captions
        dim: int = 500,  # width of our own, D; those of a file have theirs
        window: int = 5,  # of our own: words on each side that are predicted
        epochs: int = 20,  # of our own
        threshold: int = 5,  # of our own: occurrences in the train captions that a word needs to get a vector
        seed: int = 2,  # of our own
    ) -> None:
        """Take a word2vec (text or binary) or GloVe file or a BigFile folder; with "" vectors are trained here.

        The other parameters are for that training: dim is the width D (a file has its own), window the words on each
        side that are predicted, threshold the occurrences that a word needs to get a vector.
        """
        for name, value in (("dim", dim), ("window", window), ("epochs", epochs), ("threshold", threshold)):
            if value < 1:
                raise ValueError(f"{name} is {value}; it should be at least 1")
        self.vectors = vectors
        self.dim = dim
        self.window = window
        self.epochs = epochs
        self.threshold = threshold
        self.seed = seed
        self._file: tuple[dict[str, int], np.ndarray] | None = None

    def vector_width(self) -> int:
        """Width D of the word vectors that a fit will give. Raises ValueError where the file has no word vectors."""
        return width(Path(self.vectors)) if self.vectors else self.dim

    def fit(self, captions: Sequence[str]) -> dict[str, Any]:
        """Train captions -> {"words": list of N str, "vectors": Tensor [N, D] float32}, stop words among them.

        The same captions give the same vectors, in any process. Raises ValueError if the file is missing or
        unreadable, or if no word of the captions gets a vector.
        """
        if not self.vectors:
            return self._train([tokenise(caption) for caption in captions])
        row_of, table = self._open()
        words = [word for word in counts(captions) if word in row_of]
        if not words:
            raise ValueError(f"{self.vectors}: none of the train captions' words is among its {len(row_of)} words")
        return {"words": words, "vectors": torch.from_numpy(np.array(table[[row_of[w] for w in words]], np.float32))}

    def check_captions(self, captions: Sequence[str]) -> None:
        """Raise ValueError where a training on these train captions would have no word."""
        if not self.vectors:
            occurrences = Counter(word for caption in captions for word in tokenise(caption))
            if max(occurrences.values(), default=0) < self.threshold:
                raise TooRare(self.threshold, occurrences)

    def load_state(self, state: dict[str, Any], device: str = "cpu") -> None:
        """Take the words and their vectors; a mean needs no device. Raises ValueError where the file is gone."""
        if self.vectors and not Path(self.vectors).exists():
            raise ValueError(f"{self.vectors}: no such file of word vectors; the words of new captions need it")
        self._rows = {word: row for row, word in enumerate(state["words"])}
        self._table = state["vectors"].cpu().numpy()
        self.dim = self._table.shape[1]

    def knows(self, word: str) -> bool:
        """Whether a word, as `tokenise` gives it, has a vector."""
        return self._vector(word) is not None

    def extract_text(self, captions: Sequence[str]) -> np.ndarray:
        """C captions -> [C, D] float32. Raises ValueError if the file doesn't fit the state."""
        columns: dict[str, int] = {}  # the different words of these captions that have a vector
        vectors: list[np.ndarray] = []
        unknown: set[str] = set()
        indices: list[int] = []
        starts = [0]
        for caption in captions:
            for word in dict.fromkeys(tokenise(caption)):
                if word not in columns and word not in unknown:
                    vector = None if word in STOPWORDS else self._vector(word)
                    if vector is None:
                        unknown.add(word)
                        continue
                    columns[word] = len(vectors)
                    vectors.append(vector)
                if word in columns:
                    indices.append(columns[word])
            starts.append(len(indices))
        if not vectors:
            return np.zeros((len(captions), self.dim), dtype=np.float32)
        which = csr_matrix((np.ones(len(indices), np.float32), indices, starts), (len(captions), len(vectors)))
        sums = which @ np.stack(vectors)
        return np.asarray(sums / np.maximum(np.diff(starts), 1)[:, None].astype(np.float32), dtype=np.float32)

    def _vector(self, word: str) -> np.ndarray | None:
        """The vector of a word, from the state or the file; None where there is none."""
        if word in self._rows:
            vector: np.ndarray = self._table[self._rows[word]]
            return vector
        if not self.vectors:
            return None
        row_of, table = self._open()
        return np.array(table[row_of[word]], dtype=np.float32) if word in row_of else None

    def _open(self) -> tuple[dict[str, int], np.ndarray]:
        """The file's words and table, opened once per process and only if needed."""
        if self._file is None:
            self._file = open_vectors(Path(self.vectors))
        table = self._file[1]
        if hasattr(self, "_table") and table.shape[1] != self.dim:
            raise ValueError(
                f"{self.vectors}: vectors are {table.shape[1]} wide, {self.dim} when this was fitted; fit again"
            )
        return self._file

    def _train(self, sentences: list[list[str]]) -> dict[str, Any]:
        """Train vectors on sentences of words -> the state."""
        from gensim.models import Word2Vec

        try:
            # One worker: two would race for the same weights. crc32: str's own hash differs between processes.
            model = Word2Vec(
                sentences,
                vector_size=self.dim,
                window=self.window,
                min_count=self.threshold,
                epochs=self.epochs,
                sg=1,
                workers=1,
                seed=self.seed,
                hashfxn=lambda text: zlib.crc32(str(text).encode()),
            )
        except RuntimeError as error:  # gensim's answer to an empty vocabulary
            raise TooRare(self.threshold, Counter(chain.from_iterable(sentences))) from error
        return {"words": list(model.wv.index_to_key), "vectors": torch.from_numpy(model.wv.vectors.copy())}
