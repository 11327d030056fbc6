"""Report: the page of a run, with its results, the coverage of each split, failures and times."""

import html
from collections.abc import Mapping, Sequence
from typing import Any

from pipeline.views import page, results

TIMES = (
    "Seconds of work; work done side by side is added up. “Results shown”: the work for these results, in any run. "
    "“This run”: the work of the run that wrote this page."
)


def report(
    name: str,
    figures: Mapping[str, Any],
    failures: Sequence[Mapping[str, str]],
    seconds: Mapping[str, float],
    spent: Mapping[str, float],
    notes: Sequence[Mapping[str, str]] = (),
) -> str:
    """Page of a run as HTML.

    figures: those of metrics.json. failures, notes: lines {video, stage, reason}; notes are on videos that are used in
    spite of a flaw. seconds: of each stage, to make the results shown. spent: of each stage, in the run that writes
    this page.
    """
    splits = [
        [split, *(str(counts[key]) for key in ("videos", "covered", "captions"))]
        for split, counts in figures["splits"].items()
    ]
    failed, noted = (
        [[line[key] for key in ("video", "stage", "reason")] for line in lines] for lines in (failures, notes)
    )
    times = [
        [stage, f"{value:.1f}", f"{spent[stage]:.1f}" if stage in spent else ""] for stage, value in seconds.items()
    ]
    spent_in_all = sum(spent.get(stage, 0.0) for stage in seconds)
    times.append(["all", f"{sum(seconds.values()):.1f}", f"{spent_in_all:.1f}"])
    return "".join(
        [
            page.opening(f"laff: {name}", name, figures["protocol"], results.warning(figures)),
            *(_way(figures, way) for way in page.TITLES),
            f"<p><small>{html.escape(figures['ties'])}. ± is a sample's std over seeds.</small></p>",
            "<h2>Splits</h2>",
            page.table(["split", "videos", "with every feature", "captions"], splits),
            f"<h2>Failures</h2><p>{len({line['video'] for line in failures})} video(s)</p>",
            page.table(["video", "stage", "reason"], failed, kind="text") if failed else "",
            "<h2>Notes</h2>" + page.table(["video", "stage", "note"], noted, kind="text") if noted else "",
            "<h2>Times</h2>",
            page.small(TIMES),
            page.table(["stage", "results shown", "this run"], times),
            page.END,
        ]
    )


def _way(figures: Mapping[str, Any], way: str) -> str:
    """Results of one way; the first row is the main one, and its interval is below the table."""
    header, *rows = results.rows(figures, way)
    lines = (f"<tr{'' if number else ' class=main'}>{page.cells(row)}" for number, row in enumerate(rows))
    main, intervals = next(iter(figures["bootstrap"].items()))
    return "".join(
        [
            f"<h2>{page.TITLES[way]}</h2><p>{results.heading(figures, way)}</p>",
            f"<table><tr>{page.cells(header, 'th')}{''.join(lines)}</table>",
            *(page.small(note) for note in results.second_notes(figures["models"], way)),
            *(
                page.small(f"{main}: {metric} {low:.1f} to {high:.1f} (95 % bootstrap over videos)")
                for metric, (low, high) in intervals[way].items()
            ),
        ]
    )
