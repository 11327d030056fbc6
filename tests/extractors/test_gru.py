"""The GRU encoder, its training, and the feature it gives."""

from pathlib import Path

import numpy as np
import pytest
import torch
from torch import Tensor
from torch.nn import functional

from extractors.base import Pairs
from extractors.gru import Gru, GruEncoder
from extractors.gru_task import take
from pipeline.graph.recipe import Recipe
from pipeline.training.optimizer import make_optimizer, step

CAPTIONS = ["a red car", "a blue car stops here", "red", ""]


def hardest(cosines: Tensor, scale: Tensor, videos: Tensor | None = None) -> Tensor:
    """Margin 0.2 against the hardest other video of each caption."""
    matching = cosines.diagonal()[:, None]
    others = cosines.masked_fill(torch.eye(len(cosines), dtype=torch.bool), -9.0)
    return (0.2 + others - matching).amax(dim=1).clamp(min=0).sum()


def contrast(cosines: Tensor, scale: Tensor, videos: Tensor | None = None) -> Tensor:
    return functional.cross_entropy(scale * cosines, torch.arange(len(cosines)))


def by_hand(encoder: GruEncoder, ids: Tensor, starts: Tensor) -> Tensor:
    """Mean states from the GRU's equations, one token and one caption at a time."""
    states = []
    for first, end in zip(starts[:-1].tolist(), starts[1:].tolist(), strict=True):
        directions = []
        for suffix in ("", "_reverse") if encoder.gru.bidirectional else ("",):
            w_in, w_state, b_in, b_state = (
                getattr(encoder.gru, f"{name}_l0{suffix}") for name in ("weight_ih", "weight_hh", "bias_ih", "bias_hh")
            )
            state = torch.zeros(w_state.shape[1], dtype=w_state.dtype)
            seen = []
            tokens = ids[first:end].tolist()
            for token in reversed(tokens) if suffix else tokens:
                reset_x, update_x, new_x = (w_in @ encoder.embedding.weight[token] + b_in).chunk(3)
                reset_h, update_h, new_h = (w_state @ state + b_state).chunk(3)
                new = torch.tanh(new_x + torch.sigmoid(reset_x + reset_h) * new_h)
                update = torch.sigmoid(update_x + update_h)
                state = (1 - update) * new + update * state
                seen.append(state)
            directions.append(torch.stack(seen).mean(dim=0))
        states.append(torch.cat(directions))
    return torch.stack(states)


@pytest.mark.parametrize("bidirectional", [False, True])
def test_encoder_is_its_equations(bidirectional: bool) -> None:
    """Values and all gradients, for captions of 1, 5, 2, 2 and 3 tokens."""
    encoder = GruEncoder(9, 3, 6, bidirectional).double()
    ids = torch.tensor([4, 1, 2, 3, 8, 8, 0, 7, 1, 1, 5, 6, 2])
    starts = torch.tensor([0, 1, 6, 8, 10, 13])
    result, expected = encoder(ids, starts), by_hand(encoder, ids, starts)
    assert result.shape == (5, 6)
    torch.testing.assert_close(result, expected, rtol=1e-10, atol=1e-12)
    weight = torch.randn(5, 6, dtype=torch.float64)
    parameters = list(encoder.parameters())
    gradients = torch.autograd.grad((result * weight).sum(), parameters)
    wanted = torch.autograd.grad((expected * weight).sum(), parameters)
    dense = [gradient.to_dense() for gradient in gradients]  # that of the word vectors is sparse
    torch.testing.assert_close(dense, list(wanted), rtol=1e-9, atol=1e-12)


def test_tokens() -> None:
    """Start, words, end; unknown words; every special id where the paper's code has it."""
    gru = Gru(threshold=2)
    words = gru.vocabulary(CAPTIONS)
    assert words == ["<pad>", "<start>", "<end>", "<unk>", "a", "red", "car"]
    ids, starts = gru.tokens(["Red zebra car!", ""], words)
    assert ids.tolist() == [1, 5, 3, 6, 2, 1, 2]
    assert starts.tolist() == [0, 5, 7]
    assert ids.dtype == starts.dtype == torch.int64


def test_take() -> None:
    """Any rows in any order, the same one twice as well."""
    ids, starts = torch.arange(9), torch.tensor([0, 2, 3, 7, 9])
    taken, bounds = take(ids, starts, torch.tensor([2, 0, 2, 3]))
    assert taken.tolist() == [3, 4, 5, 6, 0, 1, 3, 4, 5, 6, 7, 8]
    assert bounds.tolist() == [0, 4, 6, 10, 12]


def test_encoder_starts_from_vectors() -> None:
    """Rows with a vector hold it, the others are uniform in (-1, 1); the seed decides, not the global state."""
    gru = Gru(hidden=4, threshold=1, vector_dim=2)
    words = gru.vocabulary(CAPTIONS)
    state = torch.get_rng_state()
    encoder = gru.encoder(words, {"red": np.array([7.0, 8.0]), "zebra": np.array([9.0, 9.0])})
    assert torch.equal(torch.get_rng_state(), state)
    table = encoder.embedding.weight.detach()
    red = words.index("red")
    assert table[red].tolist() == [7, 8]
    others = torch.cat([table[:red], table[red + 1 :]])
    assert others.abs().max() < 1
    assert others.std() == pytest.approx(3**-0.5, abs=0.2)
    torch.rand(3)
    again = gru.encoder(words)
    assert torch.equal(again.gru.weight_hh_l0, encoder.gru.weight_hh_l0)
    assert not torch.equal(gru.encoder(words, seed=5).gru.weight_hh_l0, encoder.gru.weight_hh_l0)
    with pytest.raises(ValueError, match="vectors are 3 wide, but vector_dim is 2; set vector_dim: 3"):
        gru.encoder(words, {"red": np.zeros(3)})


def test_size_of_the_paper() -> None:
    """Embeddings 7807 x 500, and a GRU of 3 x 1024 x (500 + 1024 + 2)."""
    encoder = GruEncoder(7807, 500)
    assert sum(parameter.numel() for parameter in encoder.parameters()) == 7807 * 500 + 3 * 1024 * (500 + 1024 + 2)


def pairs(videos: np.ndarray, captions: list[str], video_of: list[int]) -> Pairs:
    return Pairs(captions, np.array(video_of, dtype=np.int64), videos)


def colours() -> tuple[Pairs, Pairs]:
    """Four videos, told apart by two words; validation asks with other words around."""
    names = ["red car", "red bus", "blue car", "blue bus"]
    videos = np.array([[1, 0, 1, 0], [1, 0, 0, 1], [0, 1, 1, 0], [0, 1, 0, 1]], dtype=np.float32) * 3
    train = [
        f"{start} {name} {end}" for name in names for start in ("a", "the") for end in ("drives", "stops", "waits")
    ]
    val = [f"{start} {name}" for name in names for start in ("a", "the")]
    return (
        pairs(videos, train, [i for i in range(4) for _ in range(6)]),
        pairs(videos, val, [i for i in range(4) for _ in range(2)]),
    )


@pytest.mark.parametrize("loss", [hardest, contrast])
def test_training_learns(loss: object, tmp_path: Path) -> None:
    """From chance to every caption's video first; the state on disk gives back the trained encoder."""
    gru = Gru(hidden=16, threshold=1, vector_dim=8)
    train, val = colours()
    task = gru.task(train, val, loss)  # type: ignore[arg-type]
    assert task.samples == 24
    before = task.score()
    optimizer = make_optimizer(task.model, Recipe(optimizer="adamw", lr=0.02, weight_decay=0.0))
    for number in range(60):
        samples = torch.tensor([i * 6 + (number + i) % 6 for i in range(4)])
        step(task.loss(samples), optimizer, 0.0)
    assert task.model.training
    assert before < 0.8
    assert task.score() == pytest.approx(1.0)
    torch.save(task.state(), tmp_path / "state.pt")
    state = torch.load(tmp_path / "state.pt", weights_only=True)
    assert state["vector_dim"] == 8
    loaded = Gru(hidden=16, threshold=1, vector_dim=8)
    loaded.load_state(state)
    encoder = task.model.get_submodule("encoder")
    expected = by_hand(encoder, *gru.tokens(val.captions, task.learned["words"]))  # type: ignore[arg-type]
    np.testing.assert_allclose(loaded.extract_text(val.captions), expected.detach().numpy(), atol=1e-6)


def test_loss_is_given_cosines_of_its_rows() -> None:
    """Caption rows against video columns, unit lengths on both sides, and the scale of CLIP."""
    seen = {}

    def spy(cosines: Tensor, scale: Tensor, videos: Tensor | None = None) -> Tensor:
        seen.update(cosines=cosines, scale=scale)
        return cosines.sum()

    train, val = colours()
    task = Gru(hidden=4, threshold=1, vector_dim=3).task(train, val, spy)
    samples = torch.tensor([20, 3, 9])
    task.loss(samples)
    ids, starts = take(task.ids, task.starts, samples)
    text = task.model(ids, starts)
    video = torch.from_numpy(train.videos)[torch.from_numpy(train.video_of)[samples]]
    expected = functional.cosine_similarity(text[:, None], video[None], dim=2)
    torch.testing.assert_close(seen["cosines"], expected, rtol=1e-5, atol=1e-6)
    assert float(seen["scale"].detach()) == pytest.approx(1 / 0.07, rel=1e-5)
    with torch.no_grad():
        task.projected.log_scale.fill_(9.0)
    task.loss(samples)
    assert float(seen["scale"].detach()) == 100.0


def test_state_is_a_copy() -> None:
    """A step of training after `state` doesn't reach it."""
    task = Gru(hidden=4, threshold=1, vector_dim=3).task(*colours(), hardest)
    state = task.state()
    kept = {name: value.clone() for name, value in state["encoder"].items()}
    with torch.no_grad():
        for parameter in task.model.parameters():
            parameter.add_(1.0)
    assert all(torch.equal(value, kept[name]) for name, value in state["encoder"].items())


def trained(hidden: int = 8) -> Gru:
    gru = Gru(hidden=hidden, threshold=1, vector_dim=3)
    gru.load_state(gru.task(*colours(), hardest).state())
    return gru


def test_extract_text_keeps_order_and_ignores_company() -> None:
    """Rows follow the captions; alone or among 600 others a caption's row is the same to 1e-6."""
    gru = trained()
    captions = [f"the red {'car ' * (i % 7)} {i}" for i in range(600)]
    vectors = gru.extract_text(captions)
    assert vectors.shape == (600, 8)
    assert vectors.dtype == np.float32
    np.testing.assert_array_equal(vectors, gru.extract_text(captions))
    alone = np.concatenate([gru.extract_text([caption]) for caption in captions[250:270]])
    np.testing.assert_allclose(vectors[250:270], alone, atol=1e-6)


def test_mistakes() -> None:
    with pytest.raises(ValueError, match="hidden is 5; a bidirectional GRU needs an even number"):
        Gru(hidden=5, bidirectional=True)
    with pytest.raises(ValueError, match="threshold is 0"):
        Gru(threshold=0)
    state = Gru(hidden=4, threshold=1, vector_dim=3).task(*colours(), hardest).state()
    with pytest.raises(ValueError, match="trained with hidden 4, not 6; train again"):
        Gru(hidden=6, threshold=1, vector_dim=3).load_state(state)
    with pytest.raises(ValueError, match="no captions to encode"):
        trained().extract_text([])
    train, val = colours()
    val.videos = val.videos[:, :3]
    with pytest.raises(ValueError, match="4 wide in train, 3 in val"):
        Gru(hidden=4, threshold=1).task(train, val, hardest)
    train.videos = train.videos[0]
    with pytest.raises(ValueError, match=r"one video feature \[V, W\], not an array of shape \(4,\)"):
        Gru(hidden=4, threshold=1).task(train, val, hardest)


def test_real_captions(data: Path) -> None:
    """Two hundred steps on real captions and real video features lift validation far above chance."""
    folder = data / "msrvtt_kf"
    with np.load(folder / "video.npz", allow_pickle=False) as archive:
        names, features = archive["ids"].tolist(), archive["conse"].astype(np.float32)
    sides = []
    for split in ("train", "val"):
        lines = (folder / f"{split}.caption.txt").read_text().splitlines()
        row = {name: i for i, name in enumerate((folder / f"{split}.txt").read_text().split())}
        videos = features[[names.index(name) for name in row]]
        sides.append(
            pairs(videos, [line.split(" ", 1)[1] for line in lines], [row[line.split("#")[0]] for line in lines])
        )
    task = Gru(hidden=64, vector_dim=32).task(*sides, contrast)
    optimizer = make_optimizer(task.model, Recipe(optimizer="adamw", lr=3e-3, weight_decay=0.0))
    before = task.score()
    for _ in range(200):
        step(task.loss(torch.randint(task.samples, (64,))), optimizer, 2.0)
    assert before < 0.06  # at random: (1 + 1/2 + ... + 1/132) / 132 = 0.041
    assert task.score() > 0.12


@pytest.mark.parametrize("bidirectional", [False, True])
def test_one_encoder_with_and_without_gradients(bidirectional: bool) -> None:
    """Learning, embedding, and what a GPU would do: the same captions, the same states."""
    encoder = GruEncoder(9, 3, 6, bidirectional).double()
    ids = torch.tensor([4, 1, 2, 3, 8, 8, 0, 7, 1, 1, 5, 6, 2])
    starts = torch.tensor([0, 1, 6, 8, 10, 13])
    learning = encoder(ids, starts)
    with torch.no_grad():
        torch.testing.assert_close(encoder(ids, starts), learning.detach(), rtol=1e-12, atol=1e-14)
    packed = encoder.packed(ids, starts)
    torch.testing.assert_close(packed, learning, rtol=1e-12, atol=1e-14)
    weight, parameters = torch.randn(5, 6, dtype=torch.float64), list(encoder.parameters())
    for one, other in zip(
        torch.autograd.grad((packed * weight).sum(), parameters),
        torch.autograd.grad((learning * weight).sum(), parameters),
        strict=True,
    ):
        torch.testing.assert_close(one, other.to_dense(), rtol=1e-10, atol=1e-13)


def test_frozen_word_vectors() -> None:
    """They have no gradient, and the others are as without freezing."""
    encoder = GruEncoder(9, 3, 6).double()
    ids, starts = torch.tensor([4, 1, 2, 3, 8]), torch.tensor([0, 2, 5])
    wanted = torch.autograd.grad(encoder(ids, starts).sum(), list(encoder.gru.parameters()))
    encoder.embedding.weight.requires_grad_(False)
    encoder(ids, starts).sum().backward()
    assert encoder.embedding.weight.grad is None
    for parameter, gradient in zip(encoder.gru.parameters(), wanted, strict=True):
        torch.testing.assert_close(parameter.grad, gradient, rtol=1e-12, atol=1e-14)


@pytest.mark.parametrize("learning", [True, False])
@pytest.mark.parametrize(("starts", "empty"), [([0, 2, 2, 3], 1), ([0, 3, 3], 1), ([0, 0, 3], 0)])
def test_a_caption_without_tokens_is_named(starts: list[int], empty: int, learning: bool) -> None:
    encoder = GruEncoder(9, 3, 6)
    with torch.set_grad_enabled(learning), pytest.raises(ValueError, match=f"caption {empty} has no tokens"):
        encoder(torch.tensor([4, 1, 2]), torch.tensor(starts))
