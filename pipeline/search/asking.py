"""Sentences as a model reads them: their text features, and the vectors that it makes of these."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Union

import numpy as np

from pipeline.assembly import assemble
from pipeline.build import construct, learned
from pipeline.build.loaded import load
from pipeline.errors import LaffError
from pipeline.graph.kept import Kept
from pipeline.package.intact import intact
from pipeline.plan.context import Context
from pipeline.ranking.embed import embed
from pipeline.ranking.scores import normalised
from pipeline.weights import lookup

if TYPE_CHECKING:
    from torch import Tensor

    from fusion.features import Feature
    from fusion.spaces import Spaces

BLOCK = 512  # sentences that are brought to features at once


Questions = Union[np.ndarray, dict[str, "Feature"]]  # noqa: UP007 (read when it runs, where Feature is not imported)
"""What a model makes of Q sentences: vectors [Q, W] float32; of one that scores pairs, their text features."""


class Asking:
    """The text side of a model, or of a feature of both sides, ready to read sentences."""

    def __init__(self, context: Context, chosen: Kept, encoders: list[assemble.Joint], model: Spaces | None) -> None:
        """Load what reads sentences. LaffError where that is a text feature which was imported.

        chosen: the model or feature; encoders: those trained inside the model; model: itself, None for a feature.
        """
        names = chosen.model.text if chosen.model else (chosen.name,)
        joint = {encoder.name: encoder for encoder in encoders}
        if imported := context.graph.imported(names):
            raise LaffError(f"'{imported[0]}' was imported, so it cannot be made for a new sentence{_instead(context)}")
        from extractors.text_side import text_side  # now, for it imports torch

        self.features = names
        self.knows: dict[str, Callable[[str], bool]] = {}  # of features with a vocabulary: whether a word is in it
        self._model = model
        self._read: dict[str, Callable[[Sequence[str]], Any]] = {}
        for name in names:
            if name in joint:
                self._read[name] = joint[name].tokens
                if joint[name].words:
                    self.knows[name] = joint[name].knows
                continue
            source = context.stage(name)
            part = text_side(construct.construct(source, context))
            file = None if source.borrowed else lookup.get(source, context.graph, context.work)
            further = lookup.further(source, context.graph, context.work)
            state = learned.file(context, source)
            if state:
                with intact(context.graph.package, state):
                    part = _learned(part, state)
            else:
                part = load(part, "cpu", file, None, further)
            self._read[name] = part.extract_text
            if hasattr(part, "knows"):
                self.knows[name] = part.knows

    def ask(self, sentences: Sequence[str], factors: np.ndarray | None = None) -> Questions:
        """What the model makes of all of these sentences.

        factors: [K] float32, of the weights that the model gives its text features; None: as it gives them.
        """
        if self._model is not None and self._model.scores_pairs:
            return self._features(sentences)
        blocks = [self._vectors(sentences[start : start + BLOCK], factors) for start in range(0, len(sentences), BLOCK)]
        return np.concatenate(blocks)

    def _vectors(self, sentences: Sequence[str], factors: np.ndarray | None) -> np.ndarray:
        from fusion.features import take

        if self._model is None:
            return normalised(np.asarray(self._read[self.features[0]](sentences), np.float32)).numpy()
        features = self._features(sentences)
        encode = self._model.embed_text if factors is None else _weighed(self._model, factors)
        vectors = embed(
            encode,
            lambda rows: {name: take(feature, rows) for name, feature in features.items()},
            len(sentences),
        )
        return vectors.numpy()

    def _features(self, sentences: Sequence[str]) -> dict[str, Feature]:
        read = {name: read(sentences) for name, read in self._read.items()}
        return {
            name: assemble.as_feature(values) if isinstance(values, np.ndarray) or hasattr(values, "indptr") else values
            for name, values in read.items()
        }


def _weighed(model: Spaces, factors: np.ndarray) -> Callable[[dict[str, Feature]], Tensor]:
    """`embed_text` of a model with factors of its text features."""
    import torch

    from fusion.paired import Paired
    from fusion.weighing import embed_text

    assert isinstance(model, Paired)
    scale = torch.from_numpy(factors)
    return lambda features: embed_text(model, features, scale)


def _instead(context: Context) -> str:
    """How to train a model that can be asked: on what the train stage fuses, without text features of files."""
    graph = context.graph
    train = next((stage for stage in graph.stages.values() if stage.about.fuses), None)
    if train is None:
        return ""
    of_captions = [stage.name for stage in graph.stages.values() if stage.sides == ("text",) and stage.part is not None]
    texts = [name for name in train.sources if name in of_captions] or of_captions
    videos = [name for name in train.sources if "text" not in graph.stages[name].sides]
    both = [name for name in train.sources if len(graph.stages[name].sides) > 1]
    if not (texts or both):
        return f"; add text features that laff makes of captions, such as bow, to the stages and to {train.name}.from"
    return (
        "; a model of features that laff makes of captions can be asked: "
        f"laff run -w {context.work.root} --set '{train.name}.from=[{', '.join([*videos, *both, *texts])}]'"
    )


def _learned(part: Any, path: Path) -> Any:
    """`part`, loaded with what it learned; only what it uses is read: of a fine-tuned CLIP not the image tower."""
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
