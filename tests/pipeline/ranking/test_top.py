"""The exact top k."""

import numpy as np
import pytest

from pipeline.errors import LaffError
from pipeline.ranking.top import top_k


@pytest.mark.parametrize("k", [1, 3, 7, 12, 20])
def test_top_k_by_sorting(k: int) -> None:
    """Random rows full of equal scores, the cut among them, against Python's stable sort."""
    scores = np.random.default_rng(k).integers(0, 5, size=(200, 12)).astype(np.float32)
    columns, found = top_k(scores, k)
    assert columns.dtype == np.int64
    for row, best, values in zip(scores.tolist(), columns.tolist(), found.tolist(), strict=True):
        expected = sorted(range(12), key=lambda i: -row[i])[:k]
        assert best == expected
        assert values == [row[i] for i in expected]


def test_top_k_refuses_nan() -> None:
    with pytest.raises(LaffError, match="not a finite number"):
        top_k(np.array([[1.0, np.nan]]), 1)
