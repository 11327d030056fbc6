"""Runs of TRECVID's ad-hoc video search as XML: written, and read by the rules of their DTD.

Reading asks for no file but the run itself: the DTD is not fetched, and a file that declares something in its DOCTYPE,
or uses an entity beside the five of XML, is refused.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from xml.parsers import expat
from xml.sax.saxutils import quoteattr

import numpy as np

from pipeline import ids
from pipeline.errors import LaffError, Problems, printable
from pipeline.runfiles import avs_rules
from pipeline.runfiles.avs_rules import INSIDE, ITEM, MOST_ITEMS, NEEDED, ROOT, RUN, TOPIC
from pipeline.runfiles.numbered import Numbered
from pipeline.runfiles.opened import MOST, Bytes, reading, writing
from pipeline.runfiles.run import Answers, Hits, Run, check_once

DTD = "https://www-nlpir.nist.gov/projects/{edition}/dtds/videoAdhocSearchResults.dtd"
EDITION, LATER_EDITION = "tv2016", "tv2019"  # the second has `task` and `novelty`
ENTITY = re.compile(r"&(?!(?:amp|lt|gt|quot|apos|#[0-9]+|#x[0-9a-fA-F]+);)([^;]*);")
# The score of an item is this less its seqNum, as in the TREC files of the authors of LAFF: from 9999 down.
TOP = 10_000


def write_run(path: Path, topics: Answers, attributes: Mapping[str, str], wanted: Sequence[str] = ()) -> None:
    """Write a run, whole or not at all; the same rows give the same bytes.

    Args:
        path: The file; gzipped where its name ends in .gz.
        topics: Their ids with what they found, best first; scores are not in the file.
        attributes: As `avs_rules.attributes` makes them.
        wanted: The topics that a complete run has; without them nobody can tell.

    Raises one LaffError that lists topics without items, with more than 1,000, or with an item twice, and topics that
    are missing or unknown.
    """
    problems, done = Problems(), dict[str, None]()
    edition = LATER_EDITION if {"task", "novelty"} & attributes.keys() else EDITION
    of_run = _written({key: value for key, value in attributes.items() if key != "elapsedTime"})
    with writing(path) as file:
        file.write(f'<?xml version="1.0" encoding="UTF-8"?>\n<!DOCTYPE {ROOT} SYSTEM "'.encode())
        file.write(f'{DTD.format(edition=edition)}">\n<{ROOT}>\n<{RUN}{of_run}>\n'.encode())
        for topic, hits in topics:
            for wrong in _wrong(topic, hits, topic in done):
                problems.add(wrong, path)
            done[topic] = None
            lines = [f"<{TOPIC}{_written({'tNum': topic, 'elapsedTime': attributes['elapsedTime']})}>"]
            for number, (item, _) in enumerate(hits, 1):
                lines.append(f"<{ITEM}{_written({'seqNum': str(number), 'shotId': item})}/>")
            file.write(("\n".join([*lines, f"</{TOPIC}>"]) + "\n").encode())
        file.write(f"</{RUN}>\n</{ROOT}>\n".encode())
        if wanted:
            avs_rules.incomplete(done, wanted, path, problems)
        if not done:
            problems.add("there is no topic to write", path)
        if problems:  # before the file gets its name
            raise problems.error(path, MOST)


def _written(values: Mapping[str, str]) -> str:
    return "".join(f" {key}={quoteattr(value)}" for key, value in values.items())


def _wrong(topic: str, hits: Hits, again: bool) -> list[str]:
    """What is wrong with a topic to be written."""
    wrong = [f"topic '{topic}' comes twice"] if again else []
    if not 1 <= len(hits) <= MOST_ITEMS:
        wrong.append(
            f"topic '{topic}' has {len(hits)} items; an AVS run has 1 to {MOST_ITEMS:,}: -k {MOST_ITEMS} keeps the best"
        )
    if len({item for item, _ in hits}) < len(hits):
        wrong.append(f"topic '{topic}' has an item twice")
    odd = next((name for name in [topic, *(item for item, _ in hits)] if avs_rules.NO_XML.search(name)), None)
    return [*wrong, *([f"the id {odd!r} has a character that XML cannot hold"] if odd is not None else [])]


def read(path: Path, items: Numbered | None = None) -> Run:
    """A run; the score of an item is 10,000 less its seqNum, since the file has none.

    items: where the ids of items are numbered. Raises one LaffError that lists mistakes with their lines.
    """
    reader = _Reader(path, Numbered() if items is None else items)
    with reading(path, "run file") as file:
        reader.read(file)
    return reader.run()


class _Entities:
    """Refuses a file that declares or uses entities, in any encoding.

    Where a DTD is named and not read, expat leaves an unknown entity of an attribute out without a word. So a second
    parser gives the text of each tag as it stands in the file.
    """

    def __init__(self, path: Path) -> None:
        self._path, self._text, self._line = path, "", 1
        self._parser = expat.ParserCreate()
        self._parser.DefaultHandler = self._markup
        self._parser.StartDoctypeDeclHandler = self._doctype
        # What may hold an & that begins no entity is kept from the handler above.
        self._parser.XmlDeclHandler = self._aside
        self._parser.CharacterDataHandler = self._aside
        self._parser.CommentHandler = self._aside
        self._parser.ProcessingInstructionHandler = self._aside

    def check(self, block: bytes) -> None:
        """Take the next bytes. LaffError for an entity, and for declarations within a DOCTYPE."""
        self._parser.Parse(block, False)

    def _aside(self, *_: object) -> None:
        pass

    def _markup(self, text: str) -> None:
        """Take a piece of a tag, or a reference between tags."""
        if "&" not in self._text:  # else the piece before ended within a reference
            self._text, self._line = "", self._parser.CurrentLineNumber
        self._text += text
        if unknown := ENTITY.search(self._text):
            line = self._line + self._text[: unknown.start()].count("\n")
            raise LaffError(
                f"{self._path}:{line}: entity '{printable(unknown[1])}': a run needs none, and files that define or "
                "use some are not read; write the text itself"
            )
        last = self._text.rfind("&")
        if ";" in self._text[last:]:
            self._text = ""

    def _doctype(self, name: str, _: str | None, __: str | None, declares: int) -> None:
        if declares:  # entities, or attributes that elements have without saying so
            raise LaffError(
                f"{self._path}:{self._parser.CurrentLineNumber}: its DOCTYPE declares something between [ and ]: "
                f"own entities and attributes are not read; write <!DOCTYPE {printable(name)} SYSTEM …> or none, and "
                "the text itself"
            )


class _Reader:
    """Takes the elements of a file as they come."""

    def __init__(self, path: Path, items: Numbered) -> None:
        self._path, self._ids, self._problems = path, items, Problems()
        self._before = len(items)
        self._open: list[str] = [""]  # the elements that we are in
        self._runs, self._tag = 0, ""
        self._topics: list[str] = []
        self._known: set[str] = set()  # of the topics
        self._counts: list[int] = []  # items of each topic
        self._items: list[str] = []
        self._lines: list[int] = []  # where each stands
        self._parser = expat.ParserCreate()
        self._parser.buffer_text = True
        self._parser.StartElementHandler = self._start
        self._parser.EndElementHandler = self._end
        self._parser.CharacterDataHandler = self._text

    def read(self, file: Bytes) -> None:
        """Take a file."""
        entities = _Entities(self._path)
        try:
            while block := file.read(1 << 20):
                entities.check(block)
                self._parser.Parse(block, False)
            self._parser.Parse(b"", True)
        except expat.ExpatError as error:
            raise LaffError(
                f"{self._path}:{error.lineno}: is not whole, valid XML: {expat.ErrorString(error.code)}"
            ) from error
        except (LookupError, ValueError) as error:  # of Python's codecs: expat itself knows UTF-8, UTF-16 and Latin-1
            raise LaffError(f"{self._path}:1: its encoding cannot be read: {error}; save it as UTF-8") from error

    def _add(self, text: str) -> None:
        self._problems.add(text, self._path, self._parser.CurrentLineNumber)

    def _start(self, name: str, attributes: dict[str, str]) -> None:
        inside = self._open[-1]
        self._open.append(name)
        if INSIDE.get(inside) != name:
            expected = f"; expected is {INSIDE[inside]}" if inside in INSIDE else ""
            self._add(f"element '{name}' in '{inside}'{expected}" if inside else f"the root is '{name}', not '{ROOT}'")
            return
        missing = [key for key in NEEDED.get(name, ()) if key not in attributes]
        if missing:
            self._add(f"{name} lacks the attribute {', '.join(missing)}")
        if name == RUN:
            self._runs += 1
            self._tag = attributes.get("pid", "")
            if self._runs > 1:
                self._add("holds a second run; put each run into a file of its own")
        if name in (RUN, TOPIC):
            for wrong in avs_rules.wrong(attributes):
                self._add(wrong)
        if missing:
            return
        if name == TOPIC:
            self._topic(attributes["tNum"])
        elif name == ITEM:
            self._item(attributes["seqNum"], attributes["shotId"])

    def _topic(self, text: str) -> None:
        topic = ids.clean(text)
        if wrong := ids.wrong(topic):
            self._add(f"tNum: {wrong}")
        elif topic in self._known:
            self._add(f"topic '{topic}' comes twice")
        self._topics.append(topic)
        self._known.add(topic)
        self._counts.append(0)

    def _item(self, number: str, shot: str) -> None:
        if not self._counts:  # its topic has no number
            return
        self._counts[-1] += 1
        expected = self._counts[-1]
        if number.strip().lstrip("0") != str(expected):
            self._add(f"seqNum {number[:20]!r} should be {expected}: they count from 1 in each topic, without a gap")
        if expected == MOST_ITEMS + 1:
            self._add(f"topic '{self._topics[-1]}' has more than {MOST_ITEMS:,} items")
        self._items.append(ids.clean(shot))
        self._lines.append(self._parser.CurrentLineNumber)

    def _end(self, name: str) -> None:
        self._open.pop()
        if name == TOPIC and self._counts and not self._counts[-1]:
            self._add(f"topic '{self._topics[-1]}' has no item; a topic has 1 to {MOST_ITEMS:,}")
        if name == RUN and not self._topics:
            self._add("the run has no topic")

    def _text(self, text: str) -> None:
        if text.strip():
            self._add(f"text {text.strip()[:40]!r} between elements; items stand in attributes")

    def run(self) -> Run:
        """The run. LaffError for all mistakes that were met."""
        if not self._runs:
            self._problems.add(f"holds no {RUN}", self._path)
        numbers = self._ids.plain(self._items)
        self._problems.extend(self._ids.wrong(self._before), self._path)
        starts = np.cumsum([0, *self._counts])
        check_once(
            starts, numbers, np.array(self._lines, np.int32), self._topics, self._ids, self._problems, self._path
        )
        if self._problems:
            raise self._problems.error(self._path, MOST)
        places = np.arange(len(numbers)) - np.repeat(starts[:-1], self._counts)
        return Run(self._tag, self._topics, starts, numbers, TOP - 1.0 - places, self._ids)
