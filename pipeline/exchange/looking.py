"""What paths hold: each is a VisualSearch tree, a BigFile folder, or a file of features, told by its content."""

from collections.abc import Sequence
from pathlib import Path

from pipeline.errors import LaffError, Problems, near_path
from pipeline.exchange import bigfiles, feature_files, trees
from pipeline.exchange.found import Contents, FileSet, Part
from pipeline.exchange.split_names import without_split
from pipeline.rows import kinds

KNOWN = (
    "it should be a VisualSearch tree (ROOT/<collection>/FeatureData/<feature>/{feature.bin,id.txt,shape.txt}), such a "
    f"folder of one feature, or a file: {kinds.WANTED}"
)


def read(paths: Sequence[Path], skip: Sequence[str], problems: Problems) -> Contents:
    """All that the paths hold. Features of the names in `skip` are left out, unread; mistakes go to `problems`."""
    contents = Contents()
    loose: list[tuple[str, Part]] = []  # features outside of trees, as (name, part)
    for path in paths:
        if not path.exists():
            problems.add(f"{path}: no such file or folder{near_path(path)}")
        elif path.is_dir() and not bigfiles.is_one(path) and (folders := trees.collections_of(path)):
            trees.read(path, folders, skip, contents, problems)
        elif places := _places(path):
            for place in places:
                loose += _parts(place, skip, contents, problems)
        else:
            problems.add(f"{path}: holds nothing that laff can import; {KNOWN}")
    contents.features += _joined(loose)
    return contents


def _places(path: Path) -> list[Path]:
    """The BigFile or file of features that a path is; those in it, where it is a folder of such."""
    if not path.is_dir() or bigfiles.is_one(path):
        return [path]
    return sorted(
        place
        for place in path.iterdir()
        if (bigfiles.is_one(place) if place.is_dir() else feature_files.looks_like_one(place))
    )


def _parts(path: Path, skip: Sequence[str], contents: Contents, problems: Problems) -> list[tuple[str, Part]]:
    """The features of one place outside of trees."""
    name = path.name if path.is_dir() else feature_files.stem(path)
    if named := {name, without_split(name)} & set(skip):
        contents.skipped |= named
        return []
    try:
        parts = {name: bigfiles.part(path)} if path.is_dir() else feature_files.parts(path)
    except LaffError as error:
        problems.add(str(error))
        return []
    contents.skipped.update(parts.keys() & set(skip))
    kept = {one: part for one, part in parts.items() if one not in skip}
    contents.forms.append(f"{path}: {', '.join(dict.fromkeys(part.form for part in parts.values()))}")
    return list(kept.items())


def _joined(loose: Sequence[tuple[str, Part]]) -> list[FileSet]:
    """The features: files whose names differ by a word of a split alone are one feature."""
    groups: dict[str, list[tuple[str, Part]]] = {}
    for name, part in loose:
        groups.setdefault(without_split(name), []).append((name, part))
    return [
        FileSet(common if members[1:] else members[0][0], [part for _, part in members])
        for common, members in groups.items()
    ]
