"""What was found out of source files, kept by size and date."""

import os
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from pipeline import files
from pipeline.parts import code
from pipeline.parts.noted import Noted, beside


@pytest.fixture
def asked(tmp_path: Path) -> Callable[[], tuple[str, list[str]]]:
    """`asked()`: what a new process finds of mine.py, and what it had to make anew."""

    def ask(made_by: str = "1") -> tuple[str, list[str]]:
        noted, file, calls = Noted(tmp_path / "noted.json", tmp_path, [made_by]), tmp_path / "mine.py", []
        value = noted.of(file, "text", lambda: calls.append("text") or file.read_text())
        noted.save()
        return value, calls

    return ask


def old(path: Path, text: str, seconds: int = 100) -> None:
    path.write_text(text)
    os.utime(path, (seconds, seconds))


@pytest.fixture(autouse=True)
def written(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "dont_write_bytecode", False)


def test_a_file_is_looked_at_once(tmp_path: Path, asked: Callable) -> None:
    old(tmp_path / "mine.py", "a")
    assert asked() == ("a", ["text"])
    assert asked() == ("a", [])
    old(tmp_path / "mine.py", "bb")  # another size
    assert asked() == ("bb", ["text"])
    old(tmp_path / "mine.py", "cc", 101)  # another date
    assert asked() == ("cc", ["text"])
    assert asked() == ("cc", [])
    assert asked("2") == ("cc", ["text"])  # by other code
    (tmp_path / "noted.json").write_text("{")
    assert asked() == ("cc", ["text"])


def test_a_file_that_was_just_written_may_change_within_a_tick(tmp_path: Path, asked: Callable) -> None:
    (tmp_path / "mine.py").write_text("a")
    assert asked() == ("a", ["text"])
    assert asked() == ("a", ["text"])


@pytest.mark.parametrize("byte_code", [True, False])
def test_where_no_byte_code_is_written_the_users_cache_has_the_facts(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, byte_code: bool
) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.setattr(sys, "dont_write_bytecode", not byte_code)
    (tmp_path / "root").mkdir()
    file = tmp_path / "root" / "mine.py"
    old(file, "a")
    for made in ([file], []):
        asked: list[Path] = []
        noted = beside(file, tmp_path / "root")
        assert noted.of(file, "size", lambda asked=asked: asked.append(file) or 1) == 1
        noted.save()
        assert asked == made
    assert (tmp_path / "root" / "__pycache__").exists() is byte_code
    assert (tmp_path / "cache" / "laff" / "code").exists() is not byte_code


def test_a_folder_that_takes_nothing_costs_only_time(
    tmp_path: Path, asked: Callable, monkeypatch: pytest.MonkeyPatch
) -> None:
    old(tmp_path / "mine.py", "a")
    monkeypatch.setattr(files, "write_json", lambda *_: (_ for _ in ()).throw(PermissionError()))
    assert asked() == asked() == ("a", ["text"])
    assert not (tmp_path / "noted.json").exists()


def test_files_elsewhere_and_files_that_went_are_not_kept(tmp_path: Path) -> None:
    (tmp_path / "root").mkdir()
    old(tmp_path / "other.py", "a")
    old(tmp_path / "root" / "mine.py", "a")
    old(tmp_path / "root" / "gone.py", "a")
    noted = Noted(tmp_path / "noted.json", tmp_path / "root", [])
    for file in ("other.py", "root/mine.py", "root/gone.py"):
        assert noted.of(tmp_path / file, "size", lambda: 1) == 1
    (tmp_path / "root" / "gone.py").unlink()
    noted.save()
    text = (tmp_path / "noted.json").read_text()
    assert "mine.py" in text
    assert "other.py" not in text
    assert "gone.py" not in text


def test_what_is_noted_of_our_code_is_what_it_is() -> None:
    file = code.source_file("extractors.clip_ft")
    assert file is not None
    code.code_digest.cache_clear()
    assert code.code_digest(file) == code.tree_digest(code.tree(file))
