"""Search over stored vectors: equal to brute force over them, and to what is computed without them; its options."""

from __future__ import annotations

import csv
import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner

import cli
from pipeline.commands import search
from pipeline.errors import LaffError
from pipeline.rows import shards
from pipeline.rows.flat import Flat
from pipeline.runfiles.trec import read_run
from pipeline.search import places
from pipeline.search.fusing import fuse
from pipeline.search.library import Library
from pipeline.views.printed import Paper
from tests.pipeline.kept import LOST, SIZES, Small

SENTENCE = "red circle moves left"


def kept_values(small: Small, key: str = "laff/seed1") -> dict[str, np.ndarray]:
    found = {}
    for path in sorted((small.work / "vectors" / key).glob("*.h5")):
        shard = shards.read(path)
        found |= dict(zip(shard.ids, shard.values.astype(np.float32), strict=True))
    return found


def brute(asked: np.ndarray, values: dict[str, np.ndarray], k: int) -> list[str]:
    return sorted(values, key=lambda id_: (-np.float32(asked @ values[id_]), id_))[:k]


def invoke(small: Small, *words: str) -> str:
    result = CliRunner().invoke(cli.main, ["search", *small.options(), *words])
    assert result.exit_code == 0, result.output
    return result.stdout


def test_a_sentence_finds_what_brute_force_over_the_kept_values_finds(small: Small) -> None:
    library = Library(small.request())
    [finder] = library.finders
    assert finder.stored
    hits = library.search(SENTENCE, 100)
    values = kept_values(small)
    [asked] = finder.asking.ask([SENTENCE])
    assert [hit.video for hit in hits] == brute(asked, values, 100)
    assert len(hits) == sum(SIZES.values()) - 1
    assert [hit.score for hit in hits] == pytest.approx([float(asked @ values[hit.video]) for hit in hits], abs=1e-6)
    assert all(set(hit.shares) == {"one", "other"} for hit in hits)
    assert sum(hits[0].shares.values()) == pytest.approx(1, abs=1e-5)
    assert [hit.video for hit in library.search(SENTENCE, 3)] == [hit.video for hit in hits[:3]]


def test_nothing_is_embedded_where_vectors_are_kept_and_the_answer_is_the_same_without(
    small: Small, monkeypatch
) -> None:
    with_vectors = Library(small.request()).search(SENTENCE, 10)
    monkeypatch.setattr(places.assemble, "videos_of", lambda *given: pytest.fail("features of videos were read"))
    assert Library(small.request()).search(SENTENCE, 10) == with_vectors
    monkeypatch.undo()
    library = Library(small.request("vectors.models=[concat]"), ["laff"])
    assert not library.finders[0].stored
    assert library.notes() == [
        f"vectors of laff are not kept, so each search makes them; `laff vectors -w {small.work} --set "
        "'vectors.models=[concat, laff]'` keeps them"
    ]
    without = library.search(SENTENCE, 10)
    assert [hit.video for hit in without] == [hit.video for hit in with_vectors]
    assert [hit.score for hit in without] == pytest.approx([hit.score for hit in with_vectors], abs=1e-6)
    assert [hit.shares for hit in without] == [hit.shares for hit in with_vectors]


@pytest.mark.parametrize("split", ["train", "val", "test"])
def test_a_split_alone(small: Small, split: str) -> None:
    every = [hit for hit in Library(small.request()).search(SENTENCE, 100) if hit.video.startswith(split)]
    assert Library(small.request(), split=split).search(SENTENCE, 100) == every


def test_a_library_beside_another_answers_as_a_new_one_and_shares_its_models(small: Small) -> None:
    library = Library(small.request())
    tested = library.beside(split="test")
    assert tested.search(SENTENCE, 100) == Library(small.request(), split="test").search(SENTENCE, 100)
    assert tested.finders == library.finders
    both = library.beside(["concat", "laff"])
    assert both.search(SENTENCE, 5) == Library(small.request(), ["concat", "laff"]).search(SENTENCE, 5)
    assert both.finders[1] is library.finders[0]
    assert library.beside(["concat"]).finders == both.finders[:1]
    assert library.search(SENTENCE, 5) == Library(small.request()).search(SENTENCE, 5)
    with pytest.raises(LaffError, match="no split 'tets'; did you mean 'test'"):
        library.beside(split="tets")


def test_where_vectors_stay_in_memory_they_are_said_to_be_of_this_session(small: Small) -> None:
    request = small.request("vectors.models=[concat]")
    [note] = Library(request, ["laff"], memory=1 << 20).notes()
    assert note.startswith("vectors of laff were made for this session; `laff vectors")


def test_many_sentences_in_one_pass_answer_as_each_alone(small: Small) -> None:
    library = Library(small.request())
    sentences = [SENTENCE, "blue square", "up fast", "zebra"]
    for sentence, hits in zip(sentences, library.search_all(sentences, 5), strict=True):
        alone = library.search(sentence, 5)
        assert [hit.video for hit in hits] == [hit.video for hit in alone]
        assert [hit.score for hit in hits] == pytest.approx([hit.score for hit in alone], abs=1e-6)


def test_like_a_video(small: Small) -> None:
    """Its own vector asks; itself is left out, and a video without a vector is told."""
    library, values = Library(small.request()), kept_values(small)
    hits = library.like("test2", 7)
    assert [hit.video for hit in hits] == [id_ for id_ in brute(values["test2"], values, 8) if id_ != "test2"]
    with pytest.raises(LaffError, match=f"'{LOST}' has no vector by laff; see `laff failures`"):
        library.like(LOST)
    with pytest.raises(LaffError, match="the collection has no video 'tset2'; did you mean 'test2'"):
        library.like("tset2")


def test_several_models_are_fused_by_their_ranks(small: Small) -> None:
    names = ["laff", "laff/seed2", "concat"]
    lists = [[hit.video for hit in Library(small.request(), [name]).search(SENTENCE, 100)] for name in names]
    library = Library(small.request(), names)
    hits = library.search(SENTENCE, 6)
    assert [(hit.video, hit.score) for hit in hits] == fuse(lists)[:6]
    assert library.name == "rrf-laff-laff/seed2-concat"
    assert library.notes()[0].startswith("reciprocal rank fusion of laff, laff/seed2 and concat")


def test_half_precision_is_exact_over_what_is_kept(small: Small, tmp_path: Path) -> None:
    changed = small.copy(tmp_path / "copy")
    changed.run("vectors", sets=("vectors.dtype=float16",))
    library = Library(changed.request("vectors.dtype=float16"))
    [asked] = library.finders[0].asking.ask([SENTENCE])
    found = [hit.video for hit in library.search(SENTENCE, 20)]
    assert found == brute(asked, kept_values(changed), 20)


def test_features_as_arrays(small: Small) -> None:
    library = Library(small.request())
    ids, values = library.features("other")
    assert LOST not in ids
    assert np.asarray(values).shape == (sum(SIZES.values()) - 1, 9)
    captions, words = library.features("bow", "text")
    assert len(captions) == words.shape[0] == sum(SIZES.values())
    with pytest.raises(LaffError, match="no video feature 'oter'; did you mean 'other'"):
        library.features("oter")
    library.context.work.places["other"] = "nowhere"
    with pytest.raises(LaffError, match=f"other is not made in {small.work}: laff run other -w {small.work}"):
        library.features("other")


def test_what_cannot_be_searched_is_told(small: Small, tmp_path: Path) -> None:
    for given, said in (
        ({"models": ["laf"]}, "no model 'laf'; did you mean 'laff'"),
        ({"models": ["laff/seed9"]}, "no 'laff/seed9': laff has seed1, seed2"),
        ({"split": "tset"}, "no split 'tset'; did you mean 'test'"),
    ):
        with pytest.raises(LaffError, match=said):
            Library(small.request(), **given)
    library = Library(small.request())
    with pytest.raises(LaffError, match="k is 0"):
        library.search(SENTENCE, 0)
    with pytest.raises(LaffError, match="the sentence is empty"):
        library.search("  ")
    with pytest.raises(LaffError, match="is not indexed yet: laff index"):
        Library.open(tmp_path)
    with pytest.raises(LaffError, match="not up to date"):
        Library(small.request("bow.threshold=2"))


def test_vectors_in_memory_answer_as_those_of_files(small: Small, monkeypatch: pytest.MonkeyPatch) -> None:
    cold, warm, none_fit = (Library(small.request(), memory=memory) for memory in (0, 1 << 20, 1))
    answers = [library.search(SENTENCE, 9) for library in (cold, warm, none_fit)]
    assert answers[0] == answers[1] == answers[2]
    monkeypatch.setattr(Flat, "read", lambda *given: pytest.fail("vectors were read from their file"))
    assert warm.search(SENTENCE, 9) == answers[0]


def test_a_workspace_opens_by_itself(small: Small) -> None:
    assert Library.open(small.work).search(SENTENCE, 2) == Library(small.request()).search(SENTENCE, 2)


def test_the_command_writes_a_run_of_many_queries(small: Small, tmp_path: Path) -> None:
    (tmp_path / "q.txt").write_text(f"701 {SENTENCE}\n702 blue square up\n")
    run = tmp_path / "out.trec.gz"
    out = invoke(small, "--queries", str(tmp_path / "q.txt"), "--run", str(run), "-k", "1000")
    assert out == f"wrote {run}, with at most 1,000 items for each query (-k)\n"
    found = dict(read_run(run))
    assert list(found) == ["701", "702"]
    hits = Library(small.request()).search(SENTENCE, 1000)
    assert [item for item, _ in found["701"]] == [hit.video for hit in hits]


def test_hits_say_when_a_window_is(
    small: Small, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    library = Library(small.request(), split="test")
    whole = library.search(SENTENCE, 2)
    assert [(hit.start, hit.end) for hit in whole] == [(None, None), (None, None)]
    catalog = library.context.catalog
    row = catalog.row[whole[0].video]
    catalog.starts[row], catalog.ends[row] = 70.5, 3600.0
    first, second = library.search(SENTENCE, 2)
    assert (first.video, first.start, first.end, first.shares) == (whole[0].video, 70.5, 3600.0, whole[0].shares)
    assert second == whole[1]
    fused = Library(small.request(), ["laff", "concat"], "test")
    fused.context.catalog.starts[row], fused.context.catalog.ends[row] = 70.5, 3600.0
    assert {hit.video: hit.start for hit in fused.search(SENTENCE, 8)}[first.video] == 70.5
    found = [("", [replace(first, path="one.mp4"), replace(second, path="two.mp4")])]
    search.print_table(library, iter(found), {}, False)
    assert capsys.readouterr().out.splitlines() == [
        f"  1  {first.score:7.4f}  {first.video}  1:10.5–1:00:00  one.mp4",  # noqa: RUF001
        f"  2  {second.score:7.4f}  {second.video:{len(first.video) + 16}}  two.mp4",
    ]
    monkeypatch.setattr(search, "paper", lambda: Paper(60))
    search.print_table(library, iter(found), {}, False)
    lines = capsys.readouterr().out.splitlines()
    assert lines[0].split() == ["rank", "video", "part", "score", "file"]
    assert lines[2].split() == ["1", first.video, "1:10.5–1:00:00", f"{first.score:.4f}", "one.mp4"]  # noqa: RUF001
    assert lines[3].split() == ["2", second.video, f"{second.score:.4f}", "two.mp4"]
    assert max(map(len, lines)) <= 60
    search.print_csv(iter(found))
    rows = list(csv.DictReader(capsys.readouterr().out.splitlines()))
    assert [(row["start"], row["end"]) for row in rows] == [("70.5", "3600"), ("", "")]


def test_the_command_prints_for_people_and_for_programs(small: Small, tmp_path: Path) -> None:
    table = invoke(small, SENTENCE, "-k", "2").splitlines()
    assert [line.split()[0] for line in table] == ["1", "2"]
    [line] = map(json.loads, invoke(small, SENTENCE, "-k", "2", "--json").splitlines())
    assert line["text"] == SENTENCE
    assert [(hit["rank"], hit["video"]) for hit in line["hits"]] == [
        (n, row.split()[2]) for n, row in enumerate(table, 1)
    ]
    assert set(line["hits"][0]["shares"]) == {"one", "other"}
    rows = list(csv.reader(invoke(small, "--like", "test1", "-k", "3", "--csv").splitlines()))
    assert rows[0] == ["query", "rank", "video", "path", "start", "end", "score", "share one", "share other"]
    assert [row[:2] for row in rows[1:]] == [["test1", "1"], ["test1", "2"], ["test1", "3"]]


@pytest.mark.parametrize(
    ("words", "said"),
    [
        ((), "give one of: a SENTENCE, --queries FILE, --like VIDEO"),
        (("a", "--like", "test1"), "give one of: a SENTENCE, --queries FILE, --like VIDEO"),
        (("a", "--run", "x.gz"), "--run writes what --queries FILE find"),
        (("a", "--json", "--csv"), "give one of --json, --csv and --run"),
        (("a", "-k", "0"), "0 is not in the range x>=1"),
        ((" ",), "the sentence is empty"),
    ],
)
def test_options_that_do_not_go_together(small: Small, words: tuple[str, ...], said: str) -> None:
    result = CliRunner().invoke(cli.main, ["search", *small.options(), *words])
    assert result.exit_code
    assert said in result.output


def test_without_a_name_it_is_what_the_vectors_stage_is_told_to_keep_first(small: Small) -> None:
    from pipeline.search.finder import choose

    def names(*sets: str) -> str:
        return choose(small.context(*sets)).key

    assert names() == "laff/seed1"
    assert names("vectors.models=[concat, laff]") == "concat/seed1"
    assert names("vectors.models=[laff/seed2]") == "laff/seed2"
