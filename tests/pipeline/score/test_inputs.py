"""Runs, judgements, topics and facets read together."""

from pathlib import Path

import pytest

from pipeline.errors import LaffError
from pipeline.runfiles.numbered import Numbered
from pipeline.score.inputs import Inputs, names_of, read, read_runs


def wrote(folder: Path, **texts: str) -> list[Path]:
    for name, text in texts.items():
        (folder / name.replace("_", ".")).write_text(text)
    return [folder / name.replace("_", ".") for name in texts]


def all_of(folder: Path, runs: list[Path], qrels: Path, topics: Path | None = None, facets: str = "") -> Inputs:
    ids, notes = Numbered(), list[str]()
    inputs = read(read_runs(runs, ids, notes), ids, qrels, topics, facets)
    inputs.notes[:0] = notes
    return inputs


def test_topics_of_trecvid_with_a_leading_one(tmp_path: Path) -> None:
    """Judgements and a run name 1501; the first run, the topics and the facets 501, which all then have."""
    a, b, qrels, topics, facets = wrote(
        tmp_path,
        a_trec="501 Q0 s1 1 2 x\n",
        b_trec="1501 Q0 s1 1 2 y\n",
        qrels="1501 0 s1 1\n1502 0 s1 1\n",
        topics_txt="501 a red ball\n503 a cat\n",
        f_csv="topic,facet\n501,object\n",
    )
    inputs = all_of(tmp_path, [a, b], qrels, topics, str(facets))
    assert [run.topics for run in inputs.runs.values()] == [["501"], ["501"]]
    assert inputs.judgements.topics == ["501", "1502"]
    assert inputs.texts == {"501": "a red ball", "503": "a cat"}
    assert inputs.facets == {"object": ["501"]}
    assert [note.replace(str(tmp_path), "") for note in inputs.notes] == [
        "topics of b match by TRECVID's leading 1 only: 1501 is taken for 501, and so on",
        "topics of /qrels match by TRECVID's leading 1 only: 1501 is taken for 501, and so on",
        "topics of /topics.txt without judgements: 503 (1 of 2)",
        "a lacks topics of /topics.txt: 503 (1 of 2)",
        "b lacks topics of /topics.txt: 503 (1 of 2)",
    ]


def test_names_of_runs(tmp_path: Path) -> None:
    (tmp_path / "one").mkdir()
    files = [tmp_path / "a.trec.gz", tmp_path / "b.xml", tmp_path / "c", tmp_path / "one" / "c"]
    for file in files:
        file.write_text("1 Q0 s 1 2 x\n")
    files[1] = files[1].rename(tmp_path / "b.RUN")
    files.append(files[1].with_name("tv20.laff"))
    files[-1].write_text("1 Q0 s 1 2 x\n")
    assert list(read_runs(files, Numbered(), [])) == ["a", "b", "c", "one", "tv20.laff"]
    with pytest.raises(LaffError, match="is given twice"):
        read_runs([files[0], files[0]], Numbered(), [])


@pytest.mark.parametrize(
    ("files", "names"),
    [
        (["rank/laff/seed1/t2v.trec.gz", "rank/concat/seed1/t2v.trec.gz"], ["laff", "concat"]),
        (["rank/laff/seed1/t2v.trec.gz", "rank/laff/seed2/t2v.trec.gz"], ["seed1", "seed2"]),
        (["rank/laff/seed1/t2v.trec.gz", "rank/concat/seed2/t2v.trec.gz"], ["laff/seed1", "concat/seed2"]),
        (["a.trec.gz", "a.xml", "b.csv"], ["a.trec.gz", "a.xml", "b"]),
        (["x/t2v.trec", "y/t2v.trec", "x.run"], ["x/t2v.trec", "y", "x.run"]),
    ],
)
def test_runs_of_one_file_name_are_told_apart_by_the_folders_in_which_they_differ(
    files: list[str], names: list[str]
) -> None:
    assert names_of([Path(file) for file in files]) == names


def test_one_file_by_two_names_is_given_twice(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises(LaffError, match=r"a\.trec is given twice; give each run once"):
        names_of([Path("a.trec"), tmp_path / "a.trec"])


def test_only_the_best_items(tmp_path: Path) -> None:
    (run,) = wrote(tmp_path, a_trec="1 Q0 s 1 2 x\n1 Q0 t 2 3 x\n")
    assert [list(run.answers()) for run in read_runs([run], Numbered(), [], 1).values()] == [[("1", [("t", 3.0)])]]


def test_a_cut_among_equal_scores_is_that_of_trec_and_told(tmp_path: Path) -> None:
    (file,) = wrote(tmp_path, a_trec="1 Q0 s 1 2 x\n1 Q0 t 2 2 x\n1 Q0 u 3 1 x\n2 Q0 s 1 2 x\n")
    notes = list[str]()
    assert dict(read_runs([file], Numbered(), notes, 1)["a"].answers()) == {"1": [("t", 2.0)], "2": [("s", 2.0)]}
    assert notes == [
        "a: -k 1 divides items of equal score in 1 (1 of 2): kept are the last ids (z before a), as TREC's programs "
        "rank them; the others count as not listed, for R@k, MedR, MRR and mAP too"
    ]
    notes.clear()
    read_runs([file], Numbered(), notes, 2)
    assert not notes


def test_files_that_do_not_belong_together(tmp_path: Path) -> None:
    a, qrels, facets = wrote(tmp_path, a_trec="1 Q0 s 1 2 x\n", qrels="7 0 s 1\n", f_csv="topic,facet\n7,object\n")
    with pytest.raises(LaffError, match=r"a and .*qrels have no topic in common: 1, but 7; give the judgements"):
        all_of(tmp_path, [a], qrels)
    qrels.write_text("1 0 s 1\n")
    with pytest.raises(LaffError, match="name none of the judged topics, which are 1"):
        all_of(tmp_path, [a], qrels, facets=str(facets))
