"""The videos and captions of test as all rows of a rank stage see them: the one are the other's candidates."""

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

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
from pipeline.ranking.embed import distinct, each_text, embed, embed_videos
from pipeline.ranking.scores import Score, Scored

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
    first: np.ndarray  # [U] where each different caption first stands
    of_text: np.ndarray  # [C] which of the different captions each is
    vectors: Stage | None = None  # where vectors of videos are kept, of some models

    @property
    def pairs(self) -> int:
        """How many pairs of a different caption and a video there are."""
        return len(self.first) * len(self.rows.videos)

    def scored(self, row: Row, seed: int, bar: Bar | None = None) -> Scored:
        """The scores of a row with one seed: the mean over its models, or those of its two features.

        bar: moves with each pair, where the two features are scored pair by pair.
        """
        found = [self._of_model(model, seed) for model in row.models]
        if row.pairs:
            video, text = self.context.stage(row.features[0]), row.features[1]
            found.append(pair_scores.of_features(self.context, row.name, video, text, self.rows, self.first, bar))
        elif row.features:
            found.append(scores.cosines(self.context, row, self.rows, self.first))
        return Scored(found, self.of_text, len(self.rows.videos))

    def _of_model(self, model: Model, seed: int) -> Score:
        assert self.whole is not None
        own = assemble.part_of(self.whole, model)
        paired = assemble.trained(self.context, self.train, model, own, self.encoders, seed)
        if paired.scores_pairs:
            return pair_scores.of_model(paired, own, self.first)
        texts = embed(paired.embed_text, *each_text(paired, own, self.first))
        if self.vectors and (one := stored.of_model(self.context, self.vectors, model, seed)):
            return scores.of_vectors(texts, stored.rows(self.context, self.vectors, one, self.rows.videos))
        return scores.of_vectors(texts, embed_videos(paired.embed_video, own.video_rows, len(self.rows.videos)))


def candidates(context: Context, rank: Stage) -> Candidates:
    """Read what the rows of a rank stage take of test; captions whose video is not covered stay among them.

    Of models whose vectors the stage that it reads keeps in float32 these are read, not made again.
    """
    train, vectors = (*(context.stage(source) for source in rank.sources), None)[:2]
    assert train is not None
    encoders = assemble.joints(context, train)
    rows = _rows(context, train, models.ranked(context.graph, rank))
    if not len(rows.videos):
        raise Unfit("no video of test has all features, so there is nothing to rank; see `laff failures`")
    whole = assemble.split(context, rows, encoders) if models.of(context.graph, train) else None
    first, of_text = distinct([context.catalog.texts[row] for row in rows.captions])
    return Candidates(context, train, encoders, rows, whole, first, of_text, vectors)


def _rows(context: Context, train: Stage, video: list[str]) -> Rows:
    """Cached features of test: these of its videos, and those of its captions that a train stage fuses."""
    if set(video) == set(context.features(train.name)[0]):
        return assemble.rows(context, train, "test", lost=True)
    joint = train.options_as(ModelOptions).joint
    text = [name for name in context.features(train.name)[1] if name not in joint]
    frames = {name for model in models.of(context.graph, train) for name in model.frames}
    return features.split_rows(context, video, text, "test", True, frames)
