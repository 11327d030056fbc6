"""The collection on the page: bars and kinds of files, counted by hand."""

from __future__ import annotations

import numpy as np

from pipeline.items.catalog import Catalog
from pipeline.report import collection


def test_a_few_long_ones_are_in_the_last_bar() -> None:
    values = np.array([1.0] * 98 + [500.0, 900.0])
    chart = collection.histogram_of("T", "About.", values, ("seconds", "videos"))
    assert chart.about == "About. The last bar also has 2 beyond it."
    counted = [int(row[1]) for row in chart.rows]
    assert (sum(counted), counted[-1]) == (100, 2)


def test_whole_numbers_have_whole_bars() -> None:
    chart = collection.histogram_of("T", "About.", np.array([1, 2, 2, 3]), ("words", "captions"), whole=True)
    assert chart.rows == [["0 to 1", "0"], ["1 to 2", "1"], ["2 to 3", "2"], ["3 to 4", "1"]]


def test_equal_lengths() -> None:
    chart = collection.histogram_of("T", "About.", np.zeros(3), ("seconds", "videos"))
    assert sum(int(row[1]) for row in chart.rows) == 3


def test_captions_are_counted() -> None:
    of_two = Catalog(
        videos=["a", "b"],
        captions=["a#0", "a#1", "b#0"],
        texts=["one two", "one", "one two three"],
        caption_video=np.array([0, 0, 1]),
    )
    words, each = collection.of_captions(of_two)
    assert words.about == "How many words a caption has: 2.0 on average, 3 at most."
    assert each.about == "How many captions a video has: 1.5 on average."
    assert collection.of_captions(Catalog()) == []


def test_kinds_of_files() -> None:
    looks = {
        "width": np.array([320, 320, 64]),
        "height": np.array([180, 180, 64]),
        "fps": np.array([30.0, 30.0, 29.97]),
        "codec": np.array([b"h264", b"h264", b"vp9"]),
        "container": np.array([b"mov,mp4", b"mov,mp4", b"matroska,webm"]),
    }
    assert collection.kinds(looks) == [
        ["size", "320 \u00d7 180 (2), 64 \u00d7 64 (1)"],
        ["frame rate", "30 fps (2), 29.97 fps (1)"],
        ["codec", "h264 in mov (2), vp9 in matroska (1)"],
    ]


def test_amounts_of_time() -> None:
    assert [collection.amount(seconds) for seconds in (60, 600, 36_000)] == ["60 seconds", "10 minutes", "10.0 hours"]
