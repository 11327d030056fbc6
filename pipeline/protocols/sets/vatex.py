"""VATEX: ten-second clips of Kinetics with ten English captions each; its 3,000 validation clips divided by two.

HGR (Chen et al., CVPR 2020) divided them by chance into 1,500 and 1,500, and published the lists. CLIP2Video has
another list of 1,500 test clips, drawn by chance too; val is the rest there. The two tests share 724 clips, and the
other 776 of the random one are validation clips of HGR: a model that was chosen by one is not to be asked the other.
"""

from collections.abc import Mapping
from typing import Any

from pipeline.protocols import reading
from pipeline.protocols.dataset import DataSet, Order, Protocol
from pipeline.protocols.gathering import Described, disjoint, first_of_each, gathered
from pipeline.protocols.prepared import SPLITS, Caption, Counts, Prepared
from pipeline.protocols.sources import Source

ROW = '{"videoID": …, "enCap": […]}'
RANDOM = ("1k5", "random", "sec")  # what the name of a list of the random split has in it
POOL = "the 3,000 clips of official validation"


def read(order: Order) -> Prepared:
    """Read by the protocol `hgr` or `random`."""
    prepared, problems = Prepared(), order.problems
    files = [_captions(one, order) for one in order.sources.of("json")]
    lists, paths = _lists(order, files, prepared)
    splits = disjoint(lists, paths, problems)
    if problems:
        return prepared
    beside = {caption.video for file in files if file.split != "train" for caption in file.captions}
    files = [Described(file.path, file.captions, file.split if file.split == "train" else "") for file in files]
    captions = gathered(files, splits, problems, prepared.notes, beside, "the lists of VATEX", 10)
    captions = first_of_each(captions, order.choices.first)
    for split in SPLITS:
        prepared.take(split, lists[split], captions)
    return prepared


def _captions(source: Source, order: Order) -> Described:
    """The English captions of an official file."""
    raw: Any = reading.json_of(source.path, order.problems)
    captions: list[Caption] = []
    first: dict[str, int] = {}
    if raw is not None and not isinstance(raw, list):
        order.problems.add(f"should be a list of {ROW}, as VATEX publishes it", source.path)
    for place, row in enumerate(raw if isinstance(raw, list) else ()):
        video = row.get("videoID") if isinstance(row, dict) else None
        texts = reading.texts_of(row.get("enCap")) if isinstance(row, dict) else None
        if not isinstance(video, str) or texts is None:
            order.problems.add(f"entry {place} should be {ROW}, a text and a list of texts", source.path)
        elif video in first:
            order.problems.add(
                f"entry {place}: '{video}' stands again; first in entry {first[video]}: remove one of the two",
                source.path,
            )
        else:
            first[video] = place
            captions += [Caption(video, str(number), text) for number, text in enumerate(texts)]
    return Described(source.path, captions, source.split)


def _lists(
    order: Order, files: list[Described], prepared: Prepared
) -> tuple[dict[str, dict[str, int]], dict[str, Any]]:
    """{split: {video: line}} and {split: the file that says it}, by the lists and, without one, by the json files."""
    listed: dict[str, dict[str, int]] = {}  # HGR's lists by split, and "random"
    paths: dict[str, Any] = {}
    for one in [*order.sources.of("ids"), *order.sources.of("pairs")]:  # pairs: lists with a line of several words
        drawn = any(part in one.path.stem.lower() for part in RANDOM)
        word = "random" if one.split == "test" and drawn else one.split
        if not word or (word == "random" and order.protocol.name != "random"):
            one.used = False
        elif word in listed:
            order.problems.add(f"is another list of {word}, beside {paths[word].name}; name one of them", one.path)
        else:
            listed[word], paths[word] = reading.id_list(one.path, order.problems), one.path
    for file in files:
        if file.split == "train" and "train" not in listed:
            listed["train"] = dict.fromkeys((caption.video for caption in file.captions), 0)
            paths["train"] = file.path
    if order.protocol.name == "random":
        _draw_val(listed, paths, files, order, prepared)
    needed = {"train": "vatex_training_v1.0.json or train_list.txt", "val": "val_list.txt", "test": "test_list.txt"}
    if order.protocol.name == "random":
        needed["test"] = "test1k5_sec_list.txt"
    for split, name in needed.items():
        if split not in listed and not (split == "val" and order.protocol.name == "random"):
            order.problems.add(f"{order.protocol.name} needs {name}, which says the videos of {split}")
    return {split: listed.get(split, {}) for split in SPLITS}, paths


def _draw_val(
    listed: dict[str, dict[str, int]],
    paths: dict[str, Any],
    files: list[Described],
    order: Order,
    prepared: Prepared,
) -> None:
    """Make the random split of the list of its test: val is what it leaves of official validation."""
    official = [file for file in files if file.split == "val"]
    pool: Mapping[str, int] = dict.fromkeys((caption.video for file in official for caption in file.captions), 0)
    where = official[0].path if official else None
    if not pool and {"val", "test"} <= listed.keys():
        pool, where = dict.fromkeys([*listed["val"], *listed["test"]], 0), paths["val"]
    listed["test"], paths["test"] = listed.pop("random", {}), paths.pop("random", None)
    if not listed["test"]:
        del listed["test"]
    elif not pool:
        order.problems.add(
            f"random needs {POOL}: vatex_validation_v1.0.json, or the val_list.txt and test_list.txt of HGR"
        )
    elif unknown := [video for video in listed["test"] if video not in pool]:
        for video in unknown:
            order.problems.add(f"'{video}' is none of {POOL}", paths["test"], listed["test"][video])
    else:
        paths["val"] = where
        listed["val"] = {video: 0 for video in pool if video not in listed["test"]}
        prepared.choice = f"val: those of {POOL} that are not in the list of test, which comes without one of val"


TEN = ("captions",)
COUNTS = {
    "train": Counts(25991, 259910, 10, unchecked=TEN),
    "val": Counts(1500, 15000, 10, unchecked=TEN),
    "test": Counts(1500, 15000, 10, unchecked=TEN),
}
FILES = {"train": "vatex_training_v1.0.json", **dict.fromkeys(("val", "test"), "vatex_validation_v1.0.json")}
DATA_SET = DataSet(
    name="vatex",
    title="VATEX (Wang et al., ICCV 2019)",
    files=(
        "vatex_training_v1.0.json and vatex_validation_v1.0.json of eric-xw.github.io/vatex-website; enCap is read",
        "for hgr: val_list.txt and test_list.txt of 1,500 ids each, of github.com/cshizhe/hgr_v2t or CLIP2Video",
        "for random: test1k5_sec_list.txt of github.com/CryhanFang/CLIP2Video; val is the rest of the 3,000",
        "train_list.txt is not needed where the json of training is there",
    ),
    protocols=(
        Protocol(
            "hgr",
            "HGR's split of the official validation clips; every English caption of test is a query",
            COUNTS,
            files=FILES,
        ),
        Protocol(
            "random",
            "CLIP2Video's random 1,500 test clips, of which 724 are test of hgr too and 776 are val of hgr; every "
            "English caption of test is a query",
            COUNTS,
            files=FILES,
        ),
    ),
    read=read,
    looks=r'"enCap"|^[\w-]{11}_\d{6}_\d{6}$',
    choices=("first",),
)
