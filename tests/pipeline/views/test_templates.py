"""Pages from templates: escaping, misspelt names, and what a browser makes of the shared page."""

from __future__ import annotations

from pathlib import Path

import pytest

from pipeline.views.templates import render
from tests import browsing

HOSTILE = "<script>window.hit = 1</script>\"'&"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    content = '{% extends "base.html" %}{% block main %}<h1 title="{{ heading }}">{{ heading }}</h1>{% endblock %}'
    (tmp_path / "own.html").write_text(content, encoding="utf-8")
    return tmp_path


def test_values_are_escaped(folder: Path) -> None:
    html = render("own.html", folder, title=HOSTILE, heading=HOSTILE)
    assert "<script>window" not in html
    assert "&lt;script&gt;window.hit = 1&lt;/script&gt;&#34;&#39;&amp;" in html


def test_a_misspelt_name_is_an_error(folder: Path) -> None:
    from jinja2 import UndefinedError

    with pytest.raises(UndefinedError, match="heading"):
        render("own.html", folder, title="a")


def test_in_a_browser_nothing_of_a_hostile_text_runs_and_a_phone_does_not_scroll_sideways(folder: Path) -> None:
    html = render("own.html", folder, title="a", heading=HOSTILE)
    with browsing.browser() as started, browsing.page(started, **browsing.PHONE, color_scheme="dark") as watched:
        watched.page.set_content(html)
        assert watched.page.inner_text("h1") == HOSTILE
        assert watched.page.evaluate("window.hit === undefined")
        assert watched.page.evaluate("document.documentElement.scrollWidth <= screen.width")
        assert watched.page.evaluate("getComputedStyle(document.body).backgroundColor") == "rgb(20, 24, 28)"
        assert browsing.serious_findings(watched.page) == []
