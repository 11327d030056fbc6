"""The answer to one sentence, with what a person should know before believing it."""

from collections.abc import Sequence
from dataclasses import dataclass

from pipeline.request import Request
from pipeline.search.library import Hit, Library


@dataclass(frozen=True)
class Answer:
    """What was found for a sentence."""

    hits: list[Hit]  # best first
    told: list[str]  # of the models: Library.notes
    unknown: dict[str, list[str]]  # words of the sentence -> text features of the model that do not know them
    lost: bool = False  # whether no text feature of the model knows any word of the sentence

    def notes(self) -> list[str]:
        """What to know, in lines; none where all is well."""
        return [*self.told, *unknown_notes(self.unknown, self.lost)]


def unknown_notes(unknown: dict[str, list[str]], lost: bool) -> list[str]:
    """Words that a model does not know, in lines."""
    found = []
    if unknown:
        words = ", ".join(f"{word} ({', '.join(names)})" for word, names in unknown.items())
        found.append(f"unknown words: {words}")
    if lost:
        found.append("no word of this sentence is known, so the order says nothing")
    return found


def search(request: Request, sentence: str, k: int, split: str, model_name: str = "") -> list[Hit]:
    """The hits of `answer` alone."""
    return answer(request, sentence, k, split, [model_name] if model_name else ()).hits


def answer(request: Request, sentence: str, k: int, split: str, models: Sequence[str] = ()) -> Answer:
    """The k videos of a split ("all" for every split) that answer the sentence best. LaffError as of a Library."""
    library = Library(request, models, split)
    hits = library.search(sentence, k)
    return Answer(hits, library.notes(), *library.unknown(sentence))
