"""MSVD: 1,970 YouTube clips, split 1,200, 100 and 670 as all papers have it; every caption is a query."""

import re
from pathlib import Path
from typing import Any

from pipeline import ids
from pipeline.items.video_files import some
from pipeline.protocols import pickles, reading, videodatainfo
from pipeline.protocols.dataset import DataSet, Order, Protocol
from pipeline.protocols.gathering import Described, disjoint, first_of_each, gathered
from pipeline.protocols.prepared import SPLITS, Caption, Counts, Prepared
from pipeline.protocols.videodatainfo import Info

NUMBERED = re.compile(r"vid\d+")  # ids of the json, and names of the files of some copies
TEXT = "captions of MSVD should be {video: [[word, word, …], …]}"


def read(order: Order) -> Prepared:
    """Read by the protocol `official`."""
    prepared, problems = Prepared(), order.problems
    clips = _clips(order)
    files = [
        Described(one.path, reading.captions(one.path, problems), one.split) for one in order.sources.of("captions")
    ]
    files += [Described(one.path, _of_pickle(one.path, order)) for one in order.sources.of("pickle")]
    infos = [_renamed(videodatainfo.read(one.path, problems), clips) for one in order.sources.of("json")]
    lists, paths = _lists(order)
    infos = _usable(infos, lists, files, prepared, order)
    for info in infos:
        files.append(Described(info.path, info.captions))
    _add_unlisted(lists, paths, files, infos)
    splits = disjoint(lists, paths, problems)
    if not splits and not problems:
        problems.add("none of the files says which videos are train, val and test: name train_list.txt and the others")
    captions = gathered(files, splits, problems, prepared.notes)
    captions = first_of_each(captions, order.choices.first)
    for split in SPLITS:
        prepared.take(split, lists.get(split, {}), captions)
    for clip, number in ((clip, number) for number, clip in clips.items() if clip in splits):
        prepared.files[clip] = (number,)
    return prepared


def _clips(order: Order) -> dict[str, str]:
    """{vid12: the clip's id} of youtube_mapping.txt, whose lines are `CLIP vid12`; {} without the file."""
    clips: dict[str, str] = {}
    for one in order.sources.of("pairs"):
        for number, line in reading.lines(one.path, order.problems):
            words = line.split()
            if len(words) != 2 or not NUMBERED.fullmatch(words[1]):
                order.problems.add(
                    f"should be `CLIP vidN`, as youtube_mapping.txt, not {line[:60]!r}", one.path, number
                )
            elif words[1] in clips:
                order.problems.add(f"'{words[1]}' stands again; remove one of the two", one.path, number)
            else:
                clips[words[1]] = ids.clean(words[0])
    return clips


def _of_pickle(path: Path, order: Order) -> list[Caption]:
    """The captions of raw-captions.pkl: {video: list of lists of words}; texts in place of lists of words are taken."""
    raw: Any = pickles.plain(path, order.problems)
    captions: list[Caption] = []
    if raw is None:
        return captions
    if not isinstance(raw, dict) or not all(isinstance(video, str) for video in raw):
        order.problems.add(TEXT, path)
        return captions
    for video, sentences in raw.items():
        if not isinstance(sentences, list | tuple):
            order.problems.add(f"'{video}': {TEXT}", path)
            continue
        for number, words in enumerate(sentences):
            text = words if isinstance(words, str) else None
            if isinstance(words, list | tuple) and all(isinstance(word, str) for word in words):
                text = " ".join(words)
            if text is None:
                order.problems.add(f"'{video}', caption {number}: {TEXT}", path)
            else:
                captions.append(Caption(ids.clean(video), str(number), text))
    return captions


def _renamed(info: Info, clips: dict[str, str]) -> Info:
    """A json with the ids of clips in place of vid12, where the mapping has them."""
    splits = {clips.get(video, video): split for video, split in info.splits.items()}
    captions = [caption._replace(video=clips.get(caption.video, caption.video)) for caption in info.captions]
    return Info(info.path, splits, captions)


def _lists(order: Order) -> tuple[dict[str, dict[str, int]], dict[str, Path]]:
    """{split: {video: line}} of the lists, and the file of each."""
    lists: dict[str, dict[str, int]] = {}
    paths: dict[str, Path] = {}
    for one in order.sources.of("ids"):
        if not one.split:
            order.problems.add("is it of train, val or test? The name should say it, as train_list.txt does", one.path)
        elif one.split in lists:
            order.problems.add(f"{paths[one.split].name} is a list of {one.split} too; name one of them", one.path)
        else:
            lists[one.split] = reading.id_list(one.path, order.problems)
            paths[one.split] = one.path
    return lists, paths


def _usable(
    infos: list[Info], lists: dict[str, dict[str, int]], files: list[Described], prepared: Prepared, order: Order
) -> list[Info]:
    """The jsons without those, noted, whose vid12 nothing translates while other files have the ids of clips."""
    others = {video for listed in lists.values() for video in listed}
    others |= {caption.video for file in files for caption in file.captions}
    usable = []
    for info in infos:
        names = sorted({caption.video for caption in info.captions})
        if others and others.isdisjoint(names) and all(map(NUMBERED.fullmatch, names)):
            prepared.notes.append(
                f"{info.path.name} is not used: its ids ({some(names)}) are numbers, and youtube_mapping.txt, which "
                "translates them, is not among the files"
            )
            order.sources.leave_out(info.path)
        else:
            usable.append(info)
    return usable


def _add_unlisted(
    lists: dict[str, dict[str, int]], paths: dict[str, Path], files: list[Described], infos: list[Info]
) -> None:
    """Add the videos of a split that no list names: those of a json, or of the captions whose file says the split."""
    missing = [split for split in SPLITS if split not in lists]
    for info in infos:
        for video, split in info.splits.items():
            if split in missing:
                lists.setdefault(split, {}).setdefault(video, 0)
                paths.setdefault(split, info.path)
    for file in files:
        if file.split in missing and file.split not in lists:
            lists[file.split] = {caption.video: caption.line for caption in reversed(file.captions)}
            lists[file.split] = dict(sorted(lists[file.split].items(), key=lambda item: item[1]))
            paths[file.split] = file.path


DATA_SET = DataSet(
    name="msvd",
    title="MSVD (Chen and Dolan, ACL 2011)",
    files=(
        "raw-captions.pkl ({video: lists of words}) with train_list.txt, val_list.txt and test_list.txt, of "
        "github.com/ArrowLuo/CLIP4Clip",
        "or lines `video#0 text`, as github.com/li-xirong/sea has them: msvdtrain.caption.txt, msvdtrain.txt and so on",
        "or videodatainfo.json (vid1 to vid1970), with youtube_mapping.txt where the videos are named by YouTube ids",
    ),
    protocols=(
        Protocol(
            "official",
            "1,200, 100 and 670 videos; every caption of test is a query",
            {"train": Counts(1200, 48779), "val": Counts(100, 4291), "test": Counts(670, 27767)},
            files=dict.fromkeys(SPLITS, "raw-captions.pkl"),
        ),
    ),
    read=read,
    looks=r'^[\w-]{11}_\d+_\d+(#|$)|"vid\d+"|\bvid\d+$',
    choices=("first",),
)
