"""The lists of a tree by split, as options or else their names say; and the collection.yaml that has them."""

from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path

from pipeline import yamls
from pipeline.errors import Problems, meant
from pipeline.exchange.found import ItemSet
from pipeline.exchange.split_names import split_of
from pipeline.items.splits import SPLITS

SAME = "test"  # as the value of val: its videos are those of test
COLLECTION = "collection.yaml"


def chosen(sets: Sequence[ItemSet], named: Mapping[str, Sequence[str]], problems: Problems) -> dict[str, list[ItemSet]]:
    """{split: its lists}.

    sets: the lists that were found; named: {split: the names of its lists, or COLLECTION/NAME where two are called
    alike}. A list without a word of a split in its name is taken only where it is named, or where it is the only one:
    then it is test. Several lists that could be one split are a problem, unless they are named.
    """
    count = Counter(one.name for one in sets)
    by_name = {one.name if count[one.name] == 1 else f"{one.collection}/{one.name}": one for one in sets}
    splits: dict[str, list[ItemSet]] = {}
    for split, names in named.items():
        if split not in SPLITS:
            problems.add(f"--split {split}={names[0]}: the splits are {', '.join(SPLITS)}")
            continue
        for name in names:
            if name in by_name:
                splits.setdefault(split, []).append(by_name[name])
            elif not (split == "val" and name == SAME):
                problems.add(f"--split {split}={name}: no such list{meant(name, list(by_name))}")
    taken = [one for lists in splits.values() for one in lists]
    left = {name: one for name, one in by_name.items() if one not in taken}
    for split in [split for split in SPLITS if split not in named]:
        fitting = [name for name, one in left.items() if split_of(one.name) == split]
        if len(fitting) > 1:
            which = f"say which: --split {split}={fitting[0]}"
            problems.add(f"several lists could be {split}: {', '.join(fitting)}; {which}")
        elif fitting:
            splits[split] = [left[fitting[0]]]
    if not splits and not named and len(sets) == 1:
        splits["test"] = [*sets]
    elif sets and not splits and not problems:
        names = list(by_name)
        problems.add(f"no name tells which list is which split: {', '.join(names)}; say it: --split train={names[0]} …")
    return {split: splits[split] for split in SPLITS if split in splits}


def yamls_of(name: str, splits: Mapping[str, Sequence[ItemSet]], val_is_test: bool, head: str) -> dict[str, str]:
    """{file: its text}: collection.yaml, and one more for each list of a split that has several.

    name: of the collection; head: the first line of each file, a comment.
    """
    lines, others = [head, f"name: {yamls.inline(name)}"], {}
    for split in SPLITS:
        if split == "val" and val_is_test:
            lines.append("val: test")
        elif len(splits.get(split, ())) == 1:
            lines += [f"{split}:", *_files(splits[split][0])]
        elif split in splits:
            lines.append(f"{split}: # ids stay as they are; lists that share some need prefixes")
            for one in splits[split]:
                whole_name = one.name if one.name == one.collection else f"{one.collection}-{one.name}"
                file = f"{whole_name.replace('/', '-')}.yaml"
                others[file] = "\n".join([head, f"name: {yamls.inline(one.name)}", "test:", *_files(one)]) + "\n"
                lines.append(f"  - {yamls.inline({'collection': file, 'split': 'all', 'prefix': ''})}")
    return {COLLECTION: "\n".join(lines) + "\n"} | others


def _files(one: ItemSet) -> list[str]:
    files = {"ids": one.ids, "captions": one.captions}
    return [f"  {key}: {yamls.inline(_full(file))}" for key, file in files.items() if file]


def _full(path: Path) -> str:
    return str(path.absolute())
