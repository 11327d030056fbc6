"""Mean reciprocal rank, against ranks counted by hand."""

import math

import pytest
import torch

from extractors import scoring
from extractors.scoring import mrr


def test_by_hand() -> None:
    """Three captions rank their videos 1st, 3rd and 2nd: (1 + 1/3 + 1/2) / 3."""
    video = torch.eye(3)
    text = torch.tensor([[0.9, 0.1, 0.2], [0.9, 0.1, 0.2], [0.9, 0.1, 0.2]])
    assert mrr(text, video, torch.tensor([0, 1, 2])) == pytest.approx((1 + 1 / 3 + 1 / 2) / 3)


def test_equal_similarities_share_the_middle_rank() -> None:
    """A constant similarity over five videos is rank 1 + 4 / 2 = 3, not rank 1."""
    assert mrr(torch.ones(2, 3), torch.ones(5, 3), torch.tensor([0, 4])) == pytest.approx(1 / 3)
    two = torch.tensor([[1.0], [1.0], [0.5]])
    assert mrr(torch.ones(1, 1), two, torch.tensor([0])) == pytest.approx(1 / 1.5)


def test_blocks_do_not_matter(monkeypatch: pytest.MonkeyPatch) -> None:
    """The score streamed one caption at a time is that of the whole matrix, counted in plain Python."""
    generator = torch.Generator().manual_seed(1)
    text = torch.randint(-2, 3, (20, 4), generator=generator).float()  # small integers: exact sums and many ties
    video = torch.randint(-2, 3, (7, 4), generator=generator).float()
    video_of = torch.randint(0, 7, (20,), generator=generator)
    expected = 0.0
    for caption, right in zip(text.tolist(), video_of.tolist(), strict=True):
        scores = [sum(a * b for a, b in zip(caption, other, strict=True)) for other in video.tolist()]
        equal = sum(score == scores[right] for score in scores) - 1
        expected += 1 / (1 + sum(score > scores[right] for score in scores) + equal / 2) / 20
    assert mrr(text, video, video_of) == pytest.approx(expected, rel=1e-12)
    monkeypatch.setattr(scoring, "CELLS", 8)
    assert mrr(text, video, video_of) == pytest.approx(expected, rel=1e-12)


@pytest.mark.parametrize(
    ("text", "video", "video_of", "message"),
    [
        (torch.ones(0, 2), torch.ones(3, 2), torch.zeros(0, dtype=torch.int64), "no captions"),
        (torch.ones(2, 2), torch.ones(3, 4), torch.tensor([0, 1]), r"\(2, 2\) and video \(3, 4\)"),
        (torch.ones(2, 2), torch.ones(3, 2), torch.tensor([0]), "one row for each of 2"),
        (torch.ones(2, 2), torch.ones(3, 2), torch.tensor([0, 3]), "rows 0..3, but there are 3 videos"),
    ],
)
def test_mistakes(text: torch.Tensor, video: torch.Tensor, video_of: torch.Tensor, message: str) -> None:
    """Each mistake says what was found."""
    with pytest.raises(ValueError, match=message):
        mrr(text, video, video_of)


@pytest.mark.parametrize("value", [float("nan"), float("inf")])
def test_similarities_that_are_no_numbers_are_not_ranked(value: float) -> None:
    """Of one caption among others; a trainer that sees NaN stops."""
    text = torch.eye(3)
    text[1, 2] = value
    assert math.isnan(mrr(text, torch.eye(3), torch.arange(3)))
