"""Items that are parts of videos: tables with bounds, lists of shots, and what `windows:` may not say."""

import csv
import io
import json
import unicodedata
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from pipeline import files
from pipeline.errors import LaffError
from pipeline.items import collection
from pipeline.items.catalog import Catalog
from pipeline.items.collection import Collection
from pipeline.items.refresh import refresh
from pipeline.items.windowing import Even, Shots
from pipeline.items.windows import Window

Load = Callable[..., Collection]
LINES = ["startframe\tstarttime\tendframe\tendtime", "0\t0.0\t49\t1.96", "50\t2.0\t99\t3.96", "100\t4.0\t149\t6.0"]
SEGMENT = """<VideoSegment id="{id}"><MediaTime><MediaTimePoint>{point}</MediaTimePoint>
<MediaDuration>{duration}</MediaDuration></MediaTime>{more}</VideoSegment>"""
MPEG7 = """<?xml version="1.0"?>
<Mpeg7 xmlns="urn:mpeg:mpeg7:schema:2001"><Description><MultimediaContent><Video id="{0}">
<TemporalDecomposition gap="false">{1}</TemporalDecomposition></Video></MultimediaContent></Description></Mpeg7>"""
COLLECTION = """<VideoFileList><VideoFile><id>7</id><filename>été film.mpg</filename><use>test</use></VideoFile>
<VideoFile><id>8</id><filename>b.mpg</filename><use>test</use></VideoFile></VideoFileList>"""


@pytest.fixture
def load(tmp_path: Path) -> Load:
    """`load("videos: v", "v/a.mp4", **{"t.csv": "…"})`: the collection of these files."""

    def read(yaml: str, *empty: str, **files: str) -> Collection:
        for name, content in (dict.fromkeys(empty, "") | files).items():
            path = tmp_path / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(content, encoding="utf-8")
        (tmp_path / "c.yaml").write_text(yaml, encoding="utf-8")
        return collection.load(tmp_path / "c.yaml")

    return read


def mistakes(load: Load, yaml: str, *empty: str, **files: str) -> list[str]:
    with pytest.raises(LaffError) as error:
        load(yaml, *empty, **files)
    folder, *lines = str(error.value).split("\n")
    return [line.removeprefix("  - ").replace(folder.partition("c.yaml")[0], "") for line in lines]


def table(*rows: tuple[object, ...], header: str = "video,path,start,end") -> str:
    text = io.StringIO()
    csv.writer(text).writerows(rows)
    return f"{header}\n{text.getvalue()}"


def ingest(loaded: Collection, old: Catalog | None = None, videos: int = 4) -> tuple[Catalog, list[str]]:
    def read(paths: list[str]) -> list[str]:
        return [files.sha256(Path(path)) for path in paths]

    return refresh(loaded, old or Catalog(), videos, 8, read)


def shots_of(loaded: Collection) -> dict[str, Window]:
    return {id_: loaded.windows[id_] for id_ in loaded.ids["test"] if id_ in loaded.windows}


def test_a_table_of_windows(load: Load, tmp_path: Path) -> None:
    """In the table's order of videos, within one by the time they start; a row without bounds is a whole video."""
    accent = unicodedata.normalize("NFD", "é")
    rows = [("late", "v/a.mp4", "1:10", "1:20.5"), ("b", "v/b.mp4", "", ""), (f"{accent} @1", "v/a.mp4", 0, 2.5)]
    loaded = load("videos: t.csv", "v/a.mp4", "v/b.mp4", **{"t.csv": table(*rows)})
    assert loaded.ids["test"] == ["é @1", "late", "b"]
    assert loaded.windows == {"é @1": Window(0, 2.5), "late": Window(70, 80.5)}
    assert loaded.files["late"] == loaded.files["é @1"] == f"{tmp_path}/v/a.mp4"
    jsonl = [
        {"video": "late", "path": "v/a.mp4", "start": "1:10", "end": 80.5},
        {"video": "b", "path": "v/b.mp4", "start": None},
        {"video": "é @1", "path": "v/a.mp4", "start": 0, "end": 2.5},
    ]
    again = load("videos: t.jsonl", **{"t.jsonl": "\n".join(map(json.dumps, jsonl))})
    assert (again.ids, again.windows, again.files) == (loaded.ids, loaded.windows, loaded.files)


def test_mistakes_of_a_table_of_windows(load: Load) -> None:
    rows = [
        *(
            ("w", "a.mp4", 0, 1),
            ("w", "a.mp4", 1, 2),
            ("x", "a.mp4", 3, 3),
            ("y", "a.mp4", 3, 2),
            ("z", "a.mp4", -1, 2),
        ),
        *(("s", "a.mp4", 1, ""), ("e", "a.mp4", "", 1), ("t", "a.mp4", "1:70", "2:00"), ("few", "a.mp4", 1)),
    ]
    assert mistakes(load, "videos: t.csv", "a.mp4", **{"t.csv": table(*rows)}) == [
        "t.csv:3: video 'w' stands again; first in line 2",
        "t.csv:4: window 'x' goes from 3 to 3: its end should be later",
        "t.csv:5: window 'y' goes from 3 to 2: its end should be later",
        "t.csv:6: window 'z' has the bound '-1'; it should be seconds, such as 12.5, or h:mm:ss, and not below 0",
        "t.csv:7: window 's' has a start and no end; give both, or none for a whole video",
        "t.csv:8: window 'e' has an end and no start; give both, or none for a whole video",
        "t.csv:9: window 't' has the bound '1:70'; it should be seconds, such as 12.5, or h:mm:ss, and not below 0",
        "t.csv:10: has 3 columns instead of 4",
    ]
    lines = ['{"video": "a", "path": "a.mp4", "start": true, "end": 2}', '{"video": "a", "path": "a.mp4", "begin": 2}']
    message = 'should be {"video": …, "path": …}, both texts, or with "start" and "end" in seconds too'
    assert mistakes(load, "videos: t.jsonl", **{"t.jsonl": "\n".join(lines)}) == [
        f"t.jsonl:{line}: {message}" for line in (1, 2)
    ]


def test_a_split_names_windows_of_a_table(load: Load) -> None:
    rows = [("a1", "a.mp4", 0, 1), ("a2", "a.mp4", 1, 2), ("b", "b.mp4", 0, 1)]
    text = "videos: t.csv\ntrain: {ids: train.txt, captions: captions.txt}\ntest: {}"
    lists = {"t.csv": table(*rows), "train.txt": "a2\n", "captions.txt": "a2#0 the second part\n"}
    loaded = load(text, "a.mp4", "b.mp4", **lists)
    assert loaded.ids == {"train": ["a2"], "val": [], "test": ["a1", "b"]}
    assert loaded.captions["train"].videos == ["a2"]


def test_windows_of_a_file_stand_in_one_shard_where_one_holds_them(load: Load) -> None:
    """Shards of four: three of a, three of b, six of c and one of d."""
    rows = [
        (f"{v}{n}", f"{v}.mp4", n, n + 1) for v, count in (("a", 3), ("b", 3), ("c", 6), ("d", 1)) for n in range(count)
    ]
    loaded = load("videos: t.csv", "a.mp4", "b.mp4", "c.mp4", "d.mp4", **{"t.csv": table(*rows)})
    catalog, _ = ingest(loaded)
    assert catalog.video_shard.tolist() == [0, 0, 0, 1, 1, 1, 1, 2, 2, 2, 2, 3, 3]
    assert catalog.digests[0] == catalog.digests[2]
    whole, _ = ingest(load("videos: w.csv", **{"w.csv": table(*((*row[:2], "", "") for row in rows[::3]))}), None, 2)
    assert whole.video_shard.tolist() == [0, 0, 1, 1, 2]


def test_an_increment_takes_the_windows_that_changed(load: Load, tmp_path: Path) -> None:
    rows = [(f"{v}{n}", f"{v}.mp4", n, n + 1) for v in "ab" for n in range(4)]
    first, _ = ingest(load("videos: t.csv", **{"t.csv": table(*rows), "a.mp4": "a", "b.mp4": "b"}))
    before = [first.shard_content("video", number) for number in (0, 1)]
    rows[1] = ("a1", "a.mp4", 1, 2.5)
    second, changes = ingest(load("videos: t.csv", **{"t.csv": table(*rows)}), first)
    assert changes == ["1 video changed (a1)"]
    assert second.ends.tolist()[:3] == [1.0, 2.5, 3.0]
    assert [second.shard_content("video", n) == before[n] for n in (0, 1)] == [False, True]
    (tmp_path / "b.mp4").write_text("other")
    third, changes = ingest(load("videos: t.csv"), second)
    assert changes == ["4 videos changed (b0, b1, b2, …)"]
    fourth, changes = ingest(load("videos: t.csv", **{"t.csv": table(*rows[:-1], ("n", "b.mp4", 8, 9))}), third)
    assert changes == ["1 video new (n)", "1 video gone (b3)"]
    assert fourth.video_shard.tolist() == [0, 0, 0, 0, 1, 1, 1, 2]
    assert fourth.shard_content("video", 0) == third.shard_content("video", 0)


def test_how_videos_are_divided(load: Load) -> None:
    assert load("videos: v\nwindows: shots", "v/a.mp4").windowing == Shots()
    assert load("videos: v\nwindows: {seconds: 10}").windowing == Even(10, 10)
    loaded = load("videos: v\nwindows: {seconds: 10, stride: 2.5}\ntest: {queries: q.txt}", **{"q.txt": "1 a cat"})
    assert loaded.windowing == Even(10, 2.5)
    assert loaded.ids["test"] == ["a"]
    assert loaded.queries.texts == ["a cat"]


@pytest.mark.parametrize(
    ("windows", "message"),
    [
        ("{seconds: 0}", "windows: seconds should be a number of seconds, at least 0.1; not 0"),
        ("{stride: 3}", "windows: seconds should be a number of seconds, at least 0.1; not None"),
        ("{seconds: 5, stride: true}", "windows: stride should be a number of seconds, at least 0.1; not True"),
        ("{seconds: .inf}", "windows: seconds should be a number of seconds, at least 0.1; not inf"),
        ("{second: 5}", "windows: unknown key 'second'; did you mean 'seconds'?"),
        ("{seconds: 5, stride: 6}", "windows: a stride of 6 above 5 seconds leaves parts of videos out"),
        ("5", "windows: should be {seconds: 10, stride: 5}, shots, or the file or folder of a list of shots; not 5"),
        ("shot", "windows: no such file or folder: shot; did you mean 'shots'?"),
    ],
)
def test_mistakes_of_windows(load: Load, windows: str, message: str) -> None:
    assert any(
        line.removeprefix("c.yaml: ").startswith(message)
        for line in mistakes(load, f"videos: v\nwindows: {windows}", "v/a.mp4")
    )


def test_windows_without_videos_with_captions_or_beside_a_table_of_windows(load: Load) -> None:
    captions = {"ids.txt": "a\n", "captions.txt": "a#0 a cat\n", "t.csv": table(("a", "v/a.mp4", 0, 1))}
    test = "test: {ids: ids.txt, captions: captions.txt}"
    assert mistakes(load, f"{test}\nwindows: shots", "v/a.mp4", **captions) == [
        "c.yaml: windows: there are no videos to divide; name `videos:`",
        f"c.yaml: {collection.NO_CAPTIONS}",
    ]
    assert mistakes(load, "videos: t.csv\nwindows: {seconds: 5}") == [
        "c.yaml: windows: t.csv lists parts of videos already; leave one of the two out"
    ]


def test_the_shots_of_v3c(load: Load) -> None:
    """A shot goes on until the next one begins with the next frame; ids count from 1."""
    loaded = load(
        "videos: v\nwindows: msb",
        *("v/00001/00001.mp4", "v/00002.mp4", "v/00003.mp4"),
        **{"msb/00001.tsv": "\n".join(LINES), "msb/00002.tsv": f"{LINES[0]}\n0\t0.0\t9\t0.4\n20\t0.8\t20\t0.8\n"},
    )
    assert loaded.ids["test"] == ["shot00001_1", "shot00001_2", "shot00001_3", "shot00002_1", "00003"]
    assert shots_of(loaded) == {
        "shot00001_1": Window(0, 2),
        "shot00001_2": Window(2, 4),
        "shot00001_3": Window(4, 6),
        "shot00002_1": Window(0, 0.4),
    }
    assert loaded.windowing is None
    assert [note.replace(str(loaded.path.parent), "") for note in loaded.notes] == [
        "1 shot of /msb without a length, left out",
        "/msb lists no shots of 1 video, left whole: 00003",
    ]


def test_the_shots_of_iacc(load: Load) -> None:
    """16 s and 4484 of 30000 parts is frame 484 at 29.97: (16 * 30000 + 4484) / 1001. Parts of shots are none."""
    inner = SEGMENT.format(id="shot7_1_RKF", point="T00:00:01:0F30000", duration="PT1S", more="")
    shots = [("T00:00:00:0F30000", "PT16S4484N30000F", inner), ("T00:00:16:4484F30000", "PT1M0S", "")]
    text = "".join(
        SEGMENT.format(id=f"shot7_{n}", point=point, duration=duration, more=more)
        for n, (point, duration, more) in enumerate(shots, 1)
    )
    other = SEGMENT.format(id="shot8_1", point="T01:02:03", duration="PT1H2M3S500N1000F", more="")
    loaded = load(
        "videos: v\nwindows: ref/mp7",
        *("v/été film.mpg", "v/b.mpg"),
        **{"ref/mp7/7.mp7.xml": MPEG7.format(7, text), "ref/mp7/8.mp7.xml": MPEG7.format(8, other)},
        **{"ref/mp7/iacc.collection.xml": COLLECTION},
    )
    start = 484 * 1001 / 30000
    assert loaded.ids["test"] == ["shot8_1", "shot7_1", "shot7_2"]
    assert shots_of(loaded)["shot7_1"] == pytest.approx(Window(0, start))
    assert shots_of(loaded)["shot7_2"] == pytest.approx(Window(start, start + 60))
    assert shots_of(loaded)["shot8_1"] == pytest.approx(Window(3723, 3723 + 3723.5))


def test_one_file_of_shots(load: Load) -> None:
    loaded = load("videos: v\nwindows: a.tsv", "v/a.mp4", "v/b.mp4", **{"a.tsv": "\n".join(LINES[:2])})
    assert loaded.ids["test"] == ["shota_1", "b"]


def test_mistakes_of_lists_of_shots(load: Load) -> None:
    bad = {
        "m/a.tsv": f"{LINES[0]}\n0\t2.0\t9\t1.0\n",
        "m/b.tsv": f"{LINES[0]}\n0 0.0 9 0.4\n",
        "m/c.tsv": "start,end\n",
        "m/d.mp7.xml": "<Mpeg7>",
        "m/e.mp7.xml": MPEG7.format(1, ""),
        "m/f.mp7.xml": MPEG7.format(1, SEGMENT.format(id="shot1_1", point="00:00", duration="PT1S", more="")),
    }
    message = mistakes(load, "videos: v\nwindows: m", "v/a.mp4", **bad)
    assert message[0] == "m/a.tsv:2: shot 'shota_1' goes from 2 to 1: its end should be later"
    assert message[1].startswith("m/b.tsv:2: should be a frame, a time, a frame and a time, with tabs between; not [")
    assert (
        message[2] == "m/c.tsv:1: the first line should be 'startframe starttime endframe endtime', with tabs between"
    )
    assert message[3].startswith("m/d.mp7.xml:1: is no XML: no element found")
    assert message[4] == "m/e.mp7.xml: describes no shot: no VideoSegment has an id such as shot45721_1"
    assert message[5].startswith("m/f.mp7.xml: shot 'shot1_1' has no MediaTimePoint and MediaDuration as `T00:00:16:")
    assert len(message) == 6 + message[5:].count(
        "m/f.mp7.xml: describes no shot: no VideoSegment has an id such as shot45721_1"
    )


def test_lists_of_other_videos_or_in_frames_alone(load: Load) -> None:
    [message] = mistakes(load, "videos: v\nwindows: m", "v/a.mp4", **{"m/x.tsv": "\n".join(LINES)})
    assert message == "m: lists shots of none of the 1 videos, such as x"
    [message] = mistakes(load, "videos: v\nwindows: n", **{"n/a.msb": "0 49\n"})
    assert message.startswith("n: holds no list of shots: V3C's .tsv or MPEG-7's .mp7.xml files")
    assert "take the mp7 files" in message
    many = {"o/a.tsv": "\n".join(LINES)}
    [message] = mistakes(load, "videos: w\nwindows: o", "w/1/a.mp4", "w/2/a.mp4", **many)
    assert message == "o: the shots of 'a' may be those of 2 videos: 1/a, 2/a"


def test_a_window_with_the_id_of_another_video(load: Load) -> None:
    loaded = load("videos: v\nwindows: {seconds: 1}", "v/a.mp4", "v/a@0-1.mp4")
    with pytest.raises(LaffError, match="the id of another item too"):
        loaded.divided({"a": [("a@0-1", Window(0, 1))]})


def test_a_collection_divided_by_hand(load: Load) -> None:
    loaded = load(
        "videos: v\nwindows: {seconds: 1}\ntrain: {ids: t.txt}\ntest: {}", "v/a.mp4", "v/b.mp4", **{"t.txt": "b\n"}
    )
    items = loaded.divided({"b": [("b@0-1", Window(0, 1)), ("b@1-2", Window(1, 2))]})
    assert items.ids == {"train": ["b@0-1", "b@1-2"], "val": [], "test": ["a"]}
    assert items.windowing is None
    assert set(items.files) == {"a", "b@0-1", "b@1-2"}
    catalog, _ = ingest(items)
    assert np.isinf(catalog.ends).tolist() == [False, False, True]
