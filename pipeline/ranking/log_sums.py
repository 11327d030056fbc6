"""Sums of exponentials of scores, column by column, while blocks of rows stream by: nothing overflows or vanishes."""

from __future__ import annotations

import numpy as np


class LogSums:
    """log of the sum of exp(scale * score) of each column.

    Columns of equal scores get equal sums, wherever they stand: rows are added one after the other.
    """

    def __init__(self, columns: int, scale: float) -> None:
        """Start with no rows."""
        self._scale = scale
        self._largest = np.full(columns, -np.inf)
        self._sums = np.zeros(columns)  # of exp(scale * score - largest)

    def add(self, scores: np.ndarray, counts: np.ndarray | None = None) -> None:
        """Take rows [n, columns]; counts: [n] how often each counts, None: once."""
        if not len(scores):
            return
        scaled = self._scale * scores.astype(np.float64)
        largest = np.maximum(self._largest, scaled.max(axis=0))
        scaled -= largest
        np.exp(scaled, out=scaled)
        if counts is not None:
            scaled *= counts[:, None]
        self._sums = self._sums * np.exp(self._largest - largest) + scaled.sum(axis=0)
        self._largest = largest

    def result(self) -> np.ndarray:
        """[columns] float64; -inf where there was no row."""
        logs: np.ndarray = np.full(len(self._sums), -np.inf)
        np.log(self._sums, out=logs, where=self._sums > 0)
        return logs + np.where(self._sums > 0, self._largest, 0.0)
