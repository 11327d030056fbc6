"""Pages in a real browser: Debian's Chromium, driven by Playwright, without a network."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

import pytest

if TYPE_CHECKING:
    from playwright.sync_api import Browser, BrowserContext, Page

NAMES = ("chromium", "chromium-browser", "google-chrome")
LOOPBACK = ("127.0.0.1", "localhost", "[::1]")
PHONE = {"viewport": {"width": 390, "height": 844}, "device_scale_factor": 3, "is_mobile": True, "has_touch": True}
SERIOUS = ("serious", "critical")  # axe's words for what counts


def chromium() -> str:
    """The path of Chromium. Where there is none the test skips, or fails if LAFF_REQUIRE names browser."""
    found = os.environ.get("LAFF_CHROMIUM") or next(filter(None, map(shutil.which, NAMES)), "")
    if not found:
        missing = "no Chromium; on Debian: apt-get install chromium"
        if "browser" in os.environ.get("LAFF_REQUIRE", "").split(","):
            pytest.fail(missing)
        pytest.skip(missing)
    return found


@contextmanager
def browser() -> Iterator[Browser]:
    """A headless Chromium."""
    path = chromium()
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        started = playwright.chromium.launch(executable_path=path, args=["--no-sandbox", "--disable-gpu"])
        try:
            yield started
        finally:
            started.close()


@dataclass
class Watched:
    """A page, and what went wrong in it."""

    page: Page
    errors: list[str] = field(default_factory=list)  # of the console, and uncaught ones
    outside: list[str] = field(default_factory=list)  # addresses that were asked for and are not of this machine

    def check(self) -> None:
        """Fail where the console had an error, or anything outside this machine was asked for."""
        assert self.errors == []
        assert self.outside == []


@contextmanager
def page(started: Browser, **options: Any) -> Iterator[Watched]:
    """A page, watched; options: of Browser.new_context, such as **PHONE, color_scheme="dark", in a context of its own.

    Pages without options share a context, which is half as dear; cookies and permissions end with each page, and no
    page of laff stores anything else in a browser. What goes wrong while the block runs fails it at its end.
    """
    context = started.new_context(**options) if options else _shared(started)
    watched = Watched(context.new_page())

    def asked(address: str) -> None:
        parts = urlsplit(address)
        if parts.scheme in ("http", "https", "ws", "wss") and parts.netloc.rsplit(":", 1)[0] not in LOOPBACK:
            watched.outside.append(address)

    watched.page.on("console", lambda line: watched.errors.append(line.text) if line.type == "error" else None)
    watched.page.on("pageerror", lambda error: watched.errors.append(str(error)))
    watched.page.on("request", lambda request: asked(request.url))
    try:
        yield watched
        watched.check()
    finally:
        if options:
            context.close()
        else:
            watched.page.close()
            context.clear_cookies()
            context.clear_permissions()


def _shared(started: Browser) -> BrowserContext:
    """The context of a browser's pages without options; an empty page keeps its process."""
    if not started.contexts:
        started.new_context().new_page()
    return started.contexts[0]


def serious_findings(shown: Page) -> list[str]:
    """What axe-core finds wrong with a page's accessibility and calls serious or critical, in words."""
    from axe_playwright_python.sync_playwright import Axe

    found = Axe().run(shown).response["violations"]
    return [
        f"{one['id']} ({one['impact']}): {one['help']}: {[node['html'][:120] for node in one['nodes'][:3]]}"
        for one in found
        if one["impact"] in SERIOUS
    ]
