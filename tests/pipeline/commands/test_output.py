"""What commands print on: a terminal or a pipe; and JSON."""

import io
import json

import pytest

from pipeline.commands import output
from pipeline.views.printed import PLAIN, Paper


class Terminal(io.StringIO):
    """An output that says it is a terminal."""

    def isatty(self) -> bool:
        return True


@pytest.mark.parametrize(
    ("variables", "styled"),
    [({}, True), ({"NO_COLOR": "1"}, False), ({"NO_COLOR": ""}, True), ({"TERM": "dumb"}, False)],
)
def test_a_terminal_has_a_width_and_perhaps_bold_letters(
    variables: dict[str, str], styled: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("NO_COLOR", "TERM"):
        monkeypatch.delenv(name, raising=False)
    for name, value in {"TERM": "xterm", "COLUMNS": "77", **variables}.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setattr("sys.stdout", Terminal())
    assert output.paper() == Paper(77, styled)


def test_a_pipe_and_a_closed_output_have_neither(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.stdout", io.StringIO())
    assert output.paper() == PLAIN
    closed = io.StringIO()
    closed.close()
    monkeypatch.setattr("sys.stdout", closed)
    assert output.paper() == PLAIN


def test_json_is_json_in_every_language(capsys: pytest.CaptureFixture[str]) -> None:
    """JSON has no NaN and no infinity: what is not known is null."""
    output.print_json({"text": "Été 中文", "values": [float("nan"), 0.5, float("inf")], "pair": (1, None)})
    text = capsys.readouterr().out
    assert "Été 中文" in text
    assert json.loads(text) == {"text": "Été 中文", "values": [None, 0.5, None], "pair": [1, None]}
