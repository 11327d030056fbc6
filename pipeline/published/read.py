"""Reads the published tables that come with laff, each a YAML file in tables/, and finds one by its id."""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping
from pathlib import Path
from typing import Any

from pipeline import yamls
from pipeline.errors import LaffError, Problems, did_you_mean
from pipeline.published.table import Figures, Names, Part, Table

SHIPPED = Path(__file__).with_name("tables")
KEYS = ("title", "source", "also", "metrics", "sets", "grid", "roles", "command", "why", "notes", "parts")
PART_KEYS = ("about", "tag", "tags", "features", "features_of", "rows")
ORDER = ("tab", "poster")  # how ids begin, in the order of a list; then the others
NUMBER = re.compile(r"(?:tab(?:le)?)?[. -]*(\d+)", re.IGNORECASE)  # `11`, `tab11` and `Table 11` mean tab-11


def ids() -> list[str]:
    """Ids of all tables: those of the LAFF paper by number, those of its poster, then the others."""

    def place(name: str) -> tuple[int, int, str]:
        kind, _, rest = name.partition("-")
        return (ORDER.index(kind) if kind in ORDER else len(ORDER), int(rest) if rest.isdecimal() else 0, name)

    return sorted((path.stem for path in SHIPPED.glob("*.yaml")), key=place)


def every() -> list[Table]:
    """All tables, in the order of `ids`."""
    return [load(name) for name in ids()]


def load(name: str) -> Table:
    """The table of an id, as one types it. LaffError with the known ids where there is none."""
    match = NUMBER.fullmatch(name.strip())
    wanted = f"tab-{match[1]}" if match else name.strip().lower()
    known = ids()
    if wanted in known:
        return read(SHIPPED / f"{wanted}.yaml")
    for table in every():
        if wanted in table.also:
            return table
    raise LaffError(f"no published table '{name}'{did_you_mean(wanted, known)}; known are {', '.join(known)}")


def read(path: Path) -> Table:
    """A table's file. LaffError with all that is wrong with it."""
    raw = yamls.load(path)
    if not isinstance(raw, dict):
        raise LaffError(f"{path}: should be a mapping with {', '.join(KEYS)}")
    problems = Problems(f"unknown key '{key}'{did_you_mean(str(key), KEYS)}" for key in raw if key not in KEYS)
    problems.extend(f"says no {key}" for key in ("title", "source", "metrics", "sets", "parts") if not raw.get(key))
    problems.check(path)
    metrics = tuple(map(str, raw["metrics"]))
    sets = {str(key): tuple(to) if isinstance(to, list) else (to,) if to else () for key, to in raw["sets"].items()}
    table = Table(
        id=path.stem,
        title=str(raw["title"]),
        source=str(raw["source"]),
        metrics=metrics,
        sets=sets,
        parts={str(key): _part(str(key), part, metrics, sets, problems) for key, part in raw["parts"].items()},
        notes=tuple(map(str, raw.get("notes", []))),
        also=tuple(map(str, raw.get("also", []))),
        grid=str(raw.get("grid", "")),
        roles={str(role): str(name) for role, name in raw.get("roles", {}).items()},
        command=str(raw.get("command", "")),
        why=str(raw.get("why", "")),
    )
    if sum(map(bool, (table.grid, table.command, table.why))) != 1:
        problems.add("should say one of grid, command and why")
    problems.check(path)
    return table


def _part(name: str, raw: Any, metrics: tuple[str, ...], sets: Collection[str], problems: Problems) -> Part:
    """A part of the table; what is wrong with it goes to `problems`, as in the functions below."""
    if not isinstance(raw, dict) or not isinstance(raw.get("rows"), dict):
        problems.add(f"part '{name}' should be a mapping with rows")
        return Part(name, {})
    problems.extend(
        f"part '{name}' has an unknown key '{key}'{did_you_mean(str(key), PART_KEYS)}"
        for key in raw
        if key not in PART_KEYS
    )
    rows: dict[str, dict[str, Figures]] = {}
    for row, of_sets in raw["rows"].items():
        if isinstance(of_sets, list) and len(sets) == 1:
            of_sets = {next(iter(sets)): of_sets}
        if not isinstance(of_sets, dict):
            problems.add(f"row '{row}' should give figures for each test set, not {of_sets!r}")
            continue
        rows[str(row)] = {
            str(key): _figures(f"row '{row}', {key}", one, metrics, problems) for key, one in of_sets.items()
        }
        problems.extend(f"row '{row}' has an unknown test set '{key}'" for key in of_sets if str(key) not in sets)
    tags = {str(row): str(tag) for row, tag in raw.get("tags", {}).items()}
    features_of = {str(row): _names(names) for row, names in raw.get("features_of", {}).items()}
    problems.extend(f"part '{name}' has no row '{row}'" for row in {**tags, **features_of} if row not in rows)
    return Part(
        name,
        rows,
        about=str(raw.get("about", "")),
        tag=str(raw.get("tag", "")),
        tags=tags,
        features=_names(raw.get("features", {})),
        features_of=features_of,
    )


def _names(raw: Mapping[str, Any]) -> Names:
    """Features by side."""
    return {side: tuple(map(str, raw.get(side, ()))) for side in ("video", "text")} if raw else {}


def _figures(where: str, raw: Any, metrics: tuple[str, ...], problems: Problems) -> Figures:
    """The figures of a row on one test set, in the metrics' order; null is not given by the source."""
    if not isinstance(raw, list) or len(raw) != len(metrics):
        problems.add(f"{where} should list {len(metrics)} figures, not {raw!r}")
        return {}
    if wrong := [one for one in raw if one is not None and (isinstance(one, bool) or not isinstance(one, int | float))]:
        problems.add(f"{where} has {wrong[0]!r}, which is no number")
        return {}
    return {metric: float(one) for metric, one in zip(metrics, raw, strict=True) if one is not None}
