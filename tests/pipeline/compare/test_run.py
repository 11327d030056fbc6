"""Whole comparisons: reused, parallel, killed, diverging; and the table that comes of them."""

from __future__ import annotations

import csv
import itertools
import json
import re
import signal
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pytest
from click.testing import CliRunner

import cli
from pipeline import gc
from pipeline.compare.request import requested
from pipeline.compare.run import Asked, Compared, compare
from pipeline.compare.table import written
from pipeline.errors import LaffError
from pipeline.graph import step_facts
from pipeline.request import recalled
from pipeline.run import accept, run
from pipeline.run_plan import plan
from pipeline.store import verify
from tests.forked import Forked

TRAIN, RANK = "compare/mine/train", "compare/mine/rank"
ROLES = {"lead": "pair", "lead-text": "words"}
ALL = ROLES | {"lead-frames": "pair-frames"}

KINDS = verify.Kinds(step_facts.made())


def run_comparison(small: Any, *sets: str, workers: int = 0, **asked: Any) -> Compared:
    return compare(small.request(*sets, workers=workers), Asked(str(small.grid), **({"roles": ALL} | asked)))


@pytest.fixture(scope="module")
def compared(anew: Callable[[Path], Any], tmp_path_factory: pytest.TempPathFactory) -> tuple[Any, Compared]:
    """The grid compared, to be read only, and what came of it; copy it for the rest."""
    one = anew(tmp_path_factory.mktemp("compared"))
    return one, run_comparison(one)


@pytest.fixture
def done(compared: tuple[Any, Compared], tmp_path: Path) -> Any:
    """A copy of the compared grid, to be changed."""
    return compared[0].copy(tmp_path / "done")


@pytest.fixture(scope="module")
def after_a_run(anew: Callable[[Path], Any], tmp_path_factory: pytest.TempPathFactory) -> Any:
    """Run and then compared, to be read only; copy it for the rest."""
    one = anew(tmp_path_factory.mktemp("after_a_run"))
    run(one.request(), ())
    run_comparison(one)
    return one


@pytest.fixture
def both(after_a_run: Any, tmp_path: Path) -> Any:
    """A copy of what was run and then compared, to be changed."""
    return after_a_run.copy(tmp_path / "both")


def precision(small: Any, row: str, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Average precision [Q] of captions, and the rank [Q], as the run file and the caption ids say."""
    with h5py.File(small.work / "compare" / "mine" / "rank" / row / f"seed{seed}" / "ranks.h5") as file:
        return file["precision"][:], file["values"][:, 0]


def results(contents: Any, work: Path) -> dict[str, Any]:
    """All that a workspace holds but the table, which tells seconds."""
    return {name: value for name, value in contents(work).items() if not name.startswith("compare/mine/table")}


def test_the_table_follows_from_the_ranks(compared) -> None:
    small, comparison = compared
    assert comparison.failed == {}
    table = json.loads((small.work / "compare" / "mine" / "table.json").read_text())
    assert list(table["rows"]) == ["laff", "late", "frames", "pair"]
    for row in ("laff", "late", "frames"):
        scores = [precision(small, row, seed)[0].mean() for seed in (1, 2)]
        hits = [(precision(small, row, seed)[1] <= 1).mean() * 100 for seed in (1, 2)]
        line = table["rows"][row]
        assert line["seeds"] == [1, 2]
        assert line["t2v"]["mAP"]["mean"] == pytest.approx(np.mean(scores))
        assert line["t2v"]["mAP"]["std"] == pytest.approx(abs(scores[0] - scores[1]) / 2**0.5)
        assert line["t2v"]["R@1"]["mean"] == pytest.approx(np.mean(hits))
        assert all(1 <= epoch <= 3 for epoch in line["best_epoch"])
        assert all(seconds > 0 for seconds in line["seconds_epoch"])
    assert table["coverage"] == 1.0
    assert "p" not in table["rows"]["laff"]["t2v"]
    # JE: pair and other to 8, and once for each of them 8 + |bow| to 8, with biases; no multiply-add for a bias.
    bow = len({"caption", "number", *map(str, range(10))})  # `of` is a stop word
    assert table["rows"]["late"]["parameters"] == (8 + 12) * 8 + 2 * 8 + 2 * ((8 + bow) * 8 + 8)
    assert table["rows"]["late"]["flops_video"] == 2 * (8 + 12) * 8


def test_p_is_that_of_all_sign_flips(compared) -> None:
    """12 videos have 4,096 flips, so the exact p can be written out."""
    small, table = compared[0], compared[1].figures
    for row in ("late", "pair"):
        seeds = (1, 2) if row == "late" else (0,)
        mine = np.mean([precision(small, row, seed)[0] for seed in seeds], axis=0)
        laff = np.mean([precision(small, "laff", seed)[0] for seed in (1, 2)], axis=0)
        sums = (mine - laff).reshape(12, 2).sum(axis=1)
        flips = np.array(list(itertools.product((1, -1), repeat=12))) @ sums
        wanted = (np.abs(flips) >= abs(sums.sum()) - 1e-12).mean()
        assert table["rows"][row]["t2v"]["p"] == pytest.approx(wanted, abs=0.02)
        assert table["rows"][row]["t2v"]["p_holm"] >= table["rows"][row]["t2v"]["p"]


def test_what_a_run_trained_is_used_and_nothing_else_changes(small) -> None:
    run(small.request(), ())
    before = {path: path.stat().st_mtime_ns for path in small.work.rglob("*") if path.suffix in (".pt", ".gz", ".html")}
    assert small.work / "train" / "laff" / "seed1" / "best.pt" in before
    comparison = run_comparison(small)
    assert comparison.outcome.made == {"pair-frames": 1, TRAIN: 2 * 3, RANK: 2 * 3 + 1}
    checkpoint, taken = (small.work / folder / "laff" / "seed1" / "best.pt" for folder in ("train", TRAIN))
    assert checkpoint.samefile(taken)  # not trained again
    assert not (small.work / TRAIN / "laff" / "seed1" / "last.pt").exists()
    assert (small.work / TRAIN / "laff" / "seed2" / "last.pt").exists()
    assert comparison.figures["rows"]["laff"]["epochs"] == [3, 3]
    assert {path: path.stat().st_mtime_ns for path in before} == before
    assert run(small.request(), ()).made == {}
    again = run_comparison(small, seeds=(1, 2, 3))
    assert again.outcome.made == {TRAIN: 3, RANK: 3}
    assert run_comparison(small, seeds=(3,)).outcome.made == {}


def test_workers_make_the_same_bytes(compared, small, contents) -> None:
    alone = compared[1]
    first = results(contents, compared[0].work)
    other = run_comparison(small, workers=2)
    second = results(contents, small.work)
    assert first == second
    assert len([name for name in first if name.startswith(f"{TRAIN}/") and name.endswith("best.pt")]) == 6
    for row in alone.figures["rows"]:
        assert alone.figures["rows"][row]["t2v"] == other.figures["rows"][row]["t2v"]


@pytest.mark.parametrize("workers", [0, 1])
def test_a_row_that_diverges_leaves_the_others(small, workers: int) -> None:
    text = small.grid.read_text().replace(
        "share: 0.5}", "share: 0.5}, options: {lr: 1.0, optimizer: adamw, weight_decay: 1.0e+30}"
    )
    small.grid.write_text(text)
    result = CliRunner().invoke(
        cli.main,
        ["compare", str(small.grid), *small.options(), "--workers", str(workers)]
        + [word for role, name in ALL.items() for word in ("--role", f"{role}={name}")],
    )
    assert result.exit_code == 1
    assert "1 row came to nothing" in result.output
    assert "late: seed1, epoch 1, step" in result.output
    assert re.search(r"\ncompare/mine/train +4 made in", result.output)  # the first run's share, too
    assert re.search(r"\ncompare/mine/rank +5 made in", result.output)
    assert "Traceback" not in result.output
    table = json.loads((small.work / "compare" / "mine" / "table.json").read_text())
    assert list(table["rows"]) == ["laff", "frames", "pair"]
    assert "no longer a number" in table["left_out"]["late"]


def test_a_row_without_its_feature_is_named(small) -> None:
    comparison = run_comparison(small, roles=ROLES)
    assert list(comparison.figures["rows"]) == ["laff", "late", "pair"]
    assert "no stage makes a video feature 'clip-ft-frames'" in comparison.figures["left_out"]["frames"]
    assert not (small.work / "pair-frames").exists()
    table = (comparison.folder / "table.txt").read_text()
    assert "left out: frames: no stage makes a video feature 'clip-ft-frames'" in table
    assert "late: width 8, lead pair, share 0.5; late fusion" in table


def test_quoted_figures_stand_apart(small) -> None:
    comparison = run_comparison(small, roles=ROLES, seeds=(1,))
    text = (comparison.folder / "table.txt").read_text()
    measured, quoted = text.split("quoted, not of this run", 1)[0], text.split("quoted, not of this run", 1)[1]
    (line,) = (line for line in measured.splitlines() if line.startswith("laff "))
    assert "31.25" not in line.split()
    assert "pair" in [
        line.split()[0] for line in measured.splitlines() if line
    ]  # whose figures are not those of clip-ft
    assert "Source: a paper <b>." in quoted
    lines = {line.split()[0]: line.split()[1:] for line in quoted.split("\n\n")[0].splitlines() if line.strip()}
    assert lines["model"] == ["A", "B"]
    assert lines["laff"] == ["31.25", "-"]
    assert lines["clip-ft"] == ["1", "2.5"]
    rows = list(csv.DictReader((comparison.folder / "table.csv").open()))
    assert [(row["model"], row["way"], row["quoted A"], row["quoted B"]) for row in rows[:2]] == [
        ("laff", "t2v", "31.25", ""),
        ("laff", "v2t", "", ""),
    ]
    lines = list(csv.DictReader((comparison.folder / "quoted.csv").open()))
    assert [(line["model"], line["metric"], line["figure"]) for line in lines] == [
        ("laff", "A", "31.25"),
        ("clip-ft", "A", "1"),
        ("clip-ft", "B", "2.5"),
    ]
    page = (comparison.folder / "index.html").read_text()
    assert "a paper &lt;b&gt;" in page
    assert "two systems &amp; the &lt;pair&gt; alone" in page
    assert "<b>" not in page.replace("<b>late</b>", "").replace("<b>frames</b>", "").replace("<b>pair</b>", "")


def test_what_earlier_code_trained_can_be_accepted(done, copied: Path, fresh_sources) -> None:
    """The block of one row changes: it alone is stale, and stands again when a person says so."""
    with (copied / "fusion" / "je.py").open("a", encoding="utf-8") as file:
        file.write("\nPLANTED = 0\n")
    fresh_sources()
    wanted, _, _ = requested(done.request(), str(done.grid), ALL)
    plans = {planned.stage: planned for planned in plan(wanted, [RANK]).stages}
    assert [unit.key for unit in plans[TRAIN].stale] == ["late/seed1", "late/seed2"]
    accepted, telling = accept(wanted, [TRAIN])
    assert (accepted.units, telling) == ({TRAIN: 2, RANK: 2}, [])
    again = run_comparison(done)
    assert again.outcome.made == {}
    assert again.figures["earlier_code"] == {name: ["fusion.je"] for name in (TRAIN, RANK)}
    assert "made by earlier code of fusion.je" in (again.folder / "index.html").read_text()


def test_gc_leaves_comparisons_alone(both) -> None:
    held = sorted(both.work.glob("compare/**/*"))
    assert set(gc.remove(both.request()).unused) == {"train/laff/seed1/last.pt"}
    assert sorted(both.work.glob("compare/**/*")) == held
    assert gc.leftovers(both.request()).foreign == []
    assert run_comparison(both).outcome.made == {}
    assert verify.damaged(both.work, KINDS)[1] == {}
    (both.work / TRAIN / "late" / "seed1" / "best.pt").write_bytes(b"PK")
    assert list(verify.damaged(both.work, KINDS)[1]) == [f"{TRAIN}/late/seed1/best.pt"]


@pytest.mark.slow
def test_a_killed_comparison_goes_on(compared, small, contents, forked: Forked) -> None:
    """SIGKILL in the middle of the second model, then again: what is finished stays, and all is as undisturbed."""
    roles = [word for role, name in ALL.items() for word in ("--role", f"{role}={name}")]
    often = small.options("train.checkpoint=0")  # after every step; no part of the fingerprints
    process = forked.laff("compare", small.grid, *often, *roles)
    last = small.work / TRAIN / "late" / "seed1" / "last.pt"
    end = time.monotonic() + 120
    while not last.exists() and time.monotonic() < end and process.poll() is None:
        time.sleep(0.005)
    process.send_signal(signal.SIGKILL)
    assert process.wait() == -signal.SIGKILL
    assert last.exists(), process.said()
    done = (small.work / TRAIN / "laff" / "seed1" / "best.pt").stat()
    assert not (small.work / RANK).exists()
    run_comparison(small)
    assert (small.work / TRAIN / "laff" / "seed1" / "best.pt").stat().st_mtime_ns == done.st_mtime_ns
    assert results(contents, small.work) == results(contents, compared[0].work)


def bytes_of(work: Path) -> dict[Path, bytes]:
    return {path: path.read_bytes() for path in work.rglob("*.pt")}


def test_trainings_made_another_way_stay(both) -> None:
    """A comparison with other settings or of another grid replaces nothing of the run or of the first."""
    before = bytes_of(both.work)
    (both.folder / "other.yaml").write_text("models: {laff: {uses: fusion.laff.LAFF, video: [pair]}}")
    other = compare(both.request("train.lr=0.002", "train.epochs=2"), Asked(str(both.folder / "other.yaml")))
    assert other.outcome.made["compare/other/train"] == 1
    assert before.items() <= bytes_of(both.work).items()
    assert run(both.request(), ()).made == {}
    assert run_comparison(both).outcome.made == {}


def test_what_is_stale_for_everybody_is_made_anew(done) -> None:
    path = done.folder / "text.npz"
    arrays = dict(np.load(path))
    np.savez(path, ids=arrays["ids"], pair=arrays["pair"][::-1])
    assert run_comparison(done).outcome.made[TRAIN] == 6


def test_a_row_to_test_against_must_be_made(small) -> None:
    text = small.grid.read_text() + "features: {few: {video: [pair]}}\n"
    small.grid.write_text(text)
    with pytest.raises(LaffError, match=r"mine.yaml: against: laff: no such row.*rows are laff@few, late@few"):
        run_comparison(small)
    with pytest.raises(LaffError, match="--against laff: no such row; did you mean 'laff@few'"):
        run_comparison(small, against="laff")
    assert not small.work.exists()


def test_nothing_is_tested_against_a_row_that_is_left_out(small) -> None:
    small.grid.write_text(small.grid.read_text().replace("against: laff", "against: frames"))
    comparison = run_comparison(small, roles=ROLES, seeds=(1,))
    assert "not tested: frames is left out" in (comparison.folder / "table.txt").read_text()
    assert "not tested: frames is left out" in (comparison.folder / "index.html").read_text()
    assert all("p" not in line["t2v"] for line in comparison.figures["rows"].values())
    with pytest.raises(LaffError, match="--against frames: it is left out here"):
        run_comparison(small, roles=ROLES, against="frames")


def test_nothing_is_tested_against_a_row_that_diverges(small) -> None:
    small.grid.write_text(
        "seeds: [1]\nagainst: laff\nmodels:\n  other: fusion.concat.Concat\n"
        "  laff: {uses: fusion.laff.LAFF, options: {lr: 1.0, optimizer: adamw, weight_decay: 1.0e+30}}\n"
    )
    comparison = run_comparison(small, roles={})
    assert list(comparison.failed) == ["laff"]
    assert comparison.outcome.made[TRAIN] == 1
    assert "not tested: laff is left out.\n" in (comparison.folder / "table.txt").read_text()
    assert "p" not in comparison.figures["rows"]["other"]["t2v"]


def test_what_the_grid_overrules_is_refused(small) -> None:
    for name in ("train.own=false", "train.baselines={}", "train.baselines.late=fusion.je.JE"):
        with pytest.raises(LaffError, match=f"--set {re.escape(name)}: has no effect, the grid's models say it; copy"):
            run_comparison(small, name)
    assert not small.work.exists()


def test_what_a_run_said_of_its_models_is_nothing_to_a_grid(small) -> None:
    """Nobody who gives -w alone can take back what the workspace remembers; what is given on top is refused."""
    run(small.request("train.baselines={wide: fusion.concat.Concat}", "train.seeds=[7]"), ("train",))
    selected = requested(recalled(small.work), str(small.grid), ALL)[2]
    assert selected.names == ["laff", "late", "frames", "pair"]
    assert selected.graph.stages[TRAIN].options["seeds"] == [7]
    with pytest.raises(LaffError, match=r"--set train.baselines=\{\}: has no effect"):
        requested(recalled(small.work, sets=("train.baselines={}",)), str(small.grid), ALL)


def test_seeds_of_a_run_are_those_of_its_comparison(small) -> None:
    """Also where the grid has its own; --seeds has the last word."""
    selected = requested(small.request("train.seeds=[3]", "train.singles=false"), str(small.grid), ALL)[2]
    assert selected.graph.stages[TRAIN].options["seeds"] == [3]
    assert selected.names == ["laff", "late", "frames", "pair"]
    selected = requested(small.request("train.seeds=[3]"), str(small.grid), ALL, (4, 5))[2]
    assert selected.graph.stages[TRAIN].options["seeds"] == [4, 5]
    selected = requested(small.request("train.epochs=2"), str(small.grid), ALL)[2]
    assert selected.graph.stages[TRAIN].options["seeds"] == [1, 2]


def test_pairs_of_a_run_stand_beside_those_of_the_grid(small) -> None:
    """One of the same name, here the grid's $lead, takes its place; no pairs take none away."""
    for said, pairs in (
        ("{alone: [pair, words]}", {"pair": ["pair", "words"], "alone": ["pair", "words"]}),
        ("{pair: [pair-frames, words]}", {"pair": ["pair-frames", "words"]}),
        ("{}", {"pair": ["pair", "words"]}),
    ):
        selected = requested(small.request(f"rank.pairs={said}"), str(small.grid), ALL)[2]
        assert selected.graph.stages[RANK].options["pairs"] == pairs
        assert selected.names == ["laff", "late", "frames", *pairs]
    with pytest.raises(LaffError, match="pair 'late': the row 'late' is listed twice"):
        requested(small.request("rank.pairs={late: [pair, words]}"), str(small.grid), ALL)


def test_singles_of_a_run_are_rows_and_are_not_trained_again(small) -> None:
    sets = ("train.singles=true", "train.seeds=[1]")
    run(small.request(*sets), ("train",))
    comparison = run_comparison(small, *sets, roles=ROLES)
    assert list(comparison.figures["rows"]) == ["laff", "late", "laff-pair", "laff-other", "pair"]
    assert comparison.figures["rows"]["laff-other"]["differs"] == "video features other"
    for name in ("laff", "laff-pair", "laff-other"):
        checkpoint, taken = (small.work / folder / name / "seed1" / "best.pt" for folder in ("train", TRAIN))
        assert checkpoint.samefile(taken)
    small.grid.write_text("models: {laff-pair: fusion.laff.LAFF}")
    with pytest.raises(LaffError, match=r"train.singles: the row 'laff-pair' is listed twice"):
        requested(small.request(*sets), str(small.grid))


def test_the_table_says_what_each_row_was(small) -> None:
    text = """
models:
  laff: fusion.laff.LAFF
  other-neg: {uses: fusion.laff.LAFF, options: {loss: triplet-caption, lr: 0.01, epochs: 3}}
  wide: {uses: fusion.laff.LAFF, params: {heads: 4}, video: [pair], note: four heads}
pairs: {pair: [pair, words]}
"""
    small.grid.write_text(text)
    comparison = run_comparison(small, roles={})
    table = (comparison.folder / "table.txt").read_text()
    assert "Trained, where a row says nothing else: loss triplet, mask False, lr 0.003, batch 8, epochs 3" in table
    assert "\nother-neg: loss triplet-caption, lr 0.01\n" in table
    assert "\nwide: heads 4, video features pair; four heads\n" in table
    assert "\npair: pair and words compared by their cosine, nothing trained\n" in table
    assert "\nlaff: " not in table
    line = json.loads((comparison.folder / "table.json").read_text())["rows"]["wide"]
    assert (line["uses"], line["video"], line["text"]) == ("fusion.laff.LAFF", ["pair"], ["words", "bow"])
    assert (line["params"]["heads"], line["params"]["width"], line["options"]) == (4, 16, {})
    rows = {row["model"]: row for row in csv.DictReader((comparison.folder / "table.csv").open())}
    assert json.loads(rows["other-neg"]["options"]) == {"loss": "triplet-caption", "lr": 0.01, "epochs": 3}
    assert (rows["wide"]["video"], rows["pair"]["uses"]) == ("pair", "")
    assert "loss triplet-caption, lr 0.01" in (comparison.folder / "index.html").read_text()


def test_other_settings_stand_beside_a_comparison(done: Any) -> None:
    """What the first one has trained stays; the same settings find theirs again."""
    first = done.work / "compare" / done.grid.stem
    before = {path: path.read_bytes() for path in sorted(first.rglob("best.pt"))}
    other = run_comparison(done, "train.lr=0.01")
    assert other.folder == first.with_name(f"{first.name}@lr0.01")
    assert (other.folder / "train" / "laff" / "seed1" / "best.pt").is_file()
    assert (other.folder / "table.json").is_file()
    assert {path: path.read_bytes() for path in sorted(first.rglob("best.pt"))} == before
    assert run_comparison(done, "train.lr=0.01").outcome.made == {}
    again = run_comparison(done)
    assert (again.folder, again.outcome.made) == (first, {})
    count, damaged = verify.damaged(done.work, KINDS)
    assert (count > len(before), damaged) == (True, {})


def test_the_table_in_other_formats(compared: tuple[Any, Compared]) -> None:
    """The same cells everywhere; the best of each metric is bold, and the texts are escaped."""
    _, comparison = compared
    figures = comparison.figures
    best = max(figures["rows"], key=lambda name: figures["rows"][name]["t2v"]["mAP"]["mean"])
    value = f"{figures['rows'][best]['t2v']['mAP']['mean']:.3f}"
    markdown = (comparison.folder / "table.md").read_text()
    assert f"**{value}" in markdown
    assert markdown.count("| model |") == 3  # both ways, and what is quoted
    latex = (comparison.folder / "table.tex").read_text()
    assert rf"\textbf{{{value}" in latex
    assert "s/epoch" not in latex
    assert "s/epoch" in markdown
    assert r"\textless{}b\textgreater{}" in latex
    assert "Quoted, not of this run: elsewhere" in latex
    assert written(figures, "csv") == (comparison.folder / "table.csv").read_text()
    assert written(figures, "text") == (comparison.folder / "table.txt").read_text()


def test_a_format_is_printed_alone(done: Any) -> None:
    words = [word for role, name in ALL.items() for word in ("--role", f"{role}={name}")]
    shown = CliRunner().invoke(cli.main, ["compare", str(done.grid), *done.options(), *words, "--format", "markdown"])
    assert shown.exit_code == 0, shown.output
    assert shown.stdout == (done.work / "compare" / "mine" / "table.md").read_text()
    assert "/compare/mine/table.{txt,csv,md,tex,json}, quoted.csv, map.{png,svg}, index.html" in shown.stderr
