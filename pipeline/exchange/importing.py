"""`laff import`: paths looked at, and a collection and stages written for what they hold."""

import shlex
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from tempfile import TemporaryDirectory

from pipeline import files
from pipeline.errors import LaffError, Problems, meant
from pipeline.exchange import fitting, looking, names, splits, stages_text
from pipeline.exchange.found import Contents, Feature, FileSet, Part
from pipeline.exchange.stages_text import Recipe
from pipeline.graph import stages
from pipeline.graph.stages_file import StagesFile
from pipeline.items import collection as collections
from pipeline.items.collection import Collection

SHOWN = 30  # problems listed one by one
STAGES = "stages.yaml"


@dataclass(frozen=True)
class Order:
    """What `laff import` is asked for."""

    paths: Sequence[Path]
    out: Path
    collection: Path | None = None  # a collection.yaml of the user's
    splits: Mapping[str, Sequence[str]] = field(default_factory=dict)  # {split: names of lists of the tree}
    pairs: Sequence[tuple[str, str]] = ()  # (feature of videos, feature of captions) of one model
    skip: Sequence[str] = ()  # features that are left out


@dataclass(frozen=True)
class Imported:
    """What an import has understood and written."""

    order: Order
    collection: Path | None  # its own or the user's; None: the paths hold no lists, and none was given
    described: Collection | None  # what it says
    sets: Mapping[str, str]  # {split: the lists of the tree, in words}
    files: Sequence[Path]  # its stages file and, where it has one, its collection
    written: Sequence[Path]  # those of the files that were not there already
    recipe: Recipe
    forms: Sequence[str]  # what each path was taken for
    notes: Sequence[str]


@dataclass(frozen=True)
class _Lists:
    """The collection of an import."""

    described: Collection | None = None
    sets: Mapping[str, str] = field(default_factory=dict)
    texts: Mapping[str, str] = field(default_factory=dict)  # {file: its text}, of the collection that is to be written
    collections: Sequence[str] = ()  # of the tree, by split


def run(order: Order) -> Imported:
    """Look at the paths; write FOLDER/stages.yaml and, where a tree has lists, FOLDER/collection.yaml.

    Nothing is copied: files are referred to by their paths, and only their headers and ids are read.
    LaffError lists all that is wrong, with path and what to do; nothing is written then.
    """
    head = f"# Written by `laff import {shlex.join(map(str, order.paths))}`."
    problems = Problems()
    contents = looking.read(order.paths, order.skip, problems)
    _check_skips(order, contents, problems)
    lists = _lists(order, contents, head, problems)
    _end(problems)
    items = fitting.Items.of(lists.described)
    file_sets = [_in_order(one, lists.collections) for one in contents.features]
    features = fitting.fitted(file_sets, items, (*stages_text.OWN, *stages.VERBS), problems, contents.notes)
    if not contents.features and not problems:
        problems.add(f"holds no features; {looking.KNOWN}", order.paths[0])
    pairs = _pairs(order, features, problems)
    _end(problems)
    recipe = Recipe(features, pairs, _words(contents), *_uses(lists.described, contents.notes))
    texts = {STAGES: stages_text.text_of(recipe, head), **lists.texts}
    written = _write(order.out, texts)
    return Imported(
        order,
        order.out / splits.COLLECTION if lists.texts else order.collection,
        lists.described,
        lists.sets,
        [order.out / name for name in texts],
        written,
        recipe,
        contents.forms,
        [*contents.notes, *(lists.described.notes if lists.described else [])],
    )


def _end(problems: Problems) -> None:
    """Raise LaffError where something is wrong."""
    if problems:
        raise problems.error("laff import: nothing is written", SHOWN)


def _check_skips(order: Order, contents: Contents, problems: Problems) -> None:
    """Note features that are to be left out and that nobody has."""
    known = [file_set.name for file_set in contents.features]
    for name in order.skip:
        if name not in contents.skipped:
            problems.add(f"--skip {name}: no such feature{meant(name, known)}")


def _lists(order: Order, contents: Contents, head: str, problems: Problems) -> _Lists:
    """The collection: the user's, else that of the tree's lists; nothing where there are neither."""
    if order.collection is not None:
        if order.splits:
            problems.add(f"--split is for the lists of a tree, and {order.collection} says which videos are in which")
        return _Lists(collections.load(order.collection))
    if order.splits and not contents.sets:
        problems.add(f"--split: {order.paths[0]} holds no lists (VideoSets/NAME.txt, TextData/NAME.caption.txt)")
    chosen = splits.chosen(contents.sets, order.splits, problems)
    if not chosen or problems:
        return _Lists()
    same = "val" in order.splits and "val" not in chosen
    texts = splits.yamls_of(contents.name, chosen, same, head)
    used = [one for lists in chosen.values() for one in lists]
    contents.notes += [f"list '{one.name}' is not used" for one in contents.sets if one not in used]
    try:
        described = _described(texts, order.out)
    except LaffError as error:
        problems.extend(f"{one}; mend the file, or name another list by --split" for one in error.problems)
        return _Lists()
    named = {split: ", ".join(one.name for one in lists) for split, lists in chosen.items()}
    return _Lists(described, named, texts, [one.collection for one in used])


def _described(texts: Mapping[str, str], out: Path) -> Collection:
    """What a collection says that is to be written to the folder `out`; LaffError lists its mistakes."""
    with TemporaryDirectory() as folder:
        for name, text in texts.items():
            (Path(folder) / name).write_text(text, encoding="utf-8")
        try:
            return collections.load(Path(folder) / splits.COLLECTION)
        except LaffError as error:
            raise LaffError("", [one.replace(folder, str(out)) for one in error.problems]) from None


def _in_order(file_set: FileSet, collections_first: Sequence[str]) -> FileSet:
    """A feature with its files by split, those of other collections of the tree behind them."""
    place = {name: number for number, name in reversed(list(enumerate(collections_first)))}
    parts = sorted(file_set.parts, key=lambda part: place.get(part.collection, len(place)))
    return replace(file_set, parts=parts, aside=bool(place) and bool(parts) and parts[0].collection not in ("", *place))


def _pairs(order: Order, features: Sequence[Feature], problems: Problems) -> list[tuple[Feature, Feature]]:
    """The pairs that `--pair` names; without it those that the names of the features suggest."""
    if not order.pairs:
        return names.pairs(features)
    pairs: list[tuple[Feature, Feature]] = []
    for video, text in order.pairs:
        sides: list[Feature] = []
        for side, name in (("video", video), ("text", text)):
            of_side = [one for one in features if one.side == side and one.level == "video"]
            fitting_name = [one for one in of_side if name in (one.stage, one.files.name)]
            if fitting_name:
                sides.append(fitting_name[0])
            else:
                known = [one.stage for one in of_side]
                problems.add(f"--pair {video}={text}: '{name}' is no {side} feature{meant(name, known)}")
        if len(sides) == 2 and sides[0].width != sides[1].width:
            widths = f"{sides[0].width} and {sides[1].width}"
            problems.add(f"--pair {video}={text}: their rows have {widths} numbers, so they are not of one space")
        elif len(sides) == 2:
            pairs.append((sides[0], sides[1]))
    return pairs


def _uses(described: Collection | None, notes: list[str]) -> tuple[bool, bool]:
    """Whether there are captions to learn from, and captions to rank for; what lacks is noted."""
    if described is None:
        return True, True
    has = {split: bool(captions) for split, captions in described.captions.items()}
    has["val"] |= described.val_is_test and has["test"]
    if has["train"] and not has["val"]:
        notes.append("nothing is trained, since no captions are val's: --split val=NAME, or val=test, says which are")
    return has["train"] and has["val"], has["test"]


def _words(contents: Contents) -> Part | None:
    """The word vectors that are used: the first, by name."""
    for part in contents.words[1:]:
        contents.notes.append(f"word vectors {part.path} are not used; --set w2v.vectors={part.path} takes them")
    return contents.words[0] if contents.words else None


def _write(out: Path, texts: Mapping[str, str]) -> list[Path]:
    """Write the files into a folder; returns those that were not there yet.

    LaffError, and nothing is written, where one of another content is there.
    """
    for name, text in texts.items():
        path = out / name
        if path.exists() and (not path.is_file() or path.read_bytes() != text.encode()):
            raise LaffError(f"{path}: is there already and says something else; delete it, or name another --out")
    with TemporaryDirectory() as folder:  # a mistake of ours would be found here, and not by the user's next command
        path = Path(folder) / STAGES
        path.write_text(texts[STAGES], encoding="utf-8")
        stages.load(StagesFile(path))
    written = [out / name for name in texts if not (out / name).exists()]
    for path in written:
        files.write_text(path, texts[path.name])
    return written
