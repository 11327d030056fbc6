"""How the videos of a pass fared for one feature: which have frames, and how many; which failed, and why."""

from __future__ import annotations

from dataclasses import dataclass, field

from pipeline.extraction.decoding import Clip
from pipeline.video import reading
from pipeline.video.expected import NOTED, advice, frames_in_words
from pipeline.workers.killable import Lost


@dataclass
class Tally:
    """The counts of one feature; what a video gives for it does not depend on the other features of the pass."""

    good: list[Clip] = field(default_factory=list)  # with frames, in the order of the shard
    decoded: list[int] = field(default_factory=list)  # of each of these the frames that there was a choice of
    failed: list[tuple[Clip, str, str]] = field(default_factory=list)  # with reason and exception

    def add(self, clip: Clip, frames: reading.Frames | Lost | None, number: int) -> bool:
        """Count a video. Returns whether its frames for this feature, the pass's `number`-th, are to be used."""
        if frames is None:
            return False
        if isinstance(frames, Lost):
            self.failed.append((clip, frames.reason, frames.exception))
        elif number in frames.lost:
            self.failed.append((clip, frames.lost[number], reading.VideoError.__name__))
        elif frames.decoded[number] < clip.needed:
            count = frames_in_words(frames.decoded[number], clip.expected, clip.expected_by)
            reason = f"too little could be decoded: {count}; {advice(clip.needed)}"
            self.failed.append((clip, reason, "Incomplete"))
        else:
            self.good.append(clip)
            self.decoded.append(frames.decoded[number])
            return True
        return False

    def notes(self) -> list[tuple[Clip, str]]:
        """A note for each video that is used although many of its frames were lost in decoding."""
        return [
            (
                clip,
                f"used, but decoding lost frames: there are {frames_in_words(count, clip.expected, clip.expected_by)}",
            )
            for clip, count in zip(self.good, self.decoded, strict=True)
            if count < min(NOTED * clip.expected, clip.packets)  # what its packets lack was noted by decode
        ]
