"""One step of learning: gradients, their norm clipped, parameters changed; and the optimizer that a recipe names."""

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
    """The recipe's optimizer over every parameter of `model` that learns.

    factors: {prefix of parameter names: factor of the learning rate}, the longest prefix counts; a group of parameters
    keeps its own as `factor`. Raises LaffError for a prefix that is the longest of no
    parameter.
    """
    groups: dict[tuple[float, bool], list[Tensor]] = {}
    unmet, unused = set(factors), set(factors)
    for name, parameter in model.named_parameters():
        met = [prefix for prefix in factors if name.startswith(prefix)]
        prefix = max(met, key=len, default=None)
        unmet -= set(met)
        unused.discard(prefix or "")
        if parameter.requires_grad:
            decays = recipe.optimizer == "adamw" and parameter.ndim > 1
            groups.setdefault((factors[prefix] if prefix is not None else 1.0, decays), []).append(parameter)
    if unmet:
        raise LaffError(f"a learning rate's factor is given for {sorted(unmet)}, but no parameter's name begins so")
    if unused:
        raise LaffError(
            f"a learning rate's factor is given for {sorted(unused)}, but longer prefixes cover all of it; "
            "take out one or the other"
        )
    if not groups:
        groups[1.0, False] = []  # a model that learns nothing
    given = [
        {"params": parameters, "lr": recipe.lr * factor, "factor": factor, "weight_decay": recipe.weight_decay * decays}
        for (factor, decays), parameters in groups.items()
    ]
    if recipe.optimizer == "rmsprop":
        return RMSprop([{**group, "weight_decay": 0.0} for group in given], lr=recipe.lr)
    # CLIP's betas and eps.
    return torch.optim.AdamW(given, lr=recipe.lr, betas=(0.9, 0.98), eps=1e-6, fused=not plain())


def step(loss: Tensor, optimizer: torch.optim.Optimizer, clip: float) -> None:
    """Differentiate a loss, clip the norm of all gradients together (0: don't), change the parameters."""
    gradients = differentiate(loss, optimizer)
    move(optimizer, gradients, clipping(gradients, clip) if clip and gradients else None)


def differentiate(loss: Tensor, optimizer: torch.optim.Optimizer) -> list[Tensor]:
    """The gradients of the optimizer's parameters, which hold them too; sparse ones for RMSprop only, coalesced."""
    optimizer.zero_grad(set_to_none=True)
    torch.autograd.backward(loss)
    gradients = []
    for group in optimizer.param_groups:
        for parameter in group["params"]:
            if parameter.grad is not None:
                if parameter.grad.is_sparse:
                    ours = isinstance(optimizer, RMSprop)
                    parameter.grad = parameter.grad.coalesce() if ours else parameter.grad.to_dense()
                gradients.append(parameter.grad)
    return gradients


def clipping(gradients: list[Tensor], clip: float) -> Tensor:
    """What to multiply gradients by so that their norm, of all together, is at most `clip`: a scalar, at most 1.

    As torch's clip_grad_norm_ has it, with 1e-6 added to the norm; the gradients, dense or coalesced, are only read.
    """
    values = [gradient.values() if gradient.is_sparse else gradient for gradient in gradients]
    norms = torch._foreach_norm(values) if _together(values) else [torch.linalg.vector_norm(one) for one in values]
    total = torch.linalg.vector_norm(torch.stack([norm.to(norms[0]) for norm in norms]))
    return (clip / (total + 1e-6)).clamp(max=1.0)


def move(optimizer: torch.optim.Optimizer, gradients: list[Tensor], scale: Tensor | None) -> None:
    """Change the parameters as if their gradients were multiplied by `scale`, and let go of the gradients.

    So the next forward has their memory.
    """
    if isinstance(optimizer, RMSprop):  # multiplies on its way
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
    """Whether one call takes all of them: on a GPU that is one kernel, where a loop would start one for each."""
    return bool(gradients) and not plain() and has_foreach(gradients[0].device.type, gradients[0].dtype)


@cache
def has_foreach(device: str, dtype: torch.dtype) -> bool:
    """Whether this torch has norm and product of many tensors like these, and they do what they should.

    They are private to torch and may change: the norm of (3, 4) is 5, twice (3, 4) is (6, 8).
    """
    gradient = torch.tensor([3.0, 4.0], device=device, dtype=dtype)
    try:
        (norm,) = torch._foreach_norm([gradient])
        torch._foreach_mul_([gradient], torch.full((), 2.0, device=device))
        return abs(float(norm) - 5.0) < 1e-3 and gradient.tolist() == [6.0, 8.0]
    except (AttributeError, TypeError, ValueError, RuntimeError):
        return False
