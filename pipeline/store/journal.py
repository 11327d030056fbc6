"""Files of JSON lines that grow. A line that a kill or a power cut broke off is skipped; the next begins a new line."""

import json
import os
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

from pipeline import files


def lines(values: Iterable[Any]) -> str:
    """The text of values, a JSON line for each."""
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
        except ValueError:  # broken off, blank, or not UTF-8
            continue
        if isinstance(value, dict):
            yield value


def append(path: Path, values: Iterable[Any], sync: bool = False) -> None:
    """Add lines in one write; with `sync`, wait until they would survive a power cut."""
    with files.writing(path):
        path.parent.mkdir(parents=True, exist_ok=True)
        with path.open("a+b") as file:
            if file.tell():
                file.seek(-1, os.SEEK_END)
                broken_off = file.read(1) != b"\n"
            else:
                broken_off = False
            file.write(("\n" if broken_off else "").encode() + lines(values).encode())
            file.flush()
            if sync:
                os.fsync(file.fileno())
                files.sync_folder(path.parent)
