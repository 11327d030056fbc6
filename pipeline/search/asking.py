"""From sentences to what a model is asked: their text features, and the vectors that it makes of them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from extractors.words import STOPWORDS, tokenise
from pipeline.assembly import assemble
from pipeline.build import construct, learned
from pipeline.build.loaded import load
from pipeline.errors import LaffError
from pipeline.graph.kept import Kept
from pipeline.plan.context import Context
from pipeline.ranking.embed import embed
from pipeline.ranking.scores import normalised
from pipeline.weights import lookup

if TYPE_CHECKING:
    from fusion.spaces import Spaces

BLOCK = 512  # sentences that are brought to features at once


class Asking:
    """The text side of a model, or of a feature of both sides, ready to read sentences.

    LaffError where it needs a text feature that was imported.
    """

    def __init__(self, context: Context, one: Kept, encoders: list[assemble.Joint], model: Spaces | None) -> None:
        names = one.model.text if one.model else (one.name,)
        joint = {encoder.name: encoder for encoder in encoders}
        if imported := context.graph.imported(names):
            raise LaffError(
                f"'{imported[0]}' was imported, so it cannot be made for a new sentence; search needs extracted text "
                "features"
            )
        from extractors.text_side import text_side  # now, for it imports torch

        self.features = names
        self.knowing: dict[str, Callable[[str], bool]] = {}  # of features that have a vocabulary: whether a word is in
        self._model = model
        self._read: dict[str, Callable[[Sequence[str]], Any]] = {}
        for name in names:
            if name in joint:
                self._read[name], self.knowing[name] = joint[name].tokens, joint[name].knows
                continue
            source = context.stage(name)
            part = text_side(construct.construct(source, context))
            file = None if source.borrowed else lookup.get(source, context.graph, context.work)
            further = lookup.further(source, context.graph, context.work)
            state = learned.file(context, source)
            part = _learned(part, state) if state else load(part, "cpu", file, None, further)
            self._read[name] = part.extract_text
            if hasattr(part, "knows"):
                self.knowing[name] = part.knows

    def ask(self, sentences: Sequence[str]) -> Any:
        """Vectors [Q, W] float32; of a model that scores pairs, the text features of all of them."""
        if self._model is not None and self._model.scores_pairs:
            return self._features(sentences)
        blocks = [self._vectors(sentences[start : start + BLOCK]) for start in range(0, len(sentences), BLOCK)]
        return np.concatenate(blocks)

    def _vectors(self, sentences: Sequence[str]) -> np.ndarray:
        from fusion.features import take

        if self._model is None:
            return normalised(np.asarray(self._read[self.features[0]](sentences), np.float32)).numpy()
        found = self._features(sentences)
        vectors = embed(
            self._model.embed_text,
            lambda rows: {name: take(values, rows) for name, values in found.items()},
            len(sentences),
        )
        return vectors.numpy()

    def _features(self, sentences: Sequence[str]) -> dict[str, Any]:
        found = {name: read(sentences) for name, read in self._read.items()}
        return {
            name: assemble.as_feature(values) if isinstance(values, np.ndarray) or hasattr(values, "indptr") else values
            for name, values in found.items()
        }


def _learned(part: Any, path: Path) -> Any:
    """`part` with what it learned, of which is read what it uses: of a fine-tuned CLIP not the image tower."""
    import torch

    try:
        content = torch.load(path, map_location="cpu", weights_only=True, mmap=True)
    except Exception as error:
        raise LaffError(f"{path}: not a readable checkpoint ({error}); delete it and run again") from None
    try:
        part.load_state(content["state"], "cpu")
    except ValueError as error:
        raise LaffError(str(error)) from None
    return part


def unknown_words(
    sentence: str, knowing: dict[str, Callable[[str], bool]], features: Sequence[str]
) -> tuple[dict[str, list[str]], bool]:
    """{word: the features that do not know it}, stop words aside; and whether none of the features knows any word.

    knowing: of the features that have a vocabulary; the others read any text.
    """
    words = [word for word in dict.fromkeys(tokenise(sentence)) if word not in STOPWORDS]
    unknown = {word: names for word in words if (names := [one for one, knows in knowing.items() if not knows(word)])}
    return unknown, all(unknown.get(word) == list(knowing) for word in words) and set(knowing) == set(features)
