"""From a file to what a model is given: frames, sizes, crops and normalised values, worked out a second time here.

The reference decodes all frames with PyAV, takes them by hand-written numbers, and resizes with PIL or with torch's
`interpolate` on float pixels, which is never rounded: what we give is, to whole levels of 255.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import av
import numpy as np
import pytest
import torch
from PIL import Image

from extractors.base import Sampling
from extractors.clip_ft import ClipFt
from extractors.ircsn import IrCSN
from extractors.tf import TimeSformer
from extractors.x3d import X3D
from pipeline.video.positions import wanted
from pipeline.video.reading import Frames, probe, read

LEVEL = 0.5 + 0.01  # of 255: rounding to whole levels, and float32's in places


def look(path: Path, *samplings: Sampling) -> Frames:
    seen = probe(path)
    return read(path, samplings, seen.packets, seen.fps)


def pictures(count: int, height: int, width: int) -> np.ndarray:
    """[count, height, width, 3] uint8: coarse patches of any colour, others in each frame."""
    coarse = np.random.default_rng(count).integers(0, 256, (count, -(-height // 8), -(-width // 8), 3), dtype=np.uint8)
    return coarse.repeat(8, axis=1).repeat(8, axis=2)[:, :height, :width]


def upright(path: Path) -> list[np.ndarray]:
    """Every frame [H, W, 3] uint8 of a file, turned as it says."""
    with av.open(str(path)) as container:
        return [np.rot90(f.to_ndarray(format="rgb24"), f.rotation // 90) for f in container.decode(video=0)]


def pil(picture: np.ndarray, height: int, width: int, way: Image.Resampling) -> np.ndarray:
    return np.asarray(Image.fromarray(np.ascontiguousarray(picture)).resize((width, height), way)).astype(np.float32)


def torch_float(picture: np.ndarray, height: int, width: int) -> np.ndarray:
    planes = torch.from_numpy(picture.astype(np.float32)).permute(2, 0, 1)[None]
    resized = torch.nn.functional.interpolate(planes, (height, width), mode="bilinear", align_corners=False)
    return resized[0].permute(1, 2, 0).numpy()


def by_short_side(picture: np.ndarray, size: int) -> tuple[int, int]:
    """SlowFast's short_side_scale and torchvision's Resize, where neither meets a rounding error."""
    height, width = picture.shape[:2]
    if height <= width:
        return size, math.floor(width / height * size)
    return math.floor(height / width * size), size


def cut(picture: np.ndarray, side: int, top: int, left: int) -> np.ndarray:
    result = picture[top : top + side, left : left + side]
    assert result.shape[:2] == (side, side)
    return result


# Which frames: files of one and of five frames at ten a second.

RULES = {
    "spread": (Sampling(8, 32, 32), [0, 0, 1, 2, 2, 3, 4, 4], 8),  # .31 .94 1.56 2.19 2.81 3.44 4.06 4.69
    "stride": (Sampling(3, 32, 32, stride=1), [1, 2, 3], 3),
    "stride of 30 fps": (Sampling(4, 32, 32, stride=2, fps=30.0), [1, 2, 2, 3], 4),  # 1 1.67 2.33 3
    "stride too long": (Sampling(4, 32, 32, stride=2), [0, 2, 4, 4], 3),
    "clips too long": (Sampling(3, 32, 32, clips=2, stride=3), [0, 3, 4] * 2, 2),
    "first": (Sampling(3, 32, 32, stride=1, rule="first"), [0, 1, 2], 3),
    "first too long": (Sampling(4, 32, 32, stride=3, rule="first"), [0, 3, 4, 4], 2),
    "first at 1 fps": (Sampling(4, 32, 32, stride=1, fps=1.0, rule="first"), [0, 4, 4, 4], 1),
    "mmaction2": (Sampling(2, 32, 32, clips=2, stride=3, rule="mmaction2"), [0, 3, 1, 4], 4),
    "mmaction2 too long": (Sampling(3, 32, 32, clips=2, stride=3, rule="mmaction2"), [0, 3, 1] * 2, 2),  # 6 % 5
    "first at 3 fps": (Sampling(2, 32, 32, stride=1, fps=3.0, rule="first"), [0, 3], 2),  # 3.33
}


@pytest.mark.parametrize("rule", RULES)
def test_frames_of_a_video_of_five(clips: Any, rule: str):
    sampling, numbers, present = RULES[rule]
    path = clips("five.mp4", pictures(5, 32, 32))
    frames = look(path, sampling)
    assert (frames.count, frames.fps, frames.present) == (5, 10.0, [present])
    every = upright(path)
    expected = np.stack([every[number] for number in numbers])
    np.testing.assert_array_equal(frames.arrays[0].reshape(expected.shape), expected)


@pytest.mark.parametrize("rule", RULES)
def test_frames_of_a_video_of_one(clips: Any, rule: str):
    sampling, numbers, _ = RULES[rule]
    path = clips("one.mp4", pictures(1, 32, 32))
    frames = look(path, sampling)
    assert (frames.count, frames.present) == (1, [1 if sampling.stride else 8])
    expected = np.stack(upright(path) * len(numbers))
    np.testing.assert_array_equal(frames.arrays[0].reshape(expected.shape), expected)


def test_samplings_of_one_video_have_their_own_counts(clips: Any):
    rules = list(RULES.values())
    assert look(clips("five.mp4", pictures(5, 32, 32)), *(rule[0] for rule in rules)).present == [r[2] for r in rules]


# Which pixels: sizes, rotation, depth and chroma of files; each way to resize and crop.

FILES: dict[str, tuple[int, int, dict[str, Any]]] = {  # stored height, width, how it is written
    "landscape": (96, 160, {}),
    "portrait": (160, 96, {}),
    "odd": (97, 161, {"pixels": "yuv444p"}),
    "odd portrait": (161, 97, {"pixels": "yuv444p"}),
    "turned by 90": (96, 160, {"degrees": 90}),
    "ten bits": (96, 160, {"pixels": "yuv420p10le"}),
    "4:4:4": (96, 160, {"pixels": "yuv444p"}),
}


@pytest.mark.parametrize("kind", FILES)
def test_pixels_of_each_way_to_resize_and_crop(clips: Any, kind: str):
    height, width, how = FILES[kind]
    path = clips("a.mp4", pictures(2, height, width), **how)
    smooth = Sampling(2, 64, 57, filter="bicubic")
    plain = Sampling(2, 64, 57, antialias=False)
    three = Sampling(2, 64, 64, antialias=False, crops=3)
    squeezed = Sampling(2, 48, 40, antialias=False, width=61)
    frames = look(path, smooth, plain, three, squeezed)
    assert [array.shape[:2] for array in frames.arrays] == [(1, 2), (1, 2), (3, 2), (1, 2)]
    for number, picture in enumerate(upright(path)):
        one, two, ends, whole = (array[:, number].astype(np.float32) for array in frames.arrays)
        high, across = by_short_side(picture, 64)
        y, x = round((high - 57) / 2), round((across - 57) / 2)
        np.testing.assert_array_equal(one[0], cut(pil(picture, high, across, Image.Resampling.BICUBIC), 57, y, x))
        larger = torch_float(picture, high, across)
        assert np.abs(two[0] - cut(larger, 57, y, x)).max() <= LEVEL
        rest = max(high, across) - 64
        for view, at in enumerate((0, math.ceil(rest / 2), rest)):
            top, left = (at, 0) if high > across else (0, at)
            assert np.abs(ends[view] - cut(larger, 64, top, left)).max() <= LEVEL
        # 48 - 40 = 8 and 61 - 40 = 21, halved to even
        assert np.abs(whole[0] - cut(torch_float(picture, 48, 61), 40, 4, 10)).max() <= LEVEL


def test_views_are_the_crops_of_a_clip_then_of_the_next(clips: Any):
    path = clips("a.mp4", pictures(8, 40, 64))
    result = look(path, Sampling(2, 40, 40, clips=2, stride=2, crops=3)).arrays[0]
    every = upright(path)
    expected = [
        [cut(every[number], 40, 0, left) for number in numbers] for numbers in ((0, 2), (5, 7)) for left in (0, 12, 24)
    ]
    np.testing.assert_array_equal(result, expected)


def test_samplings_that_resize_alike_do_not_disturb_each_other(clips: Any):
    path = clips("a.mp4", pictures(3, 40, 64))
    some = [
        Sampling(2, 24, 24),
        Sampling(2, 24, 24, antialias=False),
        Sampling(2, 24, 20, width=30),
        Sampling(2, 24, 20, crops=3),
        Sampling(2, 24, 20, antialias=False, width=30),
    ]
    together = look(path, *some).arrays
    for sampling, array in zip(some, together, strict=True):
        np.testing.assert_array_equal(array, look(path, sampling).arrays[0])


# Which values: all that stands before the network, as the checkpoints' authors publish it.


class Seen(Exception):
    """Carries what a network was given."""


class Net:
    """Takes the place of a network."""

    def __call__(self, *given: torch.Tensor, **named: torch.Tensor) -> None:
        raise Seen(*given, *named.values())

    encode_image = __call__


def given(part: Any, frames: np.ndarray) -> np.ndarray:
    """What a part's network is given first for the views [M, T, H, W, 3] of one video."""
    part.net = Net()
    with pytest.raises(Seen) as seen:
        part.extract(torch.from_numpy(frames)[None])
    tensor = seen.value.args[0]
    assert tensor.dtype == torch.float32
    return tensor.numpy()


def views(part: Any, path: Path) -> np.ndarray:
    """The inputs [M, ...] of a part that works view by view."""
    (frames,) = look(path, part.sampling).arrays
    return np.concatenate([given(part, np.roll(frames, -view, axis=0)) for view in range(len(frames))])


def normal(values: Sequence[np.ndarray], mean: Sequence[float], std: Sequence[float]) -> np.ndarray:
    return (np.stack(values) / 255 - np.array(mean)) / np.array(std)


def test_x3d_is_given_what_slowfast_gives_it(clips: Any):
    """X3D-XS: 4 frames over 4 x 12 at 30 fps, short side 182, the central 160; 0.45 and 0.225. Here two clips."""
    path = clips("a.mp4", pictures(60, 96, 160), fps=30)
    every = [torch_float(picture, 182, 303) for picture in upright(path)]  # 303.33
    # 48 frames of 60 a clip, which begin at 0 and 12 / 2; positions 47 / 3 apart, cut to whole numbers
    clip = [[0, 15, 31, 47], [6, 21, 37, 53]]
    expected = [normal([cut(every[n], 160, 11, 72) for n in numbers], [0.45] * 3, [0.225] * 3) for numbers in clip]
    result = views(X3D(size="XS", clips=2), path)
    assert result.shape == (2, 3, 4, 160, 160)  # 303 - 160 = 143, halved to even
    assert np.abs(result - np.moveaxis(expected, -1, 1)).max() <= LEVEL / 255 / 0.225


def test_an_odd_rest_is_halved_as_the_authors_of_each_do(clips: Any):
    """61 - 56 = 5 of 56 x 61 pixels: 3 for SlowFast's X3D, 2 for torchvision's centre crop."""
    path = clips("a.mp4", pictures(4, 56, 61), pixels="yuv444p")
    for rule, left in (("slowfast", 3), ("even", 2)):
        sampling = Sampling(2, 56, 56, stride=1, rule=rule, antialias=False)
        result = look(path, sampling).arrays[0]
        chosen = wanted(sampling, 4, 10.0)
        np.testing.assert_array_equal(result[0], [cut(upright(path)[n], 56, 0, left) for n in chosen])
    assert X3D(size="M", crop=56).sampling.rule == "slowfast"


def test_ircsn_is_given_what_vmz_gives_it(clips: Any):
    """32 frames at 15 fps, 256 x 324 whatever the shape, the central 224, VMZ's colours. Here one clip, upright."""
    mean, std = [0.43216, 0.394666, 0.37645], [0.22803, 0.22145, 0.216989]
    path = clips("a.mp4", pictures(70, 64, 48), fps=30)
    every = upright(path)
    # two apart: 62 of 69 steps, so it begins at 3.5, which is rounded up
    chosen = [cut(torch_float(every[4 + 2 * n], 256, 324), 224, 16, 50) for n in range(32)]
    result = views(IrCSN(clips=1), path)
    assert result.shape == (1, 3, 32, 224, 224)
    assert np.abs(result - np.moveaxis(normal(chosen, mean, std), -1, 0)).max() <= LEVEL / 255 / 0.216


def test_ircsn_is_given_what_mmaction2_gives_it(clips: Any):
    """Short side 256, the long one rounded to the nearest, three crops of 256, ImageNet's colours. Here 3 clips of 4.

    176 x 256 / 144 = 312.9, and of the 57 beside a crop 28 are to the left of the middle one, twice that of the last.
    """
    mean, std = [0.485, 0.456, 0.406], [0.229, 0.224, 0.225]
    path = clips("a.mp4", pictures(20, 144, 176), fps=30)
    every = [torch_float(picture, 256, 313) for picture in upright(path)]
    expected = [
        normal([cut(every[start + 2 * n], 256, 0, left) for n in range(4)], mean, std)
        for start in (0, 6, 13)  # 20 - 7 = 13 are free; 6.5 to even
        for left in (0, 28, 56)
    ]
    how: dict[str, Any] = {"fps": 0.0, "stride": 2, "rule": "mmaction2", "short": 256, "width": 0, "crop": 256}
    result = views(IrCSN(frames=4, clips=3, crops=3, mean=mean, std=std, **how), path)
    assert result.shape == (9, 3, 4, 256, 256)
    assert np.abs(result - np.moveaxis(expected, -1, 1)).max() <= LEVEL / 255 / 0.224


def test_samplings_that_round_otherwise_share_no_picture(clips: Any):
    """Both want a short side of 256: 313 pixels beside it for mmaction2, 312 for SlowFast."""
    path = clips("a.mp4", pictures(2, 144, 176))
    kind: dict[str, Any] = {"frames": 1, "size": 256, "crop": 256, "stride": 1, "antialias": False, "crops": 3}
    samplings = [Sampling(rule=rule, **kind) for rule in ("slowfast", "mmaction2")]
    for sampling, result in zip(samplings, look(path, *samplings).arrays, strict=True):
        np.testing.assert_array_equal(result, look(path, sampling).arrays[0])


def test_timesformer_is_given_what_its_authors_give_it(clips: Any):
    """8 frames, here over 8 x 4 at 30 fps, short side 224, three crops of 224; 0.45 and 0.225; [B, T, 3, H, W]."""
    path = clips("a.mp4", pictures(20, 96, 160), fps=15)
    every = [torch_float(picture, 224, 373) for picture in upright(path)]  # 373.33
    chosen = [0, 2, 4, 6, 8, 10, 12, 15]  # 8 x 4 at 30 fps are 16 at 15, from the first on; 15 / 7 apart
    expected = [
        normal([cut(every[n], 224, 0, left) for n in chosen], [0.45] * 3, [0.225] * 3)
        for left in (0, 75, 149)  # 149 / 2 = 74.5, rounded up
    ]
    result = views(TimeSformer(stride=4, crops=3), path)
    assert result.shape == (3, 8, 3, 224, 224)
    assert np.abs(result - np.moveaxis(expected, -1, 2)).max() <= LEVEL / 255 / 0.225


def test_clip_is_given_what_openai_gives_it(clips: Any):
    """Short side 224 bicubic as PIL resizes, the central 224, OpenAI's colours: exactly."""
    mean, std = [0.48145466, 0.4578275, 0.40821073], [0.26862954, 0.26130258, 0.27577711]
    path = clips("a.mp4", pictures(5, 97, 161), pixels="yuv444p")
    every = [pil(picture, 224, 371, Image.Resampling.BICUBIC) for picture in upright(path)]  # 371.79
    part = ClipFt(frames=3)
    result = given(part, look(path, part.sampling).arrays[0])
    expected = normal([cut(every[number], 224, 0, 74) for number in (0, 2, 4)], mean, std)  # 147 / 2 to even
    assert result.shape == (3, 3, 224, 224)
    np.testing.assert_allclose(result, np.moveaxis(expected, -1, 1), atol=1e-6)
