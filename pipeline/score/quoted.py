"""Table 14 of the LAFF paper below the values of single topics, where these are the topics of TRECVID AVS 2020."""

from collections.abc import Collection

from pipeline.published import quote, read
from pipeline.views.printed import PLAIN, Paper, columns

TABLE = "tab-14"


def text(topics: Collection[str], paper: Paper = PLAIN) -> str:
    """The table as text, with its notes; '' unless all of its topics are among `topics`.

    Judgements of TRECVID write a 1 before the number of a topic: 1641 is topic 641.
    """
    (part,) = read.load(TABLE).parts.values()
    if not all(topic in topics or f"1{topic}" in topics for topic in part.rows):
        return ""
    (table,) = quote.quotes(read.load(TABLE))
    notes = "\n".join(table.notes)
    return f"quoted, not of this run: {table.title}\n{columns(table, paper)}\n\n{notes}"
