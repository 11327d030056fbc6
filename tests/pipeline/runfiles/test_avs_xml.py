"""AVS runs as XML: there and back, the rules of the DTD, and files that mean harm."""

import gzip
from pathlib import Path
from xml.etree import ElementTree

import pytest

from pipeline.errors import LaffError
from pipeline.runfiles.avs_rules import attributes
from pipeline.runfiles.avs_xml import read, write_run

ROWS = [("501", [("shot2_1", 0.75), ("shot1_1", 0.5)]), ("502", [("shot1_1", 0.1)])]
ITEMS = '<item seqNum="1" shotId="a"/>\n<item seqNum="2" shotId="b" frame="12"/>'
GOOD = (
    '<!DOCTYPE videoAdhocSearchResults SYSTEM "https://example.org/videoAdhocSearchResults.dtd">\n'
    '<videoAdhocSearchResults>\n<videoAdhocSearchRunResult trType="D" class="F" pid="X" priority="1" desc="d">\n'
    '<videoAdhocSearchTopicResult tNum="501" elapsedTime="1.5">\n<item seqNum="1" shotId="a"/>\n'
    '<item seqNum="2" shotId="b" frame="12"/>\n</videoAdhocSearchTopicResult>\n'
    "</videoAdhocSearchRunResult>\n</videoAdhocSearchResults>\n"
)


def test_written_and_read_by_another_parser(tmp_path: Path) -> None:
    desc = 'R&D "best" <1>\n'
    write_run(tmp_path / "run.xml", ROWS, attributes(["pid=TEAM", f"desc={desc}", "elapsedTime=2"]), ["502", "501"])
    root = ElementTree.parse(tmp_path / "run.xml").getroot()
    (run,) = root
    assert (root.tag, run.tag) == ("videoAdhocSearchResults", "videoAdhocSearchRunResult")
    assert run.attrib == {"trType": "D", "class": "F", "pid": "TEAM", "priority": "1", "desc": desc}
    assert [topic.attrib for topic in run] == [{"tNum": topic, "elapsedTime": "2"} for topic in ("501", "502")]
    assert [item.attrib for item in run[0]] == [
        {"seqNum": "1", "shotId": "shot2_1"},
        {"seqNum": "2", "shotId": "shot1_1"},
    ]


def test_there_and_back_and_the_same_bytes(tmp_path: Path) -> None:
    odd = [("501", [("été & <b> 'c' \"d\"", 1.0), ("b", 0.5)])]
    write_run(tmp_path / "run.xml.gz", odd, attributes([]))
    write_run(tmp_path / "again.xml.gz", iter(odd), attributes([]))
    assert (tmp_path / "run.xml.gz").read_bytes() == (tmp_path / "again.xml.gz").read_bytes()
    run = read(tmp_path / "run.xml.gz")
    assert run.tag == "laff"
    assert list(run.answers()) == [("501", [("été & <b> 'c' \"d\"", 9999.0), ("b", 9998.0)])]


@pytest.mark.parametrize(("given", "edition"), [([], "tv2016"), (["task=M"], "tv2019")])
def test_the_dtd_of_the_edition_that_knows_the_attributes(tmp_path: Path, given: list[str], edition: str) -> None:
    write_run(tmp_path / "run.xml", ROWS, attributes(given))
    assert f"/projects/{edition}/dtds/videoAdhocSearchResults.dtd" in (tmp_path / "run.xml").read_text()


def test_what_cannot_be_a_run_leaves_no_file(tmp_path: Path) -> None:
    rows = [
        ("1", []),
        ("2", [("a", 1.0), ("a", 0.5)]),
        ("3", [(f"s{n}", -n) for n in range(1001)]),
        ("2", [("a\x01", 1)]),
    ]
    with pytest.raises(LaffError) as raised:
        write_run(tmp_path / "run.xml", rows, attributes([]), ["1", "4"])
    assert [problem.split(": ", 1)[1] for problem in raised.value.problems] == [
        "topic '1' has 0 items; an AVS run has 1 to 1,000: -k 1000 keeps the best",
        "topic '2' has an item twice",
        "topic '3' has 1001 items; an AVS run has 1 to 1,000: -k 1000 keeps the best",
        "topic '2' comes twice",
        "the id 'a\\x01' has a character that XML cannot hold",
        "lacks 1 of 2 topics: 4; an AVS run has all",
        "has topics that the file of topics lacks: 2, 3; an AVS run has no others",
    ]
    assert not list(tmp_path.iterdir())


def test_a_run_of_others(tmp_path: Path) -> None:
    """Its items may have further attributes, as those of 2020 that explain a shot."""
    (tmp_path / "run.xml").write_text(GOOD)
    run = read(tmp_path / "run.xml")
    assert (run.tag, list(run.answers())) == ("X", [("501", [("a", 9999.0), ("b", 9998.0)])])


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ('seqNum="2"', 'seqNum="3"', r":6: seqNum '3' should be 2: they count from 1 in each topic, without a gap"),
        ('seqNum="1"', 'seqNum="one"', r":5: seqNum 'one' should be 1"),
        ('seqNum="2"', f'seqNum="{"9" * 5000}"', r":6: seqNum '99999999999999999999' should be 2"),
        ('shotId="b"', 'shotId="a"', r":6: topic '501' has 'a' twice, first in line 5; keep one of them"),
        ('shotId="b"', "", r":6: item lacks the attribute shotId"),
        ('elapsedTime="1.5"', "", r":4: videoAdhocSearchTopicResult lacks the attribute elapsedTime"),
        ('elapsedTime="1.5"', 'elapsedTime="soon"', r":4: elapsedTime is 'soon'"),
        ('trType="D"', 'trType="Z"', r":3: trType is 'Z'; it should be one of A, B, C, D, E, F"),
        ('priority="1"', 'priority="11"', r":3: priority is '11'"),
        ('desc="d"', "", r":3: videoAdhocSearchRunResult lacks the attribute desc"),
        (ITEMS, "", r"topic '501' has no item"),
        ("</videoAdhocSearchTopicResult>", "<b/></videoAdhocSearchTopicResult>", r":7: element 'b' in 'video.*Topic"),
        ("</videoAdhocSearchTopicResult>", "shot3</videoAdhocSearchTopicResult>", r":7: text 'shot3' between elements"),
        ("</videoAdhocSearchResults>", "", r":10: is not whole, valid XML: no element found"),
        ("<videoAdhocSearchResults>", "<results>", r"is not whole, valid XML: mismatched tag"),
    ],
)
def test_the_rules_of_the_dtd(tmp_path: Path, old: str, new: str, said: str) -> None:
    (tmp_path / "run.xml").write_text(GOOD.replace(old, new))
    with pytest.raises(LaffError, match=f"run.xml.*{said}"):
        read(tmp_path / "run.xml")


def test_more_than_a_thousand_items_and_several_runs(tmp_path: Path) -> None:
    items = "".join(f'<item seqNum="{n}" shotId="s{n}"/>' for n in range(1, 1003))
    (tmp_path / "many.xml").write_text(GOOD.replace(ITEMS, items))
    with pytest.raises(LaffError, match="topic '501' has more than 1,000 items"):
        read(tmp_path / "many.xml")
    run = GOOD[GOOD.index("<videoAdhocSearchRunResult") : GOOD.index("</videoAdhocSearchResults>")]
    (tmp_path / "two.xml").write_text(GOOD.replace(run, run + run))
    with pytest.raises(LaffError, match=r"holds a second run(.|\n)*topic '501' comes twice"):
        read(tmp_path / "two.xml")
    (tmp_path / "none.xml").write_text("<videoAdhocSearchResults/>")
    with pytest.raises(LaffError, match="holds no videoAdhocSearchRunResult"):
        read(tmp_path / "none.xml")


BOMB = '<!DOCTYPE r [<!ENTITY a "ha"><!ENTITY b "&a;&a;&a;&a;">]>' + GOOD.split("\n", 1)[1].replace('"d"', '"&b;"')
OUTSIDE = '<!DOCTYPE r [<!ENTITY x SYSTEM "{path}">]>' + GOOD.split("\n", 1)[1]
DEFAULT = '<!DOCTYPE r SYSTEM "x" [<!ATTLIST item shotId CDATA "shot9_9">]>' + GOOD.split("\n", 1)[1]


def test_declarations_are_refused_and_no_other_file_is_read(tmp_path: Path) -> None:
    (tmp_path / "secret").write_text("secret")
    outside = OUTSIDE.format(path=(tmp_path / "secret").as_uri()).replace("<item", "&x;<item", 1)
    for text in (BOMB, outside, DEFAULT.replace(' shotId="b"', "")):
        (tmp_path / "run.xml").write_text(text)
        with pytest.raises(LaffError, match=r"xml:1: its DOCTYPE declares something between \[ and \]"):
            read(tmp_path / "run.xml")


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-16-be", "latin-1"])
@pytest.mark.parametrize("name", ["who", "é", ":a", "_" * 35, "a" * 5000])
def test_entities_are_refused_in_any_encoding(tmp_path: Path, encoding: str, name: str) -> None:
    """Where a DTD is named that nobody reads, a parser may leave them out: shot1_&x;1 would be shot1_1."""
    declared = f'<?xml version="1.0" encoding="{encoding.removesuffix("-sig").removesuffix("-be")}"?>'
    for old, new in (("<item", f"&{name};<item"), ('"a"', f'"a&amp;&{name};1"')):
        mark = "\ufeff" if encoding == "utf-16-be" else ""
        (tmp_path / "run.xml").write_bytes((mark + declared + GOOD.replace(old, new, 1)).encode(encoding))
        with pytest.raises(LaffError, match=f"xml:5: entity '{name}': a run needs none"):
            read(tmp_path / "run.xml")


def test_what_is_no_entity(tmp_path: Path) -> None:
    """The five of XML, numbers of characters, and comments; in blocks that divide them."""
    text = GOOD.replace('"a"', f'"{"x" * 3000}&amp;&lt;&gt;&quot;&apos;&#233;&#xE9;"').replace(
        "<item", "<!-- R&D &x; --><item", 1
    )
    for encoding in ("utf-8", "utf-16"):
        (tmp_path / "run.xml").write_bytes(text.encode(encoding))
        ((_, hits),) = read(tmp_path / "run.xml").answers()
        assert hits[0][0] == "x" * 3000 + "&<>\"'éé"


@pytest.mark.parametrize(
    ("encoding", "said"),
    [
        ("gb2312", "its encoding cannot be read: multi-byte encodings are not supported; save it as UTF-8"),
        ("nosuch", "its encoding cannot be read: unknown encoding: nosuch; save it as UTF-8"),
    ],
)
def test_encodings_that_the_parser_lacks(tmp_path: Path, encoding: str, said: str) -> None:
    (tmp_path / "run.xml").write_text(f'<?xml version="1.0" encoding="{encoding}"?>\n{GOOD}')
    with pytest.raises(LaffError, match=f"run.xml:1: {said}"):
        read(tmp_path / "run.xml")


def test_a_gzipped_file_that_is_cut(tmp_path: Path) -> None:
    (tmp_path / "run.xml.gz").write_bytes(gzip.compress(GOOD.encode())[:-9])
    with pytest.raises(LaffError, match="damaged run file"):
        read(tmp_path / "run.xml.gz")
