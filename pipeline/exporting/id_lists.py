"""Ids between white space, percent-encoded where they hold any, as in id lists, captions and the id.txt of BigFiles."""

from pathlib import Path

from pipeline import ids
from pipeline.errors import LaffError, Problems
from pipeline.files import text_of

SHOWN = 20  # problems that an error lists


def written(id_: str, side: str) -> str:
    """An id as text without white space; of a caption also without a `#` in the part that is its video's id."""
    if side == "video":
        return ids.encoded(id_)
    video, mark, number = id_.rpartition("#")
    return f"{ids.encoded_before_hash(video)}#{ids.encoded(number)}" if mark else ids.encoded(id_)


def read(path: Path, known: dict[str, int]) -> list[int]:
    """The rows of the ids that a list names, in its order: an id a line, or all between spaces, as in an id.txt.

    known: {id: row}. LaffError names each id that is not known or comes twice.
    """
    try:
        text = text_of(path / "id.txt" if path.is_dir() else path)
    except (OSError, UnicodeError) as error:
        raise LaffError(f"{path}: cannot be read: {error}") from error
    problems = Problems()
    rows: dict[int, None] = {}
    for number, line in enumerate(text.splitlines(), 1):
        for word in line.split():
            id_ = ids.decoded(word)
            if (row := known.get(id_)) is None:
                problems.add(f"id '{id_}' is not in the collection", path, number)
            elif row in rows:
                problems.add(f"id '{id_}' comes twice", path, number)
            else:
                rows[row] = None
    if not rows and not problems:
        problems.add("lists no id", path)
    if problems:
        raise problems.error(path, SHOWN)
    return list(rows)
