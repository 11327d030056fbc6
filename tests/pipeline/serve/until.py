"""Waiting for a page whose policy forbids `eval`, which Playwright's wait_for_function needs."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from playwright.sync_api import Page

MOST = 30  # seconds


def until(page: Page, expression: str) -> None:
    """Wait until a JavaScript expression holds."""
    deadline = time.monotonic() + MOST
    while not page.evaluate(expression):
        assert time.monotonic() < deadline, expression
        page.wait_for_timeout(20)
