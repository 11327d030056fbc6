"""ActivityNet Captions as paragraphs: all sentences of a video joined by blanks, in the order in which they are listed.

So do collaborative-experts and those after it. In 546 of the 10,009 videos of train.json the sentences are not in the
order of their times; they are left as they are. val_1 and val_2 are two descriptions of nearly the same videos.
"""

import random
from pathlib import Path
from typing import Any

from pipeline.protocols import reading
from pipeline.protocols.dataset import DataSet, Order, Protocol
from pipeline.protocols.gathering import Described, disjoint, gathered
from pipeline.protocols.prepared import Caption, Counts, Prepared

FORM = '{"v_…": {"sentences": […], …}}'
TRAIN = 10009
HELD_OUT = 1000  # videos of train that become val
NAMES = {"train": ("train",), "val_1": ("val_1", "val1"), "val_2": ("val_2", "val2")}


def read(order: Order) -> Prepared:
    """Read by the protocol `val1` or `val2`."""
    prepared, problems = Prepared(), order.problems
    test = order.protocol.name.replace("val", "val_")
    described: dict[str, dict[str, str]] = {}
    paths: dict[str, Path] = {}
    lists: dict[str, dict[str, int]] = {}
    for one in [*order.sources.of("json"), *order.sources.of("ids"), *order.sources.of("pairs")]:
        part = _part(one.path)
        if part not in ("train", test):
            one.used = False
            if not part and one.form == "json":
                problems.add("is it train.json, val_1.json or val_2.json? Its name should say so", one.path)
        elif one.form != "json":  # a list of ids, be it with a line of several words
            lists[part] = reading.id_list(one.path, problems)
            paths.setdefault(part, one.path)
        elif part in described:
            problems.add(f"is {part} too, as {paths[part].name}; name one of them", one.path)
        else:
            described[part], paths[part] = _paragraphs(one.path, order), one.path
    for part in ("train", test):
        if part not in described and part not in lists:
            problems.add(f"{order.protocol.name} needs {part}.json; it is not among the files")
        lists.setdefault(part, dict.fromkeys(described.get(part, ()), 0))
    if problems:
        return prepared
    members = {"train": lists["train"], "test": lists[test]}
    splits = disjoint(members, {"train": paths["train"], "test": paths[test]}, problems)
    if problems:
        return prepared
    files = [
        Described(paths[part], [Caption(video, "0", text) for video, text in described[part].items()], split)
        for part, split in (("train", "train"), (test, "test"))
        if part in described
    ]
    captions = gathered(files, splits, problems, prepared.notes, whose="the lists of ActivityNet Captions")
    learned, chosen = _held_out(list(members["train"]), order, prepared)
    for split, videos in (("train", learned), ("val", chosen), ("test", list(members["test"]))):
        prepared.take(split, videos, captions)
        prepared.files |= {video: (video.removeprefix("v_"),) for video in videos}
    return prepared


def _part(path: Path) -> str:
    """The part of the data set that the name of a file says, or ''."""
    name = path.stem.lower().replace("-", "_")
    said = [part for part, words in NAMES.items() if any(word in name for word in words)]
    return said[0] if len(said) == 1 else ""


def _paragraphs(path: Path, order: Order) -> dict[str, str]:
    """{video: its paragraph} of an official file."""
    raw: Any = reading.json_of(path, order.problems)
    if raw is None:
        return {}
    if not isinstance(raw, dict):
        order.problems.add(f"should be {FORM}, as ActivityNet Captions publishes it", path)
        return {}
    paragraphs: dict[str, str] = {}
    for video, row in raw.items():
        sentences = reading.texts_of(row.get("sentences")) if isinstance(row, dict) else None
        if sentences is None:
            order.problems.add(f"'{video}' should be {FORM[8:-1]} with a list of texts", path)
        else:
            paragraphs[video] = " ".join(filter(None, map(str.strip, sentences)))
    return paragraphs


def _held_out(videos: list[str], order: Order, prepared: Prepared) -> tuple[list[str], list[str]]:
    """Train and val, and the numbers to expect; both parts of the official validation describe the test videos."""
    choices = order.choices
    test = order.protocol.counts["test"]
    if choices.val == "test":
        prepared.val_is_test = True
        prepared.choice = "val: test, as others have it: the best epoch is chosen by the test queries"
        prepared.counts = {"train": Counts(TRAIN, TRAIN, 1), "test": test}
        return videos, []
    count = HELD_OUT if choices.held_out is None else choices.held_out
    if not 0 < count < len(videos):
        order.problems.add(f"--held-out {count}: should be from 1 to {len(videos) - 1}, the videos of train less one")
        return videos, []
    drawn = set(random.Random(choices.seed).sample(videos, count))
    prepared.choice = (
        f"val: {count:,} of the {len(videos):,} train videos, drawn by seed {choices.seed}, since no other video is "
        "left for it; --val test chooses by the test queries, as others do"
    )
    prepared.counts = {
        "train": Counts(TRAIN - count, TRAIN - count, 1, f"{TRAIN:,} as published, less {count:,}"),
        "val": Counts(count, count, 1, "of train"),
        "test": test,
    }
    return [video for video in videos if video not in drawn], [video for video in videos if video in drawn]


DATA_SET = DataSet(
    name="activitynet",
    title="ActivityNet Captions (Krishna et al., ICCV 2017)",
    files=(
        "train.json, val_1.json and val_2.json of cs.stanford.edu/people/ranjaykrishna/densevid",
        "train_list.txt, val_1_list.txt or val_2_list.txt of github.com/albanie/collaborative-experts are not "
        "needed; an id a line",
    ),
    protocols=(
        Protocol(
            "val1",
            "paragraphs, all sentences of a video joined as they are listed; the videos of val_1 are test",
            {"train": Counts(TRAIN, TRAIN, 1), "test": Counts(4917, 4917, 1)},
            files={"train": "train.json", "val": "train.json", "test": "val_1.json"},
        ),
        Protocol(
            "val2",
            "as val1, with the videos and the sentences of val_2",
            {"train": Counts(TRAIN, TRAIN, 1), "test": Counts(4885, 4885, 1)},
            files={"train": "train.json", "val": "train.json", "test": "val_2.json"},
        ),
    ),
    read=read,
    looks=r'"v_[\w-]{11}"|^v_[\w-]{11}$',
    choices=("val", "held_out", "seed"),
)
