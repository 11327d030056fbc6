"""Whether figures of ours may be held against published ones: only on the same protocol and the same features.

Both go by their names: the key `protocol` of a collection.yaml, and the names of stages. A stage that is called
otherwise than the paper's feature can be said to be that feature (`--as`).
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field

from pipeline.published.table import Names

OTHER_FEATURES = "other features"
OTHER_PROTOCOL = "other protocol"


@dataclass(frozen=True)
class Measured:
    """What figures of ours were measured on."""

    protocol: str  # of the collection; '' where it names none
    video: tuple[str, ...]  # stages
    text: tuple[str, ...]
    called: Mapping[str, str] = field(default_factory=dict)  # stage -> the paper's name of the same feature
    random: frozenset[str] = frozenset()  # stages that compute with random weights, so that a name means nothing

    def names(self, side: str) -> set[str]:
        """The paper's names of a side's features; a stage with random weights has none."""
        stages = self.video if side == "video" else self.text
        return {"" if stage in self.random else self.called.get(stage, stage) for stage in stages}


def differences(ours: Measured, protocols: Collection[str], features: Names) -> list[str]:
    """OTHER_FEATURES and OTHER_PROTOCOL, where figures of ours differ in it from published ones; []: comparable.

    protocols, features: those of the published figures; where none are known, they differ from all.
    """
    differing = []
    if not features or any(ours.names(side) != set(features[side]) for side in ("video", "text")):
        differing.append(OTHER_FEATURES)
    if ours.protocol not in protocols:
        differing.append(OTHER_PROTOCOL)
    return differing


def in_words(differing: list[str]) -> str:
    """The differences as a text: 'other features, other protocol'; '' for none."""
    return ", ".join(differing)
