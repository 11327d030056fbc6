"""What a request gets in place of an answer: a status of HTTP, and a sentence that says what to do."""

from __future__ import annotations


class Refused(Exception):
    """A request that is not answered; its text goes to the person who asked."""

    def __init__(self, text: str, status: int = 400) -> None:
        """status: of HTTP; 400: a wrong request, 404: nothing there, 410: no more, 422: not possible, 503: not now."""
        super().__init__(text)
        self.status = status
