"""Which frames are wanted: worked out by hand, and what must hold for any video."""

import math
import random
from typing import Any

import pytest

from extractors.base import Sampling
from pipeline.video.positions import present, wanted


def numbers(count: int, rate: float = 30.0, **kinds: Any) -> list[int]:
    return wanted(Sampling(size=8, crop=8, **kinds), count, rate).tolist()


def test_uniform_takes_the_middle_of_equal_stretches():
    assert numbers(10, frames=4) == [1, 3, 6, 8]  # floor of 1.25, 3.75, 6.25, 8.75
    assert numbers(9, frames=3) == [1, 4, 7]  # 1.5, 4.5, 7.5
    assert numbers(2, frames=4) == [0, 0, 1, 1]  # .25, .75, 1.25, 1.75
    assert numbers(1, frames=3) == [0, 0, 0]


def test_uniform_clips_share_the_video_among_them():
    assert numbers(12, frames=2, clips=3) == [1, 3, 5, 7, 9, 11] == numbers(12, frames=6)


def test_uniform_is_exact_at_any_length():
    count = 2**53 // 7
    assert numbers(count, frames=3) == [count // 6, count // 2, 5 * count // 6]


def test_one_clip_is_centred():
    # reach (4 - 1) * 5 = 15 of 0..99: 84 are free, 42 before the clip
    assert numbers(100, frames=4, stride=5) == [42, 47, 52, 57]


def test_clips_reach_from_the_first_frame_to_the_last():
    assert numbers(100, frames=4, stride=5, clips=3) == [0, 5, 10, 15, 42, 47, 52, 57, 84, 89, 94, 99]


@pytest.mark.parametrize(("rate", "step"), [(60.0, 10), (30.0, 5), (15.0, 2.5), (0.0, 5)])
def test_a_clip_lasts_equally_long_at_any_rate(rate: float, step: float):
    start = (99 - 3 * step) / 2
    expected = [int(start + k * step + 0.5) for k in range(4)]
    assert numbers(100, rate, frames=4, stride=5, fps=30.0) == expected


def test_half_a_frame_is_rounded_up():
    # step 1.5, reach 4.5 of 0..9: the clip begins at 2.25 -> 2.25, 3.75, 5.25, 6.75
    assert numbers(10, 15.0, frames=4, stride=3, fps=30.0) == [2, 4, 5, 7]
    # two clips begin at 0 and 4.5 -> 0, 1.5, 3, 4.5 and 4.5, 6, 7.5, 9
    assert numbers(10, 15.0, frames=4, stride=3, fps=30.0, clips=2) == [0, 2, 3, 5, 5, 6, 8, 9]


def test_a_short_video_repeats_its_last_frame():
    assert numbers(5, frames=4, stride=2, clips=2) == [0, 2, 4, 4] * 2
    assert numbers(1, frames=3, stride=5) == [0, 0, 0]


def test_first_begins_with_the_video():
    assert numbers(100, frames=4, stride=5, rule="first") == [0, 5, 10, 15]
    # 24 frames a second counted as 2: twelve apart
    assert numbers(100, 24.0, frames=4, stride=1, fps=2.0, rule="first") == [0, 12, 24, 36]
    assert numbers(7, frames=4, stride=3, rule="first") == [0, 3, 6, 6]


def test_slowfast_spreads_a_clip_over_its_whole_stretch():
    """TimeSformer 8x32 of a 25 fps video: 8 * 32 * 25 / 30 = 213.3 frames, so (213.3 - 1) / 7 = 30.33 apart."""
    kind = {"frames": 8, "stride": 32, "fps": 30.0, "rule": "slowfast"}
    assert numbers(1000, 25.0, **kind) == [0, 30, 60, 91, 121, 151, 182, 212]  # the fourth: 637 / 7
    # X3D-L at its own rate: 80 frames, 79 / 15 = 5.27 apart; ten clips begin at 920 * i / 10
    kind = {"frames": 16, "stride": 5, "fps": 30.0, "rule": "slowfast", "clips": 10}
    chosen = numbers(1000, 30.0, **kind)
    assert chosen[:16] == [0, 5, 10, 15, 21, 26, 31, 36, 42, 47, 52, 57, 63, 68, 73, 79]
    assert chosen[::16] == [0, 92, 184, 276, 368, 460, 552, 644, 736, 828]
    assert chosen[-1] == 828 + 79


def test_slowfast_in_a_short_video_repeats_its_last_frame():
    kind = {"frames": 4, "stride": 5, "rule": "slowfast"}  # 20 frames: positions 0, 6.33, 12.67, 19
    assert numbers(10, clips=2, **kind) == [0, 6, 9, 9] * 2
    assert numbers(1, **kind) == [0, 0, 0, 0]
    assert numbers(20, **kind) == [0, 6, 12, 19]
    assert [own_frames(count, **kind) for count in (1, 6, 7, 12, 13, 19, 20)] == [1, 1, 2, 2, 3, 3, 4]
    assert numbers(9, frames=1, stride=4, rule="slowfast", clips=2) == [0, 3]  # 9 - 4 = 5 are free: 0 and 2.5


@pytest.mark.parametrize(("frames", "stride", "rate"), [(16, 5, 29.97), (96, 4, 24.0), (64, 32, 30.0), (8, 32, 23.976)])
def test_slowfast_cuts_torch_s_own_linspace(frames: int, stride: int, rate: float):
    """SlowFast decodes from the first frame at or after a clip's beginning, then takes linspace(0, S - 1, T)."""
    import torch

    span = stride * frames / 30 * rate
    for count in (301, 1000, 4001):
        expected = []
        for clip in range(3):
            start = math.ceil(max(count - span, 0) * clip / 3)
            offsets = torch.linspace(0, span - 1, frames).long()
            expected += (start + offsets).clamp(max=count - 1).tolist()
        assert numbers(count, rate, frames=frames, stride=stride, fps=30.0, rule="slowfast", clips=3) == expected


def test_mmaction2_reaches_from_a_clip_s_first_frame_to_its_last():
    """32 frames, 2 apart, reach over 63 of 300: 237 are free, ten clips begin 237 / 9 = 26.33 apart, rounded."""
    chosen = numbers(300, frames=32, stride=2, clips=10, rule="mmaction2")
    assert chosen[::32] == [0, 26, 53, 79, 105, 132, 158, 184, 211, 237]
    assert chosen[-1] == 237 + 62 == 299


def test_mmaction2_begins_a_short_video_anew():
    kind = {"frames": 4, "stride": 2, "rule": "mmaction2"}  # a clip reaches over 7 frames
    assert numbers(5, **kind) == [0, 2, 4, 1]
    assert numbers(12, clips=3, **kind) == [0, 2, 4, 6, 2, 4, 6, 8, 5, 7, 9, 11]  # 5 are free: 0, 2.5 to even, 5
    assert numbers(12, **kind) == [2, 4, 6, 8]  # 5 // 2
    assert own_frames(5, **kind) == 3


def test_mmaction2_at_a_rate_of_its_own():
    """4 frames, 2 apart at 15 fps, of a video with 22.5: S = 4 * 2 * 1.5 = 12 frames, spread 0, 11/3, 22/3, 11, cut.

    Of 41 frames 29 are free: three clips begin floor(29 / 2) = 14 apart, one alone at 29 // 2.
    """
    kind = {"frames": 4, "stride": 2, "fps": 15.0, "rule": "mmaction2"}
    assert numbers(41, 22.5, clips=3, **kind) == [0, 3, 7, 11, 14, 17, 21, 25, 28, 31, 35, 39]
    assert numbers(41, 22.5, **kind) == [14, 17, 21, 25]
    assert numbers(41, 0.0, **kind) == [16, 18, 20, 23]  # no rate known: S = 8, spread 0, 7/3, 14/3, 7; 33 are free
    assert numbers(8, 22.5, **kind) == [0, 3, 7, 11 % 8]


def test_mmaction2_takes_single_frames_from_the_middle_of_equal_stretches():
    assert numbers(10, frames=1, stride=2, clips=4, rule="mmaction2") == [1, 3, 6, 8]


def own_frames(count: int, rate: float = 30.0, **kinds: Any) -> int:
    return present(Sampling(size=8, crop=8, **kinds), count, rate)


def test_frames_beyond_the_end_are_not_present():
    assert [own_frames(count, frames=4, stride=3, rule="first") for count in (1, 3, 4, 6, 7, 9, 10, 11)] == [
        *(1, 1, 2, 2, 3, 3, 4, 4)  # positions 0, 3, 6, 9
    ]
    # 1.5 apart: 0, 1.5, 3, 4.5 -> 0, 2, 3, 5
    assert [own_frames(count, 15.0, frames=4, stride=3, fps=30.0) for count in (2, 3, 4, 5, 6)] == [1, 2, 3, 3, 4]


def test_all_frames_are_present_where_they_are_spread_or_the_video_is_long_enough():
    assert own_frames(1, frames=4) == 4  # one frame stands for each stretch of the video
    assert own_frames(1, frames=4, clips=3) == 12
    assert own_frames(10, frames=4, stride=3, clips=3) == 12


def test_clips_of_a_short_video_are_the_first_one_again():
    assert own_frames(5, frames=4, stride=2, clips=2) == 3
    assert numbers(5, frames=4, stride=2, clips=2) == [0, 2, 4, 4] * 2


def test_any_sampling_stays_in_the_video_and_goes_forward():
    draw = random.Random(5)
    for _ in range(300):
        frames, clips, count = draw.randint(1, 40), draw.randint(1, 5), draw.randint(1, 400)
        stride, fps = draw.choice([0, 1, 3, 16]), draw.choice([0.0, 15.0, 29.97])
        indices = wanted(
            Sampling(frames, 8, 8, clips, stride, fps, draw.choice(["even", "slowfast"])),
            count,
            draw.choice([0.0, 9.5, 23.976, 60.0]),
        )
        assert indices.shape == (clips * frames,)
        assert indices.min() >= 0
        assert indices.max() < count
        assert (indices.reshape(clips, frames)[:, 1:] >= indices.reshape(clips, frames)[:, :-1]).all()


def test_no_frames_are_no_video():
    with pytest.raises(ValueError, match="0 frames"):
        numbers(0, frames=4)
