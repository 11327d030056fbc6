"""Mean word vectors, pretrained and our own."""

import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import torch

from extractors.w2v import W2v
from extractors.words import STOPWORDS, tokenise

CAPTIONS = ["a red car drives fast", "a blue car stops", "the red bus drives", "a bus stops fast"] * 10


@pytest.fixture
def vectors(tmp_path: Path) -> str:
    (tmp_path / "vectors.txt").write_text("4 2\nred 1 2\ncar 3 4\nzebra 5 8\nthe 100 100\n")
    return str(tmp_path / "vectors.txt")


def test_mean_by_hand(vectors: str) -> None:
    """Different words only, no stop words; a word that training never showed is found in the file."""
    w2v = W2v(vectors=vectors)
    state = w2v.fit(CAPTIONS)
    assert state["words"] == ["red", "car", "the"]
    assert state["vectors"].tolist() == [[1, 2], [3, 4], [100, 100]]
    other = W2v(vectors=vectors)
    other.load_state(state)
    means = other.extract_text(["the red CAR, car car!", "a red zebra", "blue the", ""])
    assert means.dtype == np.float32
    assert other.dim == 2
    assert means.tolist() == [[2, 3], [3, 5], [0, 0], [0, 0]]
    assert other.extract_text([]).shape == (0, 2)


def test_file_is_opened_only_for_new_words(vectors: str) -> None:
    """A state answers for the train captions' words alone; a file cut since then is noticed when it is needed."""
    state = W2v(vectors=vectors).fit(CAPTIONS)
    w2v = W2v(vectors=vectors)
    w2v.load_state(state)
    Path(vectors).write_text("1 3\nzebra 5 8 9\n")
    assert w2v.extract_text(["red car"]).tolist() == [[2, 3]]
    with pytest.raises(ValueError, match="vectors are 3 wide, 2 when this was fitted"):
        w2v.extract_text(["zebra"])


def test_missing_file(tmp_path: Path, vectors: str) -> None:
    """Both verbs that need it name the path; the constructor doesn't look at the disk."""
    state = W2v(vectors=vectors).fit(CAPTIONS)
    gone = W2v(vectors=str(tmp_path / "gone.bin"))
    with pytest.raises(ValueError, match=r"gone.bin: no such file"):
        gone.fit(CAPTIONS)
    with pytest.raises(ValueError, match=r"gone.bin: no such file.*new captions need it"):
        gone.load_state(state)


def test_no_word_in_the_file(vectors: str) -> None:
    with pytest.raises(ValueError, match="none of the train captions' words is among its 4 words"):
        W2v(vectors=vectors).fit(["ein rotes auto"])


def test_own_vectors_learn_company() -> None:
    """Two words used alike end nearer to each other than to one that is used elsewhere."""
    generator = np.random.default_rng(0)
    animals, foods = ["cat", "dog", "horse"], ["cake", "soup", "bread"]
    captions = [
        f"the {generator.choice(animals)} runs through grass"
        if generator.random() < 0.5
        else f"someone cooks tasty {generator.choice(foods)} today"
        for _ in range(400)
    ]
    state = W2v(dim=16, epochs=100).fit(captions)
    unit = torch.nn.functional.normalize(state["vectors"], dim=1)
    cat, dog, cake = (unit[state["words"].index(word)] for word in ("cat", "dog", "cake"))
    assert cat @ dog > cat @ cake + 0.1


def test_own_vectors_need_no_file_and_know_no_other_words() -> None:
    w2v = W2v(dim=4, epochs=1, threshold=10)
    state = w2v.fit(CAPTIONS)
    assert state["vectors"].shape == (len(state["words"]), 4)
    assert "blue" in state["words"]
    w2v.load_state(state)
    row = {word: vector.numpy() for word, vector in zip(state["words"], state["vectors"], strict=True)}
    vectors = w2v.extract_text(["a blue zebra bus", "zebra"])
    np.testing.assert_allclose(vectors, [(row["blue"] + row["bus"]) / 2, np.zeros(4)], rtol=1e-6)
    with pytest.raises(ValueError, match="no word occurs 99 times or more among the"):
        W2v(threshold=99).fit(CAPTIONS)


def test_same_vectors_in_any_process() -> None:
    """Training doesn't depend on Python's random hashing of strings."""
    code = (
        "from extractors.w2v import W2v; import sys\n"
        f"state = W2v(dim=4, epochs=2).fit({CAPTIONS[:4]!r} * 10)\n"
        "sys.stdout.write(repr((state['words'], state['vectors'].tolist())))"
    )
    root = str(Path(__file__).resolve().parents[2])
    seed = "1" if os.environ.get("PYTHONHASHSEED") != "1" else "2"  # another than here, where it is random as a rule
    done = subprocess.run(
        [sys.executable, "-c", code],
        check=True,
        capture_output=True,
        text=True,
        cwd=root,
        env={**os.environ, "PYTHONHASHSEED": seed, "PYTHONPATH": root},
    )
    state = W2v(dim=4, epochs=2).fit(CAPTIONS)
    assert done.stdout == repr((state["words"], state["vectors"].tolist()))


def test_state_survives_a_file(tmp_path: Path, vectors: str) -> None:
    torch.save(W2v(vectors=vectors).fit(CAPTIONS), tmp_path / "state.pt")
    w2v = W2v(vectors=vectors)
    w2v.load_state(torch.load(tmp_path / "state.pt", weights_only=True))
    assert w2v.extract_text(["red"]).tolist() == [[1, 2]]


def test_mistakes() -> None:
    for name in ("dim", "window", "epochs", "threshold"):
        with pytest.raises(ValueError, match=f"{name} is 0"):
            W2v(**{name: 0})


def test_real_captions(data: Path) -> None:
    """GloVe means of 300 test captions, by a reader of the file written here; unseen words among them."""
    folder = data / "msrvtt_kf"
    train, test = (
        [line.split(" ", 1)[1] for line in (folder / f"{split}.caption.txt").read_text().splitlines()]
        for split in ("train", "test")
    )
    table = {}
    for line in (folder / "glove50.txt").read_text().splitlines()[1:]:
        word, *values = line.split(" ")
        table[word] = np.array(values, dtype=np.float64)
    w2v = W2v(vectors=str(folder / "glove50.txt"))
    state = w2v.fit(train)
    w2v.load_state(state)
    vectors = w2v.extract_text(test[:300])
    assert w2v.dim == 50
    unseen = 0
    for caption, row in zip(test[:300], vectors, strict=True):
        words = {word for word in tokenise(caption) if word in table and word not in STOPWORDS}
        unseen += len(words - set(state["words"]))
        expected = sum(table[word] for word in words) / len(words) if words else np.zeros(50)
        np.testing.assert_allclose(row, expected, rtol=1e-5, atol=1e-6)
    assert unseen > 0
