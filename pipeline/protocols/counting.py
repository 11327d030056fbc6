"""Counts of what was prepared beside those that were published: a line for each split, and what differs."""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field

from pipeline.protocols.prepared import SPLITS, Counted, Counts, Prepared
from pipeline.wording import number_of

OTHER = ", other counts"  # behind the name of a protocol whose counts are not those that were published


@dataclass
class Comparison:
    """What the counts show."""

    lines: list[str] = field(default_factory=list)  # one for each split, for a person
    remarks: list[str] = field(default_factory=list)  # what else the counts show
    differences: list[str] = field(default_factory=list)  # where checked counts are others: mistakes, unless accepted
    fewer: str = ""  # `6,513 of 130,260 train captions`: what is learned from is less than others had

    @property
    def suffix(self) -> str:
        """What stands behind the name of the protocol, since figures are others with these counts; '' as published."""
        return OTHER if self.differences else f", {self.fewer}" if self.fewer else ""


def compared(
    prepared: Prepared, counts: Mapping[str, Counts], files: Mapping[str, str] | None = None, first: int = 0
) -> Comparison:
    """The counts of each split beside the published ones.

    files: by split, the annotation file that has its captions; first: how many captions of each video were kept; 0: all
    """
    result, files = Comparison(), files or {}
    result.lines += [f"{counted.of:5}  {_compared(counted, result)}" for counted in prepared.counted if counted.ahead]
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
            _look_at_each(
                split, prepared, min(expected.each, first or expected.each) if expected.each else None, result
            )
        if expected.captions and not captions:
            result.remarks.append(_lacking(split, videos, expected.captions, files.get(split, "")))
        elif split == "train" and expected.captions and captions < expected.captions:
            result.fewer = f"{captions:,} of {expected.captions:,} train captions"
    if first and not result.fewer and any(_cut(split, prepared, counts, first) for split in SPLITS):
        result.fewer = f"the first {number_of(first, 'captions')} of each video"
    rest = [counted for counted in prepared.counted if not counted.ahead]
    result.lines += [f"{counted.of:5}  {_compared(counted, result)}" for counted in rest if counted.of in SPLITS]
    if prepared.queries:
        result.lines.append(f"test   {number_of(prepared.queries, 'queries')} without a known answer")
    result.lines += [f"{counted.of:5}  {_compared(counted, result)}" for counted in rest if counted.of not in SPLITS]
    return result


def _cut(split: str, prepared: Prepared, counts: Mapping[str, Counts], first: int) -> bool:
    """Whether keeping the first captions of each video may have left out published ones."""
    each = counts.get(split, Counts()).each
    if each is not None:
        return first < each and bool(prepared.captions[split])
    return first in Counter(caption.video for caption in prepared.captions[split]).values()


def _lacking(split: str, videos: int, published: int, file: str) -> str:
    """Why a split has no captions, and where they are, in words."""
    where = f"they are in {file}, which is not among the files" if file else "none of the files has them"
    return f"{split} has no {'captions' if videos else 'videos'}: {where} ({published:,} captions were published)"


def _words(split: str, what: str, number: int, counts: Counts, known: bool, result: Comparison, word: str = "") -> str:
    """`2,990 videos (as published)`; a difference is noted.

    known: whether the data set has published numbers at all; word: another word for `what`.
    """
    expected, word = counts.videos if what == "videos" else counts.captions, word or what
    if not known or (what == "captions" and not number and expected):
        return number_of(number, word)
    counted = Counted(split, word, number, expected, what in counts.unchecked)
    return _compared(counted, result, counts.origin if what == "videos" else "as published")


def _compared(counted: Counted, result: Comparison, origin: str = "as published") -> str:
    """A number beside the published one, in words; a difference is noted. origin: where that one comes from."""
    number, expected = counted.number, counted.expected
    words = number_of(number, counted.what)
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
        have = "has" if len(silent) == 1 else "have"
        result.remarks.append(
            f"{split}: {number_of(silent, prepared.items)} {have} no caption, {_some(silent, numbers)}"
        )
    if each is None:
        return
    for what, videos in (
        ("more", [video for video, number in numbers.items() if number > each]),
        ("fewer", [video for video, number in numbers.items() if number < each]),
    ):
        if videos:
            whole = len(videos) == len(prepared.ids[split]) > 1
            which = f"all {prepared.items}" if whole else number_of(videos, prepared.items)
            have = "has" if len(videos) == 1 else "have"
            result.remarks.append(
                f"{split}: {which} {have} {what} captions than {each}, {_some(videos, numbers)}"
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
