"""What is found of the stages of a graph, each once: with 200 models every row of results would look for all again."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

Answer = TypeVar("Answer")


class Found:
    """Answers by their name and by what they are found of. They are shared, so nobody may change one."""

    def __init__(self) -> None:
        """Nothing is found yet."""
        self._known: dict[tuple[str, int], tuple[object, Any]] = {}

    def once(self, what: str, of: object, find: Callable[[], Answer]) -> Answer:
        """What `find` gives, found at the first call alone. what: its name, such as `models`; of: the stage."""
        known = self._known.get((what, id(of)))
        if known is None or known[0] is not of:  # as after a graph was sent to another process
            known = self._known[what, id(of)] = (of, find())
        answer: Answer = known[1]
        return answer
