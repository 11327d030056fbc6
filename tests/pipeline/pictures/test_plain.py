"""Pictures of one colour."""

import io

import numpy as np
import pytest
from PIL import Image

from pipeline.pictures.plain import is_plain


def jpeg(picture: np.ndarray) -> bytes:
    out = io.BytesIO()
    Image.fromarray(picture.astype(np.uint8)).save(out, "JPEG", quality=80)
    return out.getvalue()


@pytest.mark.parametrize("colour", [(0, 0, 0), (255, 255, 255), (20, 90, 200)])
def test_one_colour_with_a_little_noise_is_plain(colour: tuple[int, int, int]) -> None:
    noise = np.random.default_rng(0).integers(0, 6, (90, 160, 3))
    assert is_plain(jpeg(np.clip(np.full((90, 160, 3), colour) + noise, 0, 255)))


def test_a_gentle_gradient_and_a_small_thing_are_not_plain() -> None:
    gradient = np.repeat(np.linspace(60, 110, 160)[None, :, None], 90, axis=0).repeat(3, axis=2)
    assert not is_plain(jpeg(gradient))
    dot = np.zeros((90, 160, 3))
    dot[30:60, 60:100] = 200  # a twelfth of the picture
    assert not is_plain(jpeg(dot))


def test_what_cannot_be_read_is_not_plain() -> None:
    assert not is_plain(b"")
    assert not is_plain(b"\xff\xd8 and then nothing")
