"""Captions of several files put together, by video: each belongs to a known video, and none is there twice."""

from collections.abc import Container, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from pipeline.errors import Problems
from pipeline.items.lists import odd_letter, one_line
from pipeline.items.video_files import some
from pipeline.protocols.prepared import SPLITS, Caption
from pipeline.wording import number_of


@dataclass(frozen=True)
class Described:
    """The captions of one file."""

    path: Path
    captions: Sequence[Caption]
    split: str = ""  # the split that the file is of, where its name or content says so


def gathered(
    files: Iterable[Described],
    splits: Mapping[str, str],
    problems: Problems,
    notes: list[str],
    beside: Container[str] = (),
    whose: str = "the lists",
    each: int = 0,
) -> dict[str, list[Caption]]:
    """{video: its captions} of the videos in `splits`, each text one line.

    Problems: a caption of an unknown video, one whose number stands twice, one that cannot be text, one in a file of
    another split, and a video that two files describe differently. Where one file says of a video all that another one
    says, one of the two counts, and a note says which, and why. Empty captions, and those of videos that the protocol
    leaves out, are told and left out.

    Args:
        files: The files, in the order in which they count.
        splits: {video: its split}.
        problems: Mistakes are added here.
        notes: Remarks are added here.
        beside: Videos of the data set that are in no split.
        whose: What says which videos there are, in words.
        each: How many captions of a video were published; 0 where that is not known.
    """
    result: dict[str, list[Caption]] = {}
    origin: dict[str, Path] = {}
    # (the file that counts, the other one, what is wrong with that) -> videos that both describe
    both: dict[tuple[Path, Path, str], list[str]] = {}
    left: dict[str, list[Caption]] = {}  # of videos that the protocol leaves out
    for file in files:
        inside, outside = _of_file(file, splits, problems, notes, beside, whose)
        for video, captions in outside.items():  # a caption that several files have counts once
            if video not in left or (_better(captions, left[video], each) or ([], ""))[0] is captions:
                left[video] = captions
        for video, captions in inside.items():
            if video not in result:
                result[video], origin[video] = captions, file.path
                continue
            first = origin[video]
            better = _better(captions, result[video], each)
            if better is None:
                problems.add(f"'{video}' has other captions in {first}; give one of the two files", file.path)
                continue
            taken, wrong = better
            if taken is captions:
                both.setdefault((file.path, first, wrong), []).append(video)
                result[video], origin[video] = captions, file.path
            else:
                both.setdefault((first, file.path, wrong), []).append(video)
    for (path, other, wrong), videos in both.items():
        have = "has" if len(videos) == 1 else "have"
        notes.append(
            f"{number_of(videos, 'videos')} {have} captions in two files: those of {path.name} are taken, since those "
            f"of {other.name} {wrong}"
        )
    if left:
        total = sum(map(len, left.values()))
        captions_left, are = number_of(total, "captions"), "is" if total == 1 else "are"
        notes.append(
            f"{captions_left} of {number_of(left, 'videos')} {are} left out, for the protocol has these videos in no "
            f"split: {some(sorted(left))}"
        )
    return result


def _better(new: list[Caption], old: list[Caption], each: int) -> tuple[list[Caption], str] | None:
    """Which of two lists of captions of one video counts, and what is wrong with the other one, in words.

    It is the one with the published number, else the one with more texts, else the one that repeats less, else the
    first. None where each has texts that the other lacks.
    """
    texts, known = {caption.text for caption in new}, {caption.text for caption in old}
    if not (texts <= known or known <= texts):
        return None
    if (len(new) == each) != (len(old) == each):
        taken, other = (new, old) if len(new) == each else (old, new)
        return taken, f"are {'more' if len(other) > each else 'fewer'} than the {each} that were published"
    if len(texts) != len(known):
        return (new if len(texts) > len(known) else old), "say less"
    if len(new) != len(old):
        return (new if len(new) < len(old) else old), "say nothing more and repeat themselves"
    return old, "are the same"


def _of_file(
    file: Described,
    splits: Mapping[str, str],
    problems: Problems,
    notes: list[str],
    beside: Container[str],
    whose: str,
) -> tuple[dict[str, list[Caption]], dict[str, list[Caption]]]:
    """{video: captions} of one file: of the videos in splits, and of those beside them."""
    inside: dict[str, list[Caption]] = {}
    outside: dict[str, list[Caption]] = {}
    seen: dict[tuple[str, str], int] = {}
    empty: list[Caption] = []
    for caption in file.captions:
        video, number, text, line = caption
        plain = one_line(text)
        first = seen.setdefault((video, number), line)
        if first != line:
            problems.add(
                f"caption '{video}#{number}' stands again; first in line {first}: remove one of the two, or give it "
                "another number",
                file.path,
                line,
            )
        elif not plain:
            empty.append(caption)
        elif odd := odd_letter(plain):
            problems.add(f"a caption of '{video}' has the character {odd!r}, which is no text", file.path, line)
        elif (split := splits.get(video)) is None and video in beside:
            outside.setdefault(video, []).append(caption)
        elif split is None:
            problems.add(f"'{video}' is no video of {whose}; remove the caption, or mend the id", file.path, line)
        elif file.split and split != file.split:
            problems.add(
                f"'{video}' is a video of {split}, and this file has the captions of {file.split}; move the line, or "
                "mend the lists of ids",
                file.path,
                line,
            )
        else:
            inside.setdefault(video, []).append(caption if plain == text else caption._replace(text=plain))
    if empty:
        are = "is" if len(empty) == 1 else "are"
        places = ", ".join(f"line {caption.line}" if caption.line else caption.video for caption in empty[:3])
        notes.append(f"{file.path.name}: {number_of(empty, 'captions')} {are} empty and left out ({places})")
    return inside, outside


def first_of_each(captions: Mapping[str, Sequence[Caption]], most: int) -> dict[str, list[Caption]]:
    """The first `most` captions of each video; all of them for 0."""
    return {video: list(of_video[:most] if most else of_video) for video, of_video in captions.items()}


def disjoint(lists: Mapping[str, Mapping[str, int]], paths: Mapping[str, Path], problems: Problems) -> dict[str, str]:
    """{video: split} of the lists {split: {video: line}}; a video in two splits is a problem."""
    splits: dict[str, str] = {}
    for split in SPLITS:
        for video, line in lists.get(split, {}).items():
            if (first := splits.setdefault(video, split)) != split:
                problems.add(
                    f"video '{video}' is in {first} too ({_place(paths[first].name, lists[first][video])}); a video "
                    "belongs to one split: remove one of the two",
                    paths[split],
                    line,
                )
    return splits


def _place(name: str, line: int) -> str:
    return f"{name}:{line}" if line else name
