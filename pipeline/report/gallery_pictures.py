"""Thumbnails made small enough for a page that holds thousands of them: WebP, as large as a budget allows."""

from __future__ import annotations

import base64
import io
from collections.abc import Sequence
from contextlib import suppress

import numpy as np
from PIL import Image

STEPS = ((160, 60), (128, 50), (112, 40), (112, 30), (96, 35))  # longest side in pixels, and quality
SAMPLE = 40  # pictures by which the size of all is estimated
SHAPES = (0.75, 1.78)  # width by height, between which tiles stay


def encoded(jpegs: Sequence[bytes], budget: int) -> list[str]:
    """Each picture as WebP in base64; "" where there is none, or `budget` letters are used up by those before.

    The first of STEPS is taken by which all fit, as far as a sample tells.
    """
    there = [place for place, jpeg in enumerate(jpegs) if jpeg]
    sample = [jpegs[place] for place in there[:: -(-len(there) // SAMPLE)]] if there else []
    step = STEPS[0]
    for step in STEPS:
        letters = sum(len(webp(jpeg, *step)) for jpeg in sample)
        if not sample or letters / len(sample) * len(there) <= budget:
            break
    pictures, left = [""] * len(jpegs), budget
    for place in there:
        picture = webp(jpegs[place], *step)
        left -= len(picture)
        if left < 0:
            break
        pictures[place] = picture
    return pictures


def webp(jpeg: bytes, side: int, quality: int) -> str:
    """A picture of at most so many pixels a side as WebP in base64; "" where it cannot be read."""
    out = io.BytesIO()
    try:
        with Image.open(io.BytesIO(jpeg)) as image:
            picture = image.convert("RGB")
    except (OSError, ValueError):
        return ""
    picture.thumbnail((side, side))
    picture.save(out, "WEBP", quality=quality, method=4)
    return base64.b64encode(out.getvalue()).decode("ascii")


def shape(jpegs: Sequence[bytes]) -> float:
    """Width by height of a tile that suits most pictures, within SHAPES; 4:3 where there is none."""
    shapes = []
    for jpeg in filter(None, jpegs):
        with suppress(OSError, ValueError), Image.open(io.BytesIO(jpeg)) as image:
            shapes.append(image.width / image.height)
    middle = float(np.median(shapes)) if shapes else 4 / 3
    return round(min(max(middle, SHAPES[0]), SHAPES[1]), 2)
