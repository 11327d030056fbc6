"""report: the table, the failures and the times, as one HTML page and for the terminal."""

import html
import json
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pipeline import files
from pipeline.plan.context import Context
from pipeline.plan.plan import Planned
from pipeline.plan.record import TIMES, record
from pipeline.store import ledger
from pipeline.workers.tasks import Made

METRICS = ("R@1", "R@5", "R@10", "MedR", "MeanR", "MRR", "mAP")
STYLE = """body{font:15px/1.5 system-ui,sans-serif;margin:2em auto;max-width:70em;padding:0 1em;color:#222}
table{border-collapse:collapse;margin:1em 0}th,td{padding:.3em .8em;text-align:right;border-bottom:1px solid #ddd}
th:first-child,td:first-child{text-align:left}td.text{text-align:left}tr.main{background:#eef5ff;font-weight:600}
.warn{background:#fff3cd;padding:.6em 1em;border-left:4px solid #e0a800}small{color:#777}"""


@dataclass(frozen=True)
class Options:
    """Parameters of the step: none."""

    OWN = ("pipeline.steps.report",)


def run(context: Context, planned: Planned) -> None:
    """Write WORK/report/index.html."""
    start = time.perf_counter()
    stage = context.stage(planned.stage)
    results = json.loads((context.work.folder(stage.sources[0]) / "metrics.json").read_text(encoding="utf-8"))
    failures = ledger.read(context.work.ledger)
    page = render(context.name, results, failures, times(context.work.root / TIMES))
    files.write_text(context.work.folder(stage.name) / "index.html", page)
    record(context, planned, Made(stage.name, "report", 1, time.perf_counter() - start), ["index.html"])


def times(log: Path) -> dict[str, float]:
    """Seconds that each stage has taken in this workspace, over all runs."""
    seconds: dict[str, float] = {}
    for line in log.read_text(encoding="utf-8").splitlines() if log.is_file() else []:
        try:
            entry = json.loads(line)
        except ValueError:
            continue  # a line that a kill cut off
        seconds[entry["stage"]] = seconds.get(entry["stage"], 0.0) + entry["seconds"]
    return seconds


def cell(metric: dict[str, Any], name: str) -> str:
    """'12.3 ± 0.4' with the digits that the metric deserves."""
    digits = 3 if name in ("MRR", "mAP") else 1
    text = f"{metric['mean']:.{digits}f}"
    return f"{text} ± {metric['std']:.{digits}f}" if len(metric["seeds"]) > 1 else text


def text_table(results: dict[str, Any], way: str = "t2v") -> str:
    """The table of one way for a terminal."""
    rows = [["model", *METRICS]]
    rows += [[name, *(cell(row[way][metric], metric) for metric in METRICS)] for name, row in results["models"].items()]
    widths = [max(len(row[column]) for row in rows) for column in range(len(rows[0]))]
    lines = [
        "  ".join(
            text.ljust(width) if column == 0 else text.rjust(width)
            for column, (text, width) in enumerate(zip(row, widths, strict=True))
        )
        for row in rows
    ]
    some = next(iter(results["models"].values()))[way]
    heading = f"{way}: {some['queries']} queries, {some['candidates']} candidates, coverage {results['coverage']:.3f}"
    return "\n".join([heading, lines[0], "-" * len(lines[0]), *lines[1:]])


def warning(results: dict[str, Any]) -> str:
    """What must be said beside every figure that random weights had a part in; '' otherwise."""
    if not results["untrained"]:
        return ""
    return f"RANDOM WEIGHTS in {', '.join(results['untrained'])}: these figures show that it runs, not how good it is"


def render(name: str, results: dict[str, Any], failures: Sequence[dict[str, str]], seconds: dict[str, float]) -> str:
    """The page; every text of the collection is escaped."""
    parts = [f"<!doctype html><html lang='en'><meta charset='utf-8'><title>laff: {html.escape(name)}</title>"]
    parts.append(f"<style>{STYLE}</style><h1>{html.escape(name)}</h1><p>{html.escape(results['protocol'])}</p>")
    if said := warning(results):
        parts.append(f"<p class='warn'>{html.escape(said)}</p>")
    for way, title in (("t2v", "Text to video"), ("v2t", "Video to text")):
        some = next(iter(results["models"].values()))[way]
        parts.append(f"<h2>{title}</h2><p>{some['queries']} queries, {some['candidates']} candidates, ")
        parts.append(f"coverage {results['coverage']:.3f}</p><table><tr><th>model</th>")
        parts += [f"<th>{metric}</th>" for metric in METRICS]
        for number, (model, row) in enumerate(results["models"].items()):
            parts.append(f"<tr{' class=main' if number == 0 else ''}><td>{html.escape(model)}</td>")
            parts += [f"<td>{cell(row[way][metric], metric)}</td>" for metric in METRICS]
        parts.append("</table>")
        intervals = results["bootstrap"]
        first = next(iter(intervals))
        low, high = intervals[first][way]["R@10"]
        parts.append(
            f"<p><small>{html.escape(first)}: R@10 {low:.1f} to {high:.1f} (95 % bootstrap over videos)</small></p>"
        )
    parts.append(
        f"<p><small>{html.escape(results['ties'])}. ± is a sample's std over seeds.</small></p><h2>Splits</h2><table>"
    )
    parts.append("<tr><th>split</th><th>videos</th><th>with every feature</th><th>captions</th></tr>")
    for split, row in results["splits"].items():
        parts.append(
            f"<tr><td>{split}</td><td>{row['videos']}</td><td>{row['covered']}</td><td>{row['captions']}</td></tr>"
        )
    parts.append(f"</table><h2>Failures</h2><p>{len({line['video'] for line in failures})} video(s)</p>")
    if failures:
        parts.append("<table><tr><th>video</th><th>stage</th><th>reason</th></tr>")
        for line in failures:
            cells = (line["video"], line["stage"], line["reason"])
            parts.append("<tr>" + "".join(f"<td class='text'>{html.escape(text)}</td>" for text in cells) + "</tr>")
        parts.append("</table>")
    parts.append("<h2>Times</h2><table><tr><th>stage</th><th>seconds</th></tr>")
    parts += [f"<tr><td>{html.escape(stage)}</td><td>{value:.1f}</td></tr>" for stage, value in seconds.items()]
    parts.append("</table></html>\n")
    return "".join(parts)
