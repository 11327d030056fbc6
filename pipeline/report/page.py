"""The report page of a run: all of its sections in one file that asks for nothing from outside."""

from __future__ import annotations

from pathlib import Path

from pipeline.graph.graph import Stage
from pipeline.plan.context import Context
from pipeline.report import (
    attention,
    collection,
    curves,
    failures,
    gallery,
    metrics,
    next_steps,
    overlap,
    run_facts,
    stages,
    summary,
    wins,
)
from pipeline.report.inspected import inspected
from pipeline.report.kept import Kept
from pipeline.report.material import Material
from pipeline.views.policy import policy
from pipeline.views.templates import render

TEMPLATES = Path(__file__).parent / "templates"


def page(context: Context, stage: Stage) -> str:
    """The page as HTML; what was measured for it is kept in the stage's folder."""
    material = Material(context, stage)
    kept = Kept(context.work.folder(stage.name))
    model = inspected(material, kept)
    sections = [
        metrics.section(material),
        gallery.section(material, model),
        wins.section(material),
        attention.section(material, model),
        overlap.section(model),
        curves.section(material, kept),
        collection.section(material),
        failures.section(material),
        stages.section(material),
        run_facts.section(material),
        next_steps.section(material),
    ]
    kept.write()
    shown = [section for section in sections if section is not None]
    scripts = [(TEMPLATES / name).read_text(encoding="utf-8") for section in shown for name in section.scripts]
    return render(
        "report.html",
        TEMPLATES,
        title=f"{context.name}: results",
        summary=summary.summary(material),
        sections=shown,
        scripts=scripts,
        policy=policy(scripts),
    )
