"""A training step with TF32, CUDA graphs and torch.compile beside the plain one: forward, backward, optimizer.

A graph replays fixed tensors, so what it holds is the video side, whose features are dense; bags of words have another
length in every batch. Nothing of this is in the product: the figures say whether it should be.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

import train_step
from torch import Tensor, nn

from fusion.paired import Paired
from fusion.retrieval import Retrieval
from gpu_parts import train
from gpu_parts.report import GPU_ONLY, Report
from pipeline.graph.recipe import Recipe
from pipeline.training.optimizer import make_optimizer, step

STEPS = 100


class Side(nn.Module):
    """A block that takes its features one by one: graphs know tensors, not dicts of them."""

    def __init__(self, block: Any, names: list[str]) -> None:
        super().__init__()
        self.block = block
        self.names = names

    def forward(self, *features: Tensor) -> tuple[Tensor, Tensor]:
        """[B, D_k] each -> what the block gives."""
        found: tuple[Tensor, Tensor] = self.block(dict(zip(self.names, features, strict=True)))
        return found


class Graphed(nn.Module):
    """A block that replays its graph for full batches while it trains."""

    def __init__(self, block: Any, sample: dict[str, Tensor]) -> None:
        super().__init__()
        import torch

        self.block = block
        self.names = list(sample)
        self.graph = torch.cuda.make_graphed_callables(Side(block, self.names), tuple(sample.values()))

    def forward(self, features: dict[str, Any]) -> Any:
        """As the block's own."""
        return self.graph(*(features[name] for name in self.names))


def run(report: Report) -> None:
    """Each variant with a model of its own, the plain one first."""
    import torch

    split, _ = train.splits(report, False)
    rows = torch.arange(len(split)).split(train.batch_of(report))
    steps = 3 if report.small else STEPS

    def measured(what: str, change: Callable[[Paired], Any], precision: str = "float32") -> None:
        if report.left() < 8:
            report.skipped(what)
            return
        try:
            torch.manual_seed(2)
            model = train.built(report, False)
            change(model)
            task = Retrieval(model.train(), split, split, train.loss(), precision=precision)
            optimizer = make_optimizer(model, Recipe(batch=train.batch_of(report)))
            begin = time.perf_counter()
            losses = [float(one(task, optimizer, rows[number % (len(rows) - 1)])) for number in range(3)]
            first = time.perf_counter() - begin
            begin = time.perf_counter()
            for number in range(steps):
                one(task, optimizer, rows[(3 + number) % (len(rows) - 1)])
            if report.gpu:
                torch.cuda.synchronize()
            took = 1000 * (time.perf_counter() - begin) / steps
            note = f"the first three {first:.1f} s, loss of the third {losses[2]:.4f}"
            report.row(what, took, "ms", note=note)
        except Exception as error:
            report.failed(what, error)

    measured("plain", lambda model: None)
    if not report.gpu:
        report.row("TF32, bfloat16, CUDA graphs, torch.compile", None, note=GPU_ONLY)
        return
    torch.set_float32_matmul_precision("high")
    measured("float32 products by TF32", lambda model: None)
    torch.set_float32_matmul_precision("highest")
    measured("bfloat16", lambda model: None, "bfloat16")
    sample = {name: torch.randn(train.batch_of(report), train_step.VIDEO[name], device="cuda") for name in split.video}
    measured("video side as a CUDA graph", lambda model: setattr(model, "video", Graphed(model.video, sample)))
    measured("video side compiled", lambda model: model.video.compile())
    measured("both sides compiled", compiled)


def compiled(model: Paired) -> None:
    """Both blocks; the bags of words have another length in every batch."""
    model.video.compile()
    model.text.compile(dynamic=True)


def one(task: Retrieval, optimizer: Any, rows: Tensor) -> Tensor:
    """A step as the trainer makes it."""
    loss = task.loss(rows)
    step(loss, optimizer, 2.0)
    return loss.detach()
