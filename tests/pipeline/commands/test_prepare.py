"""`laff prepare` as a person calls it."""

import subprocess
import sys
from pathlib import Path

import pytest
from click.testing import CliRunner

import cli


def laff(*words: object) -> tuple[int, str]:
    result = CliRunner().invoke(cli.main, [str(word) for word in words])
    return result.exit_code, result.output


@pytest.fixture
def table(tmp_path: Path) -> Path:
    path = tmp_path / "t.csv"
    path.write_text("video,words\na,x\nb,y\nc,z\n")
    return path


def test_without_arguments_it_lists_all():
    status, output = laff("prepare")
    assert status == 0
    for words in ("msrvtt: MSR-VTT", "  1k-a  ", "msvd: MSVD", "tgif: TGIF", "csv: ", "jsonl: ", "folder: "):
        assert words in output


def test_a_data_set_alone_lists_its_files():
    status, output = laff("prepare", "msvd")
    assert status == 0
    assert "test: 670 videos, 27,767 captions" in output
    assert "raw-captions.pkl" in output


def test_a_collection_from_a_table(table: Path, tmp_path: Path):
    out = tmp_path / "out"
    options = ("--column", "caption=words", "--fractions", "34/33/33", "--out", out)
    status, output = laff("prepare", "csv", table, *options)
    assert status == 0, output
    assert "train  1 video; 1 caption" in output
    assert f"import FEATURES --out FOLDER -c {out / 'collection.yaml'}" in output.splitlines()[-1]
    status, output = laff("prepare", "csv", table, *options, "--seed", 7)
    assert status == 1
    assert "--yes replaces it" in output
    assert laff("prepare", "csv", table, *options, "--seed", 7, "--yes")[0] == 0


@pytest.mark.parametrize(
    ("words", "status", "message"),
    [
        (["mvd"], 1, "no data set 'mvd'; did you mean 'msvd'?"),
        (["csv", "TABLE"], 2, "Missing option '--out'"),
        (["csv", "--out", "x"], 1, "name the annotation files of csv too"),
        (["csv", "TABLE", "--out", "x", "--videos", "none"], 1, "--videos none: no such folder"),
        (["csv", "TABLE", "--out", "x", "--column", "caption"], 2, "should be WHAT=COLUMN"),
        (["csv", "TABLE", "--out", "x", "--fractions", "1/2"], 2, "such as 80/10/10"),
        (["csv", "TABLE", "--out", "x", "--fractions", "0/0/0"], 2, "such as 80/10/10"),
        (["csv", "none.csv", "--out", "x"], 1, "none.csv: no such file or folder"),
        (["csv", "TABLE", "--out", "x"], 1, "which column holds the caption? Say --column caption=COLUMN"),
    ],
)
def test_mistakes(table: Path, monkeypatch: pytest.MonkeyPatch, words: list[str], status: int, message: str):
    monkeypatch.chdir(table.parent)
    code, output = laff("prepare", *[str(table) if word == "TABLE" else word for word in words])
    assert (code, message in " ".join(output.split())) == (status, True), output
    assert not Path("x").exists()


def test_it_imports_nothing_heavy(table: Path):
    """Annotation files are read in a second or two, of which torch alone would take more."""
    code = "import sys, cli; from click.testing import CliRunner; "
    code += f"assert not CliRunner().invoke(cli.main, {['prepare', 'csv', str(table), '--column', 'caption=words']!r} "
    code += f"+ ['--out', {str(table.parent / 'out')!r}]).exit_code; "
    code += "print({'torch', 'h5py', 'av', 'numpy', 'pandas'} & set(sys.modules))"
    process = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert process.stdout == "set()\n"
