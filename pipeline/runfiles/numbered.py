"""Ids by number: a column of a million items then takes four bytes for each instead of a text."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np

from pipeline import ids


class _Plain(dict[str, int]):
    """The numbers of ids; one that is new gets the next number."""

    def __init__(self) -> None:
        super().__init__()
        self.names: list[str] = []

    def __missing__(self, name: str) -> int:
        number = self[name] = len(self.names)
        self.names.append(name)
        return number


class _Encoded(dict[str, int]):
    """The numbers of ids as they stand in files that delimit by white space."""

    def __init__(self, plain: _Plain) -> None:
        super().__init__()
        self._plain = plain

    def __missing__(self, text: str) -> int:
        number = self[text] = self._plain[ids.decoded(text)]
        return number


class Numbered:
    """Ids, numbered from 0 in the order in which they are first met. Runs and judgements share those of their items."""

    def __init__(self) -> None:
        """Start without ids."""
        self._plain = _Plain()
        self._encoded = _Encoded(self._plain)

    def __len__(self) -> int:
        return len(self._plain.names)

    @property
    def names(self) -> list[str]:
        """All ids, by number."""
        return self._plain.names

    def plain(self, names: Iterable[str]) -> np.ndarray:
        """The numbers [n] int32 of ids."""
        return np.fromiter(map(self._plain.__getitem__, names), np.int32)

    def encoded(self, texts: Iterable[str]) -> np.ndarray:
        """The numbers [n] int32 of ids that are percent-encoded, as in TREC files."""
        return np.fromiter(map(self._encoded.__getitem__, texts), np.int32)

    def wrong(self, first: int = 0) -> list[str]:
        """Why ids from the number `first` on can be none."""
        return [wrong for name in self.names[first:] if (wrong := ids.wrong(name))]
