"""The commands that run: how they call themselves."""

import sys
from pathlib import Path

import pytest
from click.testing import CliRunner

import cli


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
    monkeypatch.setattr("pipeline.demo.make_collection", lambda folder: folder / "collection.yaml")
    monkeypatch.setattr(
        "pipeline.run.run", lambda *given: type("Outcome", (), {"summary": lambda self, *given: "made"})()
    )
    result = CliRunner().invoke(cli.main, ["demo", "--folder", str(tmp_path)])
    assert result.output.splitlines()[-1] == f'try: {command} search "a red circle moves up" -w {tmp_path}/work'
