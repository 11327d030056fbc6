"""The differences of two recipes, also in words."""

from dataclasses import dataclass
from typing import Any

from pipeline.files import JsonObject

SIDES = ("video", "text")
MODULES = 6  # that a reason names
FOLLOWS = "follows "  # how a reason begins that names a stage which is read and has changed


def only_code(old: JsonObject, new: JsonObject) -> bool:
    """Whether nothing but code differs between two recipes, their own or that of what they read."""
    return bool(old.get("settings")) and old["settings"] == new["settings"]


def changed_code(old: JsonObject, new: JsonObject) -> dict[str, tuple[str, str]]:
    """{module: (old digest, new digest)} of a recipe's changed code; '' where there is none. A moved file is equal."""
    before, after = old.get("code", {}), new.get("code", {})
    gone, come = set(before.values()) - set(after.values()), set(after.values()) - set(before.values())
    names = sorted({m for m in before if before[m] in gone} | {m for m in after if after[m] in come})
    return {name: (before.get(name, ""), after.get(name, "")) for name in names}


@dataclass(frozen=True)
class Difference:
    """One setting in which two recipes differ, other than by what they read."""

    what: str  # a param; `video` or `text`, features of a model; uses, step, weights; "file of" or "weights of" one
    before: Any
    after: Any

    def __str__(self) -> str:
        if self.what.startswith("file of "):
            return f"the file that {self.what.removeprefix('file of ')} names has other content"
        if self.what in SIDES and isinstance(self.before, list) and isinstance(self.after, list):
            come = [f"with {name}" for name in self.after if name not in self.before]
            gone = [f"without {name}" for name in self.before if name not in self.after]
            return ", ".join([*come, *gone]) or f"order of {self.what} features changed"
        return f"{self.what} {_value(self.before)} → {_value(self.after)}"


def differences(old: JsonObject, new: JsonObject) -> list[Difference]:
    """The settings in which two recipes differ, without code and without what they read."""
    before, after = old.get("params", {}), new.get("params", {})
    all_settings = [Difference(key, before.get(key), after.get(key)) for key in sorted({*before, *after})]
    kept = [key for key in sorted({*old, *new}) if key.startswith(("file of ", "weights of "))]
    kept += ["uses", "step", "weights", "learned", *SIDES]
    all_settings += [Difference(key, old.get(key), new.get(key)) for key in kept]
    return [setting for setting in all_settings if setting.before != setting.after]


def explain(old: JsonObject, new: JsonObject) -> str:
    """Why two recipes differ, in words: 'frames 13 → 16; follows decode'."""
    settings = differences(old, new)
    reasons = [str(setting) for setting in settings if setting.what not in SIDES]
    before, after = old.get("second", {}), new.get("second", {})
    reasons += [str(Difference(key, before.get(key), after[key])) for key in after if before.get(key) != after[key]]
    if old.get("decoder") != new.get("decoder"):
        reasons.append(f"decoder {_versions(old.get('decoder'))} → {_versions(new.get('decoder'))}")
    modules = changed_code(old, new)
    if not only_code(old, new):  # other settings bring code of their own, or leave some out: it has not changed
        modules = {name: digests for name, digests in modules.items() if all(digests)}
    if modules:
        more = f" and {len(modules) - MODULES} more modules" if len(modules) > MODULES else ""
        reasons.append(f"code of {', '.join(list(modules)[:MODULES])}{more} changed")
    sources, now = old.get("from", {}), new.get("from", {})
    reasons += [f"now reads {name}" for name in now if name not in sources]
    reasons += [f"no longer reads {name}" for name in sources if name not in now]
    reasons += [f"{FOLLOWS}{name}" for name in now if name in sources and sources[name] != now[name]]
    reasons += [
        f"{key} changed" for key in sorted({*old, *new}) if key.startswith("joint ") and old.get(key) != new.get(key)
    ]
    reasons += [
        str(setting)
        for setting in settings
        if setting.what in SIDES and sorted(setting.before or []) == sorted(setting.after or [])
    ]
    return "; ".join(reasons) or "made by an unknown configuration"


def _value(value: Any) -> str:
    text = "nothing" if value is None else str(value)
    return text if len(text) <= 40 else text[:12] + "…"


def _versions(decoder: dict[str, str] | None) -> str:
    return " ".join(f"{name} {version}" for name, version in (decoder or {}).items()) or "nothing"
