"""Sums of exponentials, block by block, of scores whose exponentials no float holds."""

import numpy as np
import pytest
from scipy.special import logsumexp

from pipeline.ranking.log_sums import LogSums


def test_blocks_of_rows_by_hand() -> None:
    """Scale 2: column 0 has e^0 + e^2 + e^2, column 1 e^2 + e^0 + e^0; the last row counts twice."""
    sums = LogSums(2, 2.0)
    sums.add(np.array([[0.0, 1.0]], np.float32))
    sums.add(np.zeros((0, 2), np.float32))
    sums.add(np.array([[1.0, 0.0]], np.float32), np.array([2]))
    assert sums.result() == pytest.approx(np.log([1 + 2 * np.e**2, np.e**2 + 2]))


def test_no_row_is_a_sum_of_nothing() -> None:
    assert LogSums(3, 1.0).result().tolist() == [-np.inf] * 3


@pytest.mark.parametrize("scale", [1.0, 100.0, 1e5])
def test_any_scale(scale: float) -> None:
    scores = np.random.default_rng(0).uniform(-1, 1, (57, 13)).astype(np.float32)
    sums = LogSums(13, scale)
    for block in np.split(scores, [1, 20, 40]):
        sums.add(block)
    np.testing.assert_allclose(sums.result(), logsumexp(scale * scores.astype(float), axis=0), rtol=1e-12)


def test_equal_columns_have_equal_sums() -> None:
    """Wherever they stand among others, which leave some over behind any vector of the processor."""
    scores = np.random.default_rng(1).uniform(-1, 1, (101, 77)).astype(np.float32)
    alike = [0, 3, 31, 64, 75, 76]
    scores[:, alike] = scores[:, [5]]
    sums = LogSums(77, 20.0)
    for block in np.split(scores, [33, 66]):
        sums.add(block)
    assert len(set(sums.result()[[5, *alike]])) == 1
