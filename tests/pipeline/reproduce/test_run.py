"""`laff reproduce` from the list of tables to figures side by side."""

from __future__ import annotations

import csv
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

import cli
from pipeline.published import read
from pipeline.reproduce.needs import overview

PLAYED = ("rx101=pair", "re152=other", "w2v=-", "gru=-", "clip-text=words")
ROLES = [word for role in PLAYED for word in ("--stand-in", role)]
TRAIN = "compare/reproduce-tab-11/train"


def laff(*words: Any, code: int = 0) -> Any:
    result = CliRunner().invoke(cli.main, ["reproduce", *map(str, words)])
    assert result.exit_code == code, result.output
    assert "Traceback" not in result.output
    return result


def folder(small: Any) -> Path:
    path: Path = small.work / "compare" / "reproduce-tab-11"
    return path


def test_without_a_table_it_lists_them() -> None:
    shown = laff().stdout
    assert shown.strip() == overview()
    assert [line.split()[0] for line in shown.splitlines() if line[:1].strip()] == read.ids()
    assert "run by: laff reproduce tab-11 " in shown
    assert "measured by: laff analyze weights" in shown
    assert "quoted only: " in shown


def test_without_a_workspace_it_says_what_a_table_needs() -> None:
    shown = laff("11").stdout
    assert "laff prepare msrvtt --protocol full" in shown
    for name in ("rx101", "re152", "wsl", "clip", "bow", "w2v", "gru"):
        assert f"stage {name}" in shown
    assert "attention-free  19.4  43.3  54.8     8  0.310" in shown
    assert "the same" in laff("11", "--as", "rx101=resnext").stdout
    lines = list(csv.DictReader(laff("11", "--format", "csv").stdout.splitlines()))
    assert len(lines) == 12 * 5
    lines = list(csv.DictReader(laff("12", "--test-set", "TGIF", "--format", "csv").stdout.splitlines()))
    assert {line["test set"] for line in lines} == {"TGIF"}


@pytest.mark.parametrize("form", ["markdown", "latex", "csv"])
def test_a_format_stands_alone_on_the_output(form: str) -> None:
    shown = laff("tab-12", "--test-set", "MSVD", "--format", form)
    begin = {"markdown": "**Systems", "latex": r"\documentclass", "csv": "table,part,"}[form]
    assert shown.stdout.startswith(begin)
    assert "run by: laff reproduce tab-12" in shown.stderr


def test_tables_that_nothing_here_trains(small: Any) -> None:
    assert "measured by: laff analyze spaces -k 5" in laff("10", *small.options()).stdout
    assert "The column heads contradict the source's text." in laff("14").stdout
    assert "quoted only: the poster does not say" in laff("poster-blocks").stdout


def test_the_same_protocol_and_features(named: Any) -> None:
    """The first of three parts can be run: its rows have differences, and the others say what is missing."""
    asked = ("11", *named.options("train.epochs=1"), "--seeds", "1,2")
    shown = laff(*asked).stdout
    assert "data, MV-test3k  msrvtt/full  laff prepare msrvtt --protocol full  yes" in shown
    assert "no stage makes a video feature 'wsl'" in shown
    text = (folder(named) / "reproduction.txt").read_text()
    first, second, third = text.split("Fusion blocks over three sets of video features: ")[1:]
    assert (first.count("ours - quoted"), first.count("because of")) == (4, 0)
    assert "laff: not run here: no stage makes a video feature 'wsl'." in second
    assert "laff: not run here: no stage makes a video feature 'wsl'; no stage makes a video feature 'clip'" in third
    lines = list(csv.DictReader((folder(named) / "reproduction.csv").open()))
    run = [line for line in lines if line["part"] == "rx101-re152"]
    assert len(run) == 4 * 5
    for line in run:
        assert float(line["ours - quoted"]) == pytest.approx(float(line["ours mean"]) - float(line["quoted"]))
        assert (line["seeds"], line["not compared"]) == ("2", "")
    assert r"\begin{table}" in (folder(named) / "reproduction.tex").read_text()
    assert "| model | figures |" in (folder(named) / "reproduction.md").read_text()
    before = {path: path.stat().st_mtime_ns for path in folder(named).rglob("best.pt")}
    assert len(before) == 4 * 2
    latex = laff(*asked, "--format", "latex")  # all is cached
    assert latex.stdout == (folder(named) / "reproduction.tex").read_text()
    assert {path: path.stat().st_mtime_ns for path in folder(named).rglob("best.pt")} == before


def test_other_features_play_the_parts(small: Any) -> None:
    """No protocol is named, and the features are others: nothing is compared."""
    shown = laff("11", *small.options("train.epochs=1"), *ROLES, "--seeds", "1").stdout
    assert "the collection names no protocol" in shown
    assert "stage pair (in its place)" in shown
    assert "ours - quoted" not in shown
    assert shown.count("other features, other protocol") == 4
    assert "In the place of others: pair for rx101, other for re152, nothing for w2v" in shown


def test_a_dry_run_makes_nothing(small: Any) -> None:
    shown = laff("11", *small.options(), *ROLES[:-2], "--stand-in", "clip-text=nothing", "--dry-run", code=1).output
    assert "tab-11: no row can be run here" in shown
    assert "no stage makes a text feature 'nothing'" in shown
    shown = laff("11", *small.options(), *ROLES, "--stand-in", "wsl=-", "--dry-run").stdout
    assert "reproduce-tab-11 on small: 24 to train, 0 trained already" in shown
    assert "not run here: laff of rx101-re152-wsl-clip: no stage makes a video feature 'clip'" in shown
    assert not small.work.exists()


@pytest.mark.parametrize(
    ("words", "code", "message"),
    [
        (["tab-1"], 1, "no published table 'tab-1'"),
        (["11", "--stand-in", "rx=pair"], 1, "--stand-in rx: the table has no such feature"),
        (["12", "--test-set", "MSVDD"], 1, "tab-12 has no such test set; did you mean 'MSVD'"),
        (["11", "--stand-in", "pair"], 2, "should be FEATURE=STAGE"),
        (["11", "-c", "c.yaml"], 2, "give -w too, the workspace"),
        (["11", "--dry-run"], 2, "give -w too, the workspace"),
        (["9", "--seeds", "1"], 1, "tab-9: there is nothing to train: `laff analyze weights` measures the same"),
        (["ea", "--stand-in", "clip=a"], 1, "ea: there is nothing to train: the abstract names neither"),
    ],
)
def test_mistakes(words: list[str], code: int, message: str) -> None:
    assert message in laff(*words, code=code).output
