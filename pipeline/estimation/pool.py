"""The pool of one topic: items that were taken from many runs, in strata of which only a part was judged."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field

UNSAMPLED = -1  # the judgement of an item that is in the pool and was not looked at; any number below 0 means the same


@dataclass(frozen=True)
class Pool:
    """Judgements of one topic.

    An item of the pool belongs to a stratum, and all items of a stratum had the same chance to be judged. Complete
    judgements are a single stratum of which every item was judged.
    """

    stratum_of: Mapping[str, str]  # item -> its stratum, for all items of the pool
    judgement_of: Mapping[str, int]  # item -> below 0: not sampled; 0: not relevant; above 0: relevant, or its grade
    pooled: Mapping[str, int] = field(init=False)  # stratum -> items
    sampled: Mapping[str, int] = field(init=False)  # stratum -> items that were judged
    relevant: Mapping[str, int] = field(init=False)  # stratum -> items that were judged relevant

    def __post_init__(self) -> None:
        judged = {item: stratum for item, stratum in self.stratum_of.items() if self.judgement_of[item] >= 0}
        relevant = (stratum for item, stratum in judged.items() if self.judgement_of[item] > 0)
        object.__setattr__(self, "pooled", Counter(self.stratum_of.values()))
        object.__setattr__(self, "sampled", Counter(judged.values()))
        object.__setattr__(self, "relevant", Counter(relevant))

    @classmethod
    def complete(cls, judgement_of: Mapping[str, int]) -> Pool:
        """The pool of judgements without strata."""
        return cls(dict.fromkeys(judgement_of, "1"), judgement_of)

    @property
    def strata(self) -> list[str]:
        """All strata, sorted as text: sums are taken in this order."""
        return sorted(self.pooled)

    def relevant_in(self, stratum: str) -> float:
        """Estimated number of relevant items of a stratum; 0 where none of it was judged."""
        return self._stand_for(stratum, self.relevant.get(stratum, 0))

    @property
    def estimated_relevant(self) -> float:
        """Estimated number of relevant items of the whole pool."""
        return sum(self.relevant_in(stratum) for stratum in self.strata)

    def estimated_by_grade(self) -> dict[int, float]:
        """Estimated number of relevant items of each grade, the highest grade first."""
        judged = Counter((grade, self.stratum_of[item]) for item, grade in self.judgement_of.items() if grade > 0)
        by_grade: dict[int, float] = {}
        for (grade, stratum), count in sorted(judged.items(), reverse=True):
            by_grade[grade] = by_grade.get(grade, 0.0) + self._stand_for(stratum, count)
        return by_grade

    def _stand_for(self, stratum: str, judged: int) -> float:
        """Number of items of the pool that so many judged ones of a stratum stand for."""
        return judged * self.pooled[stratum] / self.sampled[stratum] if judged else 0.0
