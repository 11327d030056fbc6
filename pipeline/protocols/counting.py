"""Counts of what was prepared beside those that were published: a line for each split, and what differs."""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field

from pipeline.protocols.prepared import SPLITS, Counts, Prepared

OTHER = ", other counts"  # behind the name of a protocol whose counts are not those that were published


@dataclass
class Comparison:
    """What the counts show."""

    lines: list[str] = field(default_factory=list)  # one for each split, for a person
    remarks: list[str] = field(default_factory=list)  # what else the counts show
    differences: list[str] = field(default_factory=list)  # where checked counts are others: mistakes, unless accepted


def compared(prepared: Prepared, counts: Mapping[str, Counts]) -> Comparison:
    """The counts of each split beside the published ones."""
    result = Comparison()
    for split in SPLITS:
        if split == "val" and prepared.val_is_test:
            result.lines.append(
                "val    the videos of test: the best epoch is chosen by the very queries of the figures"
            )
            continue
        expected = counts.get(split, Counts())
        videos, captions = len(prepared.ids[split]), len(prepared.captions[split])
        if videos or expected.videos:
            words = [
                _words(split, what, number, expected, bool(counts), result)
                for what, number in (("videos", videos), ("captions", captions))
            ]
            result.lines.append(f"{split:5}  {'; '.join(words)}")
            _look_at_each(split, prepared, expected.each, result)
    if prepared.queries:
        result.lines.append(f"test   {len(prepared.queries):,} queries without a known answer")
    return result


def _words(split: str, what: str, number: int, counts: Counts, known: bool, result: Comparison) -> str:
    """`2,990 videos (as published)`; a difference is noted. known: whether the data set has published numbers."""
    expected = counts.videos if what == "videos" else counts.captions
    counted = f"{number:,} {what if number != 1 else what[:-1]}"
    if not known:
        return counted
    if expected is None:
        return f"{counted} (unchecked: no number is known)"
    if what == "captions" and not number:
        result.remarks.append(f"{split} has no captions: none of the files has them ({expected:,} were published)")
        return counted
    if what in counts.unchecked:
        return f"{counted} ({'as others say' if number == expected else f'others say {expected:,}'}: unchecked)"
    if number == expected:
        return f"{counted} ({counts.origin if what == 'videos' else 'as published'})"
    result.differences.append(f"{split} has {counted} instead of {expected:,} as published")
    return f"{counted} ({expected:,} were published)"


def _look_at_each(split: str, prepared: Prepared, each: int | None, result: Comparison) -> None:
    """Tell which videos have no caption, and which have more or fewer than were published for each."""
    numbers = Counter(caption.video for caption in prepared.captions[split])
    if not numbers:
        return
    if silent := [video for video in prepared.ids[split] if video not in numbers]:
        result.remarks.append(f"{split}: {len(silent):,} videos have no caption, {_some(silent, numbers)}")
    if each is None:
        return
    for what, videos in (
        ("more", [video for video, number in numbers.items() if number > each]),
        ("fewer", [video for video, number in numbers.items() if number < each]),
    ):
        if videos:
            which = "all" if len(videos) == len(prepared.ids[split]) else f"{len(videos):,}"
            result.remarks.append(
                f"{split}: {which} videos have {what} captions than {each}, {_some(videos, numbers)}"
                + (_repeats(split, prepared, set(videos)) if what == "more" else "")
            )


def _repeats(split: str, prepared: Prepared, videos: set[str]) -> str:
    """How many captions of these videos say again what another one says."""
    texts = Counter((caption.video, caption.text) for caption in prepared.captions[split] if caption.video in videos)
    repeats = sum(number - 1 for number in texts.values())
    return f"; {repeats:,} of their captions repeat another one of the same video" if repeats else ""


def _some(videos: list[str], numbers: Counter[str]) -> str:
    shown = [f"{video} ({numbers[video]})" if video in numbers else video for video in videos[:3]]
    return f"such as {', '.join(shown)}"
