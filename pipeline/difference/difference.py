"""The whole difference of two runs, and whether there is any."""

from dataclasses import dataclass

from pipeline.difference import collections, features, results, settings, surroundings
from pipeline.difference.collections import Items
from pipeline.difference.features import Feature
from pipeline.difference.results import Results
from pipeline.difference.settings import Setting
from pipeline.difference.side import Side
from pipeline.difference.surroundings import Surroundings
from pipeline.files import JsonObject


@dataclass(frozen=True)
class Difference:
    """What two runs differ in."""

    first: Side
    second: Side
    settings: list[Setting]
    surroundings: Surroundings
    collection: dict[str, Items]  # by side: video, text
    features: list[Feature]
    results: Results

    @property
    def parts(self) -> dict[str, bool | None]:
        """Whether each part is equal; None of what a side did not note, and of features where no item is in both."""
        known = not self.surroundings.unknown
        held = [feature for feature in self.features if feature.items]
        return {
            "settings": not self.settings,
            "versions": not self.surroundings.versions if known else None,
            "hardware": not self.surroundings.hardware if known else None,
            "collection": all(items.equal for items in self.collection.values()),
            "features": all(feature.same for feature in held) if held else None,
            "results": self.results.equal,
        }

    @property
    def equal(self) -> bool:
        """Whether no part differs, as far as it is known."""
        return False not in self.parts.values()

    def as_json(self) -> JsonObject:
        """The difference for programs."""
        return {
            "a": self.first.label,
            "b": self.second.label,
            "equal": self.equal,
            "parts": self.parts,
            "settings": [one.as_json() for one in self.settings],
            "versions": [one.as_json() for one in self.surroundings.versions],
            "hardware": [one.as_json() for one in self.surroundings.hardware],
            "unknown": self.surroundings.unknown,
            "collection": {side: items.as_json() for side, items in self.collection.items()},
            "features": [one.as_json() for one in self.features],
            "results": self.results.as_json(),
        }


def difference(first: Side, second: Side) -> Difference:
    """All that two runs differ in. Reads features and ranks of both, and writes nothing."""
    return Difference(
        first,
        second,
        settings.differing(first, second),
        surroundings.differing(first, second),
        collections.differing(first, second),
        list(features.compared(first, second)),
        results.differing(first, second),
    )
