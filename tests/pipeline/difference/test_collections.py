"""How two collections differ: worked out on four videos."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from pipeline.difference import collections
from pipeline.difference.collections import Items
from pipeline.items.catalog import PENDING, Catalog


@dataclass
class Table:
    """A side as far as collections need it."""

    catalog: Catalog


def catalog(videos: dict[str, tuple[str, int]], captions: dict[str, tuple[str, str]], starts: float = 0.0) -> Catalog:
    """videos: {id: (digest, split)}; captions: {id: (text, video)}."""
    names = list(videos)
    return Catalog(
        videos=names,
        paths=[f"{name}.mp4" for name in names],
        digests=[digest for digest, _ in videos.values()],
        starts=np.full(len(names), starts),
        ends=np.full(len(names), np.inf),
        video_split=np.array([split for _, split in videos.values()]),
        captions=list(captions),
        texts=[text for text, _ in captions.values()],
        caption_video=np.array([names.index(video) if video else -1 for _, video in captions.values()]),
    )


ONE = catalog(
    {"a": ("1", 0), "b": ("2", 0), "c": ("3", 2), "d": ("4", 2)},
    {"a#0": ("a dog", "a"), "b#0": ("a cat", "b"), "q": ("what", ""), "d#0": ("gone", "d")},
)
OTHER = catalog(
    {"e": ("5", 0), "a": ("1", 2), "b": ("x", 0), "c": (f"{PENDING}3", 2)},
    {"a#0": ("a dog", "a"), "b#0": ("a lion", "b"), "q": ("what", "a")},
)


def test_what_was_added_removed_changed_and_moved() -> None:
    found = collections.differing(Table(ONE), Table(OTHER))  # type: ignore[arg-type]
    # c was not read there, so nobody can tell whether it changed.
    assert found["video"] == Items(4, 4, removed=["d"], added=["e"], changed=["b"], moved=["a"])
    # q had no video, and now describes one.
    assert found["text"] == Items(4, 3, removed=["d#0"], added=[], changed=["b#0", "q"], moved=[])
    assert collections.in_words(found) == [
        "videos: 4; 1 only in A (d); 1 only in B (e); 1 changed (b); 1 in another split (a)",
        "captions: 4 and 3; 1 only in A (d#0); 2 changed (b#0, q)",
    ]


def test_items_of_the_same_content() -> None:
    here, there = collections.alike(ONE, OTHER, "video")
    assert [(ONE.videos[row], OTHER.videos[other]) for row, other in zip(here, there, strict=True)] == [
        ("a", "a"),
        ("c", "c"),
    ]
    here, there = collections.alike(ONE, OTHER, "text")
    assert [ONE.captions[row] for row in here] == ["a#0", "q"]
    assert [OTHER.captions[row] for row in there] == ["a#0", "q"]


def test_other_windows_are_other_content() -> None:
    moved = catalog({"a": ("1", 0)}, {}, starts=2.0)
    assert collections.differing(Table(ONE), Table(moved))["video"].changed == ["a"]  # type: ignore[arg-type]


def test_equal_collections() -> None:
    found = collections.differing(Table(ONE), Table(ONE))  # type: ignore[arg-type]
    assert all(items.equal for items in found.values())
    assert collections.in_words(found) == []


def test_a_long_list_is_cut() -> None:
    many = catalog({f"v{number}": ("1", 0) for number in range(1200)}, {})
    found = collections.differing(Table(many), Table(catalog({}, {})))  # type: ignore[arg-type]
    assert collections.in_words(found) == ["videos: 1,200 and 0; 1,200 only in A (v0, v1, v2, …)"]
