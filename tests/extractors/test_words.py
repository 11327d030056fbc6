"""Words and vocabularies."""

import re
from itertools import pairwise
from pathlib import Path

import pytest

from extractors.words import STOPWORDS, TooRare, counts, tokenise, vocabulary


@pytest.mark.parametrize(
    ("caption", "words"),
    [
        ("A man's car, red!", ["a", "man", "s", "car", "red"]),
        ("  3-year-old\tGIRL_x ", ["3", "year", "old", "girl", "x"]),
        ("Café ½ 日本 naïve", ["caf", "na", "ve"]),
        ("?!", []),
        ("", []),
    ],
)
def test_tokenise(caption: str, words: list[str]) -> None:
    """Only ASCII letters and digits make words."""
    assert tokenise(caption) == words


def test_counts_are_of_tokens_in_the_order_seen() -> None:
    """A word twice in one caption counts twice; a mark of two digits such as #1.2 is cut out, #12 is not.

    The authors' pattern is #\\d.\\d: of #3.45 it takes #3.4, and #12.5 it leaves.
    """
    frequencies = counts(["a dog and a dog", "Dog #1.2 runs", "#12", "#3.45 #12.5"])
    assert list(frequencies.items()) == [("a", 2), ("dog", 3), ("and", 1), ("runs", 1), ("12", 2), ("5", 2)]


def test_vocabulary_order_and_threshold() -> None:
    """Falling count; of equal ones the first seen first; stop words on request."""
    captions = ["red car the the the", "blue car red", "green sky"]
    assert vocabulary(captions, 1, stopwords=True) == ["the", "red", "car", "blue", "green", "sky"]
    assert vocabulary(captions, 2, stopwords=False) == ["red", "car"]


def test_empty_vocabulary_is_a_mistake() -> None:
    """The message holds the threshold and what there was."""
    with pytest.raises(TooRare) as error:
        vocabulary(["a dog", "dog"], 3, stopwords=True)
    assert str(error.value) == (
        "no word occurs 3 times or more among the 2 different words of the train captions; the commonest, 'dog', "
        "occurs 2; give more captions or a lower threshold"
    )
    with pytest.raises(TooRare, match="among the 0 different words of the train captions; give more captions"):
        vocabulary(["the"], 1, stopwords=False)


def test_stop_words() -> None:
    """153 of NLTK's: with negations and the remains of contractions, without words that say what is seen."""
    assert len(STOPWORDS) == 153
    assert {"no", "not", "nor", "don", "t", "s", "wouldn", "the", "is", "up"} <= STOPWORDS
    assert not {"man", "one", "two", "would", "could", "without", "us"} & STOPWORDS
    assert all(re.fullmatch("[a-z]+", word) for word in STOPWORDS)


def test_real_captions(data: Path) -> None:
    """Counts over the real captions equal those of one regular expression over the whole file."""
    lines = (data / "msrvtt_kf" / "train.caption.txt").read_text().splitlines()
    captions = [line.split(" ", 1)[1] for line in lines]
    whole = re.findall("[a-z0-9]+", "\n".join(captions).lower().encode("ascii", "replace").decode())
    frequencies = counts(captions)
    assert abs(sum(frequencies.values()) - len(whole)) <= 2 * sum("#" in caption for caption in captions)
    assert frequencies["man"] == whole.count("man")
    words = vocabulary(captions, 5, stopwords=True)
    assert words[0] == "a"
    assert all(frequencies[x] >= frequencies[y] >= 5 for x, y in pairwise(words))
