"""What a person is told after a run: what to do next, where that is possible."""

import json
import shlex
from dataclasses import replace
from pathlib import Path

import pytest

from pipeline.graph import stages
from pipeline.outcome import Outcome, search_advice
from pipeline.store import ledger


@pytest.fixture(autouse=True)
def on_the_path(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """The command is `laff`, and the current folder another one than the tests'."""
    monkeypatch.setattr("shutil.which", lambda name: name)
    monkeypatch.chdir(tmp_path)


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
        ("bow", "{}", 'next: laff search "a sentence" -w /w/WORK\nin the browser: laff serve -w /w/WORK'),
        (
            "bow, sbert",
            "{}",
            "`laff search` is not possible: sbert came from files, which have no row for a new sentence",
        ),
        (
            "bow, sbert",
            "{baselines: {few: {uses: fusion.laff.LAFF, text: [bow]}}}",
            'next: laff search "a sentence" --model few -w /w/WORK\nin the browser: laff serve --model few -w /w/WORK',
        ),
    ],
)
def test_a_search_is_advised_where_it_can_be_done(tmp_path: Path, text: str, params: str, advice: str) -> None:
    """Imported rows are there for the captions of the collection alone."""
    file = tmp_path / "stages.yaml"
    file.write_text(GRAPH.format(text=text, params=params))
    assert search_advice(stages.load(file), Path("/w/WORK")) == advice


def test_a_search_by_a_feature_of_both_sides_is_advised_where_nothing_is_trained() -> None:
    graph = stages.load()
    advice = search_advice(graph, Path("/w"), graph.needed(["conse"]))
    assert advice.splitlines() == [
        'next: laff search "a sentence" --model conse -w /w',
        "in the browser: laff serve --model conse -w /w",
    ]
    assert search_advice(graph, Path("w"), graph.needed(["x3d"])) == ""


def test_advice_can_be_typed_in_any_folder(tmp_path: Path) -> None:
    """With blanks and quotes in names, and with the packages that the graph was read with."""
    graph = replace(stages.load(), trusted=frozenset({"mine"}))
    advice = search_advice(graph, Path("my 'work'"), graph.needed(["conse"]))
    searched, served = advice.splitlines()
    words = shlex.split(searched.removeprefix("next: "))
    assert search_advice(graph, Path("/w"), ["conse"], "it's a dog").startswith(
        """next: laff search 'it'"'"'s a dog' """
    )
    assert words == [
        *("laff", "search", "a sentence", "--model", "conse", "-w", str(tmp_path / "my 'work'"), "--trust", "mine")
    ]
    assert shlex.split(served.removeprefix("in the browser: ")) == ["laff", "serve", *words[3:]]


@pytest.mark.parametrize(
    ("failed", "note"),
    [([], ""), (["a"], ", 1 video failed"), (["a", "b", "b"], ", but ALL 2 videos failed")],
)
def test_a_stage_that_made_little_of_its_videos_says_so(failed: list[str], note: str) -> None:
    """A shard without a single row is made, too."""
    lines = [{"video": video, "stage": "x3d"} for video in failed] + [{"video": "a", "stage": "tf"}]
    outcome = Outcome(made={"x3d": 1}, seconds={"x3d": 0.5}, failures=lines, videos=2)
    assert outcome.summary(Path("WORK")).splitlines()[0] == f"x3d                1 made in      0.5 s{note}"


def test_columns_stand_below_each_other_whatever_stages_are_called() -> None:
    made = {"x3d": 1, "compare/blocks/train": 1500}
    outcome = Outcome(made=made, seconds=dict.fromkeys(made, 2.0), elapsed=5.25, cached={"decode": 4, "x3d": 0})
    assert outcome.summary(Path("WORK")).splitlines() == [
        "x3d                      1 made in      2.0 s",
        "compare/blocks/train 1,500 made in      2.0 s",
        "all                  1,501      in      5.2 s",
        "from the cache           4 units of 1 stage",
    ]
    outcome.cached = {"decode": 1}
    assert outcome.summary(Path("WORK")).splitlines()[-1] == "from the cache           1 unit of 1 stage"


def test_what_the_cache_saved_is_told() -> None:
    outcome = Outcome(cached={"decode": 4000, "x3d": 96, "train": 0}, saved=5400.0)
    text = "nothing to do: everything is cached, 4,096 units of 2 stages, which took 1 h 30 min when made"
    assert outcome.summary(Path("WORK")) == text
    assert Outcome().summary(Path("WORK")) == "nothing to do: everything is cached"


def test_failures_are_counted_by_stage_and_kind_with_the_commands_that_go_on(tmp_path: Path) -> None:
    lines = [ledger.line(video, "decode", "broken", "InvalidDataError") for video in "abc"]
    lines += [ledger.line("d", "decode", "cut", "Incomplete"), ledger.line("a", "x3d", "no reason")]
    outcome = Outcome(failures=lines, videos=6005, retry="laff run -w W --retry-failed")
    assert outcome.summary(Path("my work")).split("\n\n")[1].splitlines() == [
        "4 of 6,005 videos failed",
        "  decode: 3 InvalidDataError, 1 Incomplete",
        "  x3d: 1 other",
        f"`laff failures -w '{tmp_path}/my work'` says why; `laff run -w W --retry-failed` tries again",
    ]


RESULTS = {"models": {"laff": {"t2v": {"R@1": 25.0, "queries": 4, "candidates": 4}}}, "coverage": 1.0}


def test_results_are_shown_whatever_their_stages_are_called(tmp_path: Path) -> None:
    (tmp_path / "my work" / "score").mkdir(parents=True)
    (tmp_path / "my work" / "score" / "metrics.json").write_text(json.dumps(RESULTS))
    ends = {"evaluate": "score", "rank": "lists", "report": "page"}
    outcome = Outcome(stages=["score"], ends=ends, places={"lists": "runs/a/lists"}, advice="next: x")
    assert outcome.summary(Path("my work")).splitlines()[-5:] == [
        f"metrics: {tmp_path}/my work/score/metrics.json",
        f"runs: {tmp_path}/my work/runs/a/lists",
        f"report: file://{tmp_path}/my%20work/page/index.html",
        "",
        "next: x",
    ]
    assert "metrics" not in Outcome(stages=["bow"], ends={"evaluate": "score"}).summary(Path("my work"))


def test_each_flaw_of_videos_that_are_used_is_told_once() -> None:
    lines = [ledger.line(video, "decode", "used, but …", ledger.JUMPS) for video in "abc"]
    lines += [ledger.line("a", stage, "used, but …") for stage in ("decode", "x3d")]
    flaws = Outcome(made={"decode": 1}, notes=lines).summary(Path("/w")).split("\n\n")[1]
    assert flaws.splitlines() == [
        "1 video is used though frames are missing: `laff failures -w /w` says which",
        "3 videos are used though their times jump: `laff failures -w /w` says which",
    ]
