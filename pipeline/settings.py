"""Profiles and --set: what changes the entries of stages.yaml before they are checked."""

from collections.abc import Mapping, Sequence
from typing import Any

from pipeline import yamls
from pipeline.graph import STEPS, module_of
from pipeline.parts import did_you_mean, part


def apply_profile(
    raw: dict[str, dict[str, Any]],
    profiles: Mapping[str, Any],
    profile: str | None,
    sets: Sequence[str],
    found: list[str],
) -> None:
    """Change `raw`, the entries by stage, as the profile says; what it cannot change goes into `found`.

    Where --set (`sets`) gives a stage weights of its own, what the profile says of their model is left out: it goes
    with the profile's weights, and would feed others in a way that they were not made for.
    """
    reweighted = {name for text in sets if (name := _with_weights(text))}
    if profile is None:
        return
    if profile not in profiles:
        known = ", ".join(profiles) or "none"
        found.append(f"no profile '{profile}'{did_you_mean(profile, list(profiles))} (known: {known})")
        return
    changed = profiles[profile] or {}
    if not isinstance(changed, dict):
        found.append(f"profile '{profile}' should be a mapping of stages, not {changed!r}")
        return
    for name, changes in changed.items():
        if name not in raw:
            found.append(f"profile '{profile}' changes '{name}', which is no stage{did_you_mean(name, list(raw))}")
            continue
        if not isinstance(changes or {}, dict):
            found.append(f"profile '{profile}': '{name}' should be a mapping, not {changes!r}")
            continue
        model = name in reweighted and "weights" in (changes or {})
        for key, value in (changes or {}).items():
            if not (model and _of_part(raw[name], key)):
                _change(raw[name], key, value)


def _with_weights(text: str) -> str:
    """The stage that a setting gives weights, random ones aside; or ''."""
    where, _, value = text.partition("=")
    name, _, key = where.partition(".")
    return name if key == "weights" and value.strip() != "random" else ""


def _of_part(entry: Mapping[str, Any], key: str) -> bool:
    """Whether a key is a param of the stage's part, not of its step."""
    if key in ("from", "on", "uses") or entry.get("step") not in STEPS:
        return False
    return key not in part(f"pipeline.steps.{module_of(entry['step'])}.Options").parameters


def apply_setting(raw: dict[str, dict[str, Any]], text: str, found: list[str]) -> None:
    """Change one value of `raw` as the text stage.param=value says; what is wrong with it goes into `found`."""
    where, equals, value = text.partition("=")
    name, dot, key = where.partition(".")
    if not (equals and dot and key):
        found.append(f"--set {text}: should be stage.param=value")
    elif name not in raw:
        found.append(f"--set {text}: no stage '{name}'{did_you_mean(name, list(raw))}")
    else:
        _change(raw[name], key, yamls.parse(value, f"--set {where}"))


def _change(entry: dict[str, Any], key: str, value: Any) -> None:
    outer, dot, inner = key.partition(".")
    if key in ("from", "on", "uses"):
        entry[key] = value
    elif dot and isinstance(entry["params"].get(outer, {}), dict):  # gru.fit.epochs=5
        entry["params"][outer] = {**entry["params"].get(outer, {}), inner: value}
    else:
        entry["params"][key] = value
