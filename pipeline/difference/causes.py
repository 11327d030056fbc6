"""What may explain that two workspaces have other features of the same items: what their files say of themselves."""

from pathlib import Path
from typing import Any

from pipeline.difference.side import Side
from pipeline.errors import LaffError
from pipeline.plan.differences import explain
from pipeline.plan.units import shard_key
from pipeline.store import contents
from pipeline.store.index import Entry

UNKNOWN = "made by an unknown configuration"  # `explain` where nothing differs
FACTS = ("precision", "decoder", "level", "colours", "mean", "std", "sampling")  # of a shard, that a recipe may lack
NOTHING = (
    "nothing that was noted: another CPU or number of threads, or files that changed behind their dates (`laff verify`)"
)


def of(first: Side, second: Side, stage: str, side: str) -> list[str]:
    """What differs in how the shards of a feature were made, the strongest reason first; never empty."""
    units = [_unit(one, stage, side) for one in (first, second)]
    known = [unit for unit in units if unit is not None]
    if len(known) < 2:
        return ["how it was made is not known on both sides"]
    (one, one_recipe, one_shard), (other, other_recipe, other_shard) = known
    found: list[str] = []
    if one.fingerprint != other.fingerprint:
        reason = explain(one_recipe, other_recipe)
        found += [] if reason == UNKNOWN else reason.split("; ")
    if one_recipe.get("weights") != other_recipe.get("weights"):  # told first, and in full
        found = [
            f"weights {_short(one_recipe.get('weights'))} → {_short(other_recipe.get('weights'))}",
            *(text for text in found if not text.startswith("weights ")),
        ]
    facts = [_facts(path) for path in (one_shard, other_shard)]
    known_facts = one_recipe.get("params", {}) != other_recipe.get("params", {})
    for name in FACTS:
        values = [fact.get(name) for fact in facts]
        if values[0] != values[1] and not (name == "sampling" and known_facts):  # the params say it already
            found.append(f"{name} {values[0]} → {values[1]}")
    found += _libraries(*(str(fact.get("libraries", "")) for fact in facts))
    if facts[0].get("laff") != facts[1].get("laff"):
        found.append(f"laff {facts[0].get('laff')} → {facts[1].get('laff')}")
    return list(dict.fromkeys(found)) or [NOTHING]


def _unit(side: Side, stage: str, kind: str) -> tuple[Entry, dict[str, Any], Path] | None:
    """The record, the recipe and the file of the first shard of a feature; None where none is recorded."""
    index = side.work.index(stage)
    catalog_shards = side.catalog.shards(kind)
    for number, rows in enumerate(catalog_shards):
        key = shard_key(side.graph.stages[stage], kind, number)
        if len(rows) and (entry := index.entries.get(key)):
            return entry, index.recipes.get(entry.fingerprint, {}), side.work.folder(stage) / key
    return None


def _facts(path: Path) -> dict[str, Any]:
    """What a shard says of itself; {} where it cannot be read."""
    try:
        facts: dict[str, Any] = contents.of(path)["attributes"]
        return facts
    except LaffError:
        return {}


def _libraries(one: str, other: str) -> list[str]:
    """Packages with other versions, of two lists such as 'numpy 2.4.6, torch 2.15.0'."""
    before, after = (dict(part.rsplit(" ", 1) for part in text.split(", ") if " " in part) for text in (one, other))
    names = dict.fromkeys([*before, *after])
    return [
        f"{name} {before.get(name, 'absent')} → {after.get(name, 'absent')}"
        for name in names
        if before.get(name, "absent") != after.get(name, "absent")
    ]


def _short(digest: Any) -> str:
    """The beginning of a digest."""
    return str(digest)[:12] if digest else "none"
