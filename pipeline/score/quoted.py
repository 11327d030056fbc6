"""Table 14 of the LAFF paper below the values of single topics, where these are the topics of TRECVID AVS 2020."""

from collections.abc import Collection

from pipeline.published import quote, read
from pipeline.views.tables import text_table

TABLE = "tab-14"


def text(topics: Collection[str]) -> str:
    """The table as text, with its notes; '' unless all of its topics are among `topics`.

    Judgements of TRECVID write a 1 before the number of a topic: 1641 is topic 641.
    """
    (part,) = read.load(TABLE).parts.values()
    if not all(topic in topics or f"1{topic}" in topics for topic in part.rows):
        return ""
    (table,) = quote.quotes(read.load(TABLE))
    notes = "\n".join(table.notes)
    return f"quoted, not of this run: {table.title}\n{text_table(table.texts())}\n\n{notes}"
