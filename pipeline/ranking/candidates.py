"""The videos and captions of test, read once for all rows of a rank stage; each side is the other's candidates."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from pipeline.assembly import assemble, features
from pipeline.assembly.features import Rows
from pipeline.errors import Unfit
from pipeline.graph import models
from pipeline.graph.graph import Stage
from pipeline.graph.models import Model, Row
from pipeline.graph.options import ModelOptions
from pipeline.plan.context import Context
from pipeline.progress import Bar
from pipeline.ranking import pair_scores, scores, stored
from pipeline.ranking.embed import each_text, embed, embed_videos
from pipeline.ranking.scores import Scored
from pipeline.ranking.texts import Bank, Scorer, Texts, bank, different, imported

if TYPE_CHECKING:
    from fusion.features import Split


@dataclass(frozen=True)
class Candidates:
    """Features of the test split, read once for every row and seed."""

    context: Context
    train: Stage
    encoders: list[assemble.Joint]
    rows: Rows
    whole: "Split | None"  # None where there are no models
    vectors: Stage | None = None  # where vectors of videos are kept, of some models
    _texts: dict[tuple[str, ...], Texts] = field(default_factory=dict)  # by the imported features that are told by

    def texts(self, text: Sequence[str]) -> Texts:
        """The captions of test, and the queries, told apart by their text and by their rows in these text features."""
        by = imported(self.context, text)
        if by not in self._texts:
            told_apart = different(self.context, self.rows.captions, by)
            self._texts[by] = Texts(self.rows.captions, self.whole.text if self.whole else {}, *told_apart)
        return self._texts[by]

    def texts_of(self, row: Row) -> Texts:
        """The captions of test, and the queries, told apart by the text features that a row reads."""
        return self.texts(_text(row))

    def pairs(self, row: Row) -> int:
        """How many pairs of a caption and a video a row has, equal captions counted once."""
        return len(self.texts_of(row).first) * len(self.rows.videos)

    def scorers(self, row: Row, seed: int, bar: Bar | None = None) -> list[Scorer]:
        """What scores captions for a row with one seed: its models, whose scores are averaged, or its two features.

        bar: moves with each pair, where the two features are scored pair by pair.
        """
        return [self._of_model(model, seed) for model in row.models] or [self._of_features(row, bar)]

    def scored(self, row: Row, scorers: Sequence[Scorer]) -> Scored:
        """The scores of the captions of test, by what scores captions for a row."""
        texts = self.texts_of(row)
        return Scored([scorer(texts) for scorer in scorers], texts.of_text, len(self.rows.videos))

    def bank(self, row: Row) -> Iterator[Bank]:
        """The captions of train with the features that a row reads, in parts."""
        told_by = _text(row)
        text = told_by if row.models else ()
        joint = {encoder.name: encoder for encoder in self.encoders}
        inside = [encoder for name, encoder in joint.items() if name in text]
        return bank(self.context, inside, [name for name in text if name not in joint], told_by)

    def _of_features(self, row: Row, bar: Bar | None) -> Scorer:
        if not row.pairs:
            return lambda texts: scores.cosines(self.context, row, self.rows, texts.different)
        video, text = self.context.stage(row.features[0]), row.features[1]
        of_test = self.texts_of(row)
        return lambda texts: pair_scores.of_features(
            self.context, row.name, video, text, self.rows, texts.different, bar if texts is of_test else None
        )

    def _of_model(self, model: Model, seed: int) -> Scorer:
        import torch

        from fusion.features import Split

        assert self.whole is not None
        split = assemble.part_of(self.whole, model)
        paired = assemble.trained(self.context, self.train, model, split, self.encoders, seed)

        def asking(texts: Texts) -> Split:
            text = {name: texts.features[name] for name in model.text}
            return Split(split.video, text, torch.zeros(len(texts.captions), dtype=torch.int64))

        if paired.scores_pairs:
            return lambda texts: pair_scores.of_model(paired, asking(texts), texts.first)
        if self.vectors and (kept_vectors := stored.of_model(self.context, self.vectors, model, seed)):
            videos = stored.read(self.context, self.vectors, kept_vectors, self.rows.videos)
        else:
            videos = embed_videos(paired.embed_video, split.video_rows, len(self.rows.videos))
        return lambda texts: scores.of_vectors(
            embed(paired.embed_text, *each_text(paired, asking(texts), texts.first)), videos
        )


def candidates(context: Context, rank: Stage) -> Candidates:
    """Read the features of test that the rows of a rank stage need; captions whose video is not covered stay.

    Where the stage reads a vectors stage, vectors that this one keeps in float32 are read and not made again.
    """
    train, vectors = (*(context.stage(source) for source in rank.sources), None)[:2]
    assert train is not None
    encoders = assemble.joints(context, train)
    covered = _rows(context, train, models.ranked(context.graph, rank))
    if not len(covered.videos):
        raise Unfit("no video of test has all features, so there is nothing to rank; see `laff failures`")
    whole = assemble.split(context, covered, encoders) if models.of(context.graph, train) else None
    return Candidates(context, train, encoders, covered, whole, vectors)


def _text(row: Row) -> tuple[str, ...]:
    """The text features that a row reads."""
    return row.features[1:] or tuple(dict.fromkeys(name for model in row.models for name in model.text))


def _rows(context: Context, train: Stage, video: list[str]) -> Rows:
    """Cached features of test: `video` of its videos, and of its captions those that a train stage fuses."""
    if set(video) == set(context.features(train.name)[0]):
        return assemble.rows(context, train, "test", lost=True)
    joint = train.options_as(ModelOptions).joint
    text = [name for name in context.features(train.name)[1] if name not in joint]
    frames = {name for model in models.of(context.graph, train) for name in model.frames}
    return features.split_rows(context, video, text, "test", True, frames)
