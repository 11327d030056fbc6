"""The second scoring of a row: the scores of the row, and what the method reads beside them, made into others."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

import numpy as np

from pipeline.assembly import features
from pipeline.assembly.features import Rows
from pipeline.errors import Unfit
from pipeline.graph import rescoring
from pipeline.graph.models import Row
from pipeline.ranking import frame_max, qb_norm, scores
from pipeline.ranking.candidates import Candidates
from pipeline.ranking.dual_softmax import DualSoftmax
from pipeline.ranking.embed import blocks
from pipeline.ranking.scores import Scored, Scores
from pipeline.ranking.texts import Scorer

FRAMES = 512  # videos whose frames are read at once


@dataclass(frozen=True)
class Plain:
    """A row before its second scoring, with one seed."""

    candidates: Candidates
    scorers: Sequence[Scorer]
    scores: Scored


def scored_again(row: Row, plain: Plain) -> tuple[Scores, Rows]:
    """The scores of a row, and the videos and captions of test that they are of.

    Without `row.second` these are the plain ones. LaffError where the method lacks what it reads.
    """
    test = plain.candidates
    how = row.second.how if row.second else None
    if isinstance(how, rescoring.DualSoftmax):
        return DualSoftmax(plain.scores, *_queries(test), how.scale), test.rows
    if isinstance(how, rescoring.QbNorm):
        bank = qb_norm.QueryBank(len(test.rows.videos), how.beta, how.k)
        return qb_norm.QbNorm(plain.scores, qb_norm.filled(bank, _bank(row, plain))), test.rows
    if isinstance(how, rescoring.FrameMax):
        return _frame_max(row, how, plain)
    return plain.scores, test.rows


def _queries(test: Candidates) -> tuple[np.ndarray, np.ndarray]:
    """Which captions [C] bool and videos [V] bool ask: those with a known answer; all, where no answer is known."""
    captions = _answered(test)
    videos = np.zeros(len(test.rows.videos), bool)
    videos[test.rows.video_of[test.rows.video_of >= 0]] = True
    return captions if captions.any() else ~captions, videos if videos.any() else ~videos


def _answered(test: Candidates) -> np.ndarray:
    """[C] bool: which of the captions are of a video of test, covered or not; the others are queries alone."""
    answered: np.ndarray = np.asarray(test.context.catalog.caption_video)[test.rows.captions] >= 0
    return answered


def _bank(row: Row, plain: Plain) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    """The scores [n, V] of captions of train, and how often each stands there."""
    videos = np.arange(len(plain.candidates.rows.videos))
    for part in plain.candidates.bank(row):
        of_part = [scorer(part.texts) for scorer in plain.scorers]
        for block in blocks(np.arange(len(part.counts)), len(videos)):
            yield scores.mean(of_part, block, videos), part.counts[block]


def _frame_max(row: Row, how: rescoring.FrameMax, plain: Plain) -> tuple[Scores, Rows]:
    test = plain.candidates
    rows, (video, text) = test.rows, how.pair
    packed, counts = _frames(test, video)
    kept = np.flatnonzero(counts)
    if not len(kept):
        raise Unfit(f"rescore: frame-max: no video of test has frames of '{video}'; see `laff failures`")
    captions = test.texts([text])
    texts = features.read(test.context, text, "text", captions.different)[0]
    assert isinstance(texts, np.ndarray)  # the step has refused features that count words
    starts = np.concatenate([[0], np.cumsum(counts[kept])])
    of_frames = Scored([frame_max.of_frames(texts, packed, starts)], captions.of_text, len(kept))
    answered, min_max = np.flatnonzero(_answered(test)), how.scaling == "min-max"
    mixed = frame_max.FrameMax(plain.scores, of_frames, kept, answered, (how.k, how.weight, min_max))
    places = np.full(len(rows.videos) + 1, -1)  # the last one is for captions whose video is not covered
    places[kept] = np.arange(len(kept))
    return mixed, replace(rows, videos=rows.videos[kept], video_of=places[rows.video_of])


def _frames(test: Candidates, video: str) -> tuple[np.ndarray, np.ndarray]:
    """The frames [F, D] of the videos of test, one video after the other without padding; and how many each has."""
    packed, counts = [], []
    videos = test.rows.videos
    for start in range(0, len(videos), FRAMES):
        values, lengths = features.read_frames(test.context, video, videos[start : start + FRAMES])
        packed.append(values[np.arange(values.shape[1]) < lengths[:, None]])
        counts.append(lengths.astype(np.int64))
    return np.concatenate(packed), np.concatenate(counts)
