"""A part in a process of its own: whatever becomes of it, there is an answer, in time, with what it had found."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

TAIL = 1500  # characters of the log of a part that failed


def run(command: Sequence[str], env: Mapping[str, str], limit: float, rows: Path, log: Path) -> dict[str, Any]:
    """Run it for at most `limit` seconds -> ended ("ok", or how it failed), seconds, rows, and the log's end if not ok.

    `rows` is the file in which it keeps what it has found so far. Processes that it leaves behind are ended with it.
    """
    rows.unlink(missing_ok=True)
    if limit < 1:
        return {"ended": "not begun: no time was left", "seconds": 0.0, "rows": []}
    begin = time.monotonic()
    with log.open("w", encoding="utf-8") as file:
        process = subprocess.Popen(
            command, env=env, stdin=subprocess.DEVNULL, stdout=file, stderr=subprocess.STDOUT, start_new_session=True
        )
        try:
            ended = said(process.wait(limit))
        except subprocess.TimeoutExpired:
            ended = f"stopped after {limit:.0f} s"
        finally:
            with suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)  # all of its session: decoders as well
            process.wait()
    found: dict[str, Any] = {"ended": ended, "seconds": round(time.monotonic() - begin, 1), "rows": read(rows)}
    if ended != "ok":
        found["log"] = log.read_text(encoding="utf-8", errors="replace")[-TAIL:]
    return found


def said(code: int) -> str:
    """An exit status in words."""
    if code < 0:
        return f"killed by {signal.Signals(-code).name}"
    return "ok" if code == 0 else f"failed with status {code}"


def read(rows: Path) -> list[dict[str, Any]]:
    """What a part has found so far."""
    try:
        found: list[dict[str, Any]] = json.loads(rows.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return []
    return found
