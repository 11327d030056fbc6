"""Pictures as extractors want them: turned upright, resized, cropped.

With antialiasing the pixels are those of torchvision's Resize(size) and CenterCrop(crop) on PIL images; without it,
those of torch's `interpolate(mode="bilinear")` in float32, as SlowFast and VMZ resize, rounded to whole levels. Of a
picture more than LONGEST times as long as wide only what a crop may show is kept, unless it is to be squeezed whole.
"""

from __future__ import annotations

import io
from dataclasses import dataclass

import numpy as np
from PIL import Image

FILTERS = {"bilinear": Image.Resampling.BILINEAR, "bicubic": Image.Resampling.BICUBIC}
LONGEST = 9  # sides ratio beyond which a picture is cut to its two ends and its middle, a third of this long each


@dataclass(frozen=True)
class Orientation:
    """How stored pictures are turned to stand upright: transposed first, then flipped."""

    transpose: bool = False
    flip_y: bool = False
    flip_x: bool = False

    @classmethod
    def of(cls, matrix: bytes) -> Orientation:
        """From the 3 x 3 int32 display matrix of FFmpeg, which takes a stored point (x, y) to (ax + cy, bx + dy).

        Angles between the right ones are taken as the nearest right one.
        """
        a, b, _, c, d = (int(entry) for entry in np.frombuffer(matrix, dtype=np.int32)[:5])
        if abs(a) + abs(d) >= abs(b) + abs(c):
            return cls(False, d < 0, a < 0)
        return cls(True, b < 0, c < 0)

    @classmethod
    def turned(cls, degrees: float) -> Orientation:
        """A counterclockwise turn, taken as the nearest multiple of 90 degrees."""
        quarters = round(degrees / 90) % 4
        return (cls(), cls(True, True, False), cls(False, True, True), cls(True, False, True))[quarters]

    @property
    def degrees(self) -> int:
        """The counterclockwise turn, 0, 90, 180 or 270; a mirrored picture counts as the turn of its mirror image."""
        if self.transpose:
            return 90 if self.flip_y else 270
        return 180 if self.flip_y else 0

    @property
    def mirrored(self) -> bool:
        """Whether no turn alone makes the picture upright."""
        return (self.flip_y != self.flip_x) != self.transpose

    def apply(self, picture: np.ndarray) -> np.ndarray:
        """[H, W, 3] as stored -> [H, W, 3], or [W, H, 3], upright (a view)."""
        if self.transpose:
            picture = picture.transpose(1, 0, 2)
        return picture[:: -1 if self.flip_y else 1, :: -1 if self.flip_x else 1]


def resize(
    picture: np.ndarray,
    size: int,
    filter: str = "bilinear",
    antialias: bool = True,
    width: int = 0,
    nearest: bool = False,
) -> np.ndarray:
    """[H, W, 3] uint8 -> [h, w, 3] uint8: size x width, or with a short side of `size` where width is 0.

    The long side then is size * ratio, rounded down as torchvision (antialiased) or SlowFast (not) computes it; with
    `nearest` it is rounded to the nearest, as mmaction2 (mmcv) does.
    """
    picture = picture if width else _without_most(picture)
    height, across = picture.shape[:2]
    shape = (size, width) if width else _shape(height, across, size, antialias, nearest)
    if shape == (height, across):
        return picture
    if not antialias:
        return _interpolated(picture, *shape)
    whole = Image.frombuffer("RGB", (across, height), np.ascontiguousarray(picture), "raw", "RGB", 0, 1)
    return np.asarray(whole.resize(shape[::-1], FILTERS[filter]))


def _without_most(picture: np.ndarray) -> np.ndarray:
    """Both ends and the middle of an extremely long picture, joined where no square crop from there can reach."""
    short, along = min(picture.shape[:2]), int(picture.shape[1] > picture.shape[0])
    longest, length = picture.shape[along], LONGEST // 3 * short
    if longest <= LONGEST * short:
        return picture
    starts = (0, (longest - length) // 2, longest - length)
    return np.concatenate([np.take(picture, range(start, start + length), axis=along) for start in starts], axis=along)


def _shape(height: int, width: int, size: int, antialias: bool, nearest: bool) -> tuple[int, int]:
    """(height, width) after resizing to a short side of `size`."""
    short, long = min(height, width), max(height, width)
    if short == size:
        return height, width
    if nearest:
        longer = int(long * (size / short) + 0.5)
    else:
        longer = int(size * long / short) if antialias else int(long / short * size)  # these differ by rounding errors
    return (size, longer) if height <= width else (longer, size)


def _interpolated(picture: np.ndarray, height: int, width: int) -> np.ndarray:
    """Bilinear between the four nearest pixels, however small the picture becomes; half a level is rounded up."""
    top, bottom, down = _neighbours(picture.shape[0], height)
    left, right, across = _neighbours(picture.shape[1], width)
    lines = np.ascontiguousarray(picture).reshape(len(picture), -1)  # one index per byte: numpy's fastest gather
    left, right = (np.add.outer(3 * columns, np.arange(3)).ravel() for columns in (left, right))
    across = np.repeat(across, 3)

    def blended(numbers: np.ndarray) -> np.ndarray:
        chosen = lines[numbers]
        values: np.ndarray = np.take(chosen, right, axis=1, mode="clip").astype(np.float32)
        near = np.take(chosen, left, axis=1, mode="clip").astype(np.float32)
        values -= near
        values *= across
        values += near
        return values

    upper, values = blended(top), blended(bottom)
    values -= upper
    values *= down[:, None]
    values += upper
    values += np.float32(0.5)
    return values.astype(np.uint8).reshape(height, width, 3)


def _neighbours(before: int, after: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Along one side, for each new pixel: the old ones at both sides of its centre, and the weight of the second.

    [after] int64, int64, float32; computed in float32, as torch does.
    """
    half = np.float32(0.5)
    places = np.float32(before) / np.float32(after) * (np.arange(after, dtype=np.float32) + half) - half
    places = np.clip(places, 0, before - 1)
    first = places.astype(np.int64)
    return first, np.minimum(first + 1, before - 1), (places - first).astype(np.float32)


def crops(picture: np.ndarray, side: int, count: int = 1, rule: str = "even") -> list[np.ndarray]:
    """[H, W, 3] -> views [side, side, 3]: the centre; or, of 3, the start, centre and end of the longer side.

    `rule` is that of a Sampling. An odd rest beside the centre crop is halved as torchvision does, to even; by
    rule slowfast, and of 3 crops, as SlowFast does, up; by mmaction2 down, and its third crop begins at twice that.
    """
    rests = [length - side for length in picture.shape[:2]]
    if rule == "mmaction2":
        y, x = (rest // 2 for rest in rests)
        rests = [2 * y, 2 * x]
    else:
        y, x = (-(-rest // 2) if rule == "slowfast" or count == 3 else round(rest / 2) for rest in rests)
    if count == 1:
        places = [(y, x)]
    else:
        places = [(0, x), (y, x), (rests[0], x)] if rests[0] > rests[1] else [(y, 0), (y, x), (y, rests[1])]
    return [picture[top : top + side, left : left + side] for top, left in places]


def thumbnail(picture: np.ndarray, longest: int = 160) -> bytes:
    """[H, W, 3] uint8 -> a JPEG of at most `longest` pixels a side."""
    image = Image.fromarray(np.ascontiguousarray(picture))
    image.thumbnail((longest, longest))
    out = io.BytesIO()
    image.save(out, "JPEG", quality=80)
    return out.getvalue()
