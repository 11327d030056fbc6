"""Rows taken from splits equal rows taken by scipy and by Python lists; mistakes are named."""

import numpy as np
import pytest
import torch
from scipy.sparse import csr_matrix, random

from fusion.features import Sparse, Split, Tokens

ROWS = torch.tensor([3, 0, 0, 4, 1])


def dense(sparse: Sparse) -> np.ndarray:
    shape = (len(sparse), sparse.dim)
    return csr_matrix((sparse.values.numpy(), sparse.indices.numpy(), sparse.indptr.numpy()), shape=shape).toarray()


def split(**changes: object) -> Split:
    parts = {
        "video": {"x3d": torch.randn(3, 4)},
        "text": {"bow": Sparse.of(csr_matrix(np.eye(5, 7))), "w2v": torch.randn(5, 2)},
        "video_of": torch.tensor([0, 0, 1, 2, 2]),
        **changes,
    }
    return Split(**parts)  # type: ignore[arg-type]


def test_sparse_rows_are_scipys() -> None:
    full = random(5, 12, density=0.3, random_state=0).toarray()
    full[1] = 0
    csr = csr_matrix(full)
    assert np.array_equal(dense(Sparse.of(csr).rows(ROWS)), csr[ROWS.numpy()].toarray().astype(np.float32))
    assert len(Sparse.of(csr)) == 5
    assert len(Sparse.of(csr).rows(ROWS[:0])) == 0


def test_sparse_refuses_columns_outside() -> None:
    broken = csr_matrix((1, 3))
    broken.indices, broken.indptr, broken.data = np.array([3]), np.array([0, 1]), np.ones(1)
    with pytest.raises(ValueError, match=r"outside 0\.\.2"):
        Sparse.of(broken)


def test_tokens_rows() -> None:
    captions = [[1, 2, 3], [4], [], [5, 6], [7, 7, 7, 7]]
    starts = torch.tensor([0, 3, 4, 4, 6, 10])
    tokens = Tokens(torch.tensor([word for words in captions for word in words]), starts, 8).rows(ROWS)
    assert [tokens.ids[a:b].tolist() for a, b in zip(tokens.starts, tokens.starts[1:], strict=False)] == [
        captions[row] for row in ROWS
    ]
    with pytest.raises(ValueError, match=r"outside 0\.\.6"):
        Tokens(torch.tensor([7]), torch.tensor([0, 1]), 7)


def test_a_batch_pairs_captions_with_their_videos() -> None:
    whole = split()
    video, text = whole.batch(ROWS)
    assert torch.equal(video["x3d"], whole.video["x3d"][[2, 0, 0, 2, 0]])
    assert torch.equal(text["w2v"], whole.text["w2v"][ROWS])  # type: ignore[index]
    assert np.array_equal(dense(text["bow"]), np.eye(5, 7)[ROWS.numpy()])  # type: ignore[arg-type]
    assert (len(whole), whole.videos) == (5, 3)
    assert torch.equal(whole.to("cpu").batch(ROWS)[0]["x3d"], video["x3d"])


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"video": {}}, "video side has no feature"),
        ({"text": {"w2v": torch.ones(4, 2)}}, "text feature 'w2v' has 4 rows; expected 5"),
        ({"video": {"a": torch.ones(3, 1), "b": torch.ones(2, 1)}}, "video feature 'b' has 2 rows; expected 3"),
        ({"video_of": torch.tensor([0, 0, 1, 2, 3])}, r"outside 0\.\.2"),
        ({"video_of": torch.zeros(5)}, "should be int64"),
    ],
)
def test_mistakes_are_named(changes: dict[str, object], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        split(**changes)
