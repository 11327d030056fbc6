"""WORK/failures.jsonl: which video failed where, and why. Made from what the finished shards say."""

from collections.abc import Iterable, Sequence
from pathlib import Path

from pipeline import files
from pipeline.errors import printable
from pipeline.store import journal

KEYS = ("video", "stage", "reason", "exception", "decoder", "time")


def line(video: str, stage: str, reason: str, exception: str = "", decoder: str = "") -> dict[str, str]:
    """One failure as its shard keeps it. Without a time: shards hold nothing of clocks.

    `reason` is for people, and one line whatever names of files stand in it.
    """
    return {"video": video, "stage": stage, "reason": printable(reason), "exception": exception, "decoder": decoder}


def timed(lines: Iterable[dict[str, str]], time: str) -> list[dict[str, str]]:
    """Failures as the ledger keeps them: each with `time`, when its unit was finished, unless it has one."""
    return [entry if "time" in entry else entry | {"time": time} for entry in lines]


def read(path: Path) -> list[dict[str, str]]:
    """All lines; none where there is no ledger yet."""
    return list(journal.read(path))


def append(path: Path, lines: Iterable[dict[str, str]]) -> None:
    """Add failures that were just found, without reading the others; `write` puts them into order."""
    journal.append(path, lines)


def write(path: Path, lines: Iterable[dict[str, str]]) -> None:
    """Replace the ledger, if it says something else than before."""
    wanted = journal.lines(lines)
    if wanted != (path.read_text(encoding="utf-8") if path.is_file() else ""):
        files.write_text(path, wanted)


def table(lines: Sequence[dict[str, str]]) -> str:
    """The failures for a terminal: videos with the same reason in the same stages on one line each."""
    if not lines:
        return "no failures"
    width = max(len(entry["video"]) for entry in lines)
    rows = [f"{entry['video']:{width}}  {entry['stage']:8}  {entry['reason']}" for entry in lines]
    return "\n".join([*rows, f"{len({entry['video'] for entry in lines})} video(s) failed"])
