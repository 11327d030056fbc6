"""`laff analyze` on a workspace with everything run, once as a process, and what it says where something is missing."""

from __future__ import annotations

import csv
import subprocess
import sys
from pathlib import Path

import click
import numpy as np
import pytest
from click.testing import CliRunner

import cli
from pipeline.commands.analyze import analyze_group
from tests.forked import Forked
from tests.pipeline.kept import Small

ROOT = Path(__file__).resolve().parents[3]


@pytest.fixture(scope="module")
def mine(ran, tmp_path_factory: pytest.TempPathFactory):
    """A copy that may be written into."""
    return ran.copy(tmp_path_factory.mktemp("looked") / "tiny")


def shown(*words: object) -> str:
    """The same in this process, which has imported everything already."""
    result = CliRunner().invoke(cli.main, ["analyze", *map(str, words)])
    assert result.exit_code == 0, result.output
    return result.stdout


def table(path: Path) -> list[dict[str, str]]:
    with path.open(newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file))


def written(output: str, folder: Path, name: str) -> None:
    """All three files are there, and the command says so."""
    for ending in ("csv", "png", "svg"):
        path = folder / f"{name}.{ending}"
        assert path.stat().st_size > 0
        assert f"\nwrote {path}\n" in output


def wrong(*words: object) -> str:
    result = CliRunner().invoke(cli.main, ["analyze", *map(str, words)])
    assert result.exit_code == 1, result.output
    assert result.output.startswith("Error: ") or "\nError: " in result.output
    assert "Traceback" not in result.output
    return result.output


@pytest.mark.parametrize("name", list(analyze_group.commands))
def test_each_help_teaches(name: str) -> None:
    command = analyze_group.commands[name]
    output = CliRunner().invoke(cli.main, ["analyze", name, "--help"]).output
    assert f"\n  laff analyze {name}" in output
    assert (command.help or "").split("\n\n")[0].strip().endswith((".", ":"))
    assert all(option.help for option in command.params if isinstance(option, click.Option))


def test_help_imports_nothing_heavy() -> None:
    code = (
        "import sys; sys.argv = ['laff', 'analyze', 'weights', '--help']\nimport cli\n"
        "try:\n    cli.main()\nexcept SystemExit:\n    print('LOADED', *sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, cwd=ROOT, check=True)
    assert {"torch", "numpy", "matplotlib"}.isdisjoint(done.stdout.rpartition("LOADED")[2].split())


def test_weights(mine, forked: Forked) -> None:
    before = mine.state()
    process = forked.laff("analyze", "weights", *mine.options())
    assert process.wait() == 0, process.err()
    output = process.out()
    written(output, mine.work / "analyze" / "weights", "laff")
    lines = table(mine.work / "analyze" / "weights" / "laff.csv")
    for side, names in (("video", {"clip-ft", "x3d"}), ("text", {"clip-ft", "bow", "w2v", "gru"})):
        for seed, head in (("all", "all"), ("1", "all"), ("2", "0"), ("2", "1")):
            members = [x for x in lines if (x["side"], x["seed"], x["head"]) == (side, seed, head)]
            assert {line["feature"] for line in members} == names
            assert sum(float(line["mean"]) for line in members) == pytest.approx(1, abs=1e-5)
            assert sum(float(line["share"]) for line in members) == pytest.approx(1, abs=1e-5)
    assert "On the video side " in output
    assert "laff, seeds 1, 2" in output
    assert {name: state for name, state in mine.state().items() if not name.startswith("analyze/")} == before


def test_spaces(mine) -> None:
    output = shown("spaces", *mine.options(), "-k", 2, "--seed", 2)
    written(output, mine.work / "analyze" / "spaces", "laff-seed2")
    values = {(x["space"], x["other"]): float(x["jaccard"]) for x in table(mine.work / "analyze/spaces/laff-seed2.csv")}
    assert (values["1", "1"], values["2", "2"]) == (1, 1)
    assert values["1", "2"] == values["2", "1"]
    # Each of the 24 captions shares none, one or both of its two videos: 0, 1 / 3 or 1.
    assert round(values["1", "2"] * 24 * 3, 6) == int(round(values["1", "2"] * 24 * 3, 6))
    assert f"seed 2: mean of all pairs of spaces {values['1', '2']:.3f}" in output


def test_cost(mine) -> None:
    output = shown("cost", *mine.options())
    written(output, mine.work / "analyze" / "cost", "cost")
    assert "27,803,648  27.80 MFLOPs" in output
    assert "94,896,128  94.90 MFLOPs" in output
    lines = {line["model"]: line for line in table(mine.work / "analyze" / "cost" / "cost.csv")}
    assert list(lines) == ["laff", "concat", "laff-clip-ft", "laff-x3d"]
    wide = 2 * 64  # heads x width
    assert int(lines["laff"]["video"]) == 2 * (2048 * wide + 2 * 2 * wide)  # x3d's map; scores and sum of 2 features
    assert int(lines["laff-clip-ft"]["video"]) == 2 * (2 * wide)  # raw: no map
    assert {line["pair"] for line in lines.values()} == {str(2 * wide)}


def test_cost_without_a_workspace() -> None:
    output = shown("cost")
    assert "= 2 (13,568 x 1,024 + 8 x 1,024) " in output
    assert "with -w" in output
    for words, said in (
        (["-c", "c.yaml"], "give -w too, the workspace"),
        (["-w", "none"], "none remembers no run: give -c FILE"),
    ):
        result = CliRunner().invoke(cli.main, ["analyze", "cost", *words])
        assert result.exit_code == 2
        assert said in result.output


def test_queries(mine) -> None:
    """Ranks are those of evaluate's own table."""
    output = shown("queries", "laff", "concat/seed2", *mine.options())
    written(output, mine.work / "analyze" / "queries", "laff-vs-concat-seed2")
    lines = table(mine.work / "analyze" / "queries" / "laff-vs-concat-seed2.csv")
    ranks = table(mine.work / "evaluate" / "t2v.csv")
    assert [line["caption"] for line in lines] == [line["query"] for line in ranks]
    a = np.array([(float(line["laff/seed1"]) + float(line["laff/seed2"])) / 2 for line in ranks])
    b = np.array([float(line["concat/seed2"]) for line in ranks])
    assert [float(line["laff"]) for line in lines] == pytest.approx(a)
    assert [float(line["concat/seed2"]) for line in lines] == pytest.approx(b)
    assert f"better for {(a < b).sum()}, worse for {(a > b).sum()}, equal for {(a == b).sum()}" in output


def test_a_run_file_has_the_ranks_of_its_row(mine) -> None:
    run = mine.work / "rank" / "laff" / "seed1" / "t2v.trec.gz"  # holds all six videos, so all ranks are known
    output = shown("queries", "laff/seed1", run, *mine.options(), "-n", 0)
    assert "better for 0, worse for 0, equal for 24" in output
    assert "by the largest factor" not in output


def test_gc_takes_analyses_for_no_ones_files(mine) -> None:
    (mine.work / "analyze" / "weights").mkdir(parents=True, exist_ok=True)
    (mine.work / "analyze" / "weights" / "laff.csv").write_text("side\n")
    output = CliRunner().invoke(cli.main, ["gc", *mine.options()]).output
    assert " files in " in output
    assert "analyze" not in output


def test_what_is_missing_is_told(tiny, ran, tmp_path: Path) -> None:
    none = ["-c", tiny.collection, "-w", tmp_path / "none", "--stages", tiny.stages, "--profile", "small"]
    for verb in ("weights", "spaces", "cost"):
        said = wrong(verb, *none)
        assert "is not up to date (not made yet)" in said
        assert "run `laff train` with these first" in said
    assert "laff/seed2 is not ranked in" in wrong("queries", "laff/seed2", "concat", *none)
    assert not (tmp_path / "none").exists()
    said = wrong("weights", *ran.options("train.lr=0.5"))
    assert "laff is not trained in" in said
    assert "run `laff train` with the same" in said
    assert "concat with seed 1 is not trained in" in wrong(
        *("spaces", "--model", "concat", "--seed", 1, *ran.options("train.lr=0.5"))
    )
    assert not (ran.work / "analyze").exists()


@pytest.mark.parametrize("verb", ["weights", "spaces", "cost"])
def test_a_collection_without_captions_is_told_what_is_missing(small: Small, tmp_path: Path, verb: str) -> None:
    """Where a packaged model is applied to videos alone; the poster's cost is printed all the same."""
    out = small.pack(tmp_path / "OUT", "laff")
    applied = small.applied(out, tmp_path / "work")
    (tmp_path / "c.yaml").write_text(f"test: {{ids: {small.folder}/test.ids}}\n")
    words = [verb, "-c", tmp_path / "c.yaml", "-w", applied.work, "--package", out]
    for text in applied.sets:
        words += ["--set", text]
    missing = "c.yaml: no texts of test (test: {captions: FILE}, or test: {queries: FILE}), on which models are looked"
    if verb == "cost":
        output = shown(*words)
        assert "The poster's cost table" in output
        assert f"the models of {applied.work} are not counted: {tmp_path}/{missing}" in output
    else:
        assert missing in wrong(*words)


def test_names_that_are_not_there(ran) -> None:
    said = wrong("weights", "--model", "lafff", *ran.options())
    assert "no model 'lafff'; did you mean 'laff'? (here: laff, concat, laff-clip-ft, laff-x3d)" in said
    assert "laff has no seed 3; its seeds are 1, 2" in wrong("spaces", "--seed", 3, *ran.options())
    assert "no row of results 'concta'; did you mean 'concat'?" in wrong("queries", "laff", "concta", *ran.options())
    assert "laff has no 'seed7'" in wrong("queries", "laff/seed7", "concat", *ran.options())
    assert "mine.trec: no such run file" in wrong("queries", "laff", "mine.trec", *ran.options())
    assert "concat (fusion.concat.Concat) has no weights" in wrong("weights", "--model", "concat", *ran.options())
    assert "concat has one space" in wrong("spaces", "--model", "concat", *ran.options())
    assert "no model 'x'" in wrong("cost", "--model", "x", *ran.options())
