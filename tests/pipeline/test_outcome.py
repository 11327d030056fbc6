"""What a person is told after a run: what to do next, where that is possible."""

import json
from pathlib import Path

import pytest

from pipeline.graph import stages
from pipeline.outcome import Outcome, search_advice
from pipeline.store import ledger

GRAPH = """
stages:
  ingest: {{step: ingest}}
  clip: {{step: import, from: ingest, params: {{file: clip, side: video}}}}
  sbert: {{step: import, from: ingest, params: {{file: sbert, side: text}}}}
  bow: {{step: extract, uses: extractors.bow.Bow, from: ingest}}
  train: {{step: train, uses: fusion.laff.LAFF, from: [clip, {text}], params: {params}}}
  rank: {{step: rank, from: train}}
"""


@pytest.mark.parametrize(
    ("text", "params", "advice"),
    [
        ("bow", "{}", 'next: laff search "a sentence" -w WORK'),
        (
            "bow, sbert",
            "{}",
            "`laff search` is not possible: sbert came from files, which have no row for a new sentence",
        ),
        (
            "bow, sbert",
            "{baselines: {few: {uses: fusion.laff.LAFF, text: [bow]}}}",
            'next: laff search "a sentence" --model few -w WORK',
        ),
    ],
)
def test_a_search_is_advised_where_it_can_be_done(tmp_path: Path, text: str, params: str, advice: str) -> None:
    """Imported rows are there for the captions of the collection alone."""
    file = tmp_path / "stages.yaml"
    file.write_text(GRAPH.format(text=text, params=params))
    assert search_advice(stages.load(file), Path("WORK")) == advice


def test_a_search_by_a_feature_of_both_sides_is_advised_where_nothing_is_trained() -> None:
    graph = stages.load()
    assert (
        search_advice(graph, Path("w"), graph.needed(["conse"])) == 'next: laff search "a sentence" --model conse -w w'
    )
    assert search_advice(graph, Path("w"), graph.needed(["x3d"])) == ""


@pytest.mark.parametrize(
    ("failed", "note"),
    [([], ""), (["a"], ", 1 video(s) failed"), (["a", "b", "b"], ", but ALL 2 videos failed")],
)
def test_a_stage_that_made_little_of_its_videos_says_so(failed: list[str], note: str) -> None:
    """A shard without a single row is made, too."""
    lines = [{"video": video, "stage": "x3d"} for video in failed] + [{"video": "a", "stage": "tf"}]
    outcome = Outcome(made={"x3d": 1}, seconds={"x3d": 0.5}, failures=lines, videos=2)
    assert outcome.summary(Path("WORK")).splitlines()[0] == f"x3d              1 made in      0.5 s{note}"


def test_columns_stand_below_each_other_whatever_stages_are_called() -> None:
    made = {"x3d": 1, "compare/blocks/train": 1500}
    lines = Outcome(made=made, seconds=dict.fromkeys(made, 2.0)).summary(Path("WORK")).splitlines()
    assert lines[:2] == [
        "x3d                      1 made in      2.0 s",
        "compare/blocks/train 1,500 made in      2.0 s",
    ]


RESULTS = {"models": {"laff": {"t2v": {"R@1": 25.0, "queries": 4, "candidates": 4}}}, "coverage": 1.0}


def test_results_are_shown_whatever_their_stages_are_called(tmp_path: Path) -> None:
    (tmp_path / "score").mkdir()
    (tmp_path / "score" / "metrics.json").write_text(json.dumps(RESULTS))
    outcome = Outcome(stages=["score"], ends={"evaluate": "score", "rank": "lists"}, places={"lists": "runs/a/lists"})
    line = outcome.summary(tmp_path).splitlines()[-1]
    assert line == f"metrics {tmp_path}/score/metrics.json, runs {tmp_path}/runs/a/lists"
    assert "metrics" not in Outcome(stages=["bow"], ends={"evaluate": "score"}).summary(tmp_path)


def test_each_flaw_of_videos_that_are_used_is_told_once() -> None:
    lines = [ledger.line(video, "decode", "used, but …", ledger.JUMPS) for video in "abc"]
    lines += [ledger.line("a", stage, "used, but …") for stage in ("decode", "x3d")]
    assert Outcome(made={"decode": 1}, notes=lines).summary(Path("WORK")).splitlines()[1:] == [
        "1 video(s) are used though frames are missing: `laff failures -w WORK` says which",
        "3 video(s) are used though their times jump: `laff failures -w WORK` says which",
    ]
