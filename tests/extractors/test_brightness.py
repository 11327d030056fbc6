"""Mean colour, by hand."""

import pytest
import torch

from extractors.brightness import Brightness


def test_mean_of_two_frames() -> None:
    frames = torch.zeros(1, 1, 2, 4, 4, 3, dtype=torch.uint8)
    frames[0, 0, 0] = torch.tensor([255, 51, 0], dtype=torch.uint8)  # the other frame is black
    assert torch.allclose(Brightness(frames=2, crop=4).extract(frames), torch.tensor([[0.5, 0.1, 0.0]]))


def test_a_scale_of_zero_is_refused() -> None:
    with pytest.raises(ValueError, match=r"scale is 0\.0"):
        Brightness(scale=0.0)
