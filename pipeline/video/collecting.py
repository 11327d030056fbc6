"""Frames on their way into the arrays of samplings: each is converted once, however many places it goes to."""

from __future__ import annotations

from collections.abc import Hashable, Iterable, Sequence

import numpy as np

from extractors.base import Sampling
from pipeline.video import pixels
from pipeline.video.decoder import Picture
from pipeline.video.media import VideoError, words


class Collector:
    """Keeps the wanted frames of a video at their final size. A frame goes by a key, such as its number."""

    def __init__(self, samplings: Sequence[Sampling]) -> None:
        self.samplings = samplings
        # For each Sampling [clips, crops, T, crop, crop, 3] uint8; zero where no frame came.
        self._arrays = [np.zeros((s.clips, s.crops, s.frames, s.crop, s.crop, 3), np.uint8) for s in samplings]
        self._places: dict[Hashable, dict[int, np.ndarray]] = {}  # key -> sampling number -> places in its clips * T

    def want(self, number: int, keys: Sequence[Hashable]) -> None:
        """Say which frames sampling `number` wants: keys [clips * T], clip after clip."""
        places: dict[Hashable, list[int]] = {}
        for place, key in enumerate(keys):
            places.setdefault(key, []).append(place)
        for key, where in places.items():
            self._places.setdefault(key, {})[number] = np.array(where)

    @property
    def wanted(self) -> set[Hashable]:
        """Keys of the frames that are still to come."""
        return set(self._places)

    def take(self, keys: Iterable[Hashable], picture: Picture) -> None:
        """Put a frame where it is wanted under these keys; it is converted only if it is.

        Samplings that resize alike share the resized picture. Raises VideoError where it cannot be converted.
        """
        places: dict[int, np.ndarray] = {}
        for key in keys:
            places |= self._places.pop(key, {})  # the keys of one frame go to different samplings
        if not places:
            return
        try:
            upright = np.ascontiguousarray(picture())
        except MemoryError:
            raise
        except (OSError, ValueError) as error:
            raise VideoError(f"a frame could not be converted to RGB: {words(error)}") from error
        resized: dict[tuple[int, str, bool, int, bool], np.ndarray] = {}
        for number, where in places.items():
            s = self.samplings[number]
            key = (s.size, s.filter, s.antialias, s.width, s.rule == "mmaction2")
            if key not in resized:
                resized[key] = pixels.resize(upright, *key)
            for view, part in enumerate(pixels.crops(resized[key], s.crop, s.crops, s.rule)):
                self._arrays[number][where // s.frames, view, where % s.frames] = part

    @property
    def views(self) -> list[np.ndarray]:
        """For each Sampling [M, T, crop, crop, 3]."""
        return [array.reshape(-1, *array.shape[2:]) for array in self._arrays]
