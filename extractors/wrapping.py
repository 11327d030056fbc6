"""Finds a model's tensors in a checkpoint: in dicts within dicts, and with words before every name.

A training keeps more than the model, an averaged or compiled model has other names, and a larger model may contain the
model. None of this changes a tensor.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from torch import Tensor

State = dict[str, Tensor]

# Keys under which trainings keep the model itself: SlowFast and TimeSformer; mmaction2, open_clip and Lightning; many
# others.
WRAPPERS = ("model_state", "state_dict", "model", "model_state_dict", "module", "net", "network")
USUAL = WRAPPERS[:3]  # so common that no message mentions them
AVERAGES = ("state_dict_ema", "model_ema", "ema_state_dict", "ema")  # the model averaged over steps, as in timm
DEPTH = 4  # dicts within dicts, and words before a name, that are tried
# Words that torch puts into names where it compiles, shards or checkpoints a part of a model.
INSERTED = re.compile(r"(?<![^.])(_orig_mod|_fsdp_wrapped_module|_checkpoint_wrapped_module)\.")
SHOWN = 4  # names in a message


@dataclass(frozen=True)
class Unwrapped:
    """A model's tensors, and what was around them."""

    state: State
    taken: str = ""  # what was removed, in words; "" where nothing was
    aside: list[str] = field(default_factory=list)  # names of tensors in the same dict that are not the model's


def dicts(content: Mapping[Any, Any], place: str = "", seen: set[int] | None = None) -> Iterator[tuple[str, State]]:
    """(place, tensors by name) of every dict of a checkpoint that has tensors, the likeliest first.

    Dicts of WRAPPERS come before the dict that contains them, those of AVERAGES and others behind it. place: the keys
    that lead there, as "checkpoint.state_dict"; "" is the whole file. A dict that is in several places, even in itself,
    comes once; seen: the id() of the dicts that have come.
    """
    seen = set() if seen is None else seen
    if place.count(".") + 1 > DEPTH or id(content) in seen:
        return
    seen.add(id(content))
    inner = {str(key): value for key, value in content.items() if isinstance(value, Mapping)}
    before = [key for key in WRAPPERS if key in inner]
    behind = [*(key for key in AVERAGES if key in inner), *(key for key in inner if key not in (*WRAPPERS, *AVERAGES))]
    for key in before:
        yield from dicts(inner[key], f"{place}.{key}".lstrip("."), seen)
    if state := {str(key): value for key, value in content.items() if isinstance(value, Tensor)}:
        yield place, state
    for key in behind:
        yield from dicts(inner[key], f"{place}.{key}".lstrip("."), seen)


def plain(state: State) -> State:
    """The tensors without the `module.` that DataParallel puts before every name."""
    if all(name.startswith("module.") for name in state):
        return {name.removeprefix("module."): value for name, value in state.items()}
    return state


def unwrapped(held: list[tuple[str, State]], fits: Callable[[State], bool]) -> Unwrapped | None:
    """The tensors of a file for which `fits` is true, or None; `held` are those that `dicts` gives.

    Words that torch inserts are removed from all names. The tensors of each dict are then tried as they are, without
    DataParallel's word, and without other words before their names; tensors without such a word are left aside.
    ValueError where two models of a dict fit, since nobody can tell which is meant.
    """
    every = [(place, *_cleaned(state)) for place, state in held]
    for place, state, removed in every:
        others = [other for other, more, _ in every if other != place and fits(plain(more))]
        if fits(state):
            return Unwrapped(state, _said(place, removed, others))
        if fits(bare := plain(state)):
            return Unwrapped(bare, _said(place, [*removed, "'module.'"], others))
        words = _words(state, fits)
        if len(words) > 1:
            shown = ", ".join(f"'{word}'" for word in words[:SHOWN])
            raise ValueError(f"holds {len(words)} models, whose names begin with {shown}; save one of them alone")
        for word in words:
            tensors = {name.removeprefix(word): value for name, value in state.items() if name.startswith(word)}
            aside = [name for name in state if not name.startswith(word)]
            return Unwrapped(tensors, _said(place, [*removed, f"'{word}'"], others, len(aside)), aside)
    return None


def _cleaned(state: State) -> tuple[State, list[str]]:
    """The tensors without the words that torch inserts into names, and these words in quotes."""
    words = dict.fromkeys(match[0] for name in state for match in INSERTED.finditer(name))
    cleaned = {INSERTED.sub("", name): value for name, value in state.items()}
    if not words or len(cleaned) < len(state):  # two tensors would have one name
        return state, []
    return cleaned, [f"'{word}'" for word in words]


def _words(state: State, fits: Callable[[State], bool]) -> list[str]:
    """The shortest words before names, of DEPTH parts at most, without which the tensors that have them fit."""
    members: dict[str, State] = {}
    for name, value in state.items():
        parts = name.split(".")
        for count in range(1, min(DEPTH, len(parts) - 1) + 1):
            word = ".".join(parts[:count]) + "."
            members.setdefault(word, {})[name.removeprefix(word)] = value
    words: list[str] = []
    for word in sorted(members, key=len):
        if not word.startswith(tuple(words)) and fits(members[word]):
            words.append(word)
    return words


def _said(place: str, removed: list[str], others: list[str], aside: int = 0) -> str:
    """What was removed, in words."""
    sentences = [] if not place or (place in USUAL and not others) else [f"read from '{place}'"]
    if others:
        sentences.append(f"{' and '.join(map(repr, others))} would fit as well")
    if removed:
        sentences.append(f"{' and '.join(removed)} taken off the names of the tensors")
    if aside:
        sentences.append(f"{aside} other(s) left aside")
    return ", ".join(sentences)
