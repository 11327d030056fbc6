"""QB-Norm: by hand, and against its formula written out on whole matrices."""

import numpy as np
import pytest

from pipeline.ranking.qb_norm import QbNorm, QueryBank, filled
from tests.pipeline.ranking.matrix import Matrix


def bank_of(scores: list[list[float]], counts: list[int], beta: float, k: int = 1) -> QueryBank:
    return filled(QueryBank(len(scores[0]), beta, k), [(np.array(scores, np.float32), np.array(counts))])


def test_by_hand() -> None:
    """Beta ln 2. Bank 2^S: (4, 2, 1) and twice (1, 2, 1), so sums 6, 6, 3; active: x of the one, y of the other.

    a has its best in x: 2^S / sum = 16/6, 8/6, 8/3, a tie of x and z. b has its best in z, which is not active.
    """
    bank = bank_of([[2, 1, 0], [0, 1, 0]], [1, 2], np.log(2))
    assert bank.active.tolist() == [True, True, False]
    assert 2 ** bank.hubness() == pytest.approx(np.array([6, 6, 3]))
    a, b = QbNorm(Matrix([[4, 3, 3], [4, 3, 5]]), bank).of_captions(np.arange(2))
    assert 2**a == pytest.approx(np.array([16 / 6, 8 / 6, 8 / 3]))
    assert b.tolist() == [4, 3, 5]


def test_ties_do_not_hang_on_the_order_of_videos() -> None:
    """All that tie with the k-th best of a bank query are active; of a query's best ones, one is enough."""
    bank = bank_of([[3, 3, 1, 0]], [1], 1.0)
    assert bank.active.tolist() == [True, True, False, False]
    assert bank_of([[3, 3, 1, 0]], [1], 1.0, 3).active.tolist() == [True, True, True, False]
    assert bank_of([[3, 3, 1, 0]], [1], 1.0, 9).active.all()
    scores = QbNorm(Matrix([[1, 5, 5, 5], [1, 1, 5, 5]]), bank).of_captions(np.arange(2))
    assert scores.tolist() == [[-2, 2, 4, 5], [1, 1, 5, 5]]


@pytest.mark.parametrize(("beta", "k"), [(1.0, 1), (20.0, 1), (20.0, 3)])
def test_the_formula_on_random_scores(beta: float, k: int) -> None:
    """Exponentials and quotients as in the paper, on the bank with its repeated queries: the same order everywhere."""
    generator = np.random.default_rng(0)
    test, train = (generator.uniform(-1, 1, (n, 30)).astype(np.float32) for n in (50, 9))
    counts = generator.integers(1, 4, 9)
    repeated = np.repeat(train, counts, axis=0).astype(float)
    active = set(np.argsort(-repeated, axis=1)[:, :k].ravel())
    bank = filled(QueryBank(30, beta, k), [(train[:4], counts[:4]), (train[4:], counts[4:])])
    found = QbNorm(Matrix(test), bank).of_captions(np.arange(50))
    changed = 0
    for query, scores in enumerate(test.astype(float)):
        wanted = scores
        if int(scores.argmax()) in active:
            wanted = np.exp(beta * scores) / np.exp(beta * repeated).sum(axis=0)
            np.testing.assert_allclose(np.exp(beta * found[query]), wanted, rtol=1e-9)
            changed += 1
        assert np.argsort(-found[query]).tolist() == np.argsort(-wanted).tolist()
    assert 0 < changed < 50


def test_captions_are_not_ranked_for_a_video() -> None:
    with pytest.raises(NotImplementedError, match="videos for captions only"):
        QbNorm(Matrix([[1.0]]), bank_of([[1.0]], [1], 1.0)).of_videos(np.arange(1))
