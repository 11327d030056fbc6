"""Commands that can be typed: how laff is called, and words that a shell gives on as they are."""

import shlex
import sys
from pathlib import Path

import pytest

from pipeline.shell import called, command


@pytest.mark.parametrize(
    ("on_path", "argument", "expected"),
    [
        (["laff"], "/opt/bin/laff", "laff"),
        ([], ".venv/bin/laff", "{here}/.venv/bin/laff"),
        ([], "my bin/laff", "'{here}/my bin/laff'"),
        ([], "cli.py", f"{sys.executable} {{here}}/cli.py"),
        (["python"], "cli.py", "python {here}/cli.py"),
    ],
)
def test_how_laff_is_called(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, on_path: list[str], argument: str, expected: str
) -> None:
    """In any folder, so a program that is not on the path has its full path."""
    found = {"laff": "/opt/bin/laff", "python": sys.executable}
    monkeypatch.setattr("shutil.which", lambda name: found[name] if name in on_path else None)
    monkeypatch.setattr(sys, "argv", [argument])
    monkeypatch.chdir(tmp_path)
    assert called() == expected.format(here=tmp_path)


def test_another_python_on_the_path_is_not_meant(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("shutil.which", lambda name: "/usr/bin/python" if name == "python" else None)
    monkeypatch.setattr(sys, "argv", ["/a/cli.py"])
    assert called() == f"{sys.executable} /a/cli.py"


@pytest.mark.parametrize(
    ("word", "text"),
    [
        ("a sentence", '"a sentence"'),
        ("bow", "bow"),
        ("it's $HOME `ls`", None),
        ("-rf *", None),
        ("a\nb", None),
        ("un été 視頻", '"un été 視頻"'),
    ],
)
def test_words_are_given_on_as_they_are(monkeypatch: pytest.MonkeyPatch, word: str, text: str | None) -> None:
    monkeypatch.setattr("shutil.which", lambda name: name)
    line = command("search", word)
    assert shlex.split(line) == ["laff", "search", word]
    if text:
        assert line == f"laff search {text}"


def test_paths_are_given_in_full(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr("shutil.which", lambda name: name)
    monkeypatch.chdir(tmp_path)
    assert command("plan", "-w", Path("my work")) == f"laff plan -w '{tmp_path}/my work'"
