"""The collection that each file of features is of, by its ids, where a collection is made of several."""

import re
from collections.abc import Collection as Sized
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

from pipeline.errors import LaffError
from pipeline.exchange.found import FileSet, Part, Side
from pipeline.items.collection import Collection

APART = (
    "give a file for each collection, say `prefix: ''` of it in collection.yaml, or write the prefix to the ids: "
    "COLLECTION/ID"
)
WORDS = re.compile(r"([_.-]+)")  # what is between the words of a file's name


@dataclass(frozen=True)
class Origins:
    """The collections that one is made of, by what their ids begin with in it; '' is the whole, as it is."""

    names: Mapping[str, str]  # {prefix: the name, as params.of of an import has it}
    ids: Mapping[str, Mapping[Side, frozenset[str]]]  # {prefix: the ids without it}

    @classmethod
    def of(cls, collection: Collection, whole: Mapping[Side, frozenset[str]]) -> "Origins":
        """The origins of the ids of a collection; whole: all its ids."""
        names: dict[str, str] = {}
        for name, prefix in collection.prefixes.items():
            names.setdefault(prefix, name)
        if [*collection.prefixes.values()].count("") != 1:
            names[""] = ""
        ids = {
            prefix: {side: _without(prefix, known) for side, known in whole.items()} if prefix else whole
            for prefix in names
        }
        return cls(names, ids)

    def most(self, ids: Sequence[str], side: Side) -> int:
        """The largest number of these ids that one of the collections has."""
        return max(sum(id_ in known[side] for id_ in ids) for known in self.ids.values())

    def placed(self, part: Part, ids: Sized[str], side: Side) -> Part:
        """The file with the collection that has most of its ids.

        Where two have as many, the names of the file and of its folder tell. LaffError where they do not.
        """
        known = frozenset(ids)
        shared = {prefix: theirs[side] & known for prefix, theirs in self.ids.items()}
        most = max(map(len, shared.values()))
        if not most:
            return part
        fitting = [prefix for prefix, members in shared.items() if len(members) == most]
        for text in (part.path.name, part.path.parent.name, part.collection) if fitting[1:] else ():
            named = [prefix for prefix in fitting if _named(self.names[prefix], text)]
            fitting = named if len(named) == 1 else fitting
        if len(fitting) > 1:
            example = min(shared[fitting[0]])
            names = [f"'{self.names[prefix]}'" if self.names[prefix] else "the whole" for prefix in fitting]
            if all(members == shared[fitting[0]] for members in map(shared.__getitem__, fitting)):
                raise LaffError(
                    f"{part.path}: may be of {' or of '.join(names)}, which have ids alike, such as '{example}'; write "
                    "the collection's name into that of the file or its folder"
                )
            raise LaffError(f"{part.path}: has ids of {' and of '.join(names)}, such as '{example}'; {APART}")
        return replace(part, prefix=fitting[0], of=self.names[fitting[0]])


def joined(file_sets: Iterable[FileSet], names: Sized[str]) -> list[FileSet]:
    """Features whose names differ in one word, and whose files are of different collections, as one.

    file_sets: of one side, level and width, with placed files; names: of the collections, as which such a word alone
    may be a whole name.
    """
    left = dict(enumerate(file_sets))
    groups: dict[tuple[str, ...], list[int]] = {}  # {the words of a name, '' for the one that differs: features}
    for number, one in left.items():
        words = WORDS.split(one.name)
        groups.setdefault(tuple(words), []).append(number)
        for place in range(0, len(words), 2):
            if words[1:] or any(_named(name, one.name) for name in names):
                groups.setdefault((*words[:place], "", *words[place + 1 :]), []).append(number)
    whole: list[FileSet] = []
    for words_of, members in sorted(groups.items(), key=lambda group: -len(group[1])):
        together = [left[number] for number in members if number in left]
        prefixes = [prefix for one in together for prefix in {part.prefix for part in one.parts}]
        if len(together) > 1 and len(set(prefixes)) == len(prefixes):
            name = _common(words_of) or together[0].parts[0].path.parent.name
            parts = [part for one in together for part in one.parts]
            whole.append(replace(together[0], name=name, parts=parts, joined=[one.name for one in together]))
            left = {number: one for number, one in left.items() if one not in together}
    return [*whole, *left.values()]


def _common(words: Sequence[str]) -> str:
    """A name without its word '' and without what stood between that and the next; '' where nothing is left."""
    if "" not in words:
        return "".join(words)
    place = words.index("")
    return "".join([*words[: max(0, place - 1)], *words[place + (1 if place else 2) :]])


def _without(prefix: str, ids: Iterable[str]) -> frozenset[str]:
    return frozenset(id_.removeprefix(prefix) for id_ in ids if id_.startswith(prefix))


def _named(name: str, text: str) -> bool:
    """Whether a text has a name as a word of its own."""
    return bool(name) and bool(re.search(rf"(?<![a-z0-9]){re.escape(name)}(?![a-z0-9])", text, re.IGNORECASE))
