"""Profiles and --set: they change the entries of stages.yaml before these are checked."""

from collections.abc import Mapping, Sequence
from typing import Any

from pipeline import yamls
from pipeline.errors import Problems, did_you_mean, meant
from pipeline.graph.stages_file import Entries, Entry

QUOTE = "the shell cuts at spaces, so quote what has some: --set"


def apply_profile(
    raw: Entries,
    profiles: Mapping[str, Any],
    profile: str | None,
    sets: Sequence[str],
    problems: Problems,
) -> None:
    """Change `raw` ({stage: its entry}) as the profile says; adds mistakes in the profile to `problems`.

    If --set (`sets`) gives a stage other weights, the profile does not touch this stage: its params fit only its own
    weights.
    """
    chosen = dict(pair for text in sets if (pair := _weights_of(text)))
    reweighted = {name for name, value in chosen.items() if value != "random"}
    if profile is None:
        return
    if profile not in profiles:
        known = ", ".join(profiles) or "none"
        problems.add(f"no profile '{profile}'{did_you_mean(profile, list(profiles))} (known: {known})")
        return
    changed = profiles[profile] or {}
    if not isinstance(changed, dict):
        problems.add(f"profile '{profile}' should be a mapping of stages, not {changed!r}")
        return
    for name, changes in changed.items():
        if name not in raw:
            problems.add(f"profile '{profile}' changes '{name}', which is no stage{did_you_mean(name, list(raw))}")
            continue
        if not isinstance(changes or {}, dict):
            problems.add(f"profile '{profile}': '{name}' should be a mapping, not {changes!r}")
            continue
        if name in reweighted and "weights" in (changes or {}):
            continue
        for key, value in (changes or {}).items():
            _change(raw[name], str(key), value, f"profile {profile}")


def _weights_of(text: str) -> tuple[str, Any] | None:
    """(stage, weights) of a setting stage.weights=…; None for other settings."""
    where, _, value = text.partition("=")
    name, _, key = where.partition(".")
    return (name, yamls.parse(value, f"--set {where}")) if key == "weights" else None


def apply_setting(raw: Entries, text: str, problems: Problems) -> None:
    """Change one value of `raw` as the text stage.param=value says; adds mistakes in the text to `problems`."""
    where, equals, value = text.partition("=")
    name, dot, key = where.partition(".")
    if not (equals and dot and key):
        problems.add(f"--set {text}: should be stage.param=value")
    elif name not in raw:
        problems.add(f"--set {text}: no stage '{name}'{meant(name, list(raw))}")
    elif not value.strip():
        problems.add(
            f"--set {text}: there is no value; {QUOTE} '{where}=[a, b]' (null stands for nothing, \"''\" for no text)"
        )
    elif _cut_off(value):
        problems.add(f"--set {text}: the bracket is not closed; {QUOTE} '{where}={value.strip()} …'")
    else:
        _change(raw[name], key, yamls.parse(value, f"--set {where}"), f"--set {text}")


def _cut_off(value: str) -> bool:
    """Whether a bracket is open at the end of a value."""
    return any(value.lstrip().startswith(left) and right not in value for left, right in ("[]", "{}"))


def _change(entry: Entry, key: str, value: Any, who: str) -> None:
    """Change one key of an entry; who: the profile or setting that says so; noted in `given_later`."""
    outer, dot, inner = key.partition(".")
    later = entry.setdefault("given_later", {})
    for known in [known for known in later if f"{known}.".startswith(f"{key}.")]:
        del later[known]
    later[key] = who, value
    if key == "uses":  # params that were given for the class before are dropped if the new class lacks them
        entry["given_for_another"] = set(entry["params"])
    else:
        entry.get("given_for_another", set()).discard(key.partition(".")[0])
    if key in ("from", "on", "uses"):
        entry[key] = value
    elif dot and isinstance(entry["params"].get(outer, {}), dict):  # gru.fit.epochs=5
        entry["params"][outer] = {**entry["params"].get(outer, {}), inner: value}
    else:
        entry["params"][key] = value
