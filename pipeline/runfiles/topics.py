"""Names of topics: listed for a message, and matched where TRECVID's files name them in two ways.

Topic 501 of lists and runs is 1501 in judgements.
"""

import re
from collections.abc import Iterable, Sequence

NUMBER = re.compile(r"[1-9]\d{2,3}")  # of a topic; a leading 1 before less may mean anything


def matched(topics: Sequence[str], known: Iterable[str]) -> dict[str, str]:
    """{topic: the known one that it means}, where only a leading 1 more or less makes them match; else {}.

    {} too where some match as they are: then the ids mean what they say.
    """
    names = set(known)
    if names.intersection(topics):
        return {}
    longer = {topic: f"1{topic}" for topic in topics if NUMBER.fullmatch(topic) and f"1{topic}" in names}
    shorter = {topic: topic[1:] for topic in topics if NUMBER.fullmatch(topic[1:]) and f"1{topic[1:]}" == topic}
    shorter = {topic: name for topic, name in shorter.items() if name in names}
    return longer or shorter


def listed(names: Sequence[str], total: int = 0, most: int = 10) -> str:
    """The first names of a list, and how many there are, of how many in all."""
    more = f" and {len(names) - most} more" if len(names) > most else ""
    return ", ".join(names[:most]) + more + (f" ({len(names)} of {total})" if total else "")
