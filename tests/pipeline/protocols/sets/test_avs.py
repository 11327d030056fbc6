"""TRECVID AVS: topics of one or several editions, the shots of a collection, and mistakes in the files."""

from pathlib import Path
from typing import Any

import pytest

from pipeline.items.windows import Window

OTHER = {"accept_counts": True}
HEADER = "startframe\tstarttime\tendframe\tendtime\n"
SHOTS = f"{HEADER}0\t0.0\t49\t1.96\n50\t2.0\t99\t3.96\n"


def topics(first: int, count: int) -> str:
    return "".join(f"{first + number} a person {number}\n" for number in range(count))


TV19, TV20 = topics(611, 30), topics(641, 20)
LISTS = {"msb/00001.tsv": SHOTS, "msb/00002.tsv": SHOTS.splitlines()[0] + "\n0\t0\t9\t0.36\n"}
MPEG7 = """<Mpeg7 xmlns="urn:mpeg:mpeg7:schema:2001"><VideoSegment id="shot7_1"><MediaTime>
<MediaTimePoint>T00:00:00:0F25</MediaTimePoint><MediaDuration>PT00H00M02S0N25F</MediaDuration></MediaTime>
</VideoSegment></Mpeg7>"""
COLLECTION = "<VideoFileList><VideoFile><id>7</id><filename>a_song.mp4</filename></VideoFile></VideoFileList>"
XML = """<?xml version="1.0"?><videoTopicSet><videoTopic num="1661"><textDescription text="Find shots of a red bus"/>
</videoTopic><videoTopic num="0662"><text>Find shots of one &amp; two</text></videoTopic></videoTopicSet>"""


def videos(folder: Path, *names: str) -> Path:
    for name in names:
        (folder / "videos" / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / "videos" / name).touch()
    return folder / "videos"


def test_an_edition_over_the_shots_of_videos(desk: Any, tmp_path: Path):
    place = videos(tmp_path, "00001.mp4", "00002.mp4")
    report = desk.prepare("avs", LISTS | {"tv19.txt": TV19, "tv20.txt": TV20}, "tv20", videos=place, **OTHER)
    assert report[1:5] == [
        "  test   2 videos (7,475 were published)",
        "  test   3 shots (1,082,659 were published)",
        "  test   20 queries without a known answer",
        "  tv20   20 topics (as published)",
    ]
    assert "note: 30 topics of tv19 are left out: another edition or collection" in report
    made = desk.collection()
    assert made.ids["test"] == ["shot00001_1", "shot00001_2", "shot00002_1"]
    assert made.windows["shot00001_1"] == Window(0, 2)  # until the next shot begins
    assert (made.queries.ids[0], made.queries.texts[-1]) == ("641", "a person 19")
    assert made.protocol == "avs/tv20, other counts"


def test_all_editions_of_a_collection_without_videos(desk: Any):
    report = desk.prepare("avs", LISTS | {"tv19.txt": TV19, "tv20.txt": TV20}, "v3c1", **OTHER)
    assert report[1:6] == [
        "  test   2 videos (7,475 were published)",
        "  test   3 shots (1,082,659 were published)",
        "  test   50 queries without a known answer",
        "  tv19   30 topics (as published)",
        "  tv20   20 topics (as published)",
    ]
    assert "note: no topics of progress, tv21: none of the files has them" in report
    made = desk.collection()
    assert made.ids["test"] == ["shot00001_1", "shot00001_2", "shot00002_1"]  # imported features are of shots
    assert not made.has_videos
    assert len(made.queries) == 50
    assert report[-1].startswith(f"next: name {desk.folder}/out/collection.yaml as `test:` of a collection whose ")


def test_iacc_by_its_collection(desk: Any, tmp_path: Path):
    """MPEG-7 lists are known by number; collection.xml says the name of the file, which may lie in a subfolder."""
    files = {"msr/7.mp7.xml": MPEG7, "msr/collection.xml": COLLECTION, "tv16.avs.txt": topics(501, 30)}
    desk.prepare("avs", files, "tv16", videos=videos(tmp_path, "part/a_song.mp4"), **OTHER)
    made = desk.collection()
    assert made.files == {"shot7_1": f"{tmp_path}/videos/part/a_song.mp4"}
    assert made.windows == {"shot7_1": Window(0, 2)}


def test_topics_in_the_forms_of_nist(desk: Any):
    """XML with an attribute or an element for the text; a leading 1 as in qrels; "Find shots of" is not asked."""
    report = desk.prepare(
        "avs", LISTS | {"tv21.xml": XML, "more.txt": "1663: Find shots of a dog\r\n"}, "tv21", **OTHER
    )
    assert "  tv21   3 topics (others say 20: unchecked)" in report
    made = desk.collection()
    assert dict(zip(made.queries.ids, made.queries.texts, strict=True)) == {
        "663": "a dog",
        "661": "a red bus",
        "0662": "one & two",
    }


def test_an_edition_that_a_name_says(desk: Any):
    report = desk.prepare("avs", LISTS | {"tv22.avs.txt": topics(801, 2)}, "tv22", **OTHER)
    assert "  tv22   2 topics (others say 30: unchecked)" in report


@pytest.mark.parametrize(
    ("files", "mistakes"),
    [
        ({"tv20.txt": TV20}, ["V3C1 needs the list of its shots: the folder of its .tsv files"]),
        (LISTS, ["none of the files has topics of tv20: name tv20.avs.txt"]),
        (
            LISTS | {"tv20.txt": f"{TV20}641 again\n642\nno topic\n"},
            [
                "tv20.txt:21: topic 641 stands again; first in line 1: remove one of the two",
                "tv20.txt:22: topic 642 has no text",
                "tv20.txt:23: should be a topic's number and its text, not 'no topic'",
            ],
        ),
        (
            LISTS | {"tv20.txt": TV20, "also.txt": "641 another text\n"},
            ["tv20.txt:1: topic 641 has another text in"],
        ),
        (LISTS | {"mine.txt": "901 a cat\n"}, ["mine.txt:1: topic 901 is of no known edition; if it is, name"]),
        (
            LISTS | {"tv20.txt": TV20, "tv21.xml": XML[:90]},
            ["tv21.xml:1: is no XML: "],
        ),
        (LISTS | {"tv20.txt": TV20, "tv21.xml": "<a/>"}, ["tv21.xml: has no topic: no element with a number"]),
        (
            LISTS | {"tv20.txt": TV20, "msb/00003.tsv": f"{HEADER}0\t0\tx\n"},
            ["msb/00003.tsv:2: should be a frame, a time, a frame and a time"],
        ),
        (
            LISTS | {"tv20.txt": TV20, "other/00001.tsv": SHOTS},
            ["other/00001.tsv: lists shots of '00001', which another file lists too"],
        ),
        (
            LISTS | {"tv20.txt": f"641 caf\xe9\n{TV20}".encode("latin-1")},
            ["tv20.txt:1: is not UTF-8 text: byte 0xe9"],
        ),
    ],
    ids=["no shots", "no topics", "lines", "two files", "unknown", "cut off", "no topic", "shots", "twice", "Latin 1"],
)
def test_damage(desk: Any, files: dict[str, str | bytes], mistakes: list[str]):
    told = desk.mistakes("avs", files, "tv20")
    for wanted in mistakes:
        assert any(text.startswith(wanted) for text in told), (wanted, told)


def test_marks_line_ends_and_tabs(desk: Any):
    files = {"tv20.txt": TV20.replace(" ", "\t", 1).replace("\n", "\r\n").encode("utf-8-sig")}
    desk.prepare("avs", LISTS | files, "tv20", **OTHER)
    assert desk.collection().queries.ids[0] == "641"


def test_real_topics(data: Path, desk: Any):
    files = {path.name: path.read_bytes() for path in (data / "annotations" / "avs").iterdir()}
    numbers = {
        edition: [line.strip() for line in desk.prepare("avs", LISTS | files, edition, replace=True, **OTHER)]
        for edition in ("tv16", "tv17", "tv18", "tv19", "tv20")
    }
    for edition, count in (("tv16", 30), ("tv17", 30), ("tv18", 30), ("tv19", 30), ("tv20", 20)):
        assert f"{edition}   {count} topics (as published)" in numbers[edition]
    assert desk.collection().queries.texts[0] == "an aerial view of buildings near water in the daytime"
