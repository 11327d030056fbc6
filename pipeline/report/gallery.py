"""The gallery: queries of test with their first hits, as a block of JSON that the page's script shows."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

from pipeline.pictures.shown import pictures
from pipeline.report import gallery_pictures
from pipeline.report.gallery_block import Shown, block, shown
from pipeline.report.gallery_queries import KINDS, chosen
from pipeline.report.inspected import Inspected
from pipeline.report.material import Material
from pipeline.report.section import Section

SIZE = 4_300_000  # letters of the block at most, about: a report of 5 MB has more than a gallery
PICTURES = 400_000  # letters at least that pictures get of it
HITS, A_HIT = 800_000, 12  # letters of hits and scores, which bound the rows; and of one hit with its score
DEPTH, DEPTH_OF_MANY, MANY = 8, 6, 1000  # hits of a query; of each of more than MANY queries
ROWS = 12  # rows of results at most that can be looked at
PICTURED = 4000  # videos at most whose pictures are read


def section(material: Material, inspected: Inspected | None = None) -> Section | None:
    """The gallery; None where no row of results ranks videos. inspected: the main model."""
    context = material.context
    table_rows = [row for row in material.rows if "t2v" in row.ways]
    table_rows.sort(key=lambda row: row.name != material.main)
    if not table_rows:
        return None
    ranks = {row.name: material.ranks[row.name][0]["t2v"] for row in table_rows}
    main = ranks[table_rows[0].name]
    places = chosen(main.ranks.first)
    depth = DEPTH if len(places) <= MANY else DEPTH_OF_MANY
    count = max(2, min(ROWS, HITS // max(1, len(places) * depth * A_HIT)))
    folder = context.work.folder(material.rank.name)
    rows = [shown(context, folder, row, ranks[row.name], places, depth) for row in table_rows[:count]]
    content, videos = block(context, rows, inspected)
    there = pictures(context, videos[:PICTURED])
    budget = max(PICTURES, SIZE - len(_text(content)))
    content["videos"] |= {
        "shape": gallery_pictures.shape(there),
        "pictures": gallery_pictures.encoded(there, budget) + [""] * (len(videos) - len(there)),
    }
    values = {
        "data": _text(content),
        "notes": _notes(content, len(main.ids), len(table_rows), rows),
        "rows": content["rows"],
    }
    return Section("gallery", "Gallery", values, ("gallery_cards.js", "gallery.js"), "gallery.css")


def _text(content: dict[str, Any]) -> str:
    """JSON that may stand in a page: nothing in it opens or closes an element."""
    text = json.dumps(content, ensure_ascii=False, separators=(",", ":"))
    return text.replace("&", "\\u0026").replace("<", "\\u003c").replace(">", "\\u003e")


def _notes(content: dict[str, Any], queries: int, table_rows: int, rows: Sequence[Shown]) -> list[str]:
    """What the gallery leaves out, in words."""
    count, notes = len(content["queries"]["ids"]), []
    if count < queries:
        notes.append(f"{count:,} of {queries:,} captions are here: {', '.join(KINDS[:-1])} and {KINDS[-1]}.")
    if len(rows) < table_rows:
        notes.append(f"The first {len(rows)} of {table_rows:,} models are here.")
    if any(len(one.row.seeds) > 1 for one in rows):
        notes.append("Of a model with several seeds, the first seed is shown.")
    pictured, videos = sum(map(bool, content["videos"]["pictures"])), len(content["videos"]["ids"])
    if not pictured:
        notes.append("There are no pictures of the videos, so each shows its first caption.")
    elif pictured < videos:
        notes.append(f"{pictured:,} of {videos:,} videos {'has' if pictured == 1 else 'have'} a picture here.")
    return notes
