"""What is found of the stages of a graph, each once: with 200 models every row of results would look for all again."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, TypeVar

if TYPE_CHECKING:
    from pipeline.graph.graph import Stage

Answer = TypeVar("Answer")


class Found:
    """Answers by their name and their stage. They are shared, so nobody may change one."""

    def __init__(self) -> None:
        """Nothing is found yet."""
        self._known: dict[tuple[str, str], tuple[Stage, Any]] = {}

    def once(self, what: str, stage: Stage, find: Callable[[], Answer]) -> Answer:
        """What `find` gives for a stage, found at the first call alone. what: its name, such as `models`."""
        known = self._known.get((what, stage.name))
        if known is None or known[0] is not stage:  # a stage may be asked for with other options than the graph's
            known = self._known[what, stage.name] = (stage, find())
        answer: Answer = known[1]
        return answer
