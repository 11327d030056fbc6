"""The end of the demo: its commands can be typed as they stand."""

import sys
from pathlib import Path

import pytest

from pipeline.commands.demo import SENTENCES, next_steps


@pytest.mark.parametrize(
    ("on_path", "called", "command"),
    [
        (True, "/opt/bin/laff", "laff"),
        (False, "/opt/other/laff", "/opt/other/laff"),
    ],
)
def test_what_the_demo_advises_can_be_typed(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, on_path: bool, called: str, command: str
) -> None:
    monkeypatch.setattr("shutil.which", lambda name: name if on_path else None)
    monkeypatch.setattr(sys, "argv", [called])
    work = tmp_path / "a b" / "work"
    assert [line.partition("  ")[2].strip() for line in next_steps(work).splitlines()] == [
        f"{command} search \"{SENTENCES[0]}\" -w '{work}'",
        f"{command} serve -w '{work}'",
        f"{command} index FOLDER",
    ]
