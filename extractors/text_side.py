"""The text side of an extractor alone, for a search: quick to load, for no video is read."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from extractors.bert import Bert
from extractors.bert_text import BertText
from extractors.clip import Clip
from extractors.clip_config import text_shape
from extractors.clip_text import ClipText
from extractors.conse import Conse


def text_side(part: Any) -> Any:
    """An object that gives the rows of texts of `part`, once loaded; the part itself where none is leaner."""
    if isinstance(part, Clip) and (shape := text_shape(part.config)):
        return ClipText(part, shape)
    if isinstance(part, Conse):
        return ConseText(part)
    if type(part) is Bert:
        return BertText(pooling=part.pooling, normalise=part.normalise, length=part.length, weights=part.weights)
    return part


class ConseText:
    """Captions [C, D] as Conse makes them, without the classifier that looks at frames."""

    def __init__(self, conse: Conse) -> None:
        """Stand for the text side of `conse`."""
        self._conse = conse

    def load(self, device: str, weights: Path | None, sentences: Path | None = None) -> None:
        """Read the sentence encoder's folder alone; without one (random words), load all of Conse."""
        if sentences is None:
            self._conse.load(device, weights)
            self._encoder: Any = self._conse
        else:
            self._encoder = BertText(weights=str(sentences))
            self._encoder.load(device, sentences)

    def extract_text(self, captions: Sequence[str]) -> np.ndarray:
        """C texts -> [C, D] float32."""
        vectors: np.ndarray = self._encoder.extract_text(captions)
        return vectors
