"""TGIF: animated GIFs of Tumblr with sentences, in the official split by `splits/{train,val,test}.txt`."""

import re
from pathlib import Path

from pipeline import ids
from pipeline.protocols import reading
from pipeline.protocols.dataset import DataSet, Order, Protocol
from pipeline.protocols.gathering import Described, disjoint, first_of_each, gathered
from pipeline.protocols.prepared import SPLITS, Caption, Counts, Prepared

GIF = re.compile(r"\.(gif|mp4)$", re.IGNORECASE)


def read(order: Order) -> Prepared:
    """Read by the protocol `official`."""
    prepared, problems = Prepared(), order.problems
    urls: dict[str, str] = {}
    lists: dict[str, dict[str, int]] = {}
    paths: dict[str, Path] = {}
    for one in order.sources.of("ids"):
        if not one.split:
            one.used = False
            continue
        if one.split in lists:
            problems.add(f"{paths[one.split].name} is a list of {one.split} too; name one of them", one.path)
            continue
        lists[one.split], paths[one.split] = _list(one.path, urls, order), one.path
    if missing := [split for split in SPLITS if split not in lists]:
        problems.add(f"TGIF needs splits/{missing[0]}.txt, a URL a line; it is not among the files")
    files = [Described(one.path, _sentences(one.path, urls, order)) for one in order.sources.of("pairs")]
    splits = disjoint(lists, paths, problems)
    everything = {caption.video for file in files for caption in file.captions}
    captions = gathered(files, splits, problems, prepared.notes, beside=everything)
    captions = first_of_each(captions, order.choices.first)
    for split in SPLITS:
        prepared.take(split, lists.get(split, {}), captions)
    return prepared


def gif(text: str) -> str:
    """The id of a GIF: the file's name in its URL without the ending, tumblr_…; a text that is no URL is the name."""
    name = text.partition("://")[2].partition("?")[0].partition("/")[2].rpartition("/")[2] if "://" in text else text
    return ids.clean(GIF.sub("", name))


def _add(urls: dict[str, str], text: str, path: Path, line: int, order: Order) -> str:
    """The id of a line, noted with its URL; a problem where it is none, or two URLs have one."""
    id_ = gif(text)
    if wrong := ids.wrong(id_):
        order.problems.add(f"{wrong}; a line should begin with the URL of a GIF, not {text[:60]!r}", path, line)
    elif "://" in text and (first := urls.setdefault(id_, text)) != text:
        order.problems.add(f"'{id_}' is the name of two GIFs, {first} and {text}; remove one of them", path, line)
    return id_


def _list(path: Path, urls: dict[str, str], order: Order) -> dict[str, int]:
    """{id: line} of a list of URLs or names."""
    listed: dict[str, int] = {}
    for number, line in reading.lines(path, order.problems):
        reading.add_id(listed, _add(urls, line.split("\t")[0], path, number, order), path, number, order.problems)
    return listed


def _sentences(path: Path, urls: dict[str, str], order: Order) -> list[Caption]:
    """The sentences of lines `URL<TAB>sentence`."""
    captions: list[Caption] = []
    counts: dict[str, int] = {}
    for number, line in reading.lines(path, order.problems):
        url, tab, text = line.partition("\t")
        if not tab:
            order.problems.add(f"has no tab; a line is `URL<TAB>sentence`, not {line[:60]!r}", path, number)
            continue
        id_ = _add(urls, url.strip(), path, number, order)
        counts[id_] = counts.get(id_, -1) + 1
        captions.append(Caption(id_, str(counts[id_]), text, number))
    return captions


DATA_SET = DataSet(
    name="tgif",
    title="TGIF (Li et al., CVPR 2016)",
    files=(
        "tgif-v1.0.tsv, whose lines are `URL<TAB>sentence`, of github.com/raingo/TGIF-Release",
        "splits/train.txt, splits/val.txt and splits/test.txt of the same place, a URL a line, or a name of a file",
        "the videos are the GIFs by the names in their URLs, tumblr_….gif",
    ),
    protocols=(
        Protocol(
            "official",
            "the split of TGIF-Release; every sentence of test is a query, three of most GIFs",
            {
                "train": Counts(80000, unchecked=("videos",)),
                "val": Counts(10708),
                "test": Counts(11360, each=3),
            },
            files=dict.fromkeys(SPLITS, "tgif-v1.0.tsv"),
        ),
    ),
    read=read,
    looks=r"tumblr_",
    choices=("first",),
)
