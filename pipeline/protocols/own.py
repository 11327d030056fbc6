"""Anyone's videos and captions, as rows of a table: video, caption, and the split where a row says it."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from pipeline import ids
from pipeline.errors import did_you_mean
from pipeline.items.video_files import VIDEO, some, stem_and_ending
from pipeline.protocols import splitting
from pipeline.protocols.dataset import Order, Protocol
from pipeline.protocols.gathering import Described, first_of_each, gathered
from pipeline.protocols.prepared import SPLITS, Caption, Prepared
from pipeline.wording import number_of

COLUMNS = {  # what is wanted -> names of columns that hold it, most likely first
    "video": (
        *("video", "video_id", "videoid", "vid", "video_name", "video_path", "videopath"),
        *("clip", "clip_id", "clip_name"),
        *("path", "file", "filename", "file_name", "file_path", "filepath", "name", "id", "youtube_id"),
    ),
    "caption": (
        *("caption", "captions", "sentence", "sentences", "text", "texts", "description", "descriptions", "desc"),
        *("query", "title", "instruction", "label"),
    ),
    "split": ("split", "set", "subset", "partition"),
}
Captions = dict[str, list[Caption]]  # by video
CHOICES = ("seed", "fractions", "columns", "first")
PROTOCOLS = (
    Protocol("own", "the splits that rows, files or subfolders say, or else a random split by video", public=False),
    Protocol("random", "a random split by video, whatever the rows say", public=False),
)


@dataclass(frozen=True)
class Row:
    """One row: a video, what is said of it, and the split, or ''."""

    video: str
    texts: Sequence[str]
    split: str
    line: int


def chosen(columns: Sequence[str], order: Order, where: Path) -> dict[str, str]:
    """{video, caption, split: the column that holds it} by --column or by name; {} and a problem where one is missing.

    The split may be missing.
    """
    column_of: dict[str, str] = {}
    plain = {column.lower().replace(" ", "_").replace("-", "_"): column for column in reversed(columns)}
    before = len(order.problems)
    for what in order.choices.columns:
        if what not in COLUMNS:
            known = ", ".join(COLUMNS)
            order.problems.add(f"--column {what}=…: there is no '{what}'{did_you_mean(what, COLUMNS)} (known: {known})")
    for what, names in COLUMNS.items():
        wanted = order.choices.columns.get(what)
        if wanted is not None and wanted not in columns:
            order.problems.add(
                f"has no column '{wanted}'{did_you_mean(wanted, columns)} (it has {_all(columns)})", where
            )
        elif wanted is None:
            wanted = next((plain[name] for name in names if name in plain), None)
        if wanted is not None:
            column_of[what] = wanted
        elif what != "split":
            order.problems.add(
                f"which column holds the {what}? Say --column {what}=COLUMN; the columns are {_all(columns)}", where
            )
    return column_of if len(order.problems) == before else {}


def _all(columns: Sequence[str]) -> str:
    return ", ".join(columns) or "none"


def id_of(value: str) -> tuple[str, str]:
    """The id that a cell means, and the base name of the file: a path loses its ending, if it is that of a video."""
    path = ids.clean(value)
    stem, ending = stem_and_ending(path)
    name = stem if ending in VIDEO or ending == ".gif" else path
    plain = str(PurePosixPath(name)).lstrip("/") if "/" in name else name
    return plain, plain.rpartition("/")[2]


def read(files: Iterable[tuple[Path, Sequence[Row]]], order: Order, prepared: Prepared) -> Prepared:
    """The collection of the rows of all files: ids, splits and captions."""
    problems, splits = order.problems, dict[str, str]()
    said: dict[str, tuple[str, Path, int]] = {}  # video -> (its split, and where it was said first)
    described: list[Described] = []
    full: dict[str, None] = {}  # the ids of videos that are named by full paths
    for path, rows in files:
        captions: list[Caption] = []
        counts: dict[str, int] = {}
        for row in rows:
            video, base = id_of(row.video)
            if wrong := ids.wrong(video):
                problems.add(wrong, path, row.line)
                continue
            split = splitting.WORDS.get(row.split.strip().lower(), "")
            if row.split.strip() and not split and order.protocol.name == "own":
                word, known = row.split.strip(), list(splitting.WORDS)
                problems.add(
                    f"'{word}' is no split{did_you_mean(word.lower(), known)} (known: {', '.join(known)})",
                    path,
                    row.line,
                )
            first, where, line = said.setdefault(video, (split, path, row.line))
            if first != split and order.protocol.name == "own":
                problems.add(
                    f"'{video}' is in {split or 'no split'} here, and in {first or 'no split'} in {where.name}:{line}; "
                    "a video belongs to one split",
                    path,
                    row.line,
                )
            if base != video:
                prepared.files[video] = (base,)
            if ids.clean(row.video).startswith("/"):
                full[video] = None
            for text in row.texts:
                counts[video] = counts.get(video, -1) + 1
                captions.append(Caption(video, str(counts[video]), text, row.line))
        described.append(Described(path, captions))
    if full:
        prepared.notes.append(f"ids of videos that are named by full paths have no leading '/': {some([*full])}")
    if said and not problems:
        splits = _splits({video: split for video, (split, _, _) in said.items()}, order, prepared)
    captions_of = _captions(described, splits, order, prepared) if splits else {}
    for split in SPLITS:
        prepared.take(split, [video for video in splits if splits[video] == split], captions_of)
    return prepared


def _splits(said: Mapping[str, str], order: Order, prepared: Prepared) -> dict[str, str]:
    """{video: split}, in the order of the rows: as they say, or drawn."""
    choices = order.choices
    if any(said.values()) and order.protocol.name == "own":
        if silent := [video for video, split in said.items() if not split]:
            have = "has" if len(silent) == 1 else "have"
            order.problems.add(
                f"{number_of(silent, 'videos')} {have} no split, and others have one, such as '{silent[0]}'"
            )
        if choices.fractions:
            order.problems.add(
                "--fractions is of a random split, but the rows say the splits; --protocol random draws one"
            )
        return dict(said)
    fractions = choices.fractions or splitting.FRACTIONS
    prepared.choice = "; ".join(
        [*([prepared.choice] if prepared.choice else []), splitting.words(fractions, choices.seed)]
    )
    split_of = splitting.drawn(said, fractions, choices.seed)
    return {video: split_of[video] for video in said}


def _captions(files: Sequence[Described], splits: Mapping[str, str], order: Order, prepared: Prepared) -> Captions:
    """{video: its captions} of all files; those of a video that several files describe follow each other, numbered."""
    result: Captions = {}
    for file in files:
        for video, captions in gathered([file], splits, order.problems, prepared.notes).items():
            known = result.setdefault(video, [])
            known += [caption._replace(number=str(len(known) + place)) for place, caption in enumerate(captions)]
    return first_of_each(result, order.choices.first)
