"""The streamed best k against all products at once; whole numbers, whose sums no rounding touches."""

from __future__ import annotations

import tracemalloc
from pathlib import Path

import numpy as np
import pytest
import torch

from pipeline.errors import LaffError
from pipeline.ranking import best, products
from pipeline.ranking import nearest as engine
from pipeline.ranking.best import Best
from pipeline.ranking.held import hold
from pipeline.ranking.nearest import nearest
from pipeline.rows.flat import Flat

WIDTH = 24


def stored(path: Path, values: np.ndarray, before: bytes = b"head") -> Flat:
    """Values behind some bytes of something else, as a shard's lie behind its header."""
    path.write_bytes(before + values.tobytes())
    return Flat(path, len(before), *values.shape, values.dtype.name)


def whole_numbers(rows: int, seed: int, most: int = 3) -> np.ndarray:
    return np.random.default_rng(seed).integers(-most, most + 1, (rows, WIDTH)).astype(np.float32)


def brute(queries: np.ndarray, values: np.ndarray, k: int, order: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """All scores in float64, sorted by score and then by order."""
    scores = queries.astype(np.float64) @ values.T.astype(np.float64)
    first = np.array([np.lexsort((order, -row))[:k] for row in scores])
    return first, np.take_along_axis(scores, first, axis=1)


@pytest.mark.parametrize("kind", ["float16", "float32"])
@pytest.mark.parametrize("k", [1, 10, 300, 5000])
def test_equal_to_all_products_at_once(tmp_path: Path, monkeypatch, kind: str, k: int) -> None:
    """Many ties, also at the cut; several files, blocks smaller than they; k above the number of rows gives all."""
    monkeypatch.setattr(engine, "SCORES", 7 * 64)
    monkeypatch.setattr(products, "PIECE", WIDTH * 16)
    monkeypatch.setattr(best, "PENDING", 50)
    values, queries = whole_numbers(1000, 1), whole_numbers(7, 2)
    parts = [values[:1], values[1:400], values[400:400], values[400:]]
    sources = [stored(tmp_path / f"{n}.bin", part.astype(kind)) for n, part in enumerate(parts)]
    order = np.random.default_rng(3).permutation(1000)
    found = nearest(queries, sources, k, lambda rows: order[rows])
    rows, scores = brute(queries, values, k, order)
    np.testing.assert_array_equal(found.rows, rows)
    np.testing.assert_array_equal(found.scores, scores)


def test_without_an_order_the_earlier_of_equal_rows_comes_first(tmp_path: Path) -> None:
    found = nearest(np.ones((1, 3), np.float32), [stored(tmp_path / "v", np.ones((40, 3), np.float16))], 5)
    assert found.rows.tolist() == [[0, 1, 2, 3, 4]]
    assert found.scores.tolist() == [[3.0] * 5]


def test_the_order_is_asked_for_only_where_scores_tie(tmp_path: Path) -> None:
    values = np.diag(np.arange(1, 9)).astype(np.float32)
    source = stored(tmp_path / "v", values)

    def unwanted(rows: np.ndarray) -> np.ndarray:
        raise AssertionError("nothing ties")

    assert nearest(np.ones((1, 8), np.float32), [source], 3, unwanted).rows.tolist() == [[7, 6, 5]]


def test_the_order_is_asked_for_the_rows_alone_that_tie(tmp_path: Path) -> None:
    values = np.array([[5], [1], [3], [3], [2], [5], [0]], np.float32)
    asked = []

    def last_first(rows: np.ndarray) -> np.ndarray:
        asked.append(rows.tolist())
        return -rows

    source = stored(tmp_path / "v", values)
    assert nearest(np.ones((1, 1), np.float32), [source], 4, last_first).rows.tolist() == [[5, 0, 3, 2]]
    assert asked == [[0, 2, 3, 5]]


def test_only_rows_that_count_are_found(tmp_path: Path) -> None:
    values, queries = whole_numbers(500, 4), whole_numbers(3, 5)
    allowed = np.arange(500) % 7 == 3
    found = nearest(queries, [stored(tmp_path / "v", values)], 20, allowed=allowed)
    rows, scores = brute(queries, values[allowed], 20, np.arange(allowed.sum()))
    np.testing.assert_array_equal(found.rows, np.flatnonzero(allowed)[rows])
    np.testing.assert_array_equal(found.scores, scores)
    assert nearest(queries, [stored(tmp_path / "v", values)], 600, allowed=allowed).rows.shape == (3, allowed.sum())


def test_rising_scores_keep_memory_bounded(monkeypatch) -> None:
    """Each row is better than all before it: what waits stays below twice what is kept, and a block."""
    monkeypatch.setattr(best, "PENDING", 100)
    keeper = Best(2, 30, None)
    tracemalloc.start()
    for first in range(0, 20_000, 100):
        keeper.offer(first, torch.arange(first, first + 100, dtype=torch.float32).expand(2, 100), None)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert keeper.result().rows[0].tolist() == list(range(19_999, 19_969, -1))
    assert peak < 60_000  # bytes; the numbers of all 40,000 candidates would be 320,000


@pytest.mark.parametrize("kind", ["float16", "float32"])
@pytest.mark.parametrize("width", [64, 384, 1000])
@pytest.mark.parametrize("count", [1, 3, 30])
def test_equal_vectors_tie_wherever_they_lie(tmp_path: Path, kind: str, width: int, count: int) -> None:
    """Rounded sums too: equal rows in full blocks, in a last piece and in a file of one row go by their order."""
    generator = np.random.default_rng(6)
    values = generator.standard_normal((9002, width)).astype(kind)
    equal = [5, 100, 4096, 4097, 8192, 8999, 9000, 9001]
    values[equal] = values[5]
    parts = [values[:9000], values[9000:9001], values[9001:]]
    sources = [stored(tmp_path / str(number), part) for number, part in enumerate(parts)]
    queries = values[5].astype(np.float32) + 0.01 * generator.standard_normal((count, width)).astype(np.float32)
    found = nearest(queries, sources, len(equal), lambda rows: -rows)
    assert (found.scores == found.scores[:, :1]).all()
    assert found.rows.tolist() == [equal[::-1]] * count


def test_many_queries_take_several_passes(tmp_path: Path, monkeypatch) -> None:
    monkeypatch.setattr(engine, "KEPT", 35)
    values, queries = whole_numbers(90, 8), whole_numbers(11, 9)
    source = stored(tmp_path / "v", values)
    assert [len(part.rows) for part in engine.passes(queries, [source], 10)] == [3, 3, 3, 2]
    rows, _ = brute(queries, values, 10, np.arange(90))
    np.testing.assert_array_equal(nearest(queries, [source], 10).rows, rows)


def test_nothing_to_find(tmp_path: Path) -> None:
    empty = stored(tmp_path / "v", np.zeros((0, 4), np.float32))
    assert nearest(np.ones((2, 4), np.float32), [empty], 3).rows.shape == (2, 0)
    assert nearest(np.ones((2, 4), np.float32), [], 3).rows.shape == (2, 0)


@pytest.mark.parametrize(
    ("queries", "k", "said"),
    [
        (np.ones((1, 4), np.float32), 0, "k is 0"),
        (np.ones((1, 5), np.float32), 1, "4 wide and the queries 5; they are of another model"),
        (np.full((1, 4), np.nan, np.float32), 1, "finite float32"),
        (np.ones((1, 4)), 1, "float64"),
    ],
)
def test_what_makes_no_sense_is_told(tmp_path: Path, queries: np.ndarray, k: int, said: str) -> None:
    with pytest.raises(LaffError, match=said):
        nearest(queries, [stored(tmp_path / "v", np.ones((2, 4), np.float32))], k)


def test_values_that_are_no_numbers_are_told(tmp_path: Path) -> None:
    source = stored(tmp_path / "v", np.full((2, 4), np.nan, np.float32))
    with pytest.raises(LaffError, match="not a finite number"):
        nearest(np.ones((1, 4), np.float32), [source], 1)


@pytest.mark.parametrize("kind", ["float16", "float32"])
@pytest.mark.parametrize("width", [24, 250, 384])
@pytest.mark.parametrize("count", [1, 7])
def test_vectors_held_in_memory_have_the_same_scores_to_the_last_bit(
    tmp_path: Path, kind: str, width: int, count: int
) -> None:
    """Several files, none of whole tiles; those that need more memory than there is are not held."""
    random = np.random.default_rng(4)
    parts = [random.standard_normal((rows, width)).astype(kind) for rows in (1, 300, 0, 77)]
    sources = [stored(tmp_path / f"{n}.bin", part) for n, part in enumerate(parts)]
    queries = random.standard_normal((count, width)).astype(np.float32)
    memory = (16 + 304 + 80) * width * 4  # whole tiles of 16 rows
    held = hold(sources, memory)
    assert held
    assert hold(sources, memory - 1) is None
    allowed = random.random(378) < 0.7
    for some in (None, allowed):
        streamed, kept = nearest(queries, sources, 50, None, some), nearest(queries, held, 50, None, some)
        assert streamed.rows.tobytes() == kept.rows.tobytes()
        assert streamed.scores.tobytes() == kept.scores.tobytes()
    for source in sources:
        source.path.unlink()
    assert nearest(queries, held, 50).rows.shape == (count, 50)
