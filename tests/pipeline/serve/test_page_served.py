"""The search page in Chromium over a real server: sentences, clips of files and of transcoded ones, awkward names."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any
from urllib.request import urlopen

import pytest

from tests import browsing
from tests.pipeline.serve.films import HOSTILE, ITEMS, Films
from tests.pipeline.serve.until import until

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with browsing.browser() as started:
        yield started


@pytest.fixture(scope="module")
def address(films: Films) -> Iterator[str]:
    """The address of `laff serve` over the films, in a thread of this process."""
    import uvicorn

    from pipeline.serve import server
    from pipeline.serve.access import Access
    from pipeline.serve.guard import Guard
    from pipeline.serve.served import served
    from pipeline.serve.site import Site

    listening = server.listen("127.0.0.1", 0)
    port = listening.getsockname()[1]
    with Site(served([films.work])) as site:
        app = Guard(site.app(), Access.to("127.0.0.1", port))
        running = uvicorn.Server(uvicorn.Config(app, log_level="critical", lifespan="off", ws="none"))
        thread = threading.Thread(target=running.run, kwargs={"sockets": [listening]}, daemon=True)
        thread.start()
        yield f"http://127.0.0.1:{port}"
        running.should_exit = True
        thread.join(10)


@pytest.fixture
def page(browser: Browser) -> Iterator[Page]:
    with browsing.page(browser) as watched:
        yield watched.page


def answer(address: str, path: str) -> dict[str, Any]:
    with urlopen(address + path) as response:
        content: dict[str, Any] = json.load(response)
    return content


def titles(page: Page) -> list[str]:
    """The ids of the cards, in their order."""
    ids: list[str] = page.evaluate("[...document.querySelectorAll('.card h2')].map((one) => one.lastChild.data)")
    return ids


def test_a_sentence_finds_what_the_server_finds(page: Page, address: str) -> None:
    page.goto(address)
    page.fill("#sentence", "a red circle")
    page.wait_for_selector(".card")
    hits = answer(address, "/api/search?q=a+red+circle")["hits"]
    assert titles(page) == [hit["id"] for hit in hits]
    assert sorted(titles(page)) == sorted(ITEMS)
    until(page, "[...document.images].every((one) => one.complete && one.naturalWidth)")
    assert page.locator(".picture img").count() == len(ITEMS)
    rf = page.locator(".card", has=page.get_by_role("button", name="Play -rf,"))
    assert rf.locator(".caption").inner_text() == HOSTILE


@pytest.mark.parametrize(("name", "bounds"), [("part", (1, 2)), ("old part", (0, 1)), ('it\'s "quoted"', (0, 2))])
def test_a_clip_plays(page: Page, address: str, name: str, bounds: tuple[int, int]) -> None:
    """ "old part" is the second half of an AVI: a clip of its own, a second long."""
    page.goto(f"{address}/?q=a+circle")
    page.locator(f".picture[aria-label^={json.dumps(f'Play {name},')}]").click()
    start, end = bounds
    until(page, f"document.querySelector('video').currentTime > {start + 0.2}")
    assert page.evaluate("document.querySelector('video').currentTime") < end + 0.2


AWKWARD = ("-rf", 'it\'s "quoted"', "<b>bold</b>", "%2e%2e", "Ünï/çødé 影片")


def test_a_video_of_an_awkward_name_has_others_like_it(page: Page, address: str) -> None:
    page.goto(f"{address}/?q=a+circle&k=24")
    for name in AWKWARD:
        page.wait_for_selector(".card")
        page.locator(".like").nth(titles(page).index(name)).click()
        shown = json.dumps(f" like \u2068{name}\u2069,")
        until(page, f"document.querySelector('#status').textContent.includes({shown})")
        assert sorted([*titles(page), name]) == sorted(ITEMS)
        page.go_back()
        until(page, "!document.querySelector('#status').textContent.includes(' like ')")


def test_weights_are_those_of_the_server(page: Page, address: str) -> None:
    page.goto(f"{address}/?q=a+red+circle")
    page.wait_for_selector(".card")
    page.locator("#panel-toggle").click()
    page.get_by_label("Weight of one, features of videos").fill("0")
    page.wait_for_url("**&weight=video%3Aone%3D0")
    until(page, "document.querySelector('.shares .hidden-text').textContent === 'Shares: one 0 %, other 100 %'")
    hits = answer(address, "/api/search?q=a+red+circle&weight=video%3Aone%3D0")["hits"]
    assert titles(page) == [hit["id"] for hit in hits]
    page.get_by_label("concat", exact=True).check()
    page.wait_for_url("**&model=laff&model=concat&**")
    until(page, "document.querySelector('#status').textContent.includes('by laff + concat')")
    path = "/api/search?q=a+red+circle&model=laff&model=concat&weight=video%3Aone%3D0"
    assert titles(page) == [hit["id"] for hit in answer(address, path)["hits"]]
