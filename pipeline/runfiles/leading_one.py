"""Topics that TRECVID's files name in two ways: 501 in lists and runs, 1501 in judgements."""

from collections.abc import Iterable, Sequence


def matched(topics: Sequence[str], known: Iterable[str]) -> dict[str, str]:
    """{topic: the known one that it means}, where only a leading 1 more or less makes them match; else {}.

    {} too where some match as they are: then the ids mean what they say.
    """
    names = set(known)
    if names.intersection(topics):
        return {}
    longer = {topic: f"1{topic}" for topic in topics if f"1{topic}" in names}
    shorter = {topic: topic[1:] for topic in topics if topic[:1] == "1" and topic[1:] in names}
    return longer or shorter
