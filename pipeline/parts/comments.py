"""The comments beside the parameters of a class, read for --help and messages only, since it costs time."""

import io
import tokenize
from collections.abc import Mapping
from functools import cache
from pathlib import Path

from pipeline.parts.classes import Parameter

FOR_TOOLS = ("noqa", "type:", "fmt:", "pragma")  # comments that tell a person nothing


def beside(parameters: Mapping[str, Parameter]) -> dict[str, str]:
    """The comment of each parameter: at the end of its line, else above it, else in the class it inherits from; or ''.

    The comment of a line with several parameters belongs to none of them.
    """
    lines = [place for parameter in parameters.values() for place in parameter.places[:1]]
    comments = {}
    for name, parameter in parameters.items():
        places = [place for place in parameter.places if lines.count(place) < 2]
        comments[name] = next((text for file, line in places if (text := _at(file, line))), "")
    return comments


def _at(file: Path, line: int) -> str:
    ends, alone = _comments(file)
    if line in ends:
        return ends[line]
    above = []
    while (line := line - 1) in alone:
        above.append(alone[line])
    return " ".join(reversed(above))


@cache
def _comments(file: Path) -> tuple[dict[int, str], dict[int, str]]:
    """Comments by line number: those behind code, and those that have a line of their own."""
    ends: dict[int, str] = {}
    alone: dict[int, str] = {}
    for token in tokenize.generate_tokens(io.StringIO(file.read_text(encoding="utf-8")).readline):
        text = token.string.lstrip("# ")
        if token.type == tokenize.COMMENT and not text.startswith(FOR_TOOLS):
            (ends if token.line[: token.start[1]].strip() else alone)[token.start[0]] = text
    return ends, alone
