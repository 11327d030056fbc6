"""The whole page of one run of the shipped graph."""

from __future__ import annotations

import re
from html.parser import HTMLParser
from typing import Any

import pytest

from pipeline.opening import open_context
from pipeline.report.page import page, policy

HASH = "qVpDBgj7bpq5hMAcGp3AOc79J3Y1Z4HvySTwKrWDoy4="  # of a(), by openssl dgst -sha256 -binary | base64
OUTSIDE = re.compile(r"""(?:src|href)=["']?(?!#|data:)[^"' >]+""")


class Read(HTMLParser):
    """Ids, links and open elements of a page."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.ids: list[str] = []
        self.links: list[str] = []
        self.policy = ""
        self.feed(text)

    def handle_starttag(self, tag: str, attributes: list[tuple[str, str | None]]) -> None:
        of = dict(attributes)
        self.ids += [str(of["id"])] if "id" in of else []
        self.links += [str(of["href"])] if tag == "a" else []
        if of.get("http-equiv") == "Content-Security-Policy":
            self.policy = str(of["content"])


@pytest.fixture(scope="module")
def shown(ran: Any) -> str:
    return (ran.work / "report" / "index.html").read_text(encoding="utf-8")


def test_all_sections_are_there_and_the_links_of_the_head_lead_to_them(shown: str) -> None:
    read = Read(shown)
    links = [link[1:] for link in read.links if link.startswith("#") and "=" not in link]
    assert {"metrics", "wins", "attention", "overlap", "curves", "collection", "stages", "run", "next"} <= {*links}
    assert set(links) <= set(read.ids)
    assert len(read.ids) == len(set(read.ids))


def test_the_page_asks_for_nothing(shown: str) -> None:
    assert OUTSIDE.findall(shown) == []
    assert "@import" not in shown
    assert "url(" not in shown.replace("url(data:", "")
    assert Read(shown).policy.startswith("default-src 'none'; img-src data:; style-src 'unsafe-inline'; script-src ")


def test_the_page_says_what_was_run(shown: str, ran: Any) -> None:
    assert str(ran.collection) in shown  # of the command that repeats it
    assert "RANDOM WEIGHTS in " in shown
    assert "No training aimed at these figures: the loss triplet of all models" in shown
    assert "stages.yaml:" in shown  # where settings come from
    assert "Jaccard index of the 5 best videos" in shown


def test_the_same_workspace_gives_the_same_page(ran: Any) -> None:
    context = open_context(ran.request())
    stage = context.graph.of_step("report")
    one, other = page(context, stage), page(open_context(ran.request()), stage)
    assert one == other


def test_the_policy_names_the_scripts_alone() -> None:
    assert policy([]).split("; ")[3] == "script-src 'none'"
    assert HASH in policy(["a()"])


def test_a_collection_without_videos(small: Any) -> None:
    context = small.context()
    shown = Read(page(context, context.graph.of_step("report")))
    assert {"metrics", "wins", "attention", "overlap", "curves", "collection", "stages", "run", "next"} <= {*shown.ids}
