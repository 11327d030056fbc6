"""Scores that are there already, as a row of results gives them."""

import numpy as np


class Matrix:
    """Scores [C, V] float32 of captions and videos."""

    def __init__(self, scores: list[list[float]] | np.ndarray) -> None:
        self.scores = np.array(scores, np.float32)

    def of_captions(self, captions: np.ndarray) -> np.ndarray:
        return self.scores[captions]

    def of_videos(self, videos: np.ndarray) -> np.ndarray:
        return np.ascontiguousarray(self.scores.T[videos])
