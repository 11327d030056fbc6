"""The gallery of a report, in a browser: order, words, models side by side, pages, links, keys, hostile texts."""

from __future__ import annotations

import csv
from collections.abc import Iterator
from typing import TYPE_CHECKING

import pytest

from tests import browsing
from tests.pipeline.report.conftest import HOSTILE, NAMES, Reported

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page

QUERIES = 32  # two captions of each of 16 videos


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with browsing.browser() as started:
        yield started


@pytest.fixture
def opened(browser: Browser, reported: Reported) -> Iterator[Page]:
    """The report; what goes wrong in it fails the test."""
    with browsing.page(browser) as watched:
        watched.page.goto(reported.address)
        yield watched.page


def captions(page: Page) -> list[str]:
    """Ids of the queries that are shown."""
    lines = page.locator(".query .which").all_inner_texts()
    return [line.removesuffix(" link") for line in lines]


def ranks(reported: Reported, column: str) -> dict[str, float]:
    """The rank of each query, as evaluate wrote it; in the order of the collection."""
    with (reported.work / "evaluate" / "t2v.csv").open(encoding="utf-8", newline="") as file:
        return {line["query"]: float(line[column]) for line in csv.DictReader(file)}


def choose(page: Page, name: str, value: str) -> None:
    page.locator(f".gallery select[name={name}]").select_option(value)


def test_worst_first_best_first_and_as_in_the_collection(opened: Page, reported: Reported) -> None:
    laff = ranks(reported, "laff/seed1")
    assert len(laff) == QUERIES
    assert captions(opened) == sorted(laff, key=lambda query: -laff[query])[:10]
    choose(opened, "sort", "best")
    assert captions(opened) == sorted(laff, key=lambda query: laff[query])[:10]
    choose(opened, "sort", "collection")
    assert captions(opened) == list(laff)[:10]
    choose(opened, "row", "one")
    choose(opened, "sort", "worst")
    one = ranks(reported, "one/seed0")
    assert captions(opened) == sorted(one, key=lambda query: -one[query])[:10]


def test_a_random_order_has_a_seed_that_its_link_holds(opened: Page, reported: Reported) -> None:
    choose(opened, "size", "100")
    choose(opened, "sort", "random")
    first = captions(opened)
    assert sorted(first) == sorted(ranks(reported, "laff/seed1"))
    assert "random order 1" in opened.inner_text(".gallery-count")
    opened.get_by_role("button", name="Another order").click()
    other, address = captions(opened), opened.url
    assert other != first
    assert "random order 2" in opened.inner_text(".gallery-count")
    opened.goto(reported.address)
    opened.goto(address)
    assert captions(opened) == other


def test_words_and_ids_are_found(opened: Page) -> None:
    opened.get_by_role("searchbox").fill("NUMBER thing 7")
    assert captions(opened) == ["test7#0"]
    assert opened.inner_text(".gallery-count") == "1 query of 32."
    opened.get_by_role("searchbox").fill("視頻#")
    assert sorted(captions(opened)) == ["ümläut 視頻#0", "ümläut 視頻#1"]
    opened.get_by_role("searchbox").fill("nothing is so")
    assert captions(opened) == []
    assert opened.inner_text(".gallery-count") == "0 queries of 32: no caption or id has these words."
    assert not opened.get_by_role("button", name="Next").is_visible()


def test_two_models_side_by_side(opened: Page, reported: Reported) -> None:
    laff, one = ranks(reported, "laff/seed1"), ranks(reported, "one/seed0")
    wins, losses = (sum(sign * (one[query] - laff[query]) > 0 for query in laff) for sign in (1, -1))
    choose(opened, "with", "one")
    said = opened.inner_text(".gallery-count").replace("queries", "query")
    assert (
        f"laff is better for {wins} query, one for {losses} query, and they are alike for {32 - wins - losses} query."
        in said
    )
    choose(opened, "sort", "loss")
    first = min(laff, key=lambda query: one[query] - laff[query])
    assert captions(opened)[0] == first
    answers = opened.locator(".query").first.locator(".answer")
    assert answers.count() == 2
    assert "better here" not in answers.nth(0).inner_text()
    assert "better here" in answers.nth(1).inner_text()


def test_the_right_video_is_marked_and_stands_last_where_it_is_not_among_the_first(
    opened: Page, reported: Reported
) -> None:
    choose(opened, "size", "100")
    laff = ranks(reported, "laff/seed1")
    cards = opened.locator(".query")
    far = 0
    for query, card in zip(captions(opened), cards.all(), strict=True):
        tiles = card.locator(".tile").all()
        assert len(tiles) == 8
        (right,) = card.locator(".tile.right").all()
        assert right.locator(".id").inner_text() == query.rpartition("#")[0]
        assert right.locator(".place").inner_text() == f"{laff[query]:g}"
        if laff[query] > 8:
            far += 1
            assert "right" in (tiles[-1].get_attribute("class") or "")
    assert far > 2


def test_pages(opened: Page, reported: Reported) -> None:
    laff = ranks(reported, "laff/seed1")
    expected = sorted(laff, key=lambda query: -laff[query])
    assert opened.get_by_role("button", name="Previous").is_disabled()
    opened.get_by_role("button", name="Next").click()
    assert captions(opened) == expected[10:20]
    for _ in range(2):
        opened.get_by_role("button", name="Next").click()
    assert captions(opened) == expected[30:]
    assert opened.get_by_role("button", name="Next").is_disabled()
    assert "page=4" in opened.url
    choose(opened, "size", "25")
    assert captions(opened) == expected[:25]


def test_a_link_to_one_query(opened: Page, reported: Reported) -> None:
    opened.get_by_role("searchbox").fill(f"{NAMES[1]}#1")  # an id that would be a script
    opened.get_by_role("link", name=f"Link to the query {NAMES[1]}#1").click()
    assert captions(opened) == [f"{NAMES[1]}#1"]
    address = opened.url
    opened.get_by_role("button", name="Show all queries").click()
    assert len(captions(opened)) == 10
    opened.goto(reported.address)
    opened.goto(address)
    assert captions(opened) == [f"{NAMES[1]}#1"]
    opened.goto(reported.address + "#q=none%20such&sort=odd&row=odd&page=-4&size=odd")
    assert opened.inner_text(".gallery-count") == "No query here has the id none such."


def test_keys(opened: Page) -> None:
    opened.locator(".query .tile").first.focus()
    opened.keyboard.press("j")
    assert opened.evaluate("[...document.querySelectorAll('.query')].indexOf(document.activeElement)") == 1
    opened.keyboard.press("k")
    opened.keyboard.press("ArrowRight")
    opened.keyboard.press("ArrowRight")
    assert opened.evaluate("document.activeElement.querySelector('.place').textContent") == "2"
    opened.keyboard.press("Enter")
    assert opened.get_by_role("dialog").is_visible()
    opened.keyboard.press("Escape")
    assert not opened.get_by_role("dialog").is_visible()
    before = captions(opened)
    opened.keyboard.press("n")
    assert captions(opened) != before
    opened.locator(".query .tile").first.focus()
    opened.keyboard.press("/")
    opened.keyboard.type("jn/")
    assert opened.get_by_role("searchbox").input_value() == "jn/"


def test_a_video_larger_with_its_shares(opened: Page) -> None:
    opened.locator(".query .tile").first.click()
    shown = opened.get_by_role("dialog")
    assert opened.locator("dialog img").evaluate("image => image.naturalWidth") == 48
    cells = shown.get_by_role("row").all_inner_texts()
    assert {cell.split()[0] for cell in cells} == {"one", "other"}
    assert sum(float(cell.split()[1]) for cell in cells) == pytest.approx(100, abs=0.11)
    shown.get_by_role("button", name="Close").click()
    assert not shown.is_visible()


BRIGHTEST = """image => {
  const canvas = document.createElement("canvas"), drawn = canvas.getContext("2d");
  drawn.drawImage(image, 0, 0);
  return Math.max(...drawn.getImageData(0, 0, 48, 32).data.filter((_, at) => at % 4 < 3));
}"""


def test_pictures_of_all_videos_and_none_is_black(opened: Page) -> None:
    choose(opened, "size", "100")
    opened.wait_for_function("[...document.querySelectorAll('.tile img')].every(image => image.complete)")
    assert opened.locator(".tile img").count() == QUERIES * 8
    images = opened.locator(".query").first.locator("img").all()
    assert all(image.evaluate(BRIGHTEST) > 100 for image in images)


def test_nothing_of_a_hostile_text_runs_and_a_phone_does_not_scroll_sideways(
    browser: Browser, reported: Reported
) -> None:
    with browsing.page(browser, **browsing.PHONE, color_scheme="dark") as watched:
        watched.page.goto(reported.address + "#sort=collection")
        assert watched.page.evaluate("window.hit === undefined")
        assert HOSTILE in watched.page.inner_text(".gallery-list")
        assert watched.page.evaluate("document.documentElement.scrollWidth <= screen.width")
        assert browsing.serious_findings(watched.page) == []
