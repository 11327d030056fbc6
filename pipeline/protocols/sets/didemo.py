"""DiDeMo: Flickr videos whose descriptions tell of moments; as paragraphs, or each moment as an item of its own.

A paragraph is all descriptions of a video joined by blanks, in the order of the file, and the video counts from 0 to 31
seconds, as collaborative-experts has it. Moments are bounded in pieces of five seconds, by several people: a moment
goes from the mean of their first pieces to the mean of the ends of their last ones.

Names of videos in the files have endings, some of them only the point, and one video may be there with two of them: an
id is the name before its last point.
"""

from typing import Any

from pipeline import ids
from pipeline.items.windows import Window
from pipeline.protocols import reading
from pipeline.protocols.dataset import DataSet, Order, Protocol
from pipeline.protocols.gathering import Described, disjoint, gathered
from pipeline.protocols.prepared import SPLITS, Caption, Counts, Prepared
from pipeline.protocols.sources import Source

PIECE = 5.0  # seconds
PIECES = 6  # of a video, at most
SEEN = (0.0, 31.0)  # seconds of a video that its paragraph tells of
ROW = '{"video": …, "description": …, "times": [[first, last], …]}'


def read(order: Order) -> Prepared:
    """Read by the protocol `official` or `windows`."""
    prepared, problems = Prepared(), order.problems
    moments = order.protocol.name == "windows"
    prepared.items = "moments" if moments else "videos"
    names: dict[str, set[str]] = {}  # of the files of each video, as the annotations have them
    files = [_captions(one, names, moments, prepared, order) for one in order.sources.of("json")]
    lists: dict[str, dict[str, int]] = {}
    paths = {file.split: file.path for file in files}
    for one in [*order.sources.of("ids"), *order.sources.of("pairs")]:  # pairs: lists with a line of several words
        if not one.split or moments:
            one.used = False
        elif one.split in lists:
            problems.add(f"is another list of {one.split}, beside {paths[one.split].name}; name one of them", one.path)
        else:
            lists[one.split], paths[one.split] = _list(one, names, order), one.path
    for file in files:
        if file.split not in lists:
            lists[file.split] = dict.fromkeys((caption.video for caption in file.captions), 0)
            if file.split == "train" and not moments:  # collaborative-experts leaves three videos out
                prepared.counts = {**order.protocol.counts, "train": Counts(8395, 8395, 1, unchecked=UNSURE)}
    if "test" not in lists:
        problems.add("DiDeMo needs test_data.json; it is not among the files")
    splits = {} if problems else disjoint(lists, paths, problems)
    if problems:
        return prepared
    beside = {caption.video for file in files for caption in file.captions if file.split == "train"}
    captions = gathered(files, splits, problems, prepared.notes, beside, "the lists of DiDeMo")
    if not moments:
        captions = {
            video: [Caption(video, "0", " ".join(caption.text for caption in of_video))]
            for video, of_video in captions.items()
        }
    for split in SPLITS:
        prepared.take(split, lists.get(split, {}), captions)
        if not moments:
            prepared.spans |= dict.fromkeys(lists.get(split, {}), SEEN)
            prepared.files |= {video: tuple(sorted(names[video])) for video in lists.get(split, {})}
    return prepared


def stem(name: str) -> str:
    """The id of a video: its name before the last point, behind which an ending may be, or nothing."""
    before, point, _ = name.rpartition(".")
    return ids.clean(before if point and before else name)


def _list(source: Source, names: dict[str, set[str]], order: Order) -> dict[str, int]:
    """{video: its line} of a list of names."""
    videos: dict[str, int] = {}
    for name, line in reading.id_list(source.path, order.problems).items():
        reading.add_id(videos, stem(name), source.path, line, order.problems)
        names.setdefault(stem(name), set()).add(name)
    return videos


def _captions(source: Source, names: dict[str, set[str]], moments: bool, prepared: Prepared, order: Order) -> Described:
    """The descriptions of an official file, each of its video or of its moment, whose bounds are noted."""
    raw: Any = reading.json_of(source.path, order.problems)
    captions: list[Caption] = []
    counts: dict[str, int] = {}
    seen: dict[int, int] = {}
    if raw is not None and not isinstance(raw, list):
        order.problems.add(f"should be a list of {ROW}, as DiDeMo publishes it", source.path)
    if not source.split:
        order.problems.add(
            "is it train_data.json, val_data.json or test_data.json? Its name should say so", source.path
        )
    for place, row in enumerate(raw if isinstance(raw, list) else ()):
        window = _window(row.get("times")) if isinstance(row, dict) else None
        name, text = (row.get("video"), row.get("description")) if isinstance(row, dict) else (None, None)
        if not isinstance(name, str) or not isinstance(text, str) or window is None:
            most = PIECES - 1
            order.problems.add(f"entry {place} should be {ROW}, with pieces from 0 to {most}", source.path)
            continue
        number = row.get("annotation_id")
        if isinstance(number, int) and seen.setdefault(number, place) != place:
            order.problems.add(
                f"entry {place}: annotation_id {number} stands again; first in entry {seen[number]}: remove one of the "
                "two",
                source.path,
            )
            continue
        video = stem(name)
        names.setdefault(video, set()).add(ids.clean(name))
        item = window.name(video) if moments else video
        if moments:
            prepared.spans[item], prepared.part_of[item] = (window.start, window.end), video
            prepared.files[item] = tuple(sorted({*prepared.files.get(item, ()), video, ids.clean(name)}))
        counts[item] = counts.get(item, -1) + 1
        captions.append(Caption(item, str(counts[item]), text))
    return Described(source.path, captions, source.split)


def _window(times: Any) -> Window | None:
    """The mean of the pieces that several people chose, in seconds; None where they are none."""
    pairs = times if isinstance(times, list) else []
    for pair in pairs:
        if not isinstance(pair, list) or len(pair) != 2 or not all(isinstance(piece, int) for piece in pair):
            return None
        if not 0 <= pair[0] <= pair[1] < PIECES:
            return None
    if not pairs:
        return None
    first, last = (sum(pair[side] for pair in pairs) / len(pairs) for side in (0, 1))
    return Window(round(PIECE * first, 3), round(PIECE * (last + 1), 3))


UNSURE = ("videos", "captions")  # quoted from others: the file is not at hand
FILES = {split: f"{split}_data.json" for split in SPLITS}
DATA_SET = DataSet(
    name="didemo",
    title="DiDeMo (Hendricks et al., ICCV 2017)",
    files=(
        "train_data.json, val_data.json and test_data.json of github.com/LisaAnne/LocalizingMoments",
        "train_list.txt of github.com/albanie/collaborative-experts, 8,392 videos; without it train is all of "
        "train_data.json",
        "the videos are looked for by the name with and without its ending",
    ),
    protocols=(
        Protocol(
            "official",
            "paragraphs, all descriptions of a video joined; the seconds 0 to 31 of each video",
            {"train": Counts(8392, 8392, 1), "val": Counts(1065, 1065, 1), "test": Counts(1004, 1004, 1)},
            files=FILES,
        ),
        Protocol(
            "windows",
            "each moment is an item: the mean of what its annotators chose, in pieces of 5 seconds; every description "
            "of test is a query",
            {
                "train": Counts(captions=33005, unchecked=("captions",)),
                "val": Counts(captions=4180),
                "test": Counts(captions=4021),
            },
            public=False,
            files=FILES,
        ),
    ),
    read=read,
    looks=r'"annotation_id"|^\d+@N\d\d_',
)
