"""From annotation files to a collection: read by a protocol, counted, videos looked for, written."""

from collections.abc import Sequence
from dataclasses import dataclass, field, fields
from pathlib import Path

from pipeline import ids
from pipeline.errors import LaffError, Problems, printable
from pipeline.files import sha256
from pipeline.items.video_files import links_out, some
from pipeline.protocols import counting, finding, known, sources, writing
from pipeline.protocols.dataset import Choices, DataSet, Order, Protocol
from pipeline.protocols.next_step import next_step
from pipeline.protocols.prepared import SPLITS, Prepared
from pipeline.wording import number_of

SHOWN = 20  # mistakes that are listed; the rest is counted
LISTED = 3  # missing videos of a split that are listed, of which a file has all; mistakes in files of another set
OPTIONS = {  # field of Choices -> the option of the command
    **{"val": "--val", "held_out": "--held-out", "seed": "--seed", "first": "--captions"},
    **{"columns": "--column", "fractions": "--fractions"},
}


@dataclass(frozen=True)
class Wish:
    """What a person asks for."""

    data_set: DataSet
    protocol: Protocol
    annotations: Sequence[Path]
    out: Path
    videos: Path | None = None
    choices: Choices = field(default_factory=Choices)
    name: str = ""  # of the collection; '' for that of the data set
    accept_counts: bool = False  # whether other counts than the published ones are written
    replace: bool = False  # whether another collection may be replaced
    follow_links: bool = False  # whether a run may follow links that lead out of the folder of videos
    command: str = "laff"  # how `laff` is called, for what to do next


def prepare(wish: Wish) -> list[str]:
    """Prepare a data set -> the report, line by line. LaffError lists every mistake, with file and line."""
    data_set, protocol = wish.data_set, wish.protocol
    refuse_choices(data_set, wish.choices)
    given = sources.read(wish.annotations, data_set.files)
    _leave_out(wish, given)
    problems = Problems()
    prepared = data_set.read(Order(protocol, given, wish.choices, problems, wish.videos is not None))
    where = f"laff prepare {data_set.name}"
    if not problems:
        _check_ids(prepared, problems)
    if problems:
        guess = _resembled(wish, given)
        raise problems.error(where, LISTED if guess else SHOWN, guess)
    first = wish.choices.first
    comparison = counting.compared(
        prepared, protocol.counts if prepared.counts is None else prepared.counts, protocol.files, first
    )
    notes = [f"note: {text}" for text in (*prepared.notes, *comparison.remarks)]
    if comparison.differences and not wish.accept_counts:
        if first:
            notes.append(f"note: --captions {first} keeps {first} of each video in train, val and test")
        guess = _resembled(wish, given)
        then = "\n".join([*notes, guess or "If the files are what you want all the same: --accept-counts"])
        raise Problems(comparison.differences).error(f"{where} --protocol {protocol.name}", then=then)
    report = [_title(wish)]
    if prepared.choice:
        report.append(f"chosen: {prepared.choice}")
    report += [f"  {line}" for line in comparison.lines]
    folder = wish.videos or prepared.videos
    items = [item for split in SPLITS for item in prepared.ids[split]]
    video_files = finding.find_files(folder, items, prepared.files, prepared.part_of) if folder else None
    report += _about_videos(video_files, prepared, wish)
    if wish.follow_links:
        prepared.keys["follow_links"] = True
    report += notes
    if given.unused:
        report.append(f"note: not used: {some([path.name for path in given.unused])}")
    name = f"{data_set.name}/{protocol.name}" if protocol.public else ""
    if name and comparison.suffix:
        name += comparison.suffix
        report.append(f"note: figures of it cannot be compared with those of others; its protocol is named '{name}'")
    head = _head(wish, prepared, given, comparison)
    title = wish.name or (data_set.name if protocol.public else wish.out.resolve().name)
    contents = writing.texts(prepared, title, name, video_files, head, wish.out)
    report.append(writing.write(wish.out, contents, wish.replace))
    file = wish.out / writing.COLLECTION
    return [*report, f"next: {next_step(prepared, protocol, video_files, file, wish.command)}"]


def _title(wish: Wish) -> str:
    """What is prepared, by what protocol, in words."""
    title, protocol = wish.data_set.title, wish.protocol
    named = any(one.public for one in wish.data_set.protocols)  # a table of your own has no protocol
    return f"{title}{f', protocol {protocol.name}' if named else ''}: {protocol.about}"


def _resembled(wish: Wish, given: sources.Sources) -> str:
    """The hint that the files look like those of another data set; '' where they do not."""
    others = known.resembled([one.path for one in given.files], wish.data_set)
    commands = " or ".join(f"`{wish.command} prepare {other}`" for other in others)
    return f"The files look like those of another data set: {commands}" if others else ""


def refuse_choices(data_set: DataSet, choices: Choices) -> None:
    """Raise LaffError for a choice that the data set does not have."""
    usual = Choices()
    given = [part.name for part in fields(Choices) if getattr(choices, part.name) != getattr(usual, part.name)]
    for name in given:
        if name not in data_set.choices:
            has = ", ".join(OPTIONS[choice] for choice in data_set.choices) or "none of these"
            raise LaffError(f"{data_set.name} has nothing to choose by {OPTIONS[name]} (it has {has})")


def _leave_out(wish: Wish, given: sources.Sources) -> None:
    """Leave out what an earlier call wrote into a folder among the annotations; LaffError where it would be theirs."""
    place = wish.out.resolve()
    for path in map(Path.resolve, wish.annotations):
        if path.is_relative_to(place) and (path.is_dir() or path.name in writing.NAMES):
            raise LaffError(f"--out {wish.out}: the annotations lie there; name a folder of its own")
    given.files = [
        one for one in given.files if one.path.resolve().parent != place or one.path.name not in writing.NAMES
    ]


def _check_ids(prepared: Prepared, problems: Problems) -> None:
    """Every video is in one split and has an id that a collection can hold; there is at least one."""
    where: dict[str, str] = {}
    for split in SPLITS:
        for video in prepared.ids[split]:
            if wrong := ids.wrong(video):
                problems.add(wrong, split)
            if (first := where.setdefault(video, split)) != split:
                problems.add(f"video '{video}' is in {first} and in {split}; a video belongs to one split")
    if not where:
        problems.add("the files have no video of any split; `laff prepare` lists what a data set reads")


def _about_videos(video_files: finding.Files | None, prepared: Prepared, wish: Wish) -> list[str]:
    """Which videos have a file, in words."""
    if video_files is None:
        return ["note: no --videos: the collection is for features that are imported"]
    notes = []
    if not wish.follow_links and (
        out := links_out([str(video_files.folder / path) for path in video_files.paths.values()], video_files.folder)
    ):
        are = "file is a link" if len(out) == 1 else "files are links"
        notes.append(
            f"note: {len(out):,} {are} out of {video_files.folder}, such as {Path(next(iter(out))).name}; a run "
            "refuses them until --follow-links lets it"
        )
    if video_files.several:
        have = "has" if len(video_files.several) == 1 else "have"
        notes.append(
            f"note: {number_of(video_files.several, 'videos')} {have} several files, and the first is taken: "
            f"{some(video_files.several)}"
        )
    return [*_missing(video_files, prepared, wish.out / writing.MISSING), *notes]


def _missing(video_files: finding.Files, prepared: Prepared, file: Path) -> list[str]:
    """How many videos have a file, and which have none; file: where all of these are listed."""
    videos = {split: list(dict.fromkeys(map(prepared.video, prepared.ids[split]))) for split in SPLITS}
    total, lost = sum(map(len, videos.values())), set(video_files.missing)
    if not lost:
        return [f"videos: all {total:,} have a file in {video_files.folder}"]
    lines = [f"videos: {total - len(lost):,} of {total:,} have a file in {video_files.folder}"]
    items = f", and their {prepared.items}" if prepared.part_of else ", and"
    for split in SPLITS:
        if missing := [video for video in videos[split] if video in lost]:
            are = "is" if len(missing) == 1 else "are"
            stay = "stay" if prepared.part_of or len(missing) > 1 else "stays"
            lines.append(
                f"  {split}: {len(missing):,} of {len(videos[split]):,} {are} missing{items} {stay} in the split for "
                f"coverage to count: {', '.join(missing[:LISTED])}{', …' if len(missing) > LISTED else ''}"
            )
    return [*lines, f"  all that are missing: {file}; prepare again when more of them are there"]


def _head(wish: Wish, prepared: Prepared, given: sources.Sources, comparison: counting.Comparison) -> list[str]:
    """What the collection.yaml says of itself, a comment a line."""
    lines = [_title(wish)]
    if prepared.choice:
        lines.append(f"chosen: {prepared.choice}")
    lines += comparison.lines
    used = [one.path for one in given.files if one.used]
    if len(used) > SHOWN:
        lines.append(f"from {len(used):,} files, such as {some([path.name for path in used])}")
    else:
        lines += [f"from {path.name}, sha256 {sha256(path)}" for path in used]
    return [*map(printable, lines)]  # a name with a line end would end the comment
