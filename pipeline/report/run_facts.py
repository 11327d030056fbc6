"""What was run: the command that repeats it, when, on what, with which versions and settings."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

from pipeline.errors import printable
from pipeline.graph import origins
from pipeline.graph.origins import DEFAULT, Resolved
from pipeline.report.material import Material
from pipeline.report.section import Section
from pipeline.store import circumstances
from pipeline.store.circumstances import Circumstances
from pipeline.views.tables import duration

LONG = 120  # letters of a value; the rest of a longer one is cut
EARLIER = 20  # runs before the last that are listed


def section(material: Material) -> Section:
    """The circumstances of the last runs, and the resolved settings."""
    known = circumstances.read(material.context.work.root, material.run)
    last = known[-1] if known else None
    resolved = origins.resolved(material.context.graph)
    settings = [(name, resolved[name]) for name in material.stages if name in resolved]
    values: dict[str, Any] = {
        "run": material.run,
        "command": last.command if last else "",
        "facts": _facts(last) if last else [],
        "versions": [[name, version] for name, version in (last.versions if last else {}).items()],
        "earlier": [_line(one) for one in reversed(known[:-1][-EARLIER:])],
        "changed": [row for name, found in settings for row in _rows(name, found) if row[3] != DEFAULT],
        "all": [row for name, found in settings for row in _rows(name, found)],
        "profile": material.context.graph.profile or "",
        "package": material.figures.get("package", {}),
    }
    return Section("run", "What was run", values)


def _facts(last: Circumstances) -> list[tuple[str, str]]:
    """(name, text) of the circumstances of a run."""
    hardware = last.hardware
    took = duration(last.seconds) if last.seconds is not None else ""  # this page is its last step
    gpus = ", ".join(map(str, hardware.get("gpus", ()))) or "none"
    facts = [
        ("Begun", moment(last.time)),
        ("Took", took),
        ("laff", " ".join(filter(None, [last.versions.get("laff", ""), last.commit and f"commit {last.commit}"]))),
        ("Machine", str(hardware.get("machine", ""))),
        ("CPU", f"{hardware.get('cpu', '')}, {hardware.get('cores', '?')} cores, {hardware.get('memory', '')}"),
        ("GPU", gpus),
        ("Made", ", ".join(last.stages)),
    ]
    return [(name, text) for name, text in facts if text]


def moment(time: str) -> str:
    """A time in ISO 8601 as people read it."""
    return time.replace("T", " ").removesuffix("+00:00") + (" UTC" if time.endswith("+00:00") else "")


def _line(one: Circumstances) -> list[str]:
    took = duration(one.seconds) if one.seconds is not None else "cut off"
    return [moment(one.time), took, ", ".join(one.stages), one.command]


def _rows(stage: str, settings: Sequence[Resolved]) -> list[list[str]]:
    """[stage, key, value, kind of the origin, origin in words] of the settings of a stage."""
    return [[stage, one.key, shown(one.value), one.origin.kind, printable(one.origin.text)] for one in settings]


def shown(value: Any) -> str:
    """A value as YAML's flow style writes it, cut where it is long."""
    text = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
    text = printable(text)
    return text if len(text) <= LONG else text[: LONG - 1] + "…"
