"""Pictures as extractors want them: turned upright, resized with antialiasing, cropped in the centre.

The geometry is that of torchvision's Resize(size) and CenterCrop(crop) on PIL images, to the pixel, for pictures up
to LONGEST times as long as wide.
"""

from __future__ import annotations

import io
from dataclasses import dataclass

import numpy as np
from PIL import Image

FILTERS = {"bilinear": Image.Resampling.BILINEAR, "bicubic": Image.Resampling.BICUBIC}
LONGEST = 8  # sides ratio beyond which the outer parts, outside of any square crop, are cut off before resizing


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


def image(picture: np.ndarray) -> Image.Image:
    """[H, W, 3] uint8 -> the picture for `resize`, without the outer parts of one that is far longer than wide."""
    height, width = picture.shape[:2]
    if max(height, width) > LONGEST * min(height, width):
        longest = LONGEST * min(height, width)
        top, left = max(height - longest, 0) // 2, max(width - longest, 0) // 2
        picture = picture[top : top + min(height, longest), left : left + min(width, longest)]
        height, width = picture.shape[:2]
    return Image.frombuffer("RGB", (width, height), np.ascontiguousarray(picture), "raw", "RGB", 0, 1)


def resize(picture: Image.Image, size: int, filter: str) -> np.ndarray:
    """The picture as [h, w, 3] uint8 with a short side of `size`, a long one of int(size * ratio)."""
    width, height = picture.size
    target = (size, int(size * height / width)) if width <= height else (int(size * width / height), size)
    return np.asarray(picture if target == (width, height) else picture.resize(target, FILTERS[filter]))


def crop(picture: np.ndarray, side: int) -> np.ndarray:
    """[H, W, 3] -> the central [side, side, 3] (a view); an odd rest is rounded as torchvision does, half to even."""
    height, width = picture.shape[:2]
    top, left = round((height - side) / 2), round((width - side) / 2)
    return picture[top : top + side, left : left + side]


def thumbnail(picture: np.ndarray, longest: int = 160) -> bytes:
    """[H, W, 3] uint8 -> a JPEG of at most `longest` pixels a side."""
    image = Image.fromarray(np.ascontiguousarray(picture))
    image.thumbnail((longest, longest))
    out = io.BytesIO()
    image.save(out, "JPEG", quality=80)
    return out.getvalue()
