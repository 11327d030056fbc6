"""Facets of topics, such as person or action: over which of them a mean is taken too."""

from __future__ import annotations

from pathlib import Path

from pipeline import ids, yamls
from pipeline.errors import LaffError, Problems, meant
from pipeline.items.lists import csv_rows

FOLDER = Path(__file__).parent / "facets"
Facets = dict[str, list[str]]  # facet -> its topics; a topic may have several


def shipped() -> list[str]:
    """The names of the facets that come with laff."""
    return sorted(path.stem for path in FOLDER.glob("*.yaml"))


def load(word: str) -> Facets:
    """The facets of a CSV file with the header `topic,facet`, or those of a name of `shipped`.

    Raises LaffError for an unknown name, and one that lists all mistakes of a file.
    """
    file = Path(word)
    if not file.suffix and not file.is_file():
        if word not in shipped():
            raise LaffError(f"no facets '{word}'{meant(word, shipped())}; or give a CSV file with lines `topic,facet`")
        return {
            facet: [str(topic) for topic in topics]
            for facet, topics in yamls.load(FOLDER / f"{word}.yaml")["facets"].items()
        }
    problems = Problems()
    facets = _read(file, problems)
    problems.check(file)
    return facets


def _read(file: Path, problems: Problems) -> Facets:
    facets: Facets = {}
    rows = csv_rows(file, problems)
    line, header = next(rows, (1, []))
    if problems:
        return facets
    if [cell.strip() for cell in header] != ["topic", "facet"]:
        problems.add(f"the first line should be 'topic,facet', not {','.join(header)[:60]!r}", file, line)
        return facets
    for number, row in rows:
        if len(row) != 2 or not all(cell.strip() for cell in row):
            problems.add("should be a topic and a facet, such as 641,person; two facets are two lines", file, number)
            continue
        topic, facet = (ids.clean(cell) for cell in row)
        if topic in facets.setdefault(facet, []):
            problems.add(f"topic '{topic}' has the facet '{facet}' twice", file, number)
        else:
            facets[facet].append(topic)
    if not facets and not problems:
        problems.add("lists no facet", file)
    return facets
