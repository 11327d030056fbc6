"""What to do next: commands that work with these results as they stand."""

from __future__ import annotations

import shlex

from pipeline.graph import models
from pipeline.report.material import Material
from pipeline.report.section import Section


def section(material: Material) -> Section:
    """Commands, each with what it does."""
    context, graph = material.context, material.context.graph
    work = f"-w {shlex.quote(str(context.work.root.absolute()))}"
    steps: list[tuple[str, str]] = []
    model = _searchable(material)
    if model is not None:
        named = f" --model {shlex.quote(model)}" if model else ""
        steps.append((f'laff search "a sentence"{named} {work}', "find videos by a sentence"))
        steps.append((f"laff serve {work}", "search on a page of your browser"))
    plain = [row.name for row in material.rows if row.second is None]
    if len(plain) > 1:
        other = next(name for name in plain if name != material.main)
        steps.append(
            (f"laff analyze queries {material.main} {other} {work}", "see which captions one finds and not the other")
        )
    if not material.train.idle and not material.train.packed:
        steps.append((f"laff compare blocks {work}", "train other fusion methods on the same features"))
        if len(models.of(graph, material.train)[0].seeds) == 1:
            steps.append(
                (f"laff run {work} --set '{material.train.name}.seeds=[1,2,3]'", "get mean and spread over three seeds")
            )
    if material.failures:
        steps.append((f"laff failures {work}", "read why videos failed"))
    return Section("next", "Next steps", {"steps": steps})


def _searchable(material: Material) -> str | None:
    """The model that searches: '' for the main one, a feature of both sides where none is trained; None for none."""
    graph, train = material.context.graph, material.train
    if not train.idle:
        for model in models.of(graph, train):
            if not graph.imported(model.text):
                return "" if model.name == models.main(train) else model.name
    return next((name for name in material.stages if {"video", "text"} <= set(graph.stages[name].sides)), None)
