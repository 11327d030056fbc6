"""The answer to one sentence, with what a person should know before believing it."""

from collections.abc import Sequence
from dataclasses import dataclass, field

from pipeline.request import Request
from pipeline.search.hit import Hit
from pipeline.search.library import Library
from pipeline.search.unknown import Unknown


@dataclass(frozen=True)
class Answer:
    """The hits of a sentence, and what to know of them."""

    hits: list[Hit]  # best first
    model_notes: list[str]  # Library.notes
    unknown: Unknown = field(default_factory=Unknown)  # words of the sentence that the models do not know

    def notes(self) -> list[str]:
        """What to know, in lines; none where all is well."""
        return [*self.model_notes, *self.unknown.notes()]


def search(request: Request, sentence: str, k: int, split: str, model_name: str = "") -> list[Hit]:
    """The hits of `answer` alone."""
    return answer(request, sentence, k, split, [model_name] if model_name else ()).hits


def answer(request: Request, sentence: str, k: int, split: str, models: Sequence[str] = ()) -> Answer:
    """The k videos of a split ("all" for every split) that answer the sentence best. LaffError as of a Library."""
    library = Library(request, models, split)
    hits = library.search(sentence, k)
    return Answer(hits, library.notes(), library.unknown(sentence))
