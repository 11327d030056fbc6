"""Completes `from` of entries of stages.yaml by stages that follow from their params.

A sentence encoder is trained towards a video feature. If its `from` has none, one is chosen that the train stage fuses
with the encoder's own feature, so it is needed in any case. A vectors stage reads the features whose vectors it keeps.
"""

from pipeline.graph import step_facts
from pipeline.graph.entry import sources_of
from pipeline.graph.options import VECTORS
from pipeline.graph.stages_file import Entries, Entry
from pipeline.parts.classes import Part, plugged
from pipeline.parts.code import PartError


def complete(raw: Entries, trusted: frozenset[str]) -> None:
    """Add a video feature to the `from` of each encoder that lacks one: the first of train.raw, else of train.from.

    Only features with one vector a video are taken. If there is none, the entry does not change, and a run of it
    reports what is missing. A vectors stage gets the features that its `models` name.
    """
    for name, entry in raw.items():
        part = _part(raw, name, trusted)
        text = part is not None and part.constants.get("sides") == ("text",) and "task" in part.methods
        if text and not any("video" in _sides(raw, source, trusted) for source in sources_of(entry)):
            chosen = _feature(raw, name, trusted)
            entry["from"] = [*sources_of(entry), *chosen]
            entry["completed"] = f"learns towards {chosen[0]}, which train fuses" if chosen else ""
        if entry.get("step") == VECTORS:
            _complete_kept(raw, entry, trusted)


def _complete_kept(raw: Entries, entry: Entry, trusted: frozenset[str]) -> None:
    """Let a vectors stage read the features that its `models` name, and no train stage if all of them are features."""
    named = entry["params"].get("models")
    if not isinstance(named, list) or not named:
        return
    words = [str(name).removesuffix("/seed0") for name in named]
    features = [word for word in words if {"video", "text"} <= set(_sides(raw, word, trusted))]
    if len(features) == len(words):
        entry["from"] = features
        entry["completed"] = "reads the features that its models name"
    else:
        inside = {source for name in sources_of(entry) if name in raw for source in sources_of(raw[name])}
        lacking = [word for word in features if word not in inside and word not in sources_of(entry)]
        entry["from"] = [*sources_of(entry), *lacking]
        entry["completed"] = f"{', '.join(lacking)} added, since its models name them" if lacking else ""


def _feature(raw: Entries, name: str, trusted: frozenset[str]) -> list[str]:
    """[the feature], taken from the train stage that fuses `name`, else from the first train stage; [] if none fits."""
    fusing = [other for other, entry in raw.items() if _fuses(entry)]
    stage = next((other for other in fusing if name in sources_of(raw[other])), fusing[0] if fusing else None)
    if stage is None:
        return []
    part, sources = _part(raw, stage, trusted), sources_of(raw[stage])
    parameter = part.parameters.get("raw") if part else None
    first = raw[stage]["params"].get("raw", parameter.default) if parameter else ()
    video = [source for source in sources if "video" in _sides(raw, source, trusted)]
    video = [source for source in video if not _scores_pairs(raw, source, trusted)]
    return (
        [*(feature for feature in first if feature in video), *video][:1]
        if isinstance(first, list | tuple)
        else video[:1]
    )


def _fuses(entry: Entry) -> bool:
    return entry.get("step") in step_facts.names() and step_facts.about(str(entry["step"])).fuses


def _lender(raw: Entries, name: str) -> str:
    """The stage whose class an entry takes (BORROWS of its step), or ''."""
    borrows = step_facts.about(str(raw[name].get("step"))).borrows
    sources = [source for source in sources_of(raw[name]) if source in raw]
    return next((source for source in sources if borrows and raw[source].get("step") == borrows), "")


def _part(raw: Entries, name: str, trusted: frozenset[str]) -> Part | None:
    """The class of an entry, its own or a borrowed one; None if it has no class."""
    if name not in raw or raw[name].get("step") not in step_facts.names():
        return None
    uses = raw[name].get("uses") or (raw[lender].get("uses") if (lender := _lender(raw, name)) else None)
    try:
        return plugged(str(uses), trusted) if uses else None
    except PartError:  # reported when the entry is read
        return None


def _sides(raw: Entries, name: str, trusted: frozenset[str]) -> tuple[str, ...]:
    """The sides of an entry's rows, as `Stage.sides` gives them."""
    if name not in raw or raw[name].get("step") not in step_facts.names():
        return ()
    sides_of = step_facts.about(str(raw[name]["step"])).rows
    if sides_of == "part":
        part = _part(raw, name, trusted)
        return tuple(part.constants.get("sides", ())) if part else ()
    return (str(raw[name]["params"].get(sides_of)),) if sides_of else ()


def _scores_pairs(raw: Entries, name: str, trusted: frozenset[str]) -> bool:
    """Whether a feature comes from a model that scores pairs, so that no video has a vector."""
    lender = _lender(raw, name)
    uses = raw[lender]["params"].get("aggregate") if lender else None
    try:
        return bool(uses) and bool(plugged(str(uses), trusted).constants.get("scores_pairs"))
    except PartError:
        return False
