"""Clipping over dense and sparse gradients; factors of the learning rate; each optimizer takes sparse gradients.

And the same by plain operations: with LAFF_PLAIN=1, and on a torch without its private ones.
"""

from collections.abc import Iterator
from typing import Any

import pytest
import torch
from torch import nn

from pipeline.errors import LaffError
from pipeline.graph.recipe import Recipe
from pipeline.training.optimizer import clipping, differentiate, has_foreach, make_optimizer, move, step
from pipeline.training.rmsprop import has_kernel


def test_the_norm_counts_dense_and_sparse_gradients() -> None:
    """(3, 0) and rows (0, 4), (12, 0) of a sparse one: norm 13; cut to 2 the factor is 2 / (13 + 1e-6)."""
    sparse = torch.sparse_coo_tensor(
        torch.tensor([[1, 5]]), torch.tensor([[0.0, 4.0], [12.0, 0.0]]), (7, 2), check_invariants=True
    ).coalesce()
    gradients = [torch.tensor([3.0, 0.0]), sparse]
    assert float(clipping(gradients, 2.0)) == pytest.approx(2 / (13 + 1e-6), rel=1e-6)
    assert float(clipping(gradients, 14.0)) == 1.0


class Words(nn.Module):
    """A table of words whose gradient is sparse or dense, and a bias."""

    def __init__(self, sparse: bool) -> None:
        super().__init__()
        generator = torch.Generator().manual_seed(0)
        table = torch.randn(6, 3, generator=generator)
        self.table = nn.Embedding.from_pretrained(table, freeze=False, sparse=sparse)
        self.bias = nn.Parameter(torch.zeros(3))

    def forward(self, words: list[int]) -> torch.Tensor:
        return (self.table(torch.tensor(words)) + self.bias).square().sum()


@pytest.mark.parametrize("optimizer", ["rmsprop", "adamw"])
def test_sparse_gradients_take_the_steps_of_dense_ones(optimizer: Any) -> None:
    """The same word twice in a step, words that come back, a clip that acts."""
    recipe = Recipe(optimizer=optimizer, lr=1e-2, clip=1.0)
    moved = []
    for sparse in (True, False):
        model = Words(sparse)
        chosen = make_optimizer(model, recipe)
        for words in ([0, 4, 4], [1], [4, 0]):
            step(model(words), chosen, recipe.clip)
        moved.append(model)
    torch.testing.assert_close(moved[0].table.weight, moved[1].table.weight, rtol=1e-6, atol=1e-7)
    torch.testing.assert_close(moved[0].bias, moved[1].bias)


@pytest.mark.parametrize("optimizer", ["rmsprop", "adamw"])
def test_factors_of_the_learning_rate(optimizer: Any) -> None:
    """The longest prefix counts; what has none learns at the recipe's rate."""
    model = nn.ModuleDict({"head": nn.ModuleList([nn.Linear(2, 2), nn.Linear(2, 2)]), "body": nn.Linear(2, 2)})
    chosen = make_optimizer(model, Recipe(optimizer=optimizer, lr=1e-3), {"head.": 10.0, "head.1.": 0.5})
    rates = {id(p): (group["lr"], group["factor"]) for group in chosen.param_groups for p in group["params"]}
    wanted = {"head.0.": (1e-2, 10.0), "head.1.": (5e-4, 0.5), "body.": (1e-3, 1.0)}
    for name, parameter in model.named_parameters():
        rate, factor = next(pair for prefix, pair in wanted.items() if name.startswith(prefix))
        assert rates[id(parameter)] == (pytest.approx(rate), factor), name


def test_a_factor_for_nothing_is_named() -> None:
    with pytest.raises(LaffError, match=r"given for \['hed'\], but no parameter's name begins so"):
        make_optimizer(nn.Linear(2, 2), Recipe(), {"hed": 2.0, "weight": 3.0})


def test_a_factor_of_which_longer_ones_leave_nothing_is_named() -> None:
    model = nn.ModuleDict({"head": nn.Linear(2, 2)})
    with pytest.raises(LaffError, match=r"given for \['head\.'\], but longer prefixes cover all of it"):
        make_optimizer(model, Recipe(), {"head.": 2.0, "head.weight": 3.0, "head.bias": 4.0})


@pytest.mark.parametrize("optimizer", ["rmsprop", "adamw"])
def test_gradients_are_gone_after_a_step(optimizer: Any) -> None:
    """Else they would lie beside all that the next forward keeps."""
    model = nn.Linear(3, 2)
    chosen = make_optimizer(model, Recipe(optimizer=optimizer))
    move(chosen, differentiate(model(torch.ones(1, 3)).sum(), chosen), torch.tensor(0.5))
    assert model.weight.grad is None
    assert model.bias.grad is None


def test_a_sparse_gradient_without_rows_has_no_norm() -> None:
    """Beside (3, 4) the norm is 5; alone 0, and nothing is cut."""
    numbers, values = torch.zeros(1, 0, dtype=torch.int64), torch.zeros(0, 2)
    empty = torch.sparse_coo_tensor(numbers, values, (7, 2), check_invariants=True).coalesce()
    assert float(clipping([empty, torch.tensor([3.0, 4.0])], 2.0)) == pytest.approx(2 / (5 + 1e-6), rel=1e-6)
    assert float(clipping([empty], 2.0)) == 1.0


@pytest.fixture(autouse=True)
def asked_anew() -> Iterator[None]:
    """What torch has is found out again in each test."""
    has_foreach.cache_clear()
    has_kernel.cache_clear()
    yield
    has_foreach.cache_clear()
    has_kernel.cache_clear()


def other_signature() -> None:
    raise AssertionError("unreachable: it is called with more")


def other_rule(tensors: Any, *args: Any) -> Any:
    return [torch.zeros(()) for _ in tensors]


PRIVATE = ("_foreach_norm", "_foreach_mul_", "_fused_adagrad_")


def test_torch_has_norms_and_products_of_many_tensors() -> None:
    """The pinned torch, so that nobody pays for their absence without knowing."""
    assert has_foreach("cpu", torch.float32)


def three_steps(optimizer: Any) -> Words:
    """Clipped, with dense and sparse gradients."""
    model = Words(sparse=optimizer == "rmsprop")
    chosen = make_optimizer(model, Recipe(optimizer=optimizer, lr=1e-2, clip=1.0))
    for words in ([0, 4, 4], [1], [4, 0]):
        step(model(words), chosen, 1.0)
    return model


@pytest.mark.parametrize("instead", [None, other_signature, other_rule])
@pytest.mark.parametrize("name", PRIVATE)
@pytest.mark.parametrize("optimizer", ["rmsprop", "adamw"])
def test_without_what_is_private_to_torch(
    optimizer: Any, name: str, instead: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    wanted = three_steps(optimizer)
    has_foreach.cache_clear()
    has_kernel.cache_clear()
    if instead is None:
        monkeypatch.delattr(torch, name)
    else:
        monkeypatch.setattr(torch, name, instead)
    weights = three_steps(optimizer)
    assert has_foreach("cpu", torch.float32) == (name == "_fused_adagrad_")
    assert has_kernel("cpu", torch.float32) == (name != "_fused_adagrad_")
    for one, other in zip(weights.parameters(), wanted.parameters(), strict=True):
        torch.testing.assert_close(one, other, rtol=1e-6, atol=1e-7)


@pytest.mark.parametrize("optimizer", ["rmsprop", "adamw"])
def test_the_switch_takes_plain_operations(optimizer: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """None of torch's private ones is called, and AdamW is not the fused one; the steps are the same."""
    wanted = three_steps(optimizer)
    monkeypatch.setenv("LAFF_PLAIN", "1")
    if optimizer == "adamw":
        assert not make_optimizer(nn.Linear(2, 2), Recipe(optimizer=optimizer)).param_groups[0]["fused"]
    for name in PRIVATE:
        monkeypatch.delattr(torch, name)
    weights = three_steps(optimizer)
    for one, other in zip(weights.parameters(), wanted.parameters(), strict=True):
        torch.testing.assert_close(one, other, rtol=1e-6, atol=1e-7)
