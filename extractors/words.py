"""Splits captions into words and makes vocabularies, as W2VV++ and LAFF do: ASCII letters and digits, no stemming."""

import re
from collections.abc import Iterable

# NLTK's English list without words that have an apostrophe, which no token has. It contains "no" and "not", and parts
# of split contractions ("don", "t"), since the features of the paper were made with it.
_STOP = (
    # pronouns and determiners
    "i me my myself we our ours ourselves you your yours yourself yourselves he him his himself she her hers herself "
    "it its itself they them their theirs themselves what which who whom this that these those a an the "
    "all any both each few more most other some such own same "
    # verbs
    "am is are was were be been being have has had having do does did doing can will should "
    # prepositions and conjunctions
    "and but if or because as until while of at by for with about against between into through during before after "
    "above below to from up down in out on off over under "
    # adverbs
    "again further then once here there when where why how no nor not only so than too very just now "
    # what is left of contractions
    "s t don d ll m o re ve y ain aren couldn didn doesn hadn hasn haven isn ma mightn mustn needn shan shouldn "
    "wasn weren won wouldn"
)
STOPWORDS = frozenset(_STOP.split())
_OTHER = re.compile("[^A-Za-z0-9]")
_MARK = re.compile(r"#\d\.\d")


def tokenise(caption: str) -> list[str]:
    """Words of a caption in lower case; every character but A-Z, a-z and 0-9 separates: "it's 5pm" -> it, s, 5pm."""
    return _OTHER.sub(" ", caption).lower().split()


def counts(captions: Iterable[str]) -> dict[str, int]:
    """How often each word occurs in all captions together, in the order in which the words were first seen.

    Marks such as "#1.2" are no words. They are cut out here and nowhere else, because the authors do so for
    vocabularies and not for features.
    """
    counted: dict[str, int] = {}
    for caption in captions:
        for word in tokenise(_MARK.sub("", caption)):
            counted[word] = counted.get(word, 0) + 1
    return counted


class TooRare(ValueError):
    """No word of the train captions occurs as often as a feature's `threshold` says."""

    def __init__(self, threshold: int, counted: dict[str, int]) -> None:
        most = (
            f"; the commonest, '{max(counted, key=counted.__getitem__)}', occurs {max(counted.values())}"
            if counted
            else ""
        )
        super().__init__(
            f"no word occurs {threshold} times or more among the {len(counted)} different words of the train captions"
            f"{most}; give more captions or a lower threshold"
        )


def vocabulary(captions: Iterable[str], threshold: int, stopwords: bool) -> list[str]:
    """Words that occur at least `threshold` times, by falling count, equal counts in the order of first occurrence.

    stopwords: whether stop words are kept.
    Raises TooRare where no word is left, since a feature without words is a mistake in the data.
    """
    counted = counts(captions)
    kept = [word for word, n in counted.items() if n >= threshold and (stopwords or word not in STOPWORDS)]
    if not kept:
        raise TooRare(threshold, {word: n for word, n in counted.items() if stopwords or word not in STOPWORDS})
    return sorted(kept, key=lambda word: -counted[word])
