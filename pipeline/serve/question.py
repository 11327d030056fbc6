"""What a request asks a workspace, read from its query string and checked."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from pipeline.errors import did_you_mean
from pipeline.serve.problems import Refused

LONGEST = 2000  # letters of a sentence; no model reads more than some hundred
MOST_HITS = 500
MOST_WEIGHTS = 100
HITS = 24
KEYS = ("w", "q", "id", "k", "model", "weight", "split")
ONCE = ("w", "q", "id", "k", "split")


@dataclass(frozen=True)
class Question:
    """A sentence, or a video that others should be like, with where and how to search."""

    workspace: str  # its key; "" for the first
    text: str = ""  # the sentence; "" where `like` is given
    like: str = ""  # the id of an item
    k: int = HITS
    models: tuple[str, ...] = ()
    weights: tuple[str, ...] = ()  # such as video:x3d=0
    split: str = "all"


def read(given: Sequence[tuple[str, str]], needs: str) -> Question:
    """The question that the pairs of a query string ask; needs: q, or id. Refused where one is wrong."""
    values: dict[str, list[str]] = {}
    for key, value in given:
        if key not in KEYS:
            raise Refused(
                f"unknown '{key[:40]}' in the address{did_you_mean(key[:40], KEYS)} (known: {', '.join(KEYS)})"
            )
        values.setdefault(key, []).append(value)
    for key in ONCE:
        if len(values.get(key, ())) > 1:
            raise Refused(f"'{key}' is given {len(values[key])} times; give it once")
    one = {key: values[key][0] for key in ONCE if key in values}
    other = "id" if needs == "q" else "q"
    if other in one:
        raise Refused(f"'{other}' does not go here: /api/search takes q, a sentence, and /api/like id, a video")
    models, weights = (tuple(dict.fromkeys(values.get(key, ()))) for key in ("model", "weight"))
    if len(models) + len(weights) > MOST_WEIGHTS:
        raise Refused(f"{len(models) + len(weights)} models and weights are given; at most {MOST_WEIGHTS} can be")
    return Question(
        one.get("w", ""),
        _sentence(one) if needs == "q" else "",
        _item(one) if needs == "id" else "",
        _count(one),
        models,
        weights,
        one.get("split", "all"),
    )


def _sentence(one: Mapping[str, str]) -> str:
    text = one.get("q", "").strip()
    if not text:
        raise Refused("the sentence is empty; say what the video should show")
    if len(text) > LONGEST:
        raise Refused(f"the sentence has {len(text):,} letters; at most {LONGEST:,} are read, so say it shorter")
    return text


def _item(one: Mapping[str, str]) -> str:
    if not one.get("id"):
        raise Refused("no video is named; give its id")
    return one["id"]


def _count(one: Mapping[str, str]) -> int:
    text = one.get("k", str(HITS))
    if not (text.isascii() and text.isdigit() and len(text) < 10 and 1 <= int(text) <= MOST_HITS):
        raise Refused(f"k is '{text[:20]}'; it should be a number from 1 to {MOST_HITS}")
    return int(text)
