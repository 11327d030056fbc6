"""Frames to model input, by hand."""

import math

import pytest
import torch

from extractors.base import Sampling
from extractors.pixels import CLIP_MEAN, CLIP_STD, check, constants, normalise, three


def test_normalise_by_hand() -> None:
    frames = torch.tensor([255, 0, 51], dtype=torch.uint8).expand(1, 2, 4, 5, 3)  # [B, T, H, W, 3]
    values = normalise(frames, (0.5, 0.25, 0.1), (0.5, 0.5, 0.2))
    assert values.shape == (1, 3, 2, 4, 5)
    assert torch.allclose(values[0, :, 0, 0, 0], torch.tensor([1.0, -0.5, 0.5]))  # (1-.5)/.5, -.25/.5, (.2-.1)/.2
    assert normalise(frames, (0.5, 0.25, 0.1), (0.5, 0.5, 0.2), channel=2).shape == (1, 2, 3, 4, 5)
    assert values.is_contiguous()
    last = normalise(frames.contiguous(), (0.5, 0.25, 0.1), (0.5, 0.5, 0.2), last=True)
    assert torch.equal(last, values)
    assert last.is_contiguous(memory_format=torch.channels_last_3d)


def test_the_constants_of_a_device_are_made_once_and_change_no_bit() -> None:
    """A GPU would be waited for each time that they are brought there."""
    frames = torch.arange(256, dtype=torch.uint8)[:, None].repeat(1, 3)
    mean, std = [0.48145466, 0.4578275, 0.40821073], (0.26862954, 0.26130258, 0.27577711)
    plain = (frames.float() / 255 - torch.tensor(mean)) / torch.tensor(std)
    with torch.inference_mode():  # what is made here has to serve trainings too
        assert torch.equal(normalise(frames, mean, std), plain)
    assert torch.equal(normalise(frames, mean, std), plain)
    one = constants(tuple(mean), torch.device("cpu"))
    assert one is constants(tuple(mean), torch.device("cpu"))
    assert not one.is_inference()


@pytest.mark.parametrize("shape", [(2, 1, 5, 8, 8, 3), (2, 2, 4, 8, 8, 3), (2, 1, 4, 8, 6, 3), (1, 4, 8, 8, 3)])
def test_other_shapes_are_refused(shape: tuple[int, ...]) -> None:
    with pytest.raises(ValueError, match=r"they should be \[B, 1, 4, 8, 8, 3\] torch.uint8"):
        check(torch.zeros(shape, dtype=torch.uint8), Sampling(frames=4, size=9, crop=8))


def test_other_types_are_refused() -> None:
    with pytest.raises(ValueError, match="float32"):
        check(torch.zeros(1, 1, 4, 8, 8, 3), Sampling(frames=4, size=8, crop=8))


def test_three_numbers_of_a_colour_each() -> None:
    assert three("mean", [0.5, 0, 1]) == (0.5, 0, 1)
    with pytest.raises(ValueError, match=r"std is \[1, 1, 0\]; it should be three numbers, for values in 0\.\.1"):
        three("std", [1, 1, 0])


@pytest.mark.parametrize("last", [False, True])
@pytest.mark.parametrize(("shape", "channel"), [((5, 7, 6, 3), 1), ((2, 3, 5, 6, 3), 1), ((2, 3, 5, 6, 3), 2)])
def test_each_number_is_that_of_the_formula_to_the_last_bit(shape: tuple[int, ...], channel: int, last: bool) -> None:
    frames = torch.arange(1000, dtype=torch.int64)[: math.prod(shape)].remainder(256).to(torch.uint8).view(shape)
    expected = ((frames.float() / 255 - torch.tensor(CLIP_MEAN)) / torch.tensor(CLIP_STD)).movedim(-1, channel)
    pixels = normalise(frames, CLIP_MEAN, CLIP_STD, channel, last)
    assert torch.equal(pixels, expected)
    assert pixels.stride() == (expected if last else expected.contiguous()).stride()


@pytest.mark.parametrize("last", [False, True])
def test_what_is_given_stays_as_it_is(last: bool) -> None:
    frames = torch.full((2, 4, 5, 3), 51.0)
    normalise(frames, (0.5, 0.5, 0.5), (0.2, 0.2, 0.2), last=last)
    assert torch.equal(frames, torch.full((2, 4, 5, 3), 51.0))
