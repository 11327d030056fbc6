"""How much the spaces of a model agree: the overlap of the best videos of each space."""

from itertools import combinations
from math import comb

import numpy as np

from pipeline.errors import LaffError
from pipeline.inspection.subject import Subject, in_blocks
from pipeline.ranking.tiles import filled
from pipeline.ranking.top import top_k


def jaccard(first: np.ndarray, second: np.ndarray) -> np.ndarray:
    """The Jaccard index of each two rows, items in both over items in either: [q, k], [q, k] -> [q].

    The numbers of a row are all different.
    """
    both = np.sort(np.concatenate([first, second], axis=1), axis=1)
    shared = (both[:, 1:] == both[:, :-1]).sum(axis=1)  # no row holds a number twice, so a pair is one of each
    index: np.ndarray = shared / (both.shape[1] - shared)
    return index


def by_chance(k: int, candidates: int) -> float:
    """The mean Jaccard index of two random lists of k out of N candidates."""
    k = min(k, candidates)
    ways = comb(candidates, k)
    return sum(comb(k, s) * comb(candidates - k, k - s) / ways * s / (2 * k - s) for s in range(k + 1))


def overlap(subject: Subject, seed: int, k: int) -> np.ndarray:
    """Mean Jaccard index [S, S] between the k best videos of every two spaces, over all captions of test.

    In memory are the vectors of all videos, and the scores of one block of captions in each space. Equal scores go to
    the earlier video. LaffError for a model without spaces and for one with a single space.
    """
    import torch

    model, test = subject.trained(seed), subject.test
    if getattr(model, "scores_pairs", False):
        raise LaffError(f"{subject.name} scores each pair of caption and video and has no spaces to compare")
    with torch.no_grad():
        videos = torch.cat([model.video_units(part) for part in in_blocks(test.video_rows, test.videos)])
        count, spaces = videos.shape[:2]
        if spaces < 2:
            raise LaffError(f"{subject.name} has one space, so there are no two to compare; name a model with heads")
        candidates = [filled(videos[:, space]) for space in range(spaces)]
        sums = np.zeros((spaces, spaces))
        for part in in_blocks(test.text_rows, len(test)):
            texts = model.text_units(part)  # [q, S, W]
            scores = [(texts[:, space] @ candidates[space].T)[:, :count].numpy() for space in range(spaces)]
            best = [top_k(scores_of_space, k)[0] for scores_of_space in scores]
            for a, b in combinations(range(spaces), 2):
                sums[a, b] += jaccard(best[a], best[b]).sum()
    means: np.ndarray = (sums + sums.T) / len(test)
    np.fill_diagonal(means, 1.0)
    return means


def off_diagonal(matrix: np.ndarray) -> float:
    """Mean over all pairs of different spaces."""
    return float(matrix[~np.eye(len(matrix), dtype=bool)].mean())


def table(matrix: np.ndarray) -> list[list[str]]:
    """The cells of the table, a header first; spaces are numbered from 1."""
    numbers = [str(space) for space in range(1, len(matrix) + 1)]
    return [["space", *numbers]] + [
        [number, *(f"{value:.3f}" for value in row)] for number, row in zip(numbers, matrix, strict=True)
    ]
