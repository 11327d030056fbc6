"""WORK/failures.jsonl: which video failed where, and why; and notes on videos that are used, though with a flaw.

Made from what the finished shards say. A note is a line with `kind` "note"; failures have no `kind`.
"""

from collections.abc import Iterable, Sequence
from pathlib import Path

from pipeline import files
from pipeline.errors import printable
from pipeline.store import journal

NOTE = "note"
JUMPS = "TimesJump"  # `exception` of a note on a video whose times jump; on one that lacks frames it is ""
SHORT = "VideoEnds"  # on a window that ends behind its video
KEYS = ("video", "stage", "reason", "exception", "decoder", "time")


def line(video: str, stage: str, reason: str, exception: str = "", decoder: str = "") -> dict[str, str]:
    """One failure as its shard keeps it. Without a time: shards hold nothing of clocks.

    `reason` is for people, and one line whatever names of files stand in it.
    """
    return {"video": video, "stage": stage, "reason": printable(reason), "exception": exception, "decoder": decoder}


def timed(lines: Iterable[dict[str, str]], time: str) -> list[dict[str, str]]:
    """Failures as the ledger keeps them: each with `time`, when its unit was finished, unless it has one."""
    return [entry if "time" in entry else entry | {"time": time} for entry in lines]


def as_note(line: dict[str, str]) -> dict[str, str]:
    """The line of a video that is used, though with a flaw: `reason` says which."""
    return line | {"kind": NOTE}


def read(path: Path) -> list[dict[str, str]]:
    """All failures; none where there is no ledger yet."""
    return [line for line in journal.read(path) if line.get("kind") != NOTE]


def notes(path: Path) -> list[dict[str, str]]:
    """All notes; none where there is no ledger yet."""
    return [line for line in journal.read(path) if line.get("kind") == NOTE]


def append(path: Path, lines: Iterable[dict[str, str]]) -> None:
    """Add failures that were just found, without reading the others; `write` puts them into order."""
    journal.append(path, lines)


def write(path: Path, lines: Iterable[dict[str, str]]) -> None:
    """Replace the ledger, if it says something else than before."""
    wanted = journal.lines(lines)
    if wanted != (path.read_text(encoding="utf-8") if path.is_file() else ""):
        files.write_text(path, wanted)


def table(lines: Sequence[dict[str, str]], noted: Sequence[dict[str, str]] = ()) -> str:
    """The failures for a terminal, a line each, then the notes."""
    return "\n".join([*_rows(lines, "failed"), *_rows(noted, "noted")]) or "no failures"


def _rows(lines: Sequence[dict[str, str]], what: str) -> list[str]:
    if not lines:
        return []
    width = max(len(entry["video"]) for entry in lines)
    rows = [f"{entry['video']:{width}}  {entry['stage']:8}  {entry['reason']}" for entry in lines]
    return [*rows, f"{len({entry['video'] for entry in lines})} video(s) {what}"]
