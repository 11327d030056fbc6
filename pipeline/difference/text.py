"""The difference of two runs as text: tables of what differs, and a line on what does not."""

from collections.abc import Sequence
from typing import Any

from pipeline import yamls
from pipeline.difference import collections
from pipeline.difference.difference import Difference
from pipeline.difference.features import Feature
from pipeline.difference.results import RowDifference
from pipeline.difference.settings import ABSENT
from pipeline.errors import printable
from pipeline.graph.origins import Resolved
from pipeline.views import printed
from pipeline.views.figure_table import Cell, FigureTable
from pipeline.views.printed import PLAIN, Paper
from pipeline.views.tables import cell, digits, p_text
from pipeline.wording import number_of

SHOWN = ("R@1", "R@10", "mAP")  # metrics of the table; --json has all


def text(found: Difference, paper: Paper = PLAIN) -> str:
    """All that differs, part by part."""
    parts = [f"A  {printable(found.first.label)}\nB  {printable(found.second.label)}"]
    parts += [_settings(found, paper), _surroundings(found, paper), _collection(found)]
    parts += [_features(found.features, paper), _results(found, paper)]
    if found.equal:
        parts.append("no difference")
    elif same := [name for name, equal in found.parts.items() if equal]:
        parts.append(f"no difference in: {', '.join(same)}")
    return "\n\n".join(filter(None, parts))


def _settings(found: Difference, paper: Paper) -> str:
    if not found.settings:
        return ""
    rows: list[Sequence[Cell]] = [
        [one.name, _value(one.first), _value(one.second), _origin(one.first), _origin(one.second)]
        for one in found.settings
    ]
    return _table("settings", ["setting", "A", "B", "A from", "B from"], rows, paper, left=5)


def _value(one: Resolved | None) -> str:
    return ABSENT if one is None else yamls.inline(one.value)


def _origin(one: Resolved | None) -> str:
    return "" if one is None else one.origin.text


def _surroundings(found: Difference, paper: Paper) -> str:
    known = found.surroundings
    if known.unknown:
        sides = " and ".join(known.unknown)
        return f"versions and hardware: {sides} noted none: an index does not, nor did earlier versions of laff"
    rows: list[Sequence[Cell]] = [
        [one.name, _plain(one.first), _plain(one.second)] for one in (*known.versions, *known.hardware)
    ]
    return _table("versions and hardware", ["what", "A", "B"], rows, paper, left=3) if rows else ""


def _plain(value: Any) -> str:
    if value is None or value == []:
        return ABSENT
    return ", ".join(map(str, value)) if isinstance(value, list) else str(value)


def _collection(found: Difference) -> str:
    lines = collections.in_words(found.collection)
    return "\n".join(["collection", *(f"  {line}" for line in lines)]) if lines else ""


def _features(features: Sequence[Feature], paper: Paper) -> str:
    """The features that differ with the likely cause of each; those that are equal in a line."""
    if features and not any(one.items for one in features):
        return "features: no item of the same content is in both, so none are compared"
    other = [one for one in features if not one.same]
    same = [one for one in features if one.same and not one.same_files and one.items]
    shared = list(dict.fromkeys(one.stage for one in features if one.same_files))
    blocks = []
    if other:
        head = ["feature", "side", "items", "in both", "equal", "lowest cosine", "mean cosine", "largest difference"]
        rows: list[Sequence[Cell]] = [_feature(one) for one in other]
        blocks.append(_table("features", head, rows, paper, left=2))
        blocks.append("\n".join(f"{one.stage} ({one.side}): {_cause(one)}" for one in other))
    if same:
        counts = ", ".join(f"{one.stage} ({one.side}, {_looked(one)})" for one in same)
        blocks.append(f"features that are equal byte by byte: {counts}")
    if shared and other + same:
        blocks.append(f"features that both runs share: {', '.join(shared)}")
    return "\n\n".join(blocks)


def _feature(one: Feature) -> list[Cell]:
    figures = [one.lowest, one.mean]
    return [
        one.stage,
        one.side,
        _looked(one),
        f"{one.both:,}",
        f"{one.equal:,}",
        *("" if figure is None else f"{figure:.6f}" for figure in figures),
        "" if one.largest is None else f"{one.largest:.3g}",
    ]


def _looked(one: Feature) -> str:
    """How many items were compared, of how many."""
    return f"{one.items:,}" if one.looked == one.items else f"{one.looked:,} of {one.items:,}"


def _cause(one: Feature) -> str:
    reasons = [one.wrong] if one.wrong else []
    if one.first != one.second or one.both != one.first:
        reasons.append(f"{one.first:,} and {one.second:,} items have a row")
    return "; ".join([*reasons, *(f"likely: {cause}" for cause in one.causes[:1]), *one.causes[1:]])


def _results(found: Difference, paper: Paper) -> str:
    """The rows of both, where any rank differs, with the difference B - A and its p."""
    results = found.results
    other = [row for row in results.rows if not row.equal]
    blocks = []
    if other:
        shown = [name for name in SHOWN if name in other[0].first]
        head = ["model", "way", *(f"{name} {side}" for name in shown for side in ("A", "B", "B-A")), "p"]
        rows: list[Sequence[Cell]] = []
        for row in other:
            figures: list[Cell] = []
            for name in shown:
                one, two = row.first[name], row.second[name]
                difference = round(two["mean"] - one["mean"], digits(name)) + 0.0  # of -0.0 it makes 0.0
                figures += [cell(one, name), cell(two, name), f"{difference:+.{digits(name)}f}"]
            rows.append([row.row, row.way, *figures, "" if row.p is None else p_text(row.p)])
        blocks.append(_table("results", head, rows, paper, left=2, keys=2))
        if any(row.p is not None for row in other):
            blocks.append(
                "p: paired randomisation test on average precision, averaged over seeds, a video's captions together; "
                "not corrected for the number of rows."
            )
        blocks += _seeds(other)
    for label, rows_of in (("A", results.only_first), ("B", results.only_second)):
        blocks += [f"only {label} has {number_of(rows_of, 'rows')}: {', '.join(rows_of)}"] if rows_of else []
    return "\n\n".join([*blocks, *results.notes])


def _seeds(rows: Sequence[RowDifference]) -> list[str]:
    """A sentence where rows have other seeds in A than in B: by how much models differ from seed to seed, no p says."""
    pairs = dict.fromkeys(tuple(", ".join(map(str, side)) for side in row.seeds) for row in rows)
    texts = [f"{one} in A, {other} in B" for one, other in pairs if one != other]
    return (
        [f"Other seeds: {'; '.join(texts)}. p tells of queries, and not of what another seed would give."]
        if texts
        else []
    )


def _table(
    title: str, head: Sequence[str], rows: Sequence[Sequence[Cell]], paper: Paper, left: int, keys: int = 1
) -> str:
    table = FigureTable(head, rows, left=left, keys=keys, groups=())
    return f"{title}\n{printed.columns(table, paper)}"
