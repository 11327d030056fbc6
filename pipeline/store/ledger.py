"""WORK/failures.jsonl: the videos that failed, where and why; and notes on videos that are used in spite of a flaw.

It is made from the finished shards. A note is a line with `kind` "note"; failures have no `kind`.
"""

from collections.abc import Iterable, Sequence
from pathlib import Path

from pipeline import files
from pipeline.errors import printable
from pipeline.store import journal
from pipeline.views import printed
from pipeline.views.figure_table import FigureTable
from pipeline.views.printed import PLAIN, Paper
from pipeline.wording import number_of

NOTE = "note"
JUMPS = "TimesJump"  # `exception` of a note on a video whose times jump; on one that lacks frames it is ""
SHORT = "VideoEnds"  # on a window that ends behind its video
KEYS = ("video", "stage", "reason", "exception", "decoder", "time")


def line(video: str, stage: str, reason: str, exception: str = "", decoder: str = "") -> dict[str, str]:
    """A failure as its shard keeps it: without a time, since shards hold none.

    `reason` is for people; it becomes one line, whatever the names of files in it.
    """
    return {"video": video, "stage": stage, "reason": printable(reason), "exception": exception, "decoder": decoder}


def timed(lines: Iterable[dict[str, str]], time: str) -> list[dict[str, str]]:
    """Failures as the ledger keeps them: each with `time`, when its unit was finished, unless it has a time."""
    return [entry if "time" in entry else entry | {"time": time} for entry in lines]


def as_note(line: dict[str, str]) -> dict[str, str]:
    """The line of a video that is used in spite of a flaw, which `reason` names."""
    return line | {"kind": NOTE}


def read(path: Path) -> list[dict[str, str]]:
    """All failures; none where there is no ledger yet."""
    return [line for line in journal.read(path) if line.get("kind") != NOTE]


def notes(path: Path) -> list[dict[str, str]]:
    """All notes; none where there is no ledger yet."""
    return [line for line in journal.read(path) if line.get("kind") == NOTE]


def append(path: Path, lines: Iterable[dict[str, str]]) -> None:
    """Add new failures without reading the others; `write` puts all into order."""
    journal.append(path, lines)


def write(path: Path, lines: Iterable[dict[str, str]]) -> None:
    """Replace the ledger where its lines have changed."""
    wanted = journal.lines(lines)
    if wanted != (path.read_text(encoding="utf-8") if path.is_file() else ""):
        files.write_text(path, wanted)


def table(lines: Sequence[dict[str, str]], noted: Sequence[dict[str, str]] = (), paper: Paper = PLAIN) -> str:
    """The failures as text, a table, then the notes, another."""
    return "\n\n".join([*_rows(lines, "failed", paper), *_rows(noted, "noted", paper)]) or "no failures"


def _rows(lines: Sequence[dict[str, str]], what: str, paper: Paper) -> list[str]:
    """A table with a line for each, and the number of videos below it; what: the verb of that last line."""
    if not lines:
        return []
    reason = "reason" if what == "failed" else "note"
    rows = [[printable(entry["video"]), entry["stage"], entry["reason"]] for entry in lines]
    columns = printed.columns(FigureTable(["video", "stage", reason], rows, left=3), paper)
    return [f"{columns}\n{number_of({entry['video'] for entry in lines}, 'videos')} {what}"]
