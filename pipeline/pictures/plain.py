"""Whether a picture is nearly of one colour: black, white, or a fade that has just begun."""

from __future__ import annotations

import io

import numpy as np
from PIL import Image

SPREAD = 24  # of 255: a picture whose colours lie closer together shows nothing
ENDS = (1, 99)  # percent of the pixels between which colours are compared, so that a few odd ones do not count
DRAFT = (40, 40)  # pixels that are enough, and which a JPEG gives for a quarter of the time


def is_plain(jpeg: bytes) -> bool:
    """Whether nearly all pixels of a picture have one colour; False where it cannot be read."""
    try:
        with Image.open(io.BytesIO(jpeg)) as image:
            image.draft("RGB", DRAFT)
            return plain(np.asarray(image.convert("RGB")))
    except (OSError, ValueError):
        return False


def plain(picture: np.ndarray) -> bool:
    """The same of [H, W, 3] uint8."""
    low, high = np.percentile(picture.reshape(-1, 3), ENDS, axis=0)
    return bool((high - low).max() < SPREAD)
