"""Scores as text, JSON and CSV."""

import json
from pathlib import Path

from pipeline.ranking.ranks import RULE
from pipeline.runfiles.numbered import Numbered
from pipeline.score import report
from pipeline.score.inputs import Inputs
from pipeline.score.scoring import score
from tests.pipeline.score.made import judgements_of, run_of


def inputs(folder: Path) -> Inputs:
    ids = Numbered()
    runs = {
        "a": run_of({"1": {"x": 3, "z": 1}, "2": {"x": 2, "y": 1}}, ids),
        "b": run_of({"1": {"z": 3}}, ids),
    }
    judgements = judgements_of({"1": {"x": 1}, "2": {"y": 1}}, ids, folder)
    return Inputs(runs, judgements, {"1": "a red ball"}, {"object": ["1"], "person": ["1", "2"], "place": ["9"]})


def test_text_for_people(tmp_path: Path) -> None:
    given = inputs(tmp_path)
    text = report.text(score(given, ["R@1", "MedR", "mAP"]), given, by_topic=True)
    tables = [block.splitlines() for block in text.split("\n\n")]
    assert tables[0] == ["2 topics"]
    assert [line.split() for line in tables[1][2:]] == [
        ["a", "50.0", "1.5", "0.7500"],
        ["b", "0.0", ">1", "0.0000"],
        ["b", "(the", "1", "topic", "that", "it", "answers)", "0.0", ">1", "0.0000"],
    ]
    assert tables[2][0].startswith("against a: two-sided p of a paired randomisation test over topics, with Holm's")
    assert [line.split()[0] for line in tables[2][3:]] == ["b"]
    assert [line.split() for line in tables[3][2:]] == [
        ["object", "a", "1", "100.0", "1.0", "1.0000"],
        ["object", "b", "1", "0.0", ">1", "0.0000"],
        ["person", "a", "2", "50.0", "1.5", "0.7500"],
        ["person", "b", "2", "0.0", ">1", "0.0000"],
        ["place", "a", "0", "-", "-", "-"],
        ["place", "b", "0", "-", "-", "-"],
    ]
    assert [line.split() for line in tables[4][2:]] == [
        ["1", "a", "object+person", "100.0", "1.0", "1.0000", "a", "red", "ball"],
        ["1", "b", "object+person", "0.0", ">1", "0.0000", "a", "red", "ball"],
        ["2", "a", "person", "0.0", "2.0", "0.5000"],
        ["2", "b", "person", "missing", "missing", "missing"],
    ]
    assert tables[5][0].startswith("R@1, MedR, mAP: places: ")
    assert RULE in tables[5][0]
    assert tables[5][1].startswith("MedR of one topic is the place of its first relevant item; >N (empty in CSV")
    given.runs.pop("b")
    assert report.RANK not in report.text(score(given, ["MedR"]), given)  # nothing there that it explains
    assert "note: b lacks judged topics, which count as 0: 2 (1 of 2)" in tables[6]


def test_json_for_programs(tmp_path: Path) -> None:
    given = inputs(tmp_path)
    scores = score(given, ["MedR", "mAP"])
    content = json.loads(json.dumps(report.as_json(scores, given, by_topic=True), allow_nan=False))
    assert content["topics"] == 2
    assert content["runs"]["b"] == {
        "mean": {"MedR": None, "mAP": 0.0},
        "answered": 1,
        "mean of answered": {"MedR": None, "mAP": 0.0},
    }
    assert RULE in content["rules"]["mAP"]
    assert content["against"]["run"] == "a"
    assert content["against"]["p"].keys() == {"mAP"}
    assert content["facets"]["person"] == {
        "topics": ["1", "2"],
        "runs": {"a": {"MedR": 1.5, "mAP": 0.75}, "b": {"MedR": None, "mAP": 0.0}},
    }
    assert content["by topic"]["2"] == {"facets": ["person"], "runs": {"a": {"MedR": 2.0, "mAP": 0.5}}}
    assert content["by topic"]["1"]["text"] == "a red ball"
    assert "by topic" not in report.as_json(scores, given)


def test_csv_for_tables(tmp_path: Path) -> None:
    given = inputs(tmp_path)
    report.write_topics(tmp_path / "out.csv", score(given, ["MedR", "mAP"]), given)
    assert (tmp_path / "out.csv").read_text().splitlines() == [
        "run,topic,answered,MedR,mAP,facets,text",
        "a,1,1,1,1,object+person,a red ball",
        "a,2,1,2,0.5,person,",
        "b,1,1,,0,object+person,a red ball",
        "b,2,0,,0,person,",
    ]
