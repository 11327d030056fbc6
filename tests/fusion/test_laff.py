"""LAFF against the equations, written a second time with loops: forward, loss, gradients, one optimizer step, sizes."""

from collections.abc import Callable

import numpy as np
import pytest
import torch
from scipy.sparse import csr_matrix
from torch import Tensor, nn
from torch.nn.utils.rnn import pack_padded_sequence, pad_packed_sequence, pad_sequence

from fusion.features import Feature, Sparse, Tokens
from fusion.laff import LAFF
from fusion.losses import triplet
from fusion.paired import Paired
from pipeline.graph.recipe import Recipe
from pipeline.training.trainer import make_optimizer, step

HEADS, WIDTH, BATCH = 3, 5, 4
VIDEO = {"clip-ft": 5, "x3d": 7, "tf": 4}
TEXT = {"gru": 6, "bow": 9, "clip-ft": 5}
RAW = ("clip-ft",)
ONE = torch.tensor(1.0)


class Encoder(nn.Module):
    """Word embedding and GRU, averaged over the words."""

    def __init__(self, size: int, vector_dim: int, hidden: int) -> None:
        super().__init__()
        self.embedding = nn.Embedding(size, vector_dim)
        self.gru = nn.GRU(vector_dim, hidden, batch_first=True)

    def forward(self, ids: Tensor, starts: Tensor) -> Tensor:
        lengths = (starts[1:] - starts[:-1]).cpu()
        words = pad_sequence(self.embedding(ids).split(lengths.tolist()), batch_first=True)
        packed = pack_padded_sequence(words, lengths, batch_first=True, enforce_sorted=False)
        padded, _ = pad_packed_sequence(self.gru(packed)[0], batch_first=True)
        return padded.sum(dim=1) / lengths[:, None]


def paired(dtype: torch.dtype) -> Paired:
    """A small model, a little away from its initial state, so that biases and affine parts matter."""
    torch.manual_seed(3)
    size = {"heads": HEADS, "width": WIDTH, "dropout": 0.0, "raw": RAW}
    encoders = {"gru": Encoder(8, 3, 6)}
    model = Paired(LAFF(dims=VIDEO, **size), LAFF(dims=TEXT, **size), encoders).to(torch.float64)
    with torch.no_grad():
        for parameter in model.parameters():
            parameter += 0.1 * torch.randn_like(parameter)
    return model.to(dtype)


def batch(dtype: torch.dtype) -> tuple[dict[str, Tensor], dict[str, Feature]]:
    generator = torch.Generator().manual_seed(4)
    video = {name: torch.randn(BATCH, dim, generator=generator, dtype=torch.float64) for name, dim in VIDEO.items()}
    counts = torch.tensor(np.random.default_rng(5).poisson(0.5, (BATCH, TEXT["bow"])))
    text: dict[str, Feature] = {
        "gru": Tokens(torch.tensor([1, 4, 2, 1, 2, 1, 5, 6, 7, 2, 1, 3, 2]), torch.tensor([0, 3, 5, 10, 13]), 8),
        "bow": Sparse.of(csr_matrix(counts.numpy())),
        "clip-ft": torch.randn(BATCH, TEXT["clip-ft"], generator=generator, dtype=torch.float64).to(dtype),
    }
    return {name: feature.to(dtype) for name, feature in video.items()}, text


# The equations once more: one caption, one head, one feature, one word at a time, in float64.


def gru_mean(values: dict[str, Tensor], ids: list[int]) -> Tensor:
    """Mean of the hidden states: r, z = sigmoid, n = tanh(W x + b + r (U h + c)), h = (1 - z) n + z h."""
    get = {
        name: values[f"encoders.gru.gru.{name}_l0"].chunk(3)
        for name in ("weight_ih", "weight_hh", "bias_ih", "bias_hh")
    }
    hidden, states = torch.zeros(TEXT["gru"], dtype=torch.float64), []
    for word in ids:
        x = values["encoders.gru.embedding.weight"][word]
        from_x = [w @ x + b for w, b in zip(get["weight_ih"], get["bias_ih"], strict=True)]
        from_h = [w @ hidden + b for w, b in zip(get["weight_hh"], get["bias_hh"], strict=True)]
        reset, update = (1 / (1 + torch.exp(-from_x[i] - from_h[i])) for i in (0, 1))
        new = torch.tanh(from_x[2] + reset * from_h[2])
        hidden = (1 - update) * new + update * hidden
        states.append(hidden)
    return torch.stack(states).mean(dim=0)


def side(values: dict[str, Tensor], prefix: str, features: dict[str, Tensor]) -> list[list[Tensor]]:
    """[head][row] unit vectors of one side."""
    heads: list[list[Tensor]] = []
    for head in range(HEADS):
        columns = slice(head * WIDTH, (head + 1) * WIDTH)
        entered = {}
        for name, x in features.items():
            weight, bias = values[f"{prefix}.enter.{name}.weight"], values[f"{prefix}.enter.{name}.bias"]
            if name == "clip-ft":  # tiled, then batch normalisation over all columns
                tiled = torch.cat([x] * HEADS, dim=1)
                normal = (tiled - tiled.mean(dim=0)) / torch.sqrt(tiled.var(dim=0, unbiased=False) + 1e-5)
                entered[name] = (normal * weight.reshape(-1) + bias.reshape(-1))[:, columns]
            else:
                entered[name] = torch.tanh(x @ weight[:, columns] + bias[columns])
        vectors = []
        for row in range(BATCH):
            scores = {name: values[f"{prefix}.score"][head] @ entered[name][row] for name in features}
            total = sum(torch.exp(score) for score in scores.values())
            fused = sum(torch.exp(scores[name]) / total * entered[name][row] for name in features)
            assert isinstance(fused, Tensor)
            vectors.append(fused / (fused.norm() + 1e-14))
        heads.append(vectors)
    return heads


def reference(values: dict[str, Tensor]) -> tuple[Tensor, Tensor]:
    """Cosines [H, B, B] and loss in training mode, without dropout."""
    video, text = batch(torch.float64)
    tokens, bow, clip = text["gru"], text["bow"], text["clip-ft"]
    assert isinstance(tokens, Tokens)
    assert isinstance(bow, Sparse)
    assert isinstance(clip, Tensor)
    sentences = [tokens.ids[a:b].tolist() for a, b in zip(tokens.starts, tokens.starts[1:], strict=False)]
    counts = torch.zeros(BATCH, TEXT["bow"], dtype=torch.float64)
    for row in range(BATCH):
        for at in range(int(bow.indptr[row]), int(bow.indptr[row + 1])):
            counts[row, bow.indices[at]] += bow.values[at]
    captions = {"gru": torch.stack([gru_mean(values, ids) for ids in sentences]), "bow": counts, "clip-ft": clip}
    videos, texts = side(values, "video", video), side(values, "text", captions)
    length: Callable[[Tensor], Tensor] = lambda x: x.norm() + 1.01e-13  # noqa: E731 - the authors' second normalisation
    cosines = torch.stack(
        [
            torch.stack([torch.stack([(t / length(t)) @ (v / length(v)) for v in videos[head]]) for t in texts[head]])
            for head in range(HEADS)
        ]
    )
    loss = torch.zeros((), dtype=torch.float64)
    for head in range(HEADS):
        for i in range(BATCH):
            others = [0.2 + cosines[head, i, j] - cosines[head, i, i] for j in range(BATCH) if j != i]
            hardest = max(others, key=Tensor.item)
            if hardest > 0:
                loss = loss + hardest
    return cosines, loss


def parameters(model: Paired) -> dict[str, Tensor]:
    return {name: value.detach().double().clone().requires_grad_() for name, value in model.named_parameters()}


@pytest.mark.parametrize(("dtype", "tolerance"), [(torch.float64, 1e-12), (torch.float32, 1e-6)], ids=str)
def test_forward_and_loss(dtype: torch.dtype, tolerance: float) -> None:
    model = paired(dtype)
    wanted, wanted_loss = (value.detach() for value in reference(parameters(model)))
    cosines = model.cosines(*batch(dtype)).detach()
    assert float((cosines - wanted).norm() / wanted.norm()) < tolerance
    assert float(triplet(cosines, ONE)) == pytest.approx(float(wanted_loss), rel=tolerance)
    assert float(wanted_loss) > 1  # the hinge is at work in this batch


@pytest.mark.parametrize(("dtype", "tolerance"), [(torch.float64, 1e-10), (torch.float32, 2e-5)], ids=str)
def test_gradients(dtype: torch.dtype, tolerance: float) -> None:
    model = paired(dtype)
    values = parameters(model)
    reference(values)[1].backward()
    triplet(model.cosines(*batch(dtype)), ONE).backward()
    for name, parameter in model.named_parameters():
        wanted = values[name].grad
        assert wanted is not None
        assert parameter.grad is not None
        assert float(wanted.norm()) > 0, name
        assert float((parameter.grad.to_dense() - wanted).norm() / wanted.norm()) < tolerance, name


def test_gradient_is_the_slope_of_the_loss() -> None:
    """The reference itself against differences, along one random direction through all parameters."""
    values = parameters(paired(torch.float64))
    reference(values)[1].backward()
    torch.manual_seed(6)
    direction = {name: torch.randn_like(value) for name, value in values.items()}
    slope = sum(float((value.grad * direction[name]).sum()) for name, value in values.items() if value.grad is not None)
    with torch.no_grad():
        ends = [
            float(reference({name: value + h * direction[name] for name, value in values.items()})[1])
            for h in (1e-6, -1e-6)
        ]
    assert (ends[0] - ends[1]) / 2e-6 == pytest.approx(slope, rel=1e-5)


@pytest.mark.parametrize("clip", [2.0, 0.05], ids=["authors", "tight"])
def test_one_rmsprop_step(clip: float) -> None:
    """v = 0.01 g^2, p -= 1e-4 g / (sqrt(v) + 1e-8), with g cut to norm `clip` over all parameters."""
    model = paired(torch.float64)
    values = parameters(model)
    reference(values)[1].backward()
    recipe = Recipe(clip=clip)
    optimizer = make_optimizer(model, recipe)
    step(triplet(model.cosines(*batch(torch.float64)), ONE), optimizer, recipe.clip)
    gradients = {name: value.grad for name, value in values.items() if value.grad is not None}
    norm = sum(float((g * g).sum()) for g in gradients.values()) ** 0.5
    assert norm > 0.05
    factor = min(1.0, clip / (norm + 1e-6))
    for name, parameter in model.named_parameters():
        g = gradients[name] * factor
        wanted = values[name] - 1e-4 * g / (torch.sqrt(0.01 * g * g) + 1e-8)
        moved, should_move = (parameter - values[name]).detach(), (wanted - values[name]).detach()
        assert float((moved - should_move).norm() / should_move.norm()) < 1e-6, name


def test_evaluation_uses_running_statistics() -> None:
    """After one batch: mean 0.1 m, variance 0.9 + 0.1 * unbiased variance, as BatchNorm1d over the tiles keeps them."""
    block = LAFF(dims={"clip-ft": 3}, heads=2, width=4, raw=RAW)
    x = torch.randn(6, 3, generator=torch.Generator().manual_seed(0))
    block({"clip-ft": x})
    fused, _ = block.eval()({"clip-ft": x})
    normal = nn.BatchNorm1d(8)
    tiled = torch.cat([x, torch.zeros(6, 1)], dim=1).repeat(1, 2)  # padded to the width, twice
    normal(tiled)
    torch.testing.assert_close(fused.flatten(1), normal.eval()(tiled))


def test_dropout_acts_on_learned_features_while_training() -> None:
    block = LAFF(dims={"x3d": 50}, heads=2, width=500, dropout=0.3)
    torch.manual_seed(0)
    fused, _ = block({"x3d": torch.randn(20, 50)})
    assert float((fused == 0).double().mean()) == pytest.approx(0.3, abs=0.02)
    assert (block.eval()({"x3d": torch.randn(20, 50)})[0] != 0).all()


def test_raw_features() -> None:
    with pytest.raises(
        ValueError,
        match=r"'clip-ft' is raw and has width 9, more than a head's 8; .* out of raw \(what `raw` names enters",
    ):
        LAFF(dims={"clip-ft": 9}, heads=2, width=8, raw=RAW)
    LAFF(dims={"clip-ft": 9}, heads=2, width=8, raw=("no-such-feature",))
    block = LAFF(dims={"bow": 2}, heads=2, width=8, raw=("bow",))
    with pytest.raises(ValueError, match="'bow' is sparse and cannot be raw"):
        block({"bow": Sparse.of(csr_matrix(np.eye(2)))})


def test_size_of_the_authors_model() -> None:
    """66,142,252 in the authors' code, less what never acts there: two LayerNorm(512), and in each of 16 heads the bias
    that the softmax cancels and the stored weight of the unused mean."""
    with torch.device("meta"):
        text = LAFF(dims={"gru": 1024, "bow": 7650, "w2v": 500, "clip-ft": 512}, raw=RAW)
        video = LAFF(dims={"clip-ft": 512, "tf": 768, "x3d": 2048, "ircsn": 2048}, raw=RAW)
        model = Paired(video, text, {"gru": Encoder(7807, 500, 1024)})
    assert sum(p.numel() for p in model.parameters()) == 66_142_252 - 2 * 2 * 512 - 16 * (1 + 1) == 66_140_172
