"""Files that grow by one JSON a line. A line that a kill or a power cut tore is skipped, and the next starts afresh."""

import json
import os
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

from pipeline import files


def lines(values: Iterable[Any]) -> str:
    """Values as text, one JSON a line."""
    return "".join(json.dumps(value, ensure_ascii=False) + "\n" for value in values)


def read(path: Path) -> Iterator[dict[str, Any]]:
    """The objects of a file's whole lines; none where it is missing or unreadable."""
    try:
        raw = path.read_bytes()
    except OSError:
        return
    for line in raw.split(b"\n"):
        try:
            value = json.loads(line)
        except ValueError:  # torn, blank, or not UTF-8
            continue
        if isinstance(value, dict):
            yield value


def append(path: Path, values: Iterable[Any], sync: bool = False) -> None:
    """Add lines in one write; `sync` waits until they would survive a power cut."""
    with files.writing(path):
        path.parent.mkdir(parents=True, exist_ok=True)
        with path.open("a+b") as file:
            if file.tell():
                file.seek(-1, os.SEEK_END)
                torn = file.read(1) != b"\n"
            else:
                torn = False
            file.write(("\n" if torn else "").encode() + lines(values).encode())
            file.flush()
            if sync:
                os.fsync(file.fileno())
                files.sync_folder(path.parent)
