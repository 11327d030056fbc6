"""Turns decoded frames into model input: the checks and the arithmetic of all visual extractors."""

from collections.abc import Sequence
from functools import cache

import torch
from torch import Tensor

from extractors.base import Sampling

CLIP_MEAN, CLIP_STD = (0.48145466, 0.4578275, 0.40821073), (0.26862954, 0.26130258, 0.27577711)
KINETICS_MEAN, KINETICS_STD = (0.45, 0.45, 0.45), (0.225, 0.225, 0.225)
VMZ_MEAN, VMZ_STD = (0.43216, 0.394666, 0.37645), (0.22803, 0.22145, 0.216989)


def three(name: str, values: Sequence[float]) -> tuple[float, ...]:
    """The three `values`; ValueError where they are not three, or a std is not positive."""
    if len(values) != 3 or (name == "std" and min(values) <= 0):
        raise ValueError(f"{name} is {list(values)}; it should be three numbers, for values in 0..1")
    return tuple(values)


def check(frames: Tensor, sampling: Sampling) -> None:
    """Raise ValueError unless `frames` is [B, M, T, H, W, 3] uint8 with the M, T, H and W of `sampling`.

    Some models silently take other lengths or sizes and give features of another meaning.
    """
    wanted = (sampling.views, sampling.frames, sampling.crop, sampling.crop, 3)
    if frames.dtype != torch.uint8 or frames.ndim != 6 or tuple(frames.shape[1:]) != wanted:
        shape = ", ".join(str(number) for number in wanted)
        raise ValueError(f"frames are {tuple(frames.shape)} {frames.dtype}; they should be [B, {shape}] torch.uint8")


@cache
def constants(values: tuple[float, ...], device: torch.device) -> Tensor:
    """The numbers as a tensor on a device, made once, because the CPU would wait for each copy."""
    with torch.inference_mode(False):
        return torch.tensor(values).to(device)


def normalise(
    frames: Tensor, mean: Sequence[float], std: Sequence[float], channel: int = 1, last: bool = False
) -> Tensor:
    """Frames [..., 3] uint8 RGB as float32, (value / 255 - mean) / std per channel, colours at dimension `channel`.

    [N, H, W, 3] becomes [N, 3, H, W], and [B, T, H, W, 3] becomes [B, 3, T, H, W]. With `last` the colours of a pixel
    stay neighbours in memory (torch's channels_last), as they are in frames.
    """
    # One array is changed in place, a whole row of it with as many constants: three to a call would be no vector.
    width = frames.shape[-2] if last else 1
    values = frames.flatten(-2) if last else frames.movedim(-1, channel).contiguous()
    values = values.to(torch.float32, copy=True)  # also where somebody gives float32, whose frames stay as they are
    shape = (3 * width,) if last else (3, *(1,) * (frames.ndim - 1 - channel))
    for_row = [constants(tuple(numbers) * width, frames.device).view(shape) for numbers in (mean, std)]
    values.div_(255).sub_(for_row[0]).div_(for_row[1])
    return values.unflatten(-1, (width, 3)).movedim(-1, channel) if last else values
