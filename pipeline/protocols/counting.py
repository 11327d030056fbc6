"""Counts of what was prepared beside those that were published: a line for each split, and what differs."""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field

from pipeline.protocols.prepared import SPLITS, Counted, Counts, Prepared

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
            words = [_words(split, "videos", videos, expected, bool(counts), result, prepared.items)]
            if captions or expected.captions or not prepared.queries:
                words.append(_words(split, "captions", captions, expected, bool(counts), result))
            result.lines.append(f"{split:5}  {'; '.join(words)}")
            _look_at_each(split, prepared, expected.each, result)
    if prepared.queries:
        result.lines.append(f"test   {len(prepared.queries):,} queries without a known answer")
    result.lines += [f"{counted.of:5}  {_compared(counted, result)}" for counted in prepared.counted]
    return result


def _words(split: str, what: str, number: int, counts: Counts, known: bool, result: Comparison, word: str = "") -> str:
    """`2,990 videos (as published)`; a difference is noted.

    known: whether the data set has published numbers at all; word: another word for `what`.
    """
    expected, word = counts.videos if what == "videos" else counts.captions, word or what
    if known and what == "captions" and not number and expected:
        result.remarks.append(f"{split} has no captions: none of the files has them ({expected:,} were published)")
        known = False
    if not known:
        return f"{number:,} {word if number != 1 else word[:-1]}"
    counted = Counted(split, word, number, expected, what in counts.unchecked)
    return _compared(counted, result, counts.origin if what == "videos" else "as published")


def _compared(counted: Counted, result: Comparison, origin: str = "as published") -> str:
    """A number beside the published one, in words; a difference is noted. origin: where that one comes from."""
    number, expected = counted.number, counted.expected
    words = f"{number:,} {counted.what if number != 1 else counted.what[:-1]}"
    if expected is None:
        return f"{words} (unchecked: no number is known)"
    if counted.unchecked:
        return f"{words} ({'as others say' if number == expected else f'others say {expected:,}'}: unchecked)"
    if number == expected:
        return f"{words} ({origin})"
    result.differences.append(f"{counted.of} has {words} instead of {expected:,} as published")
    return f"{words} ({expected:,} were published)"


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
