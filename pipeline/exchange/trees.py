"""VisualSearch trees: ROOT/<collection>/{FeatureData,TextData,TextFeatureData,VideoSets}, as the LAFF authors use them.

Features are BigFile folders, or other files of features, at any depth below FeatureData (of videos) and TextData or
TextFeatureData (of captions). A list is VideoSets/<set>.txt, its captions are TextData/<set>.caption.txt. Word vectors
are BigFiles below ROOT/word2vec.
"""

from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path

from pipeline.errors import LaffError, Problems
from pipeline.exchange import bigfiles, feature_files
from pipeline.exchange.found import Contents, FileSet, ItemSet, Part, Side
from pipeline.exchange.split_names import split_of

VIDEO, TEXT, LISTS = "FeatureData", ("TextData", "TextFeatureData"), ("VideoSets", "ImageSets")
MARKS = (VIDEO, *TEXT, *LISTS)  # folders of a collection
WORDS = "word2vec"
CAPTIONS, TOPICS = ".caption.txt", ".avs.txt"
DEEPEST = 4  # folders below FeatureData in which BigFiles are looked for


def is_collection(folder: Path) -> bool:
    """Whether a folder is a collection of a tree."""
    return any((folder / mark).is_dir() for mark in MARKS)


def collections_of(root: Path) -> list[Path]:
    """The collections of a tree, by name: the folder itself, those in it, or those in its folder VisualSearch."""
    if is_collection(root):
        return [root]
    for folder in (root, root / "VisualSearch"):
        if folder.is_dir() and (inside := sorted(path for path in folder.iterdir() if is_collection(path))):
            return inside
    return []


def read(root: Path, folders: list[Path], skip: Sequence[str], contents: Contents, problems: Problems) -> None:
    """Add what the collections `folders` of a tree hold to `contents`; files that are wrong are noted in `problems`.

    Features of the names in `skip` are left out, unread.
    """
    contents.name = contents.name or root.resolve().name
    contents.forms.append(f"{root}: a VisualSearch tree, {', '.join(folder.name for folder in folders)}")
    parts: dict[tuple[Side, str], list[Part]] = {}
    places: tuple[tuple[Side, str], ...] = (("video", VIDEO), *(("text", mark) for mark in TEXT))
    for folder in folders:
        for side, mark in places:
            for name, part in _features(folder / mark, skip, contents, problems):
                parts.setdefault((side, name), []).append(replace(part, collection=folder.name))
        contents.sets += _sets(folder)
        contents.notes += [
            f"topics {path}: to rank videos for them, name the file as `queries:` of test in collection.yaml"
            for path in sorted((folder / TEXT[0]).glob(f"*{TOPICS}"))
        ]
    contents.features += [FileSet(name, of_name, side) for (side, name), of_name in parts.items()]
    for place in filter(Path.is_dir, _places(folders[0].parent / WORDS)):
        try:
            contents.words.append(bigfiles.words(place))
        except LaffError as error:
            contents.notes.append(f"{error}; these word vectors are not used")


def _features(folder: Path, skip: Sequence[str], contents: Contents, problems: Problems) -> Iterator[tuple[str, Part]]:
    """The name and the file of each feature below a folder."""
    for place in _places(folder):
        path = place.relative_to(folder)
        name = path.as_posix() if place.is_dir() else path.with_suffix("").as_posix()
        if name in skip:
            contents.skipped.add(name)
            continue
        try:
            held = {name: bigfiles.part(place)} if place.is_dir() else feature_files.parts(place)
        except LaffError as error:
            problems.add(f"{error}, or leave the feature out: --skip {name}")
            continue
        named = {name if len(held) == 1 else f"{name}/{table}": part for table, part in held.items()}
        contents.skipped.update(named.keys() & set(skip))
        yield from ((one, part) for one, part in named.items() if one not in skip)


def _places(folder: Path) -> Iterator[Path]:
    """BigFile folders and files of features below a folder, by name; links are followed."""
    places = [(folder, 0)]
    while places:
        place, depth = places.pop()
        if depth and (bigfiles.is_one(place) or (place.is_file() and feature_files.looks_like_one(place))):
            yield place
        elif depth < DEEPEST and place.is_dir():
            places += [(inner, depth + 1) for inner in sorted(place.iterdir(), reverse=True)]


def _sets(folder: Path) -> list[ItemSet]:
    """The lists and captions of a collection, by name; captions in a folder of TextData are called FOLDER/SET."""
    ids = {path.stem: path for mark in LISTS for path in sorted((folder / mark).glob("*.txt"))}
    captions: dict[str, Path] = {}
    for path in sorted((folder / TEXT[0]).rglob(f"*{CAPTIONS}")):
        inner = path.parent.relative_to(folder / TEXT[0])
        captions[(inner / path.name.removesuffix(CAPTIONS)).as_posix()] = path
    names = [name for name in ids if name not in captions] + list(captions)
    sets = [ItemSet(name, folder.name, ids.get(Path(name).name), captions.get(name)) for name in sorted(names)]
    # One file may hold the captions of several lists.
    common = [one for one in sets if not (one.ids or "/" in one.name or split_of(one.name))]
    if len(common) != 1 or not any(one.ids and not one.captions for one in sets):
        return sets
    shared = common[0].captions
    return [ItemSet(one.name, one.collection, one.ids, one.captions or shared) for one in sets if one not in common]
