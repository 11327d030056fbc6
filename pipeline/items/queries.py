"""Files of queries without a known answer, such as the topics of TRECVID's ad-hoc video search: an id and a text each.

The ending says the form: `.csv` with the header `query,text`, `.jsonl` with `{"query": …, "text": …}`, else lines
`ID text`, where white space and % of an id are percent-encoded.
"""

import json
from collections.abc import Iterator
from pathlib import Path

from pipeline import ids
from pipeline.errors import Problems
from pipeline.items.lists import Caption, Captions, csv_rows, odd_letter, one_line, text_lines

FORMS = {  # by the ending of a file: what its lines are
    ".csv": "a line is `query,text`, where text is what is asked",
    ".jsonl": 'a line is {"query": …, "text": …}, where text is what is asked',
}
FORM = 'should be {"query": …, "text": …}, both texts'


def load(file: Path) -> list[tuple[str, str]]:
    """(id, text) of each query of a file, in its order; one LaffError lists every mistake, with its line."""
    problems = Problems()
    queries = [(query.id, query.text) for query in read_queries(file, problems)]
    problems.check(file)
    return queries


def read_queries(file: Path, problems: Problems) -> Captions:
    """The queries of a file, as captions of no video; mistakes noted and left out."""
    queries, lines, before = Captions(), dict[str, int](), len(problems)
    for number, id_, text in _rows(file, problems):
        if wrong := ids.wrong(id_):
            problems.add(wrong, file, number)
        elif id_ in lines:
            problems.add(f"query '{id_}' stands again; first in line {lines[id_]}", file, number)
        elif not (line := one_line(text)):
            form = FORMS.get(file.suffix.lower(), "a line is an id, white space, and what is asked")
            problems.add(f"query '{id_}' has no text; {form}", file, number)
        elif odd := odd_letter(line):
            problems.add(f"query '{id_}' has the character {odd!r}, which is no text", file, number)
        else:
            queries.add(Caption(id_, "", line))
        lines.setdefault(id_, number)
    if not queries and len(problems) == before:
        problems.add("lists no query", file)
    return queries


def _rows(file: Path, problems: Problems) -> Iterator[tuple[int, str, str]]:
    """(line number, id, text) as they stand in the file, none of them checked."""
    return {".csv": _from_csv, ".jsonl": _from_jsonl}.get(file.suffix.lower(), _from_text)(file, problems)


def _from_text(file: Path, problems: Problems) -> Iterator[tuple[int, str, str]]:
    for number, line in text_lines(file, problems):
        id_, text = [*line.split(maxsplit=1), ""][:2]
        yield number, ids.decoded(id_), text


def _from_csv(file: Path, problems: Problems) -> Iterator[tuple[int, str, str]]:
    rows = csv_rows(file, problems)
    _, header = next(rows, (1, []))
    if [cell.strip() for cell in header] != ["query", "text"]:
        problems.add(f"the first line should be 'query,text', not {','.join(header)[:60]!r}", file, 1)
        return
    for number, row in rows:
        if len(row) == 2:
            yield number, ids.clean(row[0]), row[1]
        else:
            problems.add(f"has {len(row)} columns instead of 2 (put a text with commas into quotes)", file, number)


def _from_jsonl(file: Path, problems: Problems) -> Iterator[tuple[int, str, str]]:
    for number, line in text_lines(file, problems):
        try:
            row = json.loads(line)
            id_, text = row["query"], row["text"]
        except (ValueError, KeyError, TypeError, RecursionError):
            problems.add(FORM, file, number)
            continue
        if isinstance(id_, int) and not isinstance(id_, bool):
            id_ = str(id_)  # topics are often numbers
        if isinstance(id_, str) and isinstance(text, str):
            yield number, ids.clean(id_), text
        else:
            problems.add(FORM, file, number)
