"""Pictures of a page: as large as a budget allows, and none that is damaged."""

import base64
import io

import numpy as np
from PIL import Image

from pipeline.report.gallery_pictures import STEPS, encoded, shape, webp
from pipeline.video.pixels import thumbnail


def jpeg(height: int, width: int, seed: int = 0) -> bytes:
    return thumbnail(np.random.default_rng(seed).integers(0, 256, (height, width, 3), np.uint8))


def size(picture: str) -> tuple[int, int]:
    with Image.open(io.BytesIO(base64.b64decode(picture))) as image:
        assert image.format == "WEBP"
        return image.size


def test_all_are_as_large_as_they_were_where_the_budget_allows() -> None:
    pictures = encoded([jpeg(90, 160), b"", jpeg(120, 90, 1)], 1_000_000)
    assert [size(picture) if picture else None for picture in pictures] == [(160, 90), None, (90, 120)]


def test_all_become_smaller_where_it_does_not_and_the_last_are_left_out() -> None:
    jpegs = [jpeg(90, 160, seed) for seed in range(4)]
    smaller = len(webp(jpegs[0], *STEPS[-1]))
    pictures = encoded(jpegs, 5 * smaller)
    assert all(pictures)
    assert sum(map(len, pictures)) <= 5 * smaller
    assert size(pictures[0])[0] < 160
    some = encoded(jpegs, round(2.5 * smaller))
    assert [bool(picture) for picture in some] == [True, True, False, False]
    assert size(some[0]) == (STEPS[-1][0], STEPS[-1][0] * 90 // 160)


def test_what_is_no_picture_is_none() -> None:
    assert encoded([b"no picture", b""], 1000) == ["", ""]
    assert encoded([], 1000) == []


def test_the_shape_that_suits_most() -> None:
    assert shape([jpeg(80, 160), jpeg(80, 80), jpeg(80, 80, 1), b"no picture"]) == 1.0
    assert shape([jpeg(160, 40)]) == 0.75
    assert shape([b""]) == 1.33
