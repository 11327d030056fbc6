"""Resizing and cropping equal torchvision's; display matrices move points as FFmpeg defines it."""

import io
from itertools import product

import numpy as np
import pytest
from PIL import Image
from torchvision.transforms import CenterCrop, InterpolationMode, Resize

from pipeline.pixels import Orientation, crop, image, resize, thumbnail

SIDES = [(180, 320), (321, 241), (57, 200), (64, 64), (30, 31)]


@pytest.mark.parametrize(("shape", "size", "side"), [(shape, *s) for shape, s in product(SIDES, [(64, 57), (33, 32)])])
@pytest.mark.parametrize("filter", ["bilinear", "bicubic"])
def test_equals_torchvision(shape: tuple[int, int], size: int, side: int, filter: str):
    picture = np.random.default_rng(1).integers(0, 256, (*shape, 3), dtype=np.uint8)
    expected = CenterCrop(side)(Resize(size, InterpolationMode(filter))(Image.fromarray(picture)))
    np.testing.assert_array_equal(crop(resize(image(picture), size, filter), side), np.asarray(expected))


def test_an_extremely_long_picture_costs_no_more_than_its_middle():
    picture = np.zeros((2, 20_000, 3), dtype=np.uint8)
    picture[:, 10_000:] = 200
    small = resize(image(picture), 224, "bilinear")
    assert small.shape == (224, 8 * 224, 3)
    middle = crop(small, 224)
    # 112 times larger: the edge in the middle is blurred over 56 pixels to each side
    assert middle[:, :50].max() == 0
    assert middle[:, -50:].min() == 200


@pytest.mark.parametrize("entries", [(1, 0, 0, 1), (0, 1, -1, 0), (-1, 0, 0, -1), (0, -1, 1, 0)])
@pytest.mark.parametrize("mirror", [1, -1])
def test_points_go_where_the_display_matrix_says(entries: tuple[int, int, int, int], mirror: int):
    a, b, c, d = entries[0] * mirror, entries[1], entries[2] * mirror, entries[3]
    matrix = np.array([a << 16, b << 16, 0, c << 16, d << 16, 0, 0, 0, 1 << 30], dtype=np.int32)
    stored = np.arange(2 * 3 * 3, dtype=np.uint8).reshape(2, 3, 3)
    moved = {(a * x + c * y, b * x + d * y): stored[y, x] for y in range(2) for x in range(3)}
    left, top = min(x for x, _ in moved), min(y for _, y in moved)
    upright = Orientation.of(matrix.tobytes()).apply(stored)
    assert upright.shape[0] * upright.shape[1] == 6
    for (x, y), pixel in moved.items():
        np.testing.assert_array_equal(upright[y - top, x - left], pixel)
    assert Orientation.of(matrix.tobytes()).mirrored == (mirror == -1)


@pytest.mark.parametrize("degrees", [0, 90, 180, 270, -90, -180, 88.9])
def test_turns_are_counterclockwise(degrees: float):
    stored = np.arange(18, dtype=np.uint8).reshape(2, 3, 3)
    way = Orientation.turned(degrees)
    np.testing.assert_array_equal(way.apply(stored), np.rot90(stored, round(degrees / 90)))
    assert way.degrees == round(degrees / 90) * 90 % 360


def test_a_thumbnail_is_a_small_jpeg_of_the_same_shape():
    image = Image.open(io.BytesIO(thumbnail(np.full((180, 320, 3), 90, dtype=np.uint8))))
    assert (image.format, image.size) == ("JPEG", (160, 90))
    assert abs(int(np.asarray(image)[45, 80, 0]) - 90) <= 2
