"""TRECVID's ad-hoc video search: topics that ask for shots of IACC.3, V3C1 or V3C2; the items are the official shots.

A topic is asked without a known answer; what NIST judged comes as qrels. Numbers of topics and their editions: the
topic files of li-xirong/avs, and NIST's pages. Topics of NIST begin with "Find shots of", which no system is asked.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from os.path import commonpath
from pathlib import Path
from xml.etree import ElementTree

from pipeline.items import shot_lists
from pipeline.items.lists import one_line
from pipeline.items.video_files import some
from pipeline.protocols import reading
from pipeline.protocols.dataset import DataSet, Order, Protocol
from pipeline.protocols.prepared import Counted, Counts, Prepared
from pipeline.protocols.sources import Source

TOPIC = re.compile(r"(\d{3,4})[.:]?(?:\s+(.*))?", re.ASCII)
FIND = re.compile(r"find\s+shots\s+(of|that|with|in which)\s+", re.IGNORECASE)
NUMBERS = ("num", "number", "tNum", "topicNumber", "id")  # attributes that hold a topic's number
TEXTS = ("text", "textTopic", "textDescription", "title", "description")  # and its text, or elements that do
SHOTS = re.compile(rb"Mpeg7|VideoSegment|VideoFileList|VideoFile\b")  # in the head of a list of shots
EDITION = re.compile(r"tv(\d\d)(?!\d)")


@dataclass(frozen=True)
class Edition:
    """The topics of a year."""

    first: int
    last: int
    collection: str
    unchecked: bool = False  # whether the numbers of its topics are a guess

    @property
    def size(self) -> int:
        """How many topics it has."""
        return self.last - self.first + 1


EDITIONS = {
    "tv16": Edition(501, 530, "iacc3"),
    "tv17": Edition(531, 560, "iacc3"),
    "tv18": Edition(561, 590, "iacc3"),
    "progress": Edition(591, 610, "v3c1", unchecked=True),
    "tv19": Edition(611, 640, "v3c1"),
    "tv20": Edition(641, 660, "v3c1"),
    "tv21": Edition(661, 680, "v3c1", unchecked=True),
    "tv22": Edition(701, 730, "v3c2", unchecked=True),
    "tv23": Edition(731, 750, "v3c2", unchecked=True),
    "tv24": Edition(751, 770, "v3c2", unchecked=True),
}
TITLES = {"iacc3": "IACC.3", "v3c1": "V3C1", "v3c2": "V3C2"}
VIDEOS = {"iacc3": 4593, "v3c1": 7475, "v3c2": 9760}
ITEMS = {"iacc3": 335944, "v3c1": 1082659, "v3c2": 1425454}  # shots; of V3C2 1,425,451 in the paper of the data set
UNSURE = ("v3c2",)

Topics = dict[str, tuple[str, Path, int]]
"""{number of a topic: its text, and the file and line that have it}"""


def read(order: Order) -> Prepared:
    """Read by a protocol that is one edition, or a collection with all of its topics that are given."""
    prepared, name = Prepared(), order.protocol.name
    collection = EDITIONS[name].collection if name in EDITIONS else name
    wanted = [name] if name in EDITIONS else [name for name, one in EDITIONS.items() if one.collection == collection]
    _add_topics(_topics(order), wanted, prepared, order)
    place = _place(order)
    if place is None:
        order.problems.add(
            f"{TITLES[collection]} needs the list of its shots: the folder of its .tsv files, or of its .mp7.xml files "
            "with collection.xml"
        )
        return prepared
    lists = shot_lists.read(place, order.problems)
    shots = {id_: (video, window) for video, of_video in lists.of.items() for id_, window in of_video}
    if len(shots) < sum(map(len, lists.of.values())):
        order.problems.add("two shots have the same id; leave one of the lists out", place)
    total, unsure = len(shots) + lists.empty, collection in UNSURE
    if lists.empty:
        prepared.notes.append(f"{lists.empty} shots have no length and are left out")
    if order.with_videos:
        prepared.ids["test"] = list(lists.of)
        prepared.keys["windows"] = str(place.resolve())
        prepared.counts = {"test": Counts(VIDEOS[collection])}
        prepared.counted.insert(0, Counted("test", "shots", total, ITEMS[collection], unsure))
    else:  # imported features are those of shots
        prepared.ids["test"] = list(shots)
        prepared.items = "shots"
        prepared.counts = {"test": Counts(ITEMS[collection] - lists.empty, unchecked=("videos",) if unsure else ())}
        prepared.counted.insert(0, Counted("test", "videos", len(lists.of), VIDEOS[collection], ahead=True))
        prepared.notes.append(f"without --videos the items are the shots, such as {some(list(shots)[:1])}")
    return prepared


def _place(order: Order) -> Path | None:
    """The file or the folder that holds the lists of shots, none of them elsewhere; None without any."""
    header = {cell.lower() for cell in shot_lists.HEADER}
    files = [one for one in order.sources.files if one.form == "table" and header == {c.lower() for c in one.header}]
    files += [one for one in order.sources.files if one.form == "xml" and _is_of_shots(one.path)]
    for one in files:
        one.used = True
    if len(files) < 2:
        return files[0].path if files else None
    return Path(commonpath([one.path.parent for one in files]))


def _is_of_shots(path: Path) -> bool:
    with path.open("rb") as file:
        return bool(SHOTS.search(file.read(4096)))


def _topics(order: Order) -> Topics:
    """The topics of all files; one that two files have differently is a problem."""
    topics: Topics = {}
    for one in order.sources.of("pairs"):
        if any(TOPIC.fullmatch(line) for _, line in reading.lines(one.path, order.problems)):
            for number, line in reading.lines(one.path, order.problems):
                match = TOPIC.fullmatch(line)
                if match:
                    _add(topics, match[1], match[2] or "", one.path, number, order)
                else:
                    order.problems.add(f"should be a topic's number and its text, not {line[:60]!r}", one.path, number)
        else:
            one.used = False
    for one in order.sources.files:
        if one.form == "xml" and not _is_of_shots(one.path):
            one.used = True
            for topic, text in _of_xml(one, order):
                _add(topics, topic, text, one.path, 0, order)
    return topics


def _add(topics: Topics, number: str, text: str, path: Path, line: int, order: Order) -> None:
    """Add a topic; its number may have the 1 in front that those of qrels have."""
    number = number[1:] if len(number) == 4 and number[0] == "1" else number
    plain = one_line(FIND.sub("", text.strip(), count=1))
    if not plain:
        order.problems.add(f"topic {number} has no text", path, line)
    elif number not in topics:
        topics[number] = plain, path, line
    elif topics[number][1] == path:
        first = f"; first in line {topics[number][2]}" if line else ""
        order.problems.add(f"topic {number} stands again{first}: remove one of the two", path, line)
    elif topics[number][0].rstrip(".").lower() != plain.rstrip(".").lower():
        order.problems.add(f"topic {number} has another text in {topics[number][1]}; give one of the two", path, line)


def _of_xml(source: Source, order: Order) -> list[tuple[str, str]]:
    """Number and text of each topic: an element with a number, whose text is an attribute, an element, or its own."""
    try:
        root = ElementTree.parse(source.path).getroot()
    except ElementTree.ParseError as error:
        order.problems.add(f"is no XML: {error}; fetch it again if it was cut off", source.path, error.position[0])
        return []
    except (OSError, ValueError, LookupError) as error:  # of an encoding that it claims
        order.problems.add(f"cannot be read: {error}", source.path)
        return []
    topics: list[tuple[str, str]] = []
    for element in root.iter():
        number = next((element.get(name, "") for name in NUMBERS if element.get(name)), "").strip()
        if TOPIC.fullmatch(number):
            inside = [element, *element.iter()]
            texts = [part.get(name, "") for part in inside for name in TEXTS if part.get(name)]
            texts += [part.text or "" for part in inside[1:] if str(part.tag).rpartition("}")[2] in TEXTS]
            topics.append((number, next((text for text in texts if text.strip()), element.text or "")))
    if not topics:
        order.problems.add("has no topic: no element with a number, as `num`, and a text", source.path)
    return topics


def _add_topics(
    topics: Mapping[str, tuple[str, Path, int]], wanted: list[str], prepared: Prepared, order: Order
) -> None:
    """Make the topics of the wanted editions queries, and count each edition."""
    by_edition: dict[str, list[str]] = {}
    for number, (_, path, line) in topics.items():
        known = [name for name, one in EDITIONS.items() if one.first <= int(number) <= one.last]
        said = EDITION.findall(path.stem.lower())
        if not known and not (said and f"tv{said[0]}" in EDITIONS):
            order.problems.add(
                f"topic {number} is of no known edition; if it is, name the file after it, as tv22.avs.txt", path, line
            )
            continue
        by_edition.setdefault(known[0] if known else f"tv{said[0]}", []).append(number)
    for name in wanted:
        if numbers := by_edition.get(name):
            edition = EDITIONS[name]
            prepared.queries += [(number, topics[number][0]) for number in numbers]
            prepared.counted.append(Counted(name, "topics", len(numbers), edition.size, edition.unchecked))
    if not prepared.queries:
        order.problems.add(f"none of the files has topics of {', '.join(wanted)}: name {wanted[0]}.avs.txt")
    lacking = [name for name in wanted if name not in by_edition]
    if lacking and prepared.queries:
        prepared.notes.append(f"no topics of {', '.join(lacking)}: none of the files has them")
    others = [name for name in by_edition if name not in wanted]
    if others:
        count = sum(len(by_edition[name]) for name in others)
        prepared.notes.append(f"{count} topics of {', '.join(others)} are left out: another edition or collection")


def _protocols() -> tuple[Protocol, ...]:
    """One for each collection, with all topics that are given, and one for each edition."""
    protocols = [
        Protocol(name, f"the shots of {TITLES[name]}, asked all of its topics that are given", {"test": Counts(videos)})
        for name, videos in VIDEOS.items()
    ]
    protocols += [
        Protocol(
            name,
            f"the shots of {TITLES[one.collection]}, asked the {one.size} topics {one.first}-{one.last}"
            + (" (numbers unchecked)" if one.unchecked else ""),
            {"test": Counts(VIDEOS[one.collection])},
        )
        for name, one in EDITIONS.items()
    ]
    return tuple(protocols)


DATA_SET = DataSet(
    name="avs",
    title="TRECVID ad-hoc video search (NIST)",
    files=(
        "topics: tv16.avs.txt and so on, whose lines are `501 a person …`, of github.com/li-xirong/avs; or the XML of "
        "NIST, trecvid.nist.gov; one or several",
        "shots of V3C1 or V3C2: the folder of .tsv files, one a video (msb), which NIST gives with the videos",
        "shots of IACC.3: the folder of .mp7.xml files with collection.xml, of the same place",
    ),
    protocols=_protocols(),
    read=read,
    looks=r"^1?[5-7]\d\d:? (Find|[a-z])|Mpeg7|VideoFileList|^startframe|topicNumber|textTopic|tNum",
)
