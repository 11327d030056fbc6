"""Example sentences are captions: usual ones, with little in common, and always the same."""

from __future__ import annotations

import numpy as np

from pipeline.items.catalog import Catalog
from pipeline.items.examples import examples

TEST = [
    "a dog runs on the beach",
    "the dog runs",
    "a dog runs on the beach",
    "two people cook soup",
    "people cook",  # too short
    "a man cooks soup in a very large kitchen of his own house by the old river",  # too long
    "the and of",  # stop words
    "a cat\x1b sleeps here",
]


def catalog(test: list[str], train: list[str]) -> Catalog:
    return Catalog(
        videos=["one", "two"],
        video_split=np.array([2, 0]),
        captions=[str(number) for number in range(len(test) + len(train))],
        texts=[*test, *train],
        caption_video=np.array([0] * len(test) + [1] * len(train), np.int64),
    )


def test_they_are_usual_and_varied() -> None:
    """dog and runs are in two captions each, beach, people and soup in one: 2 for "the dog runs", 5/3 with beach."""
    items = catalog(TEST, ["a red car turns"])
    assert examples(items) == ["the dog runs", "two people cook soup", "a dog runs on the beach"]
    assert examples(items, 1) == ["the dog runs"]
    assert examples(catalog(TEST[4:], ["a red car turns"])) == ["a red car turns"]
    assert examples(catalog(["маленький красный круг"], [])) == ["маленький красный круг"]


def test_a_collection_without_captions_has_none() -> None:
    assert examples(catalog([], [])) == []
    assert examples(Catalog([], [])) == []
