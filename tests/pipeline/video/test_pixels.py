"""Resizing and cropping equal torchvision's and torch's; display matrices move points as FFmpeg defines it."""

import io
import math
from itertools import product

import numpy as np
import pytest
import torch
from PIL import Image
from torchvision.transforms import CenterCrop, InterpolationMode, Resize

from pipeline.video.pixels import Orientation, crops, resize, thumbnail

ROUNDING = 0.5 + 0.01  # levels of 255: to whole ones, and float32's error in a place (1e-7 of 1920 pixels)
SIDES = [(180, 320), (321, 241), (57, 200), (64, 64), (30, 31)]


def noise(*shape: int) -> np.ndarray:
    return np.random.default_rng(1).integers(0, 256, (*shape, 3), dtype=np.uint8)


@pytest.mark.parametrize(("shape", "size", "side"), [(shape, *s) for shape, s in product(SIDES, [(64, 57), (33, 32)])])
@pytest.mark.parametrize("filter", ["bilinear", "bicubic"])
def test_equals_torchvision(shape: tuple[int, int], size: int, side: int, filter: str):
    picture = noise(*shape)
    expected = CenterCrop(side)(Resize(size, InterpolationMode(filter))(Image.fromarray(picture)))
    (result,) = crops(resize(picture, size, filter), side)
    np.testing.assert_array_equal(result, np.asarray(expected))


def interpolated(picture: np.ndarray, height: int, width: int) -> np.ndarray:
    """torch's own, [height, width, 3] float32, not rounded."""
    planes = torch.from_numpy(picture.copy()).permute(2, 0, 1)[None].float()
    planes_resized = torch.nn.functional.interpolate(planes, (height, width), mode="bilinear", align_corners=False)
    return planes_resized[0].permute(1, 2, 0).numpy()


@pytest.mark.parametrize("shape", [*SIDES, (1, 1), (1, 5), (161, 97), (1080, 1920)])
@pytest.mark.parametrize("size", [64, 33, 356])
def test_without_antialiasing_equals_torch_interpolate_rounded(shape: tuple[int, int], size: int):
    picture = noise(*shape)
    result = resize(picture, size, antialias=False)
    short, long = min(shape), max(shape)
    longer = math.floor((float(long) / short) * size) if short != size else long  # SlowFast's short_side_scale
    assert result.shape == ((size, longer, 3) if shape[0] <= shape[1] else (longer, size, 3))
    assert np.abs(result - interpolated(picture, *result.shape[:2])).max() <= ROUNDING


def test_two_pixels_become_four():
    """Centres at -.25, .25, .75 and 1.25 of the old: 0, a quarter, three quarters, 1; half a level is rounded up."""
    picture = np.array([[[0, 100, 10], [100, 0, 12]]], np.uint8)
    expected = [[0, 100, 10], [25, 75, 11], [75, 25, 12], [100, 0, 12]]  # of 10.5 and 11.5 the next above
    np.testing.assert_array_equal(resize(picture, 2, antialias=False), [expected, expected])


@pytest.mark.parametrize("shape", SIDES)
@pytest.mark.parametrize("antialias", [True, False])
def test_an_exact_width_squeezes_any_picture(shape: tuple[int, int], antialias: bool):
    picture = noise(*shape)
    result = resize(picture, 36, antialias=antialias, width=50)
    assert result.shape == (36, 50, 3)
    if antialias:
        way = Image.Resampling.BILINEAR
        np.testing.assert_array_equal(result, np.asarray(Image.fromarray(picture).resize((50, 36), way)))
    else:
        assert np.abs(result - interpolated(picture, 36, 50)).max() <= ROUNDING


def test_a_picture_of_the_right_size_stays():
    picture = noise(30, 41)
    assert resize(picture, 30) is resize(picture, 30, antialias=False) is resize(picture, 30, width=41) is picture


@pytest.mark.parametrize(("shape", "y", "x"), [((8, 15), (2, 2, 2), (0, 6, 11)), ((13, 7), (0, 5, 9), (2, 2, 2))])
def test_three_crops_lie_along_the_longer_side(shape: tuple[int, int], y: tuple[int, ...], x: tuple[int, ...]):
    """SlowFast's uniform_crop: rests 11 and 4, then 9 and 3, are halved up."""
    picture = noise(*shape)
    result = crops(picture, 4, 3)
    for part, top, left in zip(result, y, x, strict=True):
        np.testing.assert_array_equal(part, picture[top : top + 4, left : left + 4])
    np.testing.assert_array_equal(crops(noise(9, 9), 9, 3), [noise(9, 9)] * 3)


@pytest.mark.parametrize(
    ("shape", "size", "long"),
    [((144, 176), 256, 313), ((176, 144), 256, 313), ((256, 341), 256, 341), ((480, 641), 256, 342)],
)
def test_mmaction2_rounds_the_long_side_to_the_nearest(shape: tuple[int, int], size: int, long: int):
    """176 * 256 / 144 = 312.9, which SlowFast and torchvision cut to 312; 641 * 256 / 480 = 341.9."""
    result = resize(noise(*shape), size, antialias=False, nearest=True)
    assert result.shape == ((size, long, 3) if shape[0] < shape[1] else (long, size, 3))
    assert np.abs(result - interpolated(noise(*shape), *result.shape[:2])).max() <= ROUNDING
    assert max(resize(noise(*shape), size, antialias=False).shape) == math.floor(max(shape) / min(shape) * size)


def test_mmaction2_halves_the_rest_beside_a_crop_down():
    """Rest 11: crops at 0, 5 and 10, not at SlowFast's 0, 6 and 11; the centre alone at 5 too."""
    picture = noise(4, 15)
    for part, left in zip(crops(picture, 4, 3, "mmaction2"), (0, 5, 10), strict=True):
        np.testing.assert_array_equal(part, picture[:, left : left + 4])
    for part, top in zip(crops(picture.transpose(1, 0, 2), 4, 3, "mmaction2"), (0, 5, 10), strict=True):
        np.testing.assert_array_equal(part, picture.transpose(1, 0, 2)[top : top + 4])
    np.testing.assert_array_equal(crops(picture, 4, rule="mmaction2")[0], picture[:, 5:9])
    np.testing.assert_array_equal(crops(picture, 4, rule="slowfast")[0], picture[:, 6:10])


@pytest.mark.parametrize("upright", [False, True])
@pytest.mark.parametrize("antialias", [True, False])
def test_an_extremely_long_picture_costs_no_more_than_what_crops_show(upright: bool, antialias: bool):
    picture = np.full((2, 20_000, 3), 100, dtype=np.uint8)
    picture[:, :2], picture[:, 10_000:10_006], picture[:, -2:] = 20, 200, 240
    picture = picture.transpose(1, 0, 2) if upright else picture
    small = resize(picture, 224, antialias=antialias)
    assert small.shape == ((9 * 224, 224, 3) if upright else (224, 9 * 224, 3))
    start, middle, end = (part.transpose(1, 0, 2) if upright else part for part in crops(small, 224, 3))
    # 112 times larger: an edge is blurred over 56 pixels to each side
    assert (start[:, :150].max(), end[:, 74:].min()) == (20, 240)
    assert (middle[:, :50].max(), middle[:, -50:].min()) == (100, 200)
    whole = resize(picture, 10, antialias=antialias, width=10)
    assert whole.shape == (10, 10, 3)
    assert 100 <= whole[5, 5, 0] <= 101


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
