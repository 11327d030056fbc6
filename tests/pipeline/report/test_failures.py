"""Failures on the page: groups, few lines of many, and names that are hostile."""

from __future__ import annotations

import time
from pathlib import Path
from types import SimpleNamespace

from pipeline.report import failures
from pipeline.report.page import TEMPLATES
from pipeline.store import ledger
from pipeline.views.templates import environment

HOSTILE = "<script>alert(1)</script>"


def material(failed: list[dict[str, str]], noted: list[dict[str, str]]) -> SimpleNamespace:
    context = SimpleNamespace(work=SimpleNamespace(root=Path("/a b/work")))
    return SimpleNamespace(failures=failed, notes=noted, context=context)


def test_without_failures_there_is_no_section() -> None:
    assert failures.section(material([], [])) is None


def test_groups_are_by_stage_and_kind_the_largest_first() -> None:
    failed = [
        ledger.line("b", "decode", "no frame", "VideoError"),
        ledger.line("a", "decode", "broken", "VideoError"),
        ledger.line("a", "x3d", "late", "Timeout"),
    ]
    noted = [ledger.line("c", "decode", "used, but its times jump", ledger.JUMPS)]
    section = failures.section(material(failed, noted))
    assert section is not None
    first, second = section.values["failed"]
    assert (first["stage"], first["kind"], first["videos"]) == ("decode", "cannot be read", "2 videos")
    assert first["rows"] == [["a", "broken"], ["b", "no frame"]]
    assert (second["stage"], second["kind"], second["videos"]) == ("x3d", "took too long", "1 video")
    assert section.values["failed_videos"] == "2 videos"
    assert section.values["noted"][0]["kind"] == "its times jump"
    assert section.values["command"] == "laff failures -w '/a b/work'"


def test_fifty_thousand_failures_are_a_short_page() -> None:
    failed = [ledger.line(f"v{number}", "decode", HOSTILE, "VideoError") for number in range(50_000)]
    start = time.process_time()
    section = failures.section(material(failed, []))
    assert section is not None
    text = '{% from "chart.html" import chart, table %}{% include "failures.html" %}'
    page = environment(TEMPLATES).from_string(text).render(values=section.values)
    assert time.process_time() - start < 5
    assert len(page) < 20_000
    assert "decode: cannot be read, 50,000 videos" in page
    assert "and 49,950 more" in page
    assert HOSTILE not in page
