"""Published tables beside an analysis: what a paper found of its model, where the question is the same."""

from pipeline.inspection.subject import Subject
from pipeline.published import quote, read
from pipeline.published.same import Measured
from pipeline.views.printed import PLAIN, Paper, columns

WEIGHTS, SPACES = "tab-9", "tab-10"


def text(subject: Subject, table: str, *notes: str, paper: Paper = PLAIN) -> str:
    """A published table as text, which says whether it may be held against the model that was looked at.

    notes: sentences about what differs besides.
    """
    context = subject.context
    measured = Measured(
        context.collection.protocol if context.collection else "",
        subject.model.video,
        subject.model.text,
        random=frozenset(name for name, stage in context.graph.stages.items() if stage.random),
    )
    parts = [
        "\n\n".join([f"quoted, not of this run: {one.title}\n{columns(one, paper)}", "\n".join(one.notes)])
        for one in quote.quotes_beside(read.load(table), measured)
    ]
    return "\n\n".join([*parts, *notes])


def other_overlap(heads: int, k: int) -> list[str]:
    """What differs from Table 10 in the number of spaces and of videos, as a sentence; [] for nothing."""
    same = (heads, k) == (8, 5)
    return [] if same else [f"There it is the best 5 videos of 8 spaces, above the best {k} of {heads}."]
