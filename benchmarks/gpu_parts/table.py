"""What was found, as a table for people: one line for each figure, with its aim where it has one."""

from __future__ import annotations

import operator
from typing import Any

Aim = tuple[str, Any]  # "<=", ">=" or "=", and a value
REACHED = {"<=": operator.le, ">=": operator.ge, "=": operator.eq}


def text(found: dict[str, Any]) -> str:
    """Where and how it was measured, the figures of each part, and which parts and aims failed."""
    lines = [f"{found['command']}  ({found['began']}, {found['seconds']:.0f} s)"]
    lines.append(f"device {found['device']}{', small sizes' if found['small'] else ''}")
    if found["carried"]:
        lines.append(f"installed from wheels: {', '.join(name.partition('-')[0] for name in found['carried'])}")
    if found["trouble"]:
        lines.append(f"the wheels could not be installed: {found['trouble']}")
    for name, part in found["parts"].items():
        lines += ["", f"{name}: {part['ended']}, {part['seconds']:.0f} s"]
        width = max((len(row["what"]) for row in part["rows"]), default=0)
        lines += [f"  {row['what']:{width}}  {figure(row)}".rstrip() for row in part["rows"]]
        if "log" in part:
            words = [line for line in part["log"].splitlines() if line.strip(" ^~")]
            lines += ["  its last words:", *(f"  | {line}" for line in words[-12:])]
    return "\n".join([*lines, "", *verdict(found)])


def figure(row: dict[str, Any]) -> str:
    """Value, unit, aim and note of a row."""
    value = row["value"]
    if value is None:
        shown = "FAILED" if row.get("failed") else "-"
    elif isinstance(value, float):
        shown = f"{value:.6f}" if 0.9 < abs(value) < 1 else f"{value:,.4g}" if abs(value) < 1000 else f"{value:,.0f}"
    else:
        shown = str(value)
    words = [shown, row.get("unit", "") if value is not None else ""]
    if aim := row.get("aim"):
        wanted = aim[1] if isinstance(aim[1], str) else f"{aim[1]:g}"
        words.append(f"(aim {aim[0]} {wanted}: {'met' if row['met'] else 'open' if row['met'] is None else 'MISSED'})")
    if row.get("note"):
        words.append(f"[{row['note']}]")
    return " ".join(filter(None, words))


def met(value: Any, aim: Aim | None) -> bool | None:
    """Whether a value reaches its aim; None where there is no value or no aim."""
    if value is None or aim is None:
        return None
    return bool(REACHED[aim[0]](value, aim[1]))


def verdict(found: dict[str, Any]) -> list[str]:
    """One line for the parts that failed, one for the aims that were missed, one for those left open."""
    failed = [f"{name} ({ending(part)})" for name, part in found["parts"].items() if part["ended"] != "ok"]
    rows = [(name, row) for name, part in found["parts"].items() for row in part["rows"] if row.get("aim")]
    missed = [f"{name}: {row['what']}" for name, row in rows if row["met"] is False]
    unknown = [f"{name}: {row['what']}" for name, row in rows if row["met"] is None]
    lines = [f"parts that failed: {', '.join(failed) or 'none'}", f"aims missed: {'; '.join(missed) or 'none'}"]
    return lines + ([f"aims left open: {'; '.join(unknown)}"] if unknown else [])


def ending(part: dict[str, Any]) -> str:
    """How a part failed, and which of its rows did."""
    return ": ".join(filter(None, [part["ended"], ", ".join(row["what"] for row in part["rows"] if row.get("failed"))]))
