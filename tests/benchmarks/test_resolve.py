"""The table of benchmarks/resolve.py, with a uv that only says what uv says."""

from __future__ import annotations

from pathlib import Path

import pytest

from benchmarks import resolve

SAYS = {  # of uv 0.13.9, its lines joined
    "has no wheels with a matching platform tag (e.g., `macosx_14_0_arm64`)": "decord",
    "has no usable wheels": "gensim",
}


def uv(folder: Path) -> str:
    """A program that says $TEXT and fails; without a text it succeeds."""
    program = folder / "uv"
    lines = [
        "#!/bin/sh",
        '[ "$MACOSX_DEPLOYMENT_TARGET" = 14.0 ] || exit 3',
        'printf "%s" "$TEXT" >&2',
        '[ -z "$TEXT" ]',
    ]
    program.write_text("\n".join(lines))
    program.chmod(0o755)
    return str(program)


@pytest.mark.parametrize(("text", "package"), SAYS.items(), ids=SAYS.values())
def test_a_package_without_a_wheel_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, text: str, package: str
) -> None:
    said = (
        f"error: No solution found when resolving dependencies\n  cause: Because {package}==1.0 {text} and you require"
    )
    monkeypatch.setenv("TEXT", f"{said}\n{package}==1.0, we can conclude that your requirements are unsatisfiable.")
    assert resolve.resolved(uv(tmp_path), "any", "3.12", tmp_path / "list", tmp_path, ()) == package


def test_other_words_of_uv_are_shown(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TEXT", "error: no network")
    assert resolve.resolved(uv(tmp_path), "any", "3.12", tmp_path / "list", tmp_path, ()) == "error: no network"
    monkeypatch.setenv("TEXT", "")
    assert resolve.resolved(uv(tmp_path), "any", "3.12", tmp_path / "list", tmp_path, ()) == "yes"


def test_the_table() -> None:
    lines = resolve.table({"Linux aarch64": ["yes", "yes", "yes", "gensim"]}).splitlines()
    assert lines == ["               3.11  3.12  3.13  3.14", "Linux aarch64  yes   yes   yes   gensim"]
