"""The videos and captions of test as all rows of a rank stage see them: the one are the other's candidates."""

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from pipeline.assembly import assemble
from pipeline.assembly.features import Rows
from pipeline.errors import Unfit
from pipeline.graph.graph import Stage
from pipeline.graph.models import Model, Row
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
    whole: "Split"
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
        own = assemble.part_of(self.whole, model)
        paired = assemble.trained(self.context, self.train, model, own, self.encoders, seed)
        if paired.scores_pairs:
            return pair_scores.of_model(paired, own, self.first)
        texts = embed(paired.embed_text, *each_text(paired, own, self.first))
        if self.vectors and (one := stored.of_model(self.context, self.vectors, model, seed)):
            return scores.of_vectors(texts, stored.rows(self.context, self.vectors, one, self.rows.videos))
        return scores.of_vectors(texts, embed_videos(paired.embed_video, own.video_rows, len(self.rows.videos)))


def candidates(context: Context, train: Stage, vectors: Stage | None = None) -> Candidates:
    """Read what the models of a train stage take of test; captions whose video is not covered stay among them.

    vectors: the stage that keeps vectors of videos; of models that it keeps in float32 they are read, not made again.
    """
    encoders = assemble.joints(context, train)
    rows = assemble.rows(context, train, "test", lost=True)
    if not len(rows.videos):
        raise Unfit("no video of test has all features, so there is nothing to rank; see `laff failures`")
    whole = assemble.split(context, rows, encoders)
    first, of_text = distinct([context.catalog.texts[row] for row in rows.captions])
    return Candidates(context, train, encoders, rows, whole, first, of_text, vectors)
