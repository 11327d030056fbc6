"""Bag of words."""

from pathlib import Path

import numpy as np
import pytest
import torch
from scipy.sparse import issparse

from extractors.bow import Bow
from extractors.words import STOPWORDS, tokenise


def test_counts_by_hand() -> None:
    """Raw counts, stop words and unknown words left out, one row even for a caption of neither."""
    bow = Bow(threshold=2)
    state = bow.fit(["red car, red sky", "a car", "the sky"])
    assert state == {"words": ["red", "car", "sky"]}
    bow.load_state(state)
    bags = bow.extract_text(["sky CAR sky!", "a the green", "", "red"])
    assert bow.dim == 3
    assert issparse(bags)
    assert bags.dtype == np.float32
    np.testing.assert_array_equal(bags.toarray(), [[0, 1, 2], [0, 0, 0], [0, 0, 0], [1, 0, 0]])
    assert bags.has_canonical_format
    assert bow.extract_text([]).shape == (0, 3)


def test_state_survives_a_file(tmp_path: Path) -> None:
    """The state is read back by torch.load(weights_only=True)."""
    torch.save(Bow(threshold=1).fit(["two dogs", "dogs"]), tmp_path / "state.pt")
    bow = Bow()
    bow.load_state(torch.load(tmp_path / "state.pt", weights_only=True))
    np.testing.assert_array_equal(bow.extract_text(["two dogs"]).toarray(), [[1, 1]])


def test_mistakes() -> None:
    with pytest.raises(ValueError, match="threshold is 0"):
        Bow(threshold=0)
    with pytest.raises(ValueError, match="no word occurs 5 times"):
        Bow().fit(["the the the the the", "dog"])


def test_real_captions(data: Path) -> None:
    """Every entry of 500 test captions is the count of its word, and nothing in the vocabulary is missed."""
    folder = data / "msrvtt_kf"
    train, test = (
        [line.split(" ", 1)[1] for line in (folder / f"{split}.caption.txt").read_text().splitlines()]
        for split in ("train", "test")
    )
    bow = Bow()
    state = bow.fit(train)
    bow.load_state(state)
    words = state["words"]
    assert not STOPWORDS & set(words)
    bags = bow.extract_text(test[:500])
    for caption, row in zip(test[:500], bags.toarray(), strict=True):
        expected = [word for word in tokenise(caption) if word in set(words)]
        assert row.sum() == len(expected)
        assert all(row[words.index(word)] == expected.count(word) for word in expected)
