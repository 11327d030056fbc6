"""Failures and partly decoded videos, by stage and kind."""

from __future__ import annotations

import shlex
from collections.abc import Mapping, Sequence
from typing import Any

from pipeline.errors import printable
from pipeline.report.material import Material
from pipeline.report.section import Section
from pipeline.store import ledger
from pipeline.wording import number_of

SHOWN = 50  # videos of a group
KINDS = {ledger.JUMPS: "its times jump", ledger.SHORT: "it ends before its window does", "": "it lacks frames"}
MEANT = {
    "Incomplete": "too few frames",
    "VideoError": "cannot be read",
    "Timeout": "took too long",
    "Killed": "was ended",
}


def section(material: Material) -> Section | None:
    """Groups of failures and of notes; None where nothing failed and nothing is noted."""
    failed, noted = _groups(material.failures, MEANT), _groups(material.notes, KINDS)
    if not failed and not noted:
        return None
    values: dict[str, Any] = {
        "failed": failed,
        "failed_videos": _videos(material.failures),
        "noted": noted,
        "noted_videos": _videos(material.notes),
        "command": f"laff failures -w {shlex.quote(str(material.context.work.root))}",
        "shown": SHOWN,
    }
    return Section("failures", "Failures and notes", values)


def _videos(lines: Sequence[Mapping[str, str]]) -> str:
    return number_of({line["video"] for line in lines}, "videos")


def _groups(lines: Sequence[Mapping[str, str]], words: Mapping[str, str]) -> list[dict[str, Any]]:
    """Lines by stage and kind, the largest group first, each with some of its videos."""
    found: dict[tuple[str, str], list[Mapping[str, str]]] = {}
    for line in lines:
        found.setdefault((line["stage"], line.get("exception", "")), []).append(line)
    order = sorted(found, key=lambda key: (-len(found[key]), key))
    return [
        {
            "stage": stage,
            "kind": words.get(kind, kind) or "other",
            "videos": _videos(found[stage, kind]),
            "left": len(found[stage, kind]) - SHOWN,
            "rows": [
                [printable(line["video"]), printable(line["reason"])]
                for line in sorted(found[stage, kind], key=lambda line: line["video"])[:SHOWN]
            ],
        }
        for stage, kind in order
    ]
