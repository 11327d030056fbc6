"""The search page in Chromium, over canned answers."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

import pytest

from tests import browsing
from tests.pipeline.serve import canned
from tests.pipeline.serve.canned import HOSTILE, PART, Canned
from tests.pipeline.serve.until import until

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page

PLAYING = "document.querySelector('video')?.currentTime > 0.1"
FOCUSED = "document.activeElement.closest('.card')?.dataset.item"


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with browsing.browser() as started:
        yield started


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Canned]:
    with canned.served(tmp_path_factory.mktemp("served")) as server:
        yield server


@pytest.fixture
def page(browser: Browser, site: Canned) -> Iterator[Page]:
    """A page, not yet opened; at its end the console is without errors and nothing outside was asked."""
    site.asked.clear()
    with browsing.page(browser) as watched:
        yield watched.page


def found(page: Page, site: Canned, address: str = "/?q=a+red+circle") -> None:
    """Open an address that shows hits."""
    page.goto(site.address + address)
    page.wait_for_selector(".card")


def test_typing_searches_and_back_returns(page: Page, site: Canned) -> None:
    page.goto(site.address)
    page.wait_for_selector(".example")
    assert page.locator("#told").inner_text() == "a note of the collection"
    until(page, "document.querySelectorAll('.pictures img').length === 9")  # three of each example
    page.keyboard.type("/a red circle")  # the search has the focus already, so / leads nowhere
    page.wait_for_selector(".card")
    assert site.last() == {"q": "a red circle", "w": "first", "k": "24"}
    assert len(site.asked) == 1  # while keys come nothing is asked
    assert page.locator("#status").inner_text() == "The 24 nearest of 60 videos, by laff, in 7\u00a0ms"
    assert page.url == f"{site.address}/?q=a+red+circle"
    page.fill("#sentence", "a blue square")
    page.keyboard.press("Enter")
    page.wait_for_url("**/?q=a+blue+square")
    page.go_back()
    until(page, "document.querySelector('#sentence').value === 'a red circle'")
    page.go_back()
    page.locator(".example", has_text="a green star").click()
    page.wait_for_url("**/?q=a+green+star")
    assert page.locator("#sentence").input_value() == "a green star"


def test_a_card_says_all_of_a_hit(page: Page, site: Canned) -> None:
    found(page, site)
    first = page.locator(".card").first
    assert first.locator("h2").inner_text().split() == ["1.", "video1"]
    assert first.locator(".picture").get_attribute("aria-label") == "Play video1, 0:00.5–0:00.9"  # noqa: RUF001
    assert first.locator(".score").inner_text().split() == ["Score", "0.495", ",", "100", "%", "of", "the", "best"]
    assert "Shares: x3d 25 %, clip 75 %" in first.locator(".shares").inner_text()
    assert page.locator("#legend li").all_inner_texts() == ["x3d", "clip"]
    assert first.locator(".caption").inner_text() == "caption 1"
    ninth = page.locator(".card").nth(8)  # 0.455 of 0.495
    assert "92 % of the best" in ninth.locator(".score").inner_text()
    assert "no probability" in page.locator("#meaning").inner_text()


def test_a_clip_plays_within_its_window(page: Page, site: Canned) -> None:
    found(page, site)
    page.locator(".picture").first.click()
    until(page, PLAYING)
    times = []
    for _ in range(8):
        page.wait_for_timeout(100)
        times.append(page.evaluate("document.querySelector('video').currentTime"))
    start, end = PART
    assert all(start - 0.05 <= time <= end + 0.15 for time in times)  # a frame lasts 0.1 s
    assert times != sorted(times)  # it began again
    page.keyboard.press("Escape")
    assert page.locator("video").count() == 0
    assert page.evaluate(FOCUSED) == "1"


def test_what_does_not_play_is_made_into_a_clip_or_shown_as_stills(page: Page, site: Canned) -> None:
    found(page, site)
    page.locator(".picture").nth(1).click()  # its file is no video
    until(page, PLAYING)
    assert [pairs for path, pairs in site.asked if path == "/clip/first/2"][-1] == [("v", "1"), ("made", "1")]
    page.locator(".picture").nth(1).click()  # of the third video, since the second one's is gone
    stills = page.locator(".stills")
    stills.get_by_role("button", name="Pause").click()
    slider = stills.locator("input")
    slider.fill("2")
    assert stills.locator("img").get_attribute("alt") == "Still 3 of 3 of video3"
    assert stills.locator("img").get_attribute("src") == "/stills/first/3/2?v=1"
    page.locator(".picture[aria-label^='Look at video4']").click()  # nothing of it plays
    assert page.locator("#viewer-title").inner_text() == "video4"
    assert page.locator("#viewer .player").count() == 0


def test_the_larger_view_turns_and_is_in_the_link(page: Page, site: Canned) -> None:
    found(page, site)
    page.locator(".open").nth(3).click()
    assert page.locator("#viewer-title").inner_text() == "video4"
    assert page.url.endswith("&hit=video4")
    assert page.locator("#viewer section li").all_inner_texts() == ["caption 4", "another caption"]
    assert page.locator("#viewer .share-list li").all_inner_texts() == ["clip\n75 %", "x3d\n25 %"]
    page.keyboard.press("j")
    assert page.locator("#viewer-title").inner_text() == HOSTILE
    page.keyboard.press("ArrowRight")
    assert " ".join(page.locator("#viewer").inner_text().split()) == (
        "video6 × Rank 6 of 24 shown Length 0:02 File videos/video6.mp4 Score Score 0.470 , 95 % of the best "  # noqa: RUF001
        "clip 75 % x3d 25 % Previous Next More like this Copy link"
    )
    page.get_by_role("button", name="Previous").click()
    page.get_by_role("button", name="Previous").click()
    page.get_by_role("button", name="Previous").click()
    assert page.locator("#viewer-title").inner_text() == "video3"
    page.keyboard.press("Escape")
    page.wait_for_url("**/?q=a+red+circle")
    assert page.evaluate(FOCUSED) == "3"
    page.go_forward()
    page.wait_for_selector("#viewer[open]")
    page.go_back()
    page.wait_for_selector("#viewer:not([open])", state="attached")


def test_a_link_brings_all_of_it_back(page: Page, site: Canned) -> None:
    weights = "weight=model%3Aconcat%3D0.5&weight=video%3Ax3d%3D3"
    link = f"/?w=first&q=a+dog&model=laff&model=concat&{weights}&split=test&k=48&hit=video30"
    found(page, site, link)
    assert site.last() == {
        "w": "first",
        "q": "a dog",
        "model": ["laff", "concat"],
        "weight": ["model:concat=0.5", "video:x3d=3"],
        "split": "test",
        "k": "48",
    }
    assert page.url == site.address + link
    assert page.locator("#viewer-title").inner_text() == "video30"
    assert page.locator("#split").input_value() == "test"
    assert page.get_by_label("Weight of concat").input_value() == "0.5"
    assert page.get_by_label("Weight of x3d, features of videos").input_value() == "3"
    assert page.locator("#panel input:checked").count() == 2
    assert "weight / (60 + rank)" in page.locator("#meaning").inner_text()
    page.context.grant_permissions(["clipboard-read", "clipboard-write"])
    page.locator("#viewer").get_by_role("button", name="Copy link").click()
    page.locator("#viewer #message", has_text="The link is copied.").wait_for()
    assert page.evaluate("navigator.clipboard.readText()") == page.url


def test_more_adds_hits_and_leaves_the_first_alone(page: Page, site: Canned) -> None:
    found(page, site)
    page.locator(".picture").first.click()
    until(page, PLAYING)
    page.get_by_role("button", name="Show more").click()
    until(page, "document.querySelectorAll('.card').length === 48")
    assert page.evaluate(FOCUSED) == "25"
    assert page.locator("video").count() == 1  # it goes on
    page.get_by_role("button", name="Show more").click()
    until(page, "document.querySelectorAll('.card').length === 60")
    assert not page.locator("#more").is_visible()


def test_more_like_this(page: Page, site: Canned) -> None:
    found(page, site)
    page.locator(".like").nth(4).click()  # its id has all that an address could stumble over
    until(page, "document.querySelector('#status').textContent.includes('like')")
    assert site.asked[-1] == ("/api/like", [("w", "first"), ("id", HOSTILE), ("k", "24")])
    assert page.locator("#sentence").input_value() == ""
    assert page.evaluate(FOCUSED) == "1"
    page.reload()
    page.wait_for_selector(".card")
    assert site.last()["id"] == HOSTILE
    page.go_back()
    until(page, "document.querySelector('#sentence').value === 'a red circle'")


def test_weights_take_effect_at_once(page: Page, site: Canned) -> None:
    found(page, site)
    page.get_by_role("button", name="Models and weights: laff").click()
    assert page.get_by_label("Weight of laff").count() == 0  # one model needs none
    slider = page.get_by_label("Weight of bow, features of sentences")
    slider.focus()
    page.keyboard.press("ArrowLeft")
    page.keyboard.press("ArrowLeft")
    page.wait_for_url("**&weight=text%3Abow%3D0.8")
    until(page, "!document.querySelector('[aria-busy]')")
    assert site.last()["weight"] == ["text:bow=0.8"]
    assert page.evaluate("document.activeElement.name") == "text:bow"  # it can be moved further
    page.get_by_label("concat", exact=True).check()
    page.wait_for_url("**&model=laff&model=concat&**")
    assert page.get_by_label("Weight of concat").count() == 1
    page.get_by_role("button", name="Reset the weights").click()
    page.wait_for_url("**/?w=first&q=a+red+circle&model=laff&model=concat")
    assert slider.input_value() == "1"
    page.get_by_label("Weight of x3d, features of videos").fill("0")
    page.wait_for_url("**&weight=video%3Ax3d%3D0")
    page.get_by_label("laff", exact=True).uncheck()  # concat has no features to weigh
    page.wait_for_url("**/?w=first&q=a+red+circle&model=concat")
    until(page, "!document.querySelector('[aria-busy]')")
    assert site.last() == {"w": "first", "q": "a red circle", "model": ["concat"], "k": "24"}
    assert page.locator("#panel input[type=range]").count() == 0


def test_keys(page: Page, site: Canned) -> None:
    found(page, site)
    page.keyboard.press("/")
    assert page.evaluate("document.activeElement.id") == "sentence"
    page.keyboard.press("ArrowDown")
    assert page.evaluate(FOCUSED) == "1"
    for key, item in (("j", "2"), ("ArrowRight", "3"), ("k", "2"), ("ArrowLeft", "1")):
        page.keyboard.press(key)
        assert page.evaluate(FOCUSED) == item
    page.keyboard.press("ArrowDown")
    columns = page.evaluate("getComputedStyle(document.querySelector('#cards')).gridTemplateColumns.split(' ').length")
    assert page.evaluate(FOCUSED) == str(1 + columns)
    page.keyboard.press("ArrowUp")
    heights = "[...document.querySelectorAll('.media')].map((one) => one.offsetHeight)"
    assert len(set(page.evaluate(heights))) == 1  # nothing moves with the focus, so that a press hits what it aims at
    page.keyboard.press("Enter")
    until(page, PLAYING)
    page.keyboard.press("l")
    page.wait_for_selector("#viewer[open]")
    page.keyboard.press("m")
    page.wait_for_url("**/?like=video1")
    page.keyboard.press("?")
    assert page.locator("#keys dt").count() == 11
    page.keyboard.press("Escape")
    page.keyboard.press("w")
    assert page.locator("#panel").is_visible()


def test_texts_are_never_html(page: Page, site: Canned) -> None:
    found(page, site, "/?w=second&q=%3Cscript%3Ewindow.harmed%3D1%3C/script%3E+zyx&hit=" + "video1")
    assert page.locator("#told").inner_text() == "Some features do not know a word, and leave it out: “zyx” (bow)"
    page.keyboard.press("Escape")
    card = page.locator(".card").nth(4)
    assert card.locator("h2").inner_text().endswith(HOSTILE)
    assert card.locator(".caption").inner_text() == HOSTILE
    assert page.locator("#workspace option").nth(1).inner_text() == HOSTILE
    assert HOSTILE in page.title()
    card.locator(".open").click()
    page.wait_for_selector("#viewer[open]")
    assert page.evaluate("window.harmed") is None
    assert page.locator("img[src=x], main script, dialog script").count() == 0


def test_mistakes_are_told_in_words(browser: Browser, site: Canned) -> None:
    def told(page: Page, address: str) -> str:
        page.goto(site.address + address)
        return page.locator("#told [role=alert]").inner_text()

    with browsing.page(browser) as watched:
        page = watched.page
        assert told(page, "/?q=refused") == "say it otherwise"
        site.asked.clear()
        assert told(page, "/?q=" + "a" * 2001) == "The sentence is longer than 2,000 letters; shorten it."
        assert told(page, "/?w=third&q=a") == "No collection “third” is served here. These are: first, second"
        assert site.asked == []
        page.goto(site.address + "/?q=a+dog&hit=video99")
        page.wait_for_selector(".card")
        assert page.locator("#message").inner_text() == "video99 is not among these videos."
        page.fill("#sentence", "zyx")
        until(page, "document.querySelector('#told').textContent.startsWith('NO WORD of this sentence is known')")
        page.fill("#sentence", "none")
        until(page, "document.querySelector('#status').textContent === 'No videos.'")
        page.route("**/api/search*", lambda route: route.abort())
        page.fill("#sentence", "a cat")
        page.wait_for_selector("#told [role=alert]")
        assert "Is laff serve still running?" in page.locator("#told").inner_text()
        assert page.locator(".card").count() == 0
        refused, cut = watched.errors  # the browser writes these itself
        assert "400" in refused
        assert "ERR_FAILED" in cut
        watched.errors.clear()


def test_another_collection_has_models_of_its_own(page: Page, site: Canned) -> None:
    found(page, site, "/?q=a+dog&model=concat&weight=video:x3d=0.5&split=test")
    page.locator("#workspace").select_option("second")
    page.wait_for_url("**/?w=second&q=a+dog")
    until(page, "document.querySelector('#status').textContent.includes('of 1 video,')")
    assert not page.locator("#split-choice").is_visible()
    assert not page.locator("#panel-toggle").is_visible()  # one model, and nothing to weigh
    page.evaluate("document.activeElement.blur()")
    page.keyboard.press("?")
    assert "these keys" in page.inner_text("#keys")
    assert "models and weights" not in page.inner_text("#keys")
    page.keyboard.press("Escape")


def test_it_is_accessible(page: Page, site: Canned) -> None:
    found(page, site, "/?q=a+red+circle+zyx&model=laff&model=concat")
    assert browsing.serious_findings(page) == []


def test_it_is_accessible_in_the_dark(browser: Browser, site: Canned) -> None:
    with browsing.page(browser, color_scheme="dark") as watched:
        found(watched.page, site, "/?q=a+red+circle&hit=video4")
        assert browsing.serious_findings(watched.page) == []


def test_it_fits_a_phone(browser: Browser, site: Canned) -> None:
    with browsing.page(browser, **browsing.PHONE) as watched:
        page = watched.page
        found(page, site)
        page.locator("#panel-toggle").click()
        page.locator(".picture").first.click()
        assert page.evaluate("document.documentElement.scrollWidth <= screen.width")
        assert page.evaluate("document.querySelector('.player').offsetWidth > 0.9 * screen.width")
        heights = page.evaluate(
            "[...document.querySelectorAll('button, select, #sentence')].map((one) => one.offsetHeight).filter(Boolean)"
        )
        assert min(heights) >= 40  # pixels that a finger hits
