"""Queries: ranks of rows and run files, who wins, and the examples, by arithmetic."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest

from pipeline.analyze import queries
from pipeline.analyze.queries import CaptionRanks, Comparison
from pipeline.errors import LaffError
from pipeline.graph.models import Row
from pipeline.items.catalog import Catalog
from pipeline.plan.planned import Planned


@pytest.fixture
def context() -> SimpleNamespace:
    """Three videos of test with a caption each, and one of train."""
    catalog = Catalog(
        videos=["a", "b", "c", "z"],
        video_split=np.array([2, 2, 2, 0]),
        captions=["a#0", "b#0", "c#0", "z#0"],
        texts=["one", "two", "three", "four"],
        caption_video=np.arange(4),
    )
    return SimpleNamespace(catalog=catalog)


def ranks_in(context: SimpleNamespace, path: Path) -> CaptionRanks:
    return queries.ranks_of_run(context, path, context.catalog.split_captions("test"))


def run_file(path: Path, **items: str) -> Path:
    """a="b:3 a:2" is the query a#0 with two items and their scores."""
    lines = []
    for query, text in items.items():
        for place, item in enumerate(text.split(), 1):
            name, score = item.split(":")
            lines.append(f"{query}#0 Q0 {name} {place} {score} tag\n")
    path.write_text("".join(lines))
    return path


def test_ranks_of_a_run_file(context: SimpleNamespace, tmp_path: Path) -> None:
    path = run_file(tmp_path / "mine.trec", a="a:3 b:2", b="c:3 a:2 b:2", c="a:5")
    run = ranks_in(context, path)
    assert run.depth == 3
    assert run.ranks.tolist() == [[1, 2.5, 4]]  # alone on top; one above and one equal; not there, so depth + 1
    assert run.name == "mine"


def test_a_query_that_a_run_leaves_out_found_nothing(context: SimpleNamespace, tmp_path: Path) -> None:
    assert ranks_in(context, run_file(tmp_path / "t2v.trec", b="b:1")).ranks.tolist() == [[2, 1, 2]]
    assert ranks_in(context, tmp_path / "t2v.trec").name.endswith(f"{tmp_path.name}-t2v")


def test_run_files_that_do_not_fit(context: SimpleNamespace, tmp_path: Path) -> None:
    with pytest.raises(LaffError, match="query 'z#0' is no caption of test"):
        ranks_in(context, run_file(tmp_path / "other", z="a:1"))
    with pytest.raises(LaffError, match="holds no query"):
        ranks_in(context, run_file(tmp_path / "empty"))


def test_two_run_files_are_cut_at_the_shorter(context: SimpleNamespace, tmp_path: Path, monkeypatch) -> None:
    deep = run_file(tmp_path / "deep", a="b:3 c:2 a:1", b="b:1", c="b:3 c:2 a:1")
    flat = run_file(tmp_path / "flat", a="b:2 c:1", b="a:2 c:1", c="c:2 a:1")
    context.graph = SimpleNamespace(of_step=lambda step: None)
    monkeypatch.setattr("pipeline.graph.models.rows", lambda *_: [])
    both = queries.compare(context, str(deep), str(flat))
    assert both.first.mean.tolist() == [3, 1, 2]  # the third place of a#0 is behind depth 2
    assert both.second.mean.tolist() == [3, 3, 1]
    assert both.counts() == (1, 1, 1)


@pytest.mark.parametrize(
    ("stage", "command"), [("rank", "laff rank"), ("compare/systems/rank", "laff compare systems")]
)
def test_a_row_that_is_not_ranked_names_the_command_that_ranks_it(
    context: SimpleNamespace, stage: str, command: str
) -> None:
    """The stages of a comparison are none of stages.yaml, so `laff compare/systems/rank` would be no command."""
    context.work = SimpleNamespace(root="WORK")
    row = Row("laff", (1,))
    with pytest.raises(LaffError, match=rf"laff/seed1 is not ranked in WORK .*; run `{command}` with the same"):
        queries.ranks_of_row(context, Planned(stage), row, "", context.catalog.split_captions("test"))


def comparison(first: list[list[float]], second: list[list[float]]) -> Comparison:
    count = len(first[0])
    ids = [f"q{number}" for number in range(count)]
    texts = [f"text {number}" for number in range(count)]
    return Comparison(
        CaptionRanks("A", np.array(first)), CaptionRanks("B", np.array(second)), ids, texts, np.arange(count) // 2
    )


def test_won_lost_tied_and_the_examples() -> None:
    both = comparison([[1, 10, 5, 200, 2]], [[4, 5, 5, 100, 32]])
    assert both.counts() == (2, 2, 1)
    assert both.gain.tolist() == [2, -1, 0, -1, 4]
    assert both.most(5, 1).tolist() == [4, 0]
    assert both.most(1, 1).tolist() == [4]
    assert both.most(5, -1).tolist() == [1, 3]  # the earlier one of equal losses first
    assert queries.example_table(both, 1, 1) == [["caption", "text", "A", "B"], ["q4", "text 4", "2.0", "32.0"]]


def test_seeds_are_averaged() -> None:
    both = comparison([[1, 3], [4, 3]], [[2, 1], [2, 12]])
    assert both.first.mean.tolist() == [2.5, 3]
    assert both.counts() == (1, 1, 0)
    counts = {row[0]: row[1:4] for row in queries.table(both)}
    assert counts["R@1"] == ["25.0", "25.0", "+0.0"]  # of two seeds and two captions one is first, for both
    assert counts["R@5"] == ["100.0", "75.0", "+25.0"]
    mrr = (1 + 1 / 3 + 1 / 4 + 1 / 3) / 4, (1 / 2 + 1 + 1 / 2 + 1 / 12) / 4
    assert counts["MRR"] == [f"{mrr[0]:.3f}", f"{mrr[1]:.3f}", f"{mrr[0] - mrr[1]:+.3f}"]
    assert counts["MedR"] == [f"{(2 + 3.5) / 2:.1f}", f"{(1.5 + 7) / 2:.1f}", f"{2.75 - 4.25:+.1f}"]


def test_p_exchanges_the_captions_of_a_video_together() -> None:
    """Six videos of two captions, all better in A: only 2 of the 2^6 ways to sign the videos are as far from 0."""
    both = comparison([[1.0] * 12], [[20.0] * 12])
    p = {name: value for name, _, _, value in queries.measures(both)}
    assert p["R@10"] == pytest.approx(2 / 64, abs=0.006)


def test_long_captions_stay_on_one_line() -> None:
    assert queries.shortened("a\n b") == "a b"
    assert queries.shortened("x" * 80, 10) == "x" * 9 + "…"
