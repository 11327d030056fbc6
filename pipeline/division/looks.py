"""Durations and shots that were found in video files, kept by the digests of the files.

A line is added as soon as a file was looked at: a kill costs the look at one video, and an unchanged file, whatever its
name, is never looked at again. Lines tell what was found, not the windows: another length of windows takes no look.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pipeline.items.windowing import Even, Shots
from pipeline.items.windows import Window, even
from pipeline.store import journal

JOURNAL = "windows.jsonl"  # in the folder of the ingest
METHODS = {Even: "duration", Shots: "transnetv2-1"}  # the number rises with what makes the same file have other shots
SHORT = 0.5  # seconds; a shorter shot is joined to the one before it, the first one to the next


@dataclass(frozen=True)
class Look:
    """What was found in a file."""

    seconds: float = 0.0  # how long it is
    shots: tuple[Window, ...] = ()
    failed: str = ""  # why nothing was found

    def windows(self, windowing: Even | Shots) -> list[Window]:
        """The windows of the video; none where it stays whole."""
        if isinstance(windowing, Even):
            return even(self.seconds, windowing.seconds, windowing.stride)
        return joined(self.shots)


@dataclass(frozen=True)
class Limits:
    """What a look at one video may take."""

    timeout: float = 60.0  # seconds
    memory: float = 4.0  # GiB


class Looks:
    """The looks of a workspace that serve one way to divide videos."""

    def __init__(self, folder: Path, windowing: Even | Shots) -> None:
        """Read the journal in `folder`, that of the ingest."""
        self._path = folder / JOURNAL
        self._method = METHODS[type(windowing)]
        self._known: dict[str, Look] = {}
        for line in journal.read(self._path):
            if line.get("method") == self._method and (look := _read(line)):
                self._known[str(line.get("file"))] = look

    def __len__(self) -> int:
        return len(self._known)

    def get(self, digest: str) -> Look | None:
        """The look at the file with this digest; None if there was none."""
        return self._known.get(digest)

    def forget(self, digest: str) -> None:
        """Remove a look, so that the file is looked at again."""
        self._known.pop(digest, None)

    def add(self, digest: str, look: Look) -> None:
        """Keep what was found."""
        self._known[digest] = look
        line: dict[str, Any] = {"file": digest, "method": self._method}
        if look.failed:
            line["failed"] = look.failed
        elif look.shots:
            line["shots"] = [list(shot) for shot in look.shots]
        else:
            line["seconds"] = look.seconds
        journal.append(self._path, [line])


def _read(line: dict[str, Any]) -> Look | None:
    try:
        shots = tuple(Window(float(start), float(end)) for start, end in line.get("shots", ()))
        return Look(float(line.get("seconds", 0.0)), shots, str(line.get("failed", "")))
    except (TypeError, ValueError):
        return None  # written by another version


def joined(shots: Sequence[Window]) -> list[Window]:
    """Shots in order. Each that is too short to be seen is joined to the one before it, the first to the next."""
    kept: list[Window] = []
    for shot in shots:
        if kept and min(shot.end - shot.start, kept[-1].end - kept[-1].start) < SHORT:
            kept[-1] = Window(kept[-1].start, shot.end)
        else:
            kept.append(shot)
    return kept
