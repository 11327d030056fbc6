"""A name that does not exist is answered with one that is near: a list of misspellings, each as a person makes it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

import cli

ROOT = Path(__file__).resolve().parent.parent
NOTHING_NEEDED = [
    ("serach a", "search"),
    ("run --profil small", "--profile"),
    ("weights gett", "get"),
    ("weights list x3d-l-k40", "x3d-l-k400"),
    ("analyze wieghts", "weights"),
    ("completion bahs", "bash"),
    ("reproduce tab-11x", "tab-11"),
    ("prepare msrvt", "msrvtt"),
    ("prepare msrvtt IN --protocol 1k-aa --out IN/o", "1k-a"),
    ("prepare msrvtt IN --val held-outt", "held-out"),
    ("prepare csv IN/t.csv --column captoin=text --out IN/o", "caption"),
    ("prepare csv IN/t.csv --column video=clip --column caption=sentence --out IN/o", "sentense"),
    ("score IN/a.trec --qrels IN/qrels --measure mAPP", "mAP"),
    ("score IN/a.trec --qrels IN/qrels --facets tv200", "tv20"),
    ("score IN/a.trec IN/b.trec --qrels IN/qrels --fuse rff", "rrf"),
    ("score IN/a.trec --out IN/o.xml --attribute pdi=X", "pid"),
    ("score IN/aa.trec --qrels IN/qrels", "IN/a.trec"),
    ("score IN/a.trec --qrels IN/qrel", "IN/qrels"),
    ("import IN/t.csw --out IN/o", "IN/t.csv"),
]
OF_A_WORKSPACE = [
    ("plan trian", "train"),
    ("accept trian", "train"),
    ("plan --profile smal", "small"),
    ("plan --set x3d.fraems=5", "frames"),
    ("plan --set x3dd.frames=5", "x3d"),
    ("plan --set train.loss=triplett", "triplet"),
    ("plan --set train.from=[clip-ftt,x3d]", "clip-ft"),
    ("plan --grid blocs", "blocks"),
    ("compare bloks", "blocks"),
    ("compare blocks --against lff", "laff"),
    ("compare systems --role leed=x3d", "lead"),
    ("search a --split tset", "test"),
    ("search a --model laf", "laff"),
    ("search a --model laff/sede1", "seed1"),
    ("search a --name mian", "main"),
    ("analyze weights --model concta", "concat"),
    ("analyze queries lafff concat", "laff"),
    ("package --model laf IN/p", "laff"),
    ("export x3dd --to IN/o --format npz", "x3d"),
    ("export x3d --to IN/o --format npzz", "npz"),
    ("export x3d --to IN/o --format npz --side vdeo", "video"),
    ("runs --format markdwn", "markdown"),
    ("reproduce tab-11 --as rx1010=x3d", "rx101"),
]


@pytest.fixture(scope="module")
def inside(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a run, judgements and a table."""
    folder = tmp_path_factory.mktemp("inside")
    for name in ("a", "b"):
        (folder / f"{name}.trec").write_text(f"1 Q0 x 1 1.0 {name}\n")
    (folder / "qrels").write_text("1 0 x 1\n")
    (folder / "t.csv").write_text("clip,sentense\na,b\n")
    return folder


def refused(words: list[str]) -> str:
    """What a command says that it refuses."""
    result = CliRunner().invoke(cli.main, words, env={"COLUMNS": "300"})
    assert result.exit_code in (1, 2), result.output
    assert result.exception is None or isinstance(result.exception, SystemExit)
    return result.output


def meant(words: str, near: str, inside: Path, *more: str) -> None:
    """Check that a command's message names what was meant."""
    message = refused([*words.replace("IN", str(inside)).split(), *more])
    near = near.replace("IN", str(inside))
    assert f"did you mean '{near}'?" in message or f"Did you mean '{near}'?" in message, message


@pytest.mark.parametrize(("words", "near"), NOTHING_NEEDED, ids=[words for words, _ in NOTHING_NEEDED])
def test_without_a_workspace(words: str, near: str, inside: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(ROOT)
    meant(words, near, inside)


def test_of_a_workspace(ran: Any, inside: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(ROOT)
    for words, near in OF_A_WORKSPACE:
        meant(words, near, inside, "-w", str(ran.work))
    wrong = ran.work.parent / f"{ran.work.name}k"
    for words in ("failures", "verify", "runs", "plan", "search a", "serve --port 0", "diff main other"):
        meant(words, str(ran.work), inside, "-w", str(wrong))
    meant("accept x3d", str(ran.work), inside, "-w", str(wrong), "-c", str(ran.collection))
    meant(f"diff {wrong} {ran.work}", str(ran.work), inside)
    meant("plan", str(ran.collection), inside, "-w", str(wrong), "-c", f"{ran.collection}x")
