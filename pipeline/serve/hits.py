"""Hits as the page gets them: with where their pictures and clips are, how they play, and what is said of them."""

from __future__ import annotations

from typing import Any
from urllib.parse import urlencode

from pipeline.serve.making import STILLS
from pipeline.serve.opened import Opened
from pipeline.serve.plays import MADE


def completed(hit: dict[str, Any], key: str, opened: Opened, play: str) -> dict[str, Any]:
    """A hit of Opened.answer with the rest; play: how it plays, "" where it does not."""
    row, seen = hit["item"], opened.looks.seen(hit["item"])
    start, end = opened.window(row)
    version = {"v": opened.version}
    query = urlencode(version | ({"made": "1"} if play == MADE else {}))
    return hit | {
        "file": opened.shown(row),
        "seconds": round(seen.seconds, 3) or (end - start if end != float("inf") else None),
        "thumbnail": f"/thumbnail/{key}/{row}?{urlencode(version)}" if seen.picture else None,
        "clip": f"/clip/{key}/{row}?{query}" if play else None,
        "play": play or None,
        "stills": STILLS if play else 0,
        "captions": opened.captions(row),
    }
