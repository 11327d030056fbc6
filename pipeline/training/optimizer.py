"""One step of training: gradients, their norm clipped, parameters changed; and the optimizer that a recipe names."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache

import torch
from torch import Tensor, nn

from fusion.cpu import plain
from pipeline.errors import LaffError
from pipeline.graph.recipe import Recipe
from pipeline.training.rmsprop import RMSprop

NO_FACTORS: Mapping[str, float] = {}


def make_optimizer(
    model: nn.Module, recipe: Recipe, factors: Mapping[str, float] = NO_FACTORS
) -> torch.optim.Optimizer:
    """Make the recipe's optimizer over every parameter of `model` that learns.

    factors: {prefix of parameter names: factor of the learning rate}; the longest prefix counts. A group of parameters
    keeps its factor under `factor`. Raises LaffError for a prefix that is the longest of no parameter.
    """
    groups: dict[tuple[float, bool], list[Tensor]] = {}
    unmatched, unused = set(factors), set(factors)
    for name, parameter in model.named_parameters():
        matches = [prefix for prefix in factors if name.startswith(prefix)]
        prefix = max(matches, key=len, default=None)
        unmatched -= set(matches)
        unused.discard(prefix or "")
        if parameter.requires_grad:
            decays = recipe.optimizer == "adamw" and parameter.ndim > 1
            groups.setdefault((factors[prefix] if prefix is not None else 1.0, decays), []).append(parameter)
    if unmatched:
        raise LaffError(f"a learning rate's factor is given for {sorted(unmatched)}, but no parameter's name begins so")
    if unused:
        raise LaffError(
            f"a learning rate's factor is given for {sorted(unused)}, but longer prefixes cover all of it; "
            "take out one or the other"
        )
    if not groups:
        groups[1.0, False] = []  # a model that learns nothing
    param_groups = [
        {"params": parameters, "lr": recipe.lr * factor, "factor": factor, "weight_decay": recipe.weight_decay * decays}
        for (factor, decays), parameters in groups.items()
    ]
    if recipe.optimizer == "rmsprop":
        return RMSprop([{**group, "weight_decay": 0.0} for group in param_groups], lr=recipe.lr)
    # CLIP's betas and eps.
    return torch.optim.AdamW(param_groups, lr=recipe.lr, betas=(0.9, 0.98), eps=1e-6, fused=not plain())


def step(loss: Tensor, optimizer: torch.optim.Optimizer, clip: float) -> None:
    """Differentiate a loss, clip the norm of all gradients together (`clip` 0: don't), change the parameters."""
    gradients = differentiate(loss, optimizer)
    move(optimizer, gradients, clipping(gradients, clip) if clip and gradients else None)


def differentiate(loss: Tensor, optimizer: torch.optim.Optimizer) -> list[Tensor]:
    """Gradients of the optimizer's parameters, which hold them too; sparse ones for RMSprop only, coalesced."""
    optimizer.zero_grad(set_to_none=True)
    torch.autograd.backward(loss)
    gradients = []
    for group in optimizer.param_groups:
        for parameter in group["params"]:
            if parameter.grad is not None:
                if parameter.grad.is_sparse:
                    takes_sparse = isinstance(optimizer, RMSprop)
                    parameter.grad = parameter.grad.coalesce() if takes_sparse else parameter.grad.to_dense()
                gradients.append(parameter.grad)
    return gradients


def clipping(gradients: list[Tensor], clip: float) -> Tensor:
    """Factor, a scalar of at most 1, by which the norm of all gradients together becomes at most `clip`.

    The same as in torch's clip_grad_norm_, with 1e-6 added to the norm; gradients, dense or coalesced, are only read.
    """
    values = [gradient.values() if gradient.is_sparse else gradient for gradient in gradients]
    norms = torch._foreach_norm(values) if _together(values) else [torch.linalg.vector_norm(value) for value in values]
    total = torch.linalg.vector_norm(torch.stack([norm.to(norms[0]) for norm in norms]))
    factor: Tensor = clip / (total + 1e-6)
    return factor.clamp(max=1.0)


def move(optimizer: torch.optim.Optimizer, gradients: list[Tensor], scale: Tensor | None) -> None:
    """Change the parameters as if their gradients were multiplied by `scale`, and free the gradients.

    The next forward can then use their memory.
    """
    if isinstance(optimizer, RMSprop):  # multiplies while it steps
        optimizer.step(scale)
    else:
        if scale is not None:
            _multiply(gradients, scale)
        optimizer.step()
    optimizer.zero_grad(set_to_none=True)


def _multiply(gradients: list[Tensor], scale: Tensor) -> None:
    if _together(gradients):
        torch._foreach_mul_(gradients, scale)
        return
    for gradient in gradients:
        gradient.mul_(scale)


def _together(gradients: list[Tensor]) -> bool:
    """Tell whether one call takes all gradients: on a GPU one kernel, where a loop would start one for each."""
    return bool(gradients) and not plain() and has_foreach(gradients[0].device.type, gradients[0].dtype)


@cache
def has_foreach(device: str, dtype: torch.dtype) -> bool:
    """Test whether this torch has norm and product of many tensors like these, and they work as they should.

    They are private to torch and may change. The test: the norm of (3, 4) is 5, twice (3, 4) is (6, 8).
    """
    gradient = torch.tensor([3.0, 4.0], device=device, dtype=dtype)
    try:
        (norm,) = torch._foreach_norm([gradient])
        torch._foreach_mul_([gradient], torch.full((), 2.0, device=device))
        return abs(float(norm) - 5.0) < 1e-3 and gradient.tolist() == [6.0, 8.0]
    except (AttributeError, TypeError, ValueError, RuntimeError):
        return False
