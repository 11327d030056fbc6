"""`laff score`, and ad-hoc video search from topics to infAP: runs by search, sampled judgements, scores by facet."""

from __future__ import annotations

import csv
import gzip
import json
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

import cli
from tests.pipeline.kept import Small

TOPICS = "501 red circle moves left\n502 blue square moves up\n503 a circle moves fast\n"


def laff(*words: object) -> Result:
    return CliRunner().invoke(cli.main, [*map(str, words)])


def done(*words: object) -> str:
    result = laff(*words)
    assert result.exit_code == 0, result.output
    return result.stdout


def refused(*words: object) -> str:
    result = laff(*words)
    assert result.exit_code, result.output
    return result.output


@pytest.fixture
def runs(tmp_path: Path) -> list[Path]:
    """Two runs of two topics, and judgements `qrels`."""
    (tmp_path / "a.trec").write_text("1 Q0 x 1 3 A\n1 Q0 y 2 2 A\n2 Q0 x 1 3 A\n2 Q0 y 2 2 A\n")
    (tmp_path / "b.trec").write_text("1 Q0 y 1 3 B\n1 Q0 z 2 2 B\n2 Q0 y 1 3 B\n2 Q0 x 2 2 B\n")
    (tmp_path / "qrels").write_text("1 0 x 1\n2 0 y 1\n")
    return [tmp_path / "a.trec", tmp_path / "b.trec"]


def test_a_table_and_a_file_for_each_topic(runs: list[Path], tmp_path: Path) -> None:
    table = tmp_path / "topics.csv"
    out = done("score", *runs, "--qrels", tmp_path / "qrels", "--measure", "R@1", "--measure", "MRR", "--csv", table)
    assert "a    50.0  0.7500" in out
    assert "b    50.0  0.5000" in out
    rows = list(csv.DictReader(table.read_text().splitlines()))
    assert [(row["run"], row["topic"], row["R@1"], row["MRR"]) for row in rows] == [
        ("a", "1", "100", "1"),
        ("a", "2", "0", "0.5"),
        ("b", "1", "0", "0"),
        ("b", "2", "100", "1"),
    ]


def test_json_is_all_that_it_prints(runs: list[Path], tmp_path: Path) -> None:
    words = ("--qrels", tmp_path / "qrels", "--measure", "mAP", "--json", "--against", "b", "-k", 1)
    content = json.loads(done("score", *runs, *words))
    assert content["runs"]["a"]["mean"] == {"mAP": 0.5}
    assert content["against"]["run"] == "b"


def test_a_fused_row_and_its_file(runs: list[Path], tmp_path: Path) -> None:
    words = ("--qrels", tmp_path / "qrels", "--measure", "MRR", "--fuse", "rrf", "--out", tmp_path / "f.trec.gz")
    out = done("score", *runs, *words)
    assert "rrf(a, b)" in out
    assert "note: rrf(a, b): sum of 1 / (60 + rank) over the runs" in out
    lines = gzip.decompress((tmp_path / "f.trec.gz").read_bytes()).decode().splitlines()
    assert lines[0] == f"1 Q0 y 1 {1 / 62 + 1 / 61:.9g} rrf-a-b"
    assert [line.split()[2] for line in lines] == ["y", "x", "y", "x"]  # of equal ones the last id


def test_each_fusion_that_is_asked_for_is_a_row(runs: list[Path], tmp_path: Path) -> None:
    words = ("--qrels", tmp_path / "qrels", "--measure", "MRR", "--fuse", "rrf", "--fuse", "combsum", "--fuse", "rrf")
    content = json.loads(done("score", *runs, *words, "--json"))
    assert list(content["runs"]) == ["a", "b", "rrf(a, b)", "combsum(a, b)"]


def test_files_are_said_to_be_written(runs: list[Path], tmp_path: Path) -> None:
    words = ("--qrels", tmp_path / "qrels", "--csv", tmp_path / "t.csv", "--out", tmp_path / "a.xml")
    result = laff("score", runs[0], *words)
    assert result.stderr.splitlines()[-2:] == [f"wrote {tmp_path / 't.csv'}", f"wrote {tmp_path / 'a.xml'}"]


def test_a_run_goes_from_form_to_form(runs: list[Path], tmp_path: Path) -> None:
    (tmp_path / "topics.txt").write_text("1 one\n2 two\n")
    words = ("--topics", tmp_path / "topics.txt", "--attribute", "pid=TEAM", "--attribute", "task=M")
    assert done("score", runs[0], "--out", tmp_path / "a.xml", *words) == ""
    assert 'pid="TEAM" priority="1" desc="A" task="M">' in (tmp_path / "a.xml").read_text()
    done("score", tmp_path / "a.xml", "--out", tmp_path / "a.csv")
    assert (tmp_path / "a.csv").read_text().startswith("query,rank,item,score\n1,1,x,9999\n1,2,y,9998\n2,1,x,9999\n")
    done("score", tmp_path / "a.csv", "--out", tmp_path / "back.trec")
    assert (tmp_path / "back.trec").read_text().splitlines()[0] == "1 Q0 x 1 9999 a"
    done("score", tmp_path / "a.csv", "--out", tmp_path / "team.xml", "--attribute", "pid=MY TEAM")
    done("score", tmp_path / "team.xml", "--out", tmp_path / "team.trec")
    assert (tmp_path / "team.trec").read_text().splitlines()[0] == "1 Q0 x 1 9999 MY%20TEAM"
    (tmp_path / "topics.txt").write_text("1 one\n2 two\n3 three\n")
    said = refused("score", runs[0], "--out", tmp_path / "no.xml", "--topics", tmp_path / "topics.txt")
    assert "lacks 1 of 3 topics: 3; an AVS run has all" in said
    assert not (tmp_path / "no.xml").exists()


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("a.trec",), "Missing option '--qrels' (or --out, to bring a run to another form)"),
        (("a.trec", "--qrels", "qrels", "--fuse", "rrf"), "--fuse needs several runs"),
        (("a.trec", "b.trec", "--out", "c"), "--out writes one run; --fuse makes one of several"),
        (
            ("a.trec", "b.trec", "--out", "c", "--fuse", "rrf", "--fuse", "combsum"),
            "choose one --fuse, not rrf and combsum",
        ),
        ((".", "--qrels", "qrels"), ".: is a folder, not a run file; give one in it: a.trec, b.trec"),
        (("empty", "--qrels", "qrels"), "nothing in it has a name that ends in .trec, .run, .xml"),
        (("a.trec", "--out", "c", "--measure", "mAP"), "only --qrels FILE gives figures"),
        (("a.trec", "--out", "c", "--attribute", "pid=x"), "--attribute is of an AVS run: --out FILE.xml"),
        (("a.trec", "--out", "c.xml", "--attribute", "pidd=x"), "no attribute 'pidd'; did you mean 'pid'?"),
        (("a.trec", "--qrels", "qrels", "--measure", "infap"), "no measure 'infap'; did you mean 'infAP'?"),
        (("a.trec", "--qrels", "a.trec"), "this looks like a run: give it without --qrels"),
        (("qrels", "--qrels", "qrels"), "this looks like judgements: give them to --qrels"),
        (("nowhere", "--qrels", "qrels"), "nowhere: no such run file"),
    ],
)
def test_mistakes(
    runs: list[Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, words: tuple[str, ...], said: str
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "empty").mkdir()
    out = refused("score", *words)
    assert said in out
    assert "Traceback" not in out


def test_ad_hoc_video_search_from_topics_to_infap(small: Small, tmp_path: Path) -> None:
    """Topics, runs as XML and TREC, judgements of two strata that name topics with a leading 1, infAP by facet."""
    (tmp_path / "topics.txt").write_text(TOPICS)
    for name in ("run.xml", "run.trec.gz"):
        attribute = ("--attribute", "pid=TEAM") if name.endswith("xml") else ()
        words = ("--queries", tmp_path / "topics.txt", "--run", tmp_path / name, "-k", 30, *attribute)
        done("search", *small.options(), *words)
    lines = [line.split() for line in gzip.decompress((tmp_path / "run.trec.gz").read_bytes()).decode().splitlines()]
    assert len(lines) == 90
    # Of each topic the first ten are judged, and every fifth of the others; relevant is every third.
    judged = [
        f"1{topic} 0 {item} {1 if place <= 10 else 2} {int(place % 3 == 1) if place <= 10 or place % 5 == 0 else -1}\n"
        for topic, _, item, rank, *_ in lines
        if (place := int(rank))
    ]
    (tmp_path / "qrels").write_text("".join(judged))
    (tmp_path / "facets.csv").write_text("topic,facet\n501,object\n502,object\n503,action\n")
    words = ("--qrels", tmp_path / "qrels", "--facets", tmp_path / "facets.csv", "--topics", tmp_path / "topics.txt")
    files = (tmp_path / "run.xml", tmp_path / "run.trec.gz")
    content = json.loads(done("score", *files, *words, "--json", "--per-topic"))
    assert content["runs"]["run.xml"] == content["runs"]["run.trec.gz"]  # both tell the same order
    # The same places are relevant in each topic, so all of them have the same infAP.
    values = {topic: next(iter(entry["runs"].values())) for topic, entry in content["by topic"].items()}
    assert list(values) == ["501", "502", "503"]
    assert values["501"] == values["502"] == values["503"]
    assert values["501"]["infAP"] == pytest.approx(infap_by_hand(), abs=5e-5)
    assert content["facets"]["object"]["topics"] == ["501", "502"]
    assert content["by topic"]["503"]["facets"] == ["action"]
    assert content["by topic"]["502"]["text"] == "blue square moves up"
    assert any("leading 1" in note for note in content["notes"])


def infap_by_hand() -> float:
    """Relevant are places 1, 4, 7, 10 (stratum 1), and 25 of those judged in stratum 2, which are 15, 20, 25 and 30."""
    first = (1 + 2 / 4 + 3 / 7 + 4 / 10) / 4  # all is judged above them
    # Above place 25: four relevant ones in stratum 1; of stratum 2 14 items, two judged (15 and 20), none relevant.
    second = (1 + 4) / 25
    estimated = 4 + 20 * 1 / 4
    return 4 / estimated * first + 5 / estimated * second


def test_search_refuses_what_an_avs_run_cannot_hold(small: Small, tmp_path: Path) -> None:
    (tmp_path / "topics.txt").write_text(TOPICS)
    queries = ("search", *small.options(), "--queries", tmp_path / "topics.txt", "--run")
    assert "-k is 1001; an AVS run has at most 1,000 items a topic" in refused(*queries, "x.xml", "-k", 1001)
    assert "--attribute is of an AVS run: --run FILE.xml" in refused(*queries, "x.csv", "--attribute", "pid=x")
    said = done(*queries, tmp_path / "x.csv", "-k", 2)
    assert said == f"wrote {tmp_path / 'x.csv'}, with at most 2 items for each query (-k)\n"
    said = refused(*queries[:-1], "a.csv", "--csv")
    assert "--csv prints and takes no file: redirect it (> a.csv), or write a run by --run FILE" in said
    assert (tmp_path / "x.csv").read_text().startswith("query,rank,item,score\n501,1,")


def test_a_run_of_the_rank_stage_has_the_figures_of_the_evaluate_stage(small: Small, tmp_path: Path) -> None:
    """A list of all candidates tells all that full scores tell, ties too."""
    ids = [line.split()[0] for line in (small.folder / "test.txt").read_text().splitlines()]
    (tmp_path / "qrels").write_text("".join(f"{id_} 0 {id_.partition('#')[0]} 1\n" for id_ in ids))
    expected = json.loads((small.work / "evaluate" / "metrics.json").read_text())["models"]
    names = ("R@1", "R@5", "R@10", "MedR", "MRR", "mAP")
    words = [word for name in names for word in ("--measure", name)]
    for row in ("laff", "concat"):
        run = small.work / "rank" / row / "seed1" / "t2v.trec.gz"
        content = json.loads(done("score", run, "--qrels", tmp_path / "qrels", "--json", *words))
        assert content["runs"]["t2v"]["mean"] == pytest.approx(
            {name: expected[row]["t2v"][name]["seeds"][0] for name in names}, rel=1e-12
        )


def test_a_cut_changes_no_figure_of_its_depth(tmp_path: Path) -> None:
    """Half of the scores are equal: `-k`, and a run written without scores, have the order of the measures."""
    listed = [f"shot{n}" for n in range(30)]
    (tmp_path / "a.trec").write_text("".join(f"1 Q0 {item} 1 {n // 4} x\n" for n, item in enumerate(listed)))
    (tmp_path / "qrels").write_text("".join(f"1 0 {item} 1 {n % 3 == 0:d}\n" for n, item in enumerate(listed)))
    words = ("--qrels", tmp_path / "qrels", "--measure", "iP10", "--measure", "infAP", "--json")

    def figures(*run: object) -> dict[str, float]:
        return json.loads(done("score", *run, *words))["runs"]["a"]["mean"]

    whole = figures(tmp_path / "a.trec")
    assert figures(tmp_path / "a.trec", "-k", 10)["iP10"] == whole["iP10"]
    done("score", tmp_path / "a.trec", "--out", tmp_path / "a.xml")
    assert figures(tmp_path / "a.xml") == whole


def test_files_that_are_read_stay(runs: list[Path], tmp_path: Path) -> None:
    qrels = tmp_path / "qrels"
    before = {path: path.read_bytes() for path in (*runs, qrels)}
    for words in ((*runs, "--csv", qrels), (*runs, "--csv", runs[1]), (runs[0], "--out", runs[0])):
        assert "is read here and would be replaced" in refused("score", *words, "--qrels", qrels)
    assert {path: path.read_bytes() for path in before} == before
