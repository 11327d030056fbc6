"""Words of a sentence that a model does not know, which its answer therefore leaves out."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

from extractors.words import STOPWORDS, tokenise


@dataclass(frozen=True)
class Unknown:
    """The unknown words of one sentence."""

    words: dict[str, list[str]] = field(default_factory=dict)  # word -> text features that do not know it
    all: bool = False  # whether no text feature of the model knows any word of the sentence

    def notes(self) -> list[str]:
        """What a person should know, in lines; none where all words are known."""
        lines = []
        if self.words:
            words = ", ".join(f"{word} ({', '.join(names)})" for word, names in self.words.items())
            lines.append(f"unknown words: {words}")
        if self.all:
            lines.append("no word of this sentence is known, so the order says nothing")
        return lines


def unknown_words(sentence: str, knows: Mapping[str, Callable[[str], bool]], features: Sequence[str]) -> Unknown:
    """The words of a sentence that text features do not know, stop words aside.

    knows: for each feature that has a vocabulary whether a word is in it; the others of `features` read any text.
    """
    words = [word for word in dict.fromkeys(tokenise(sentence)) if word not in STOPWORDS]
    unknown = {
        word: names
        for word in words
        if (names := [name for name, in_vocabulary in knows.items() if not in_vocabulary(word)])
    }
    return Unknown(unknown, all(unknown.get(word) == list(knows) for word in words) and set(knows) == set(features))
