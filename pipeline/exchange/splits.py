"""Which list of a tree is which split: told by options, else by its name; and the collection.yaml that says so."""

from collections.abc import Mapping, Sequence
from pathlib import Path

from pipeline import yamls
from pipeline.errors import Problems, meant
from pipeline.exchange.found import ItemSet
from pipeline.exchange.split_names import split_of
from pipeline.items.splits import SPLITS

SAME = "test"  # as the value of val: its videos are those of test


def chosen(sets: Sequence[ItemSet], told: Mapping[str, str], problems: Problems) -> dict[str, ItemSet]:
    """{split: its list}.

    sets: the lists that were found; told: {split: the name of its list}. A list without a word of a split in its name
    is taken only where it is told, or where it is the only one: then it is test. Several lists for one split are a
    problem.
    """
    by_name: dict[str, list[ItemSet]] = {}
    for one in sets:
        by_name.setdefault(one.name, []).append(one)
    splits: dict[str, ItemSet] = {}
    for split, name in told.items():
        if split not in SPLITS:
            problems.add(f"--split {split}={name}: the splits are {', '.join(SPLITS)}")
        elif split == "val" and name == SAME and SAME not in by_name:
            continue
        elif name not in by_name:
            problems.add(f"--split {split}={name}: no such list{meant(name, list(by_name))}")
        else:
            splits[split] = by_name[name][0]
    left = [one for one in sets if one.name not in told.values()]
    for split in [split for split in SPLITS if split not in told]:
        fitting = [one for one in left if split_of(one.name) == split]
        if len(fitting) > 1:
            names = ", ".join(one.name for one in fitting)
            problems.add(f"several lists could be {split}: {names}; say which: --split {split}={fitting[0].name}")
        elif fitting:
            splits[split] = fitting[0]
    if not splits and not told and len(sets) == 1:
        splits["test"] = sets[0]
    elif sets and not splits and not problems:
        names = ", ".join(one.name for one in sets)
        problems.add(f"no name tells which list is which split: {names}; say it: --split train={sets[0].name} …")
    return {split: splits[split] for split in SPLITS if split in splits}


def yaml_of(name: str, splits: Mapping[str, ItemSet], val_is_test: bool, head: str) -> str:
    """The text of the collection.yaml for these splits; head: its first line, a comment."""
    lines = [head, f"name: {yamls.inline(name)}"]
    for split in SPLITS:
        if split == "val" and val_is_test:
            lines.append("val: test")
        elif split in splits:
            one = splits[split]
            files = {"ids": one.ids, "captions": one.captions}
            lines.append(f"{split}:")
            lines += [f"  {key}: {yamls.inline(_full(file))}" for key, file in files.items() if file]
    return "\n".join(lines) + "\n"


def _full(path: Path) -> str:
    return str(path.absolute())
