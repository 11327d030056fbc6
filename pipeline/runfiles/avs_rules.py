"""What TRECVID asks of a run for ad-hoc video search in XML: its elements, attributes, and the limits of a topic.

Source: the DTDs videoAdhocSearchResults.dtd and videoAdhocSearchRunResult.dtd of TRECVID 2016 and of 2019, which
added `task` and `novelty`; relevance feedback (class R) since 2018; the guidelines: at most 1,000 shots a topic.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

from pipeline.errors import Problems, meant, printable
from pipeline.runfiles.topics import listed

MOST_ITEMS = 1000
ROOT, RUN, TOPIC, ITEM = (
    "videoAdhocSearchResults",
    "videoAdhocSearchRunResult",
    "videoAdhocSearchTopicResult",
    "item",
)
INSIDE = {"": ROOT, ROOT: RUN, RUN: TOPIC, TOPIC: ITEM}  # what stands in what
NEEDED = {
    RUN: ("trType", "class", "pid", "priority", "desc"),
    TOPIC: ("tNum", "elapsedTime"),
    ITEM: ("seqNum", "shotId"),
}
ONE_OF = {  # attributes of a run with few values
    "trType": tuple("ABCDEF"),  # what the system was trained on
    "class": ("M", "F", "R"),  # manually assisted, fully automatic, relevance feedback
    "priority": tuple(map(str, range(1, 11))),
    "task": ("M", "P"),  # main, progress
    "novelty": ("N", "C"),  # novelty run, common run
}
DEFAULTS = {"trType": "D", "class": "F", "pid": "laff", "priority": "1", "desc": "", "elapsedTime": "0"}
KEYS = (*DEFAULTS, "task", "novelty")  # what a person may say of a run
NO_XML = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")  # letters that XML cannot hold
SECONDS = re.compile(r"\d+(\.\d*)?|\.\d+")


def attributes(words: Sequence[str]) -> dict[str, str]:
    """The attributes of a run from words KEY=VALUE, in the order of KEYS, with DEFAULTS.

    Raises one LaffError that lists all mistakes.
    """
    problems, given = Problems(), dict[str, str]()
    for word in words:
        key, equals, value = word.partition("=")
        if not equals:
            problems.add(f"'{word}' should be KEY=VALUE; keys are {', '.join(KEYS)}")
        elif key not in KEYS:
            problems.add(f"an AVS run has no attribute '{key}'{meant(key, KEYS)}")
        elif key in given:
            problems.add(f"'{key}' is given twice")
        else:
            given[key] = value
    values = DEFAULTS | given
    problems.extend(wrong(values))
    problems.check("attributes of the AVS run")
    return {key: values[key] for key in KEYS if key in values}


def wrong(values: Mapping[str, str]) -> list[str]:
    """What is wrong with the values of attributes."""
    mistakes = [
        f"{key} is {value!r}; it should be one of {', '.join(ONE_OF[key])}"
        for key, value in values.items()
        if key in ONE_OF and value not in ONE_OF[key]
    ]
    if not SECONDS.fullmatch(values.get("elapsedTime", "0")):
        mistakes.append(f"elapsedTime is {values['elapsedTime']!r}; it should be seconds, such as 1 or 0.5")
    if values.get("pid") == "":
        mistakes.append("pid is empty; it should be the short name of the team")
    mistakes += [f"{key} has the character {odd!r}, which XML cannot hold" for key, odd in _odd(values)]
    return mistakes


def _odd(values: Mapping[str, str]) -> Iterable[tuple[str, str]]:
    return ((key, odd.group()) for key, value in values.items() if (odd := NO_XML.search(value)))


def incomplete(topics: Iterable[str], wanted: Sequence[str], where: Path | str, problems: Problems) -> None:
    """Note topics that a run lacks, or has although nobody asked for them."""
    have, known = dict.fromkeys(topics), set(wanted)
    missing = [printable(topic) for topic in wanted if topic not in have]
    strange = [printable(topic) for topic in have if topic not in known]
    if missing:
        problems.add(f"lacks {len(missing)} of {len(wanted)} topics: {listed(missing)}; an AVS run has all", where)
    if strange:
        problems.add(f"has topics that the file of topics lacks: {listed(strange)}; an AVS run has no others", where)
