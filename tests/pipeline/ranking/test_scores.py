"""Scores of a row: means over models, equal captions tie, kept or computed again."""

import weakref
from collections.abc import Callable

import numpy as np
import pytest
import torch
from torch import Tensor

from pipeline.ranking import scores
from pipeline.ranking.scores import Scored, of_vectors

TEXTS = np.array([[1.0, 0.0], [0.0, 2.0], [3.0, 1.0]], np.float32)
VIDEOS = np.array([[1.0, 1.0], [2.0, 0.0]], np.float32)
OF_TEXT = np.array([0, 1, 0, 2, 2])  # captions 0 and 2 are equal, 3 and 4 too


@pytest.mark.parametrize("kept", [True, False])
def test_the_mean_over_models_both_ways(kept: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    """Dot products and a model that scores pairs by their numbers: ([1 2, 2 0, 4 6] + [0 1, 10 11, 20 21]) / 2."""
    monkeypatch.setattr(scores, "KEPT", 6 if kept else 5)
    computed = []

    def pairs(texts: Tensor, videos: Tensor) -> Tensor:
        computed.append((len(texts), len(videos)))
        return (10 * texts[:, None] + videos).double()

    scored = Scored([of_vectors(torch.from_numpy(TEXTS), torch.from_numpy(VIDEOS)), pairs], OF_TEXT, 2)
    wanted = np.array([[0.5, 1.5], [6.0, 5.5], [0.5, 1.5], [12.0, 13.5], [12.0, 13.5]])
    np.testing.assert_array_equal(scored.of_captions(np.array([3, 0])), wanted[[3, 0]])
    np.testing.assert_array_equal(scored.of_captions(np.array([4, 2])), wanted[[4, 2]])
    np.testing.assert_array_equal(scored.of_videos(np.array([1])), wanted.T[[1]])
    np.testing.assert_array_equal(scored.of_videos(np.array([0, 1])), wanted.T)
    assert scored.of_captions(np.array([1])).dtype == np.float32
    pairs_computed = sum(texts * videos for texts, videos in computed)
    assert pairs_computed == 6 if kept else pairs_computed > 6


@pytest.mark.parametrize("width", [64, 384, 1000])
def test_equal_videos_have_equal_scores(width: int) -> None:
    """Of 299 videos, which leave some behind any tile: all of them, and a few that are multiplied on their own."""
    generator = np.random.default_rng(1)
    texts, videos = (torch.from_numpy(generator.standard_normal((n, width)).astype(np.float32)) for n in (33, 299))
    equal = torch.tensor([0, 5, 16, 290, 297, 298])
    videos[equal] = videos[5].clone()
    score = of_vectors(texts, videos)
    for some in (torch.arange(299), torch.tensor([7, 298, 5, 0, 16])):
        scores = score(torch.arange(33), some)
        assert scores.shape == (33, len(some))
        alike = scores[:, torch.isin(some, equal)]
        assert (alike == alike[:, :1]).all()


def test_models_are_added_one_at_a_time() -> None:
    """Three of them; when the second is asked, what the first gave is there, and nothing else."""
    alive: list[weakref.ref[Tensor]] = []

    def model(number: float) -> Callable[[Tensor, Tensor], Tensor]:
        def score(texts: Tensor, videos: Tensor) -> Tensor:
            assert sum(one() is not None for one in alive) <= 1
            found = torch.full((len(texts), len(videos)), number)
            alive.append(weakref.ref(found))
            return found

        return score

    scored = Scored([model(1.0), model(2.0), model(6.0)], OF_TEXT, 2)
    np.testing.assert_array_equal(scored.of_captions(np.arange(5)), np.full((5, 2), 3.0, np.float32))
    assert len(alive) == 3


def test_all_texts_and_all_videos_are_not_copied() -> None:
    """[[1 2], [2 0], [4 6]] from the vectors' own memory; of some of them, the right ones."""

    class Uncopied(torch.Tensor):
        def __getitem__(self, rows: object) -> torch.Tensor:
            raise AssertionError("rows were copied")

    texts, videos = torch.from_numpy(TEXTS), torch.from_numpy(VIDEOS)
    score = of_vectors(texts, videos)
    wanted = torch.tensor([[1.0, 2.0], [2.0, 0.0], [4.0, 6.0]])
    assert torch.equal(score(torch.arange(3), torch.arange(2)), wanted)
    assert torch.equal(score(torch.tensor([2, 0]), torch.tensor([1])), wanted[[2, 0]][:, [1]])
    uncopied = of_vectors(texts.as_subclass(Uncopied), videos.as_subclass(Uncopied))
    assert torch.equal(uncopied(torch.arange(3), torch.arange(2)).as_subclass(torch.Tensor), wanted)
