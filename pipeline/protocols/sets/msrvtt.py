"""MSR-VTT: 10,000 videos, video0 to video9999, with twenty captions each; the official split, and JSFusion's 1k-A."""

import random
from collections.abc import Iterable
from pathlib import Path

from pipeline.errors import Problems
from pipeline.items.lists import one_line
from pipeline.protocols import reading, videodatainfo
from pipeline.protocols.dataset import DataSet, Order, Protocol
from pipeline.protocols.gathering import Described, first_of_each, gathered
from pipeline.protocols.prepared import SPLITS, Caption, Counts, Prepared
from pipeline.protocols.sources import Source

VIDEOS = [f"video{number}" for number in range(10000)]
OFFICIAL = {"train": VIDEOS[:6513], "val": VIDEOS[6513:7010], "test": VIDEOS[7010:]}
SENTENCES = ("video_id", "sentence")  # columns of the list of 1k-A
HELD_OUT = 1000  # videos of train that become val, as many as test has
TRAIN = {"1k-a": 9000, "1k-a-7k": 7010}  # with the videos that are held out
ONE = Counts(1000, 1000, 1)
TWENTY = ("captions",)  # twenty captions a video are quoted from others where no file was counted


def read(order: Order) -> Prepared:
    """Read by the protocol `full`, `1k-a` or `1k-a-7k`."""
    prepared = Prepared()
    full = order.protocol.name == "full"
    if full and (order.choices.val or order.choices.held_out):
        order.problems.add("full has a validation split of its own; --val and --held-out are for 1k-a and 1k-a-7k")
    if order.choices.val == "test" and order.choices.held_out:
        order.problems.add(
            "--held-out takes videos of train as val, and --val test those of test; leave one of them out"
        )
    sentences, asked = ({}, None) if full else _sentences(order)
    members = OFFICIAL if full else _members(order, set(sentences), prepared)
    if not members:
        return prepared
    splits = {video: split for split, videos in members.items() for video in videos}
    lists = [one.path for one in order.sources.of("captions") if one.path != asked]
    files = [Described(path, reading.captions(path, order.problems)) for path in lists]
    for one in order.sources.of("json"):
        files.append(Described(one.path, _of_json(one, order)))
    beside = set(VIDEOS).difference(splits)
    captions = gathered(files, splits, order.problems, prepared.notes, beside, "MSR-VTT (video0 to video9999)", 20)
    captions = first_of_each(captions, order.choices.first)
    for split, videos in members.items():
        prepared.take(split, videos, captions)
    if sentences:
        left = len(prepared.captions["test"])
        prepared.captions["test"] = [Caption(video, "0", sentences[video]) for video in members["test"]]
        if left:
            prepared.notes.append(f"1k-A asks one sentence of each test video; {left:,} others are left out")
    _check_lists(order, members, prepared)
    return prepared


def _sentences(order: Order) -> tuple[dict[str, str], Path | None]:
    """{video: its sentence} of 1k-A, and the file that says it; a problem where there is not one list of it."""
    lists = order.sources.of("table", *SENTENCES)
    if not lists and (of_lines := _of_lines(order))[1]:
        return of_lines
    if len(lists) != 1:
        names = ", ".join(one.path.name for one in lists)
        order.problems.add(
            f"{order.protocol.name} needs one list of 1k-A, MSRVTT_JSFUSION_test.csv with the header "
            f"key,vid_key,video_id,sentence; {f'given: {names}' if lists else 'none of the files is it'}"
        )
        return {}, None
    path, lines, result = lists[0].path, dict[str, int](), dict[str, str]()
    official = set(OFFICIAL["test"])
    for number, row in reading.table(path, order.problems):
        reading.add_id(lines, row["video_id"], path, number, order.problems)
        video, sentence = row["video_id"].strip(), one_line(row["sentence"])
        if video not in official:
            order.problems.add(f"'{video}' is no test video of MSR-VTT (video7010 to video9999)", path, number)
        elif not sentence:
            order.problems.add(f"'{video}' has no sentence", path, number)
        result.setdefault(video, sentence)
    return result, path


def _of_lines(order: Order) -> tuple[dict[str, str], Path | None]:
    """Captions as of `_sentences`, from lines with one caption of each of 1,000 test videos; {} without such a file."""
    official = set(OFFICIAL["test"])
    for one in order.sources.of("captions"):
        captions = reading.captions(one.path, Problems())  # its mistakes are noted when all captions are read
        result = {caption.video: one_line(caption.text) for caption in captions}
        if len(captions) == len(result) == ONE.videos and official.issuperset(result):
            return result, one.path
    return {}, None


def _members(order: Order, test: set[str], prepared: Prepared) -> dict[str, list[str]]:
    """{split: its videos} of 1k-A; {} without a list of test. Sets what was chosen, and the counts of it."""
    if not test:
        return {}
    seven = order.protocol.name == "1k-a-7k"
    train = VIDEOS[:7010] if seven else [video for video in VIDEOS if video not in test]
    tested = [video for video in VIDEOS if video in test]
    choices, total = order.choices, TRAIN[order.protocol.name]
    if choices.val == "test":
        prepared.val_is_test = True
        prepared.choice = "val: test, as CLIP4Clip and others have it: the best epoch is chosen by the test queries"
        prepared.counts = {"train": Counts(total, total * 20, 20, unchecked=TWENTY), "test": ONE}
        return {"train": train, "test": tested}
    count = HELD_OUT if choices.held_out is None else choices.held_out
    if not 0 < count < len(train):
        order.problems.add(f"--held-out {count}: should be from 1 to {len(train) - 1}")
        return {}
    drawn = set(random.Random(choices.seed).sample(train, count))
    prepared.choice = (
        f"val: {count:,} of the {total:,} train videos, drawn by seed {choices.seed}, since 1k-A has no validation "
        "split; --val test chooses by the test queries, as CLIP4Clip and others do"
    )
    prepared.counts = {
        "train": Counts(total - count, (total - count) * 20, 20, f"{total:,} as published, less {count:,}", TWENTY),
        "val": Counts(count, count * 20, 20, "of train", TWENTY),
        "test": ONE,
    }
    learned = [video for video in train if video not in drawn]
    return {"train": learned, "val": [video for video in train if video in drawn], "test": tested}


def _of_json(source: Source, order: Order) -> list[Caption]:
    """The captions of a json; a video that it has in another split than the official one is a problem."""
    info = videodatainfo.read(source.path, order.problems)
    official = {video: split for split, members in OFFICIAL.items() for video in members}
    for video, split in info.splits.items():
        if split and split != official.get(video):
            order.problems.add(
                f"'{video}' is in {split} there; officially it is in {official.get(video, 'no split')}", source.path
            )
    return info.captions


def _check_lists(order: Order, members: dict[str, list[str]], prepared: Prepared) -> None:
    """Note lists of ids that are none of MSR-VTT; the others are not needed."""
    test = set(members["test"])
    known: dict[str, Iterable[str]] = {f"the official {split}": videos for split, videos in OFFICIAL.items()}
    known |= {"the 7,010 videos of official train and val": VIDEOS[:7010], "the test videos": test}
    known["all but the test videos"] = set(VIDEOS) - test
    sets = {frozenset(videos) for videos in known.values()}
    lists = {one.path: reading.id_list(one.path, order.problems) for one in order.sources.of("ids")}
    for one in order.sources.of("table", "video_id"):
        if set(SENTENCES) <= set(one.header):
            one.used = order.protocol.name != "full"
        else:
            lists[one.path] = reading.column(one.path, "video_id", order.problems)
    for path, videos in lists.items():
        if frozenset(videos) not in sets:
            order.sources.leave_out(path)
            prepared.notes.append(
                f"{path.name} lists {len(videos):,} videos that are no split of this protocol; it is not used: "
                "splits go by the numbers of the videos"
            )


FILES = dict.fromkeys(SPLITS, "MSRVTT_data.json")  # train of 1k-A has videos of official train, val and test
DATA_SET = DataSet(
    name="msrvtt",
    title="MSR-VTT (Xu et al., CVPR 2016)",
    files=(
        "train_val_videodatainfo.json and test_videodatainfo.json as published, or MSRVTT_data.json with all videos",
        "or lines `video0#0 text` or `video0#enc#0 text`, as VisualSearch has them (msrvtt10ktest.caption.txt)",
        "for 1k-a and 1k-a-7k also MSRVTT_JSFUSION_test.csv (key,vid_key,video_id,sentence), of "
        "github.com/ArrowLuo/CLIP4Clip,",
        "or a file of lines with one caption of each of the 1,000 videos, as VisualSearch has it",
        "MSRVTT_train.9k.csv and other lists of ids are not needed; they are compared",
    ),
    protocols=(
        Protocol(
            "full",
            "the official split of 6,513, 497 and 2,990 videos; every caption of test is a query",
            {
                "train": Counts(6513, 130260, 20, unchecked=TWENTY),
                "val": Counts(497, 9940, 20, unchecked=TWENTY),
                "test": Counts(2990, 59800, 20),
            },
            files=FILES,
        ),
        Protocol(
            "1k-a",
            "JSFusion's 1,000 test videos with one fixed sentence each; the other 9,000 are learned from",
            {"train": Counts(9000, 180000, 20, unchecked=TWENTY), "test": ONE},
            files=FILES,
        ),
        Protocol(
            "1k-a-7k",
            "JSFusion's 1,000 test videos with one fixed sentence each; official train and val are learned from",
            {"train": Counts(7010, 140200, 20, unchecked=TWENTY), "test": ONE},
            files=FILES,
        ),
    ),
    read=read,
    looks=r'^video\d+#|"video\d+"|,video\d+,',
    choices=("val", "held_out", "seed", "first"),
)
