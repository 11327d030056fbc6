"""The picture to show of each video: its thumbnail, or a middle frame where that is nearly of one colour."""

from __future__ import annotations

from collections.abc import Sequence

from pipeline.extraction.decoding import processes
from pipeline.pictures.middle import Where, middles
from pipeline.pictures.plain import is_plain
from pipeline.pictures.stored import Thumbnails
from pipeline.plan.context import Context

MOST = 200  # videos at most from which a middle frame is taken at a time, a tenth of a second each


def pictures(context: Context, videos: Sequence[int], most: int = MOST) -> list[bytes]:
    """A JPEG of each catalog row, at most 160 pixels a side; b"" where there is none.

    most: middle frames are taken for so many of them, the first ones; the others keep their thumbnails.
    """
    catalog = context.catalog
    shown = Thumbnails(context).read(videos)
    plain = [place for place, jpeg in enumerate(shown) if jpeg and is_plain(jpeg)][:most]
    rows = [videos[place] for place in plain]
    wanted = [Where(catalog.paths[row], float(catalog.starts[row]), float(catalog.ends[row])) for row in rows]
    for place, jpeg in zip(plain, middles(wanted, processes()), strict=True):
        shown[place] = jpeg or shown[place]
    return shown
