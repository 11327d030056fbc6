"""The best columns of each row of scores, exactly."""

import numpy as np

from pipeline.errors import LaffError


def top_k(scores: np.ndarray, k: int) -> tuple[np.ndarray, np.ndarray]:
    """The k best of each row, best first: columns [q, k] int64 and their scores [q, k]; all of them if N < k.

    Exact. Of equal scores the earlier column comes first, at the cut as well.
    """
    if not np.isfinite(scores).all():
        raise LaffError("a score is not a finite number, so there is no best; are the features finite?")
    count = scores.shape[1]
    k = min(k, count)
    if k == count:
        columns = np.argsort(-scores, axis=1, kind="stable")
        return columns, np.take_along_axis(scores, columns, axis=1)
    kth = np.partition(scores, count - k, axis=1)[:, count - k, None]  # the k-th best
    kept = scores >= kth
    for row in np.flatnonzero(kept.sum(axis=1) > k):  # more are equal to the edge than there is room for
        equal = np.flatnonzero(scores[row] == kth[row])
        kept[row, equal[k - int((scores[row] > kth[row]).sum()) :]] = False
    columns = np.nonzero(kept)[1].reshape(len(scores), k)  # rising
    best = np.take_along_axis(scores, columns, axis=1)
    order = np.argsort(-best, axis=1, kind="stable")
    return np.take_along_axis(columns, order, axis=1), np.take_along_axis(best, order, axis=1)
