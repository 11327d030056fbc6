"""The stages of a run: how they follow each other, how long they took, and what came from the cache."""

from __future__ import annotations

from pipeline.plan.record import seconds_of
from pipeline.report.graph_drawing import Box, draw
from pipeline.report.material import Material
from pipeline.report.section import Section
from pipeline.views.tables import duration
from pipeline.wording import number_of

TIMES = (
    "Seconds are of work; work done side by side is added up. “Results shown” is the work for these results, in any "
    "run; “this run” is that of the run that wrote this page."
)


def section(material: Material) -> Section:
    """The graph with its times."""
    context = material.context
    names = material.stages
    seconds, spent = seconds_of(context, {name: material.units(name) for name in names}), context.spent
    rows, boxes = [], []
    for name in names:
        is_idle, units = context.stage(name).idle, len(material.units(name))
        is_made = name in spent
        state = "made in this run" if is_made else "cached"
        took = seconds[name]
        unit_words = "trains no model" if is_idle else number_of(units, "units")
        rows.append([name, f"{units:,}", state, f"{took:,.1f}", f"{spent[name]:,.1f}" if is_made else ""])
        words = f"{duration(took)} · {unit_words}" if took >= 0.05 else unit_words
        boxes.append(Box(name, context.graph.reads(name), words, is_made, f"{name}: {state}, {took:,.1f} s"))
    total, now = sum(seconds.values()), sum(spent.get(name, 0.0) for name in names)
    rows.append(["all", "", "", f"{total:,.1f}", f"{now:,.1f}"])
    cached = [name for name in names if name not in spent]
    header = ["stage", "units", "state", "seconds, results shown", "seconds, this run"]
    about = (
        f"{len(names) - len(cached):,} of {len(names):,} stages were made, in part or whole, in the run that wrote "
        f"this page (strong rim); {len(cached):,} came from the cache."
        if len(cached) < len(names)
        else f"All {len(names):,} stages came from the cache of earlier runs when this page was written."
    )
    chart = draw("The graph", about, boxes, header, rows)
    return Section("stages", "Stages and times", {"chart": chart, "times": TIMES, "all": duration(total)})
