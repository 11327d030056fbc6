"""Finished trainings that a comparison would replace by others of the same name."""

from __future__ import annotations

from typing import Any

from pipeline import models, table
from pipeline.context import Context
from pipeline.errors import LaffError
from pipeline.plan import explain
from pipeline.run import Request
from pipeline.workspace import Workspace


def check(request: Request) -> None:
    """LaffError where a finished training has the name of one that is asked for, but another recipe."""
    if found := replaced(request):
        units = [f"  - {unit}: {difference}" for unit, difference in found.items()]
        head = f"{request.work}: these rows would replace finished trainings of the same names, made another way"
        ways = "give the rows other names, or another -w, or say --replace to train them anew as asked for now"
        raise LaffError("\n".join([head, *units, ways]))


def replaced(request: Request) -> dict[str, str]:
    """{unit of the train stage: how it was asked for, and how now}.

    What is stale since code, features or items changed is not among them: it is so for whoever asks.
    """
    graph = request.graph()
    stage = graph.stages[graph.of_step("rank").sources[0]]
    work = Workspace(request.work)
    index = work.index(stage.name)
    if not index.entries:
        return {}
    context = Context(graph, table.read(work.table)[0], work, source=request.collection)
    found = {}
    for model in models.listed(graph, stage):
        new = _asked(models.recipe(context, stage, model))
        for seed in model.seeds:
            key = f"{model.name}/seed{seed}"
            entry = index.entry(key)
            if entry is None:
                continue
            old = _asked(index.recipes.get(entry.fingerprint, {}))
            if old != new:
                found[key] = explain(old, new)
    return found


def _asked(recipe: dict[str, Any]) -> dict[str, Any]:
    """What a person says of a model: its class, params and features."""
    sides = {side: recipe.get(side, []) for side in ("video", "text")}
    features = {name: "" for names in sides.values() for name in names}
    return {"uses": recipe.get("uses"), "params": recipe.get("params", {}), "from": features} | sides
