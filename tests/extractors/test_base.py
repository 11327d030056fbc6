"""The table of what an extractor may have says what holds without it, and lists all that shipped ones have."""

import ast
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

import extractors
from extractors.base import Members, member
from pipeline.parts.classes import part as described

FOLDER = Path(extractors.__path__[0])


@pytest.mark.parametrize(
    ("name", "value", "default"),
    [("level", "frame", "video"), ("counted", True, False), ("colours", "BGR", "RGB"), ("FILES", ("vectors",), ())],
)
def test_an_extractor_says_only_what_differs(name: str, value: Any, default: Any) -> None:
    assert member(SimpleNamespace(), name) == default
    assert member(SimpleNamespace(**{name: value}), name) == value


def test_a_member_that_nobody_knows_is_an_error() -> None:
    with pytest.raises(AttributeError, match="levels"):
        member(SimpleNamespace(level="frame"), "levels")


def test_a_class_is_read_as_an_object_of_it_is() -> None:
    w2v = described("extractors.w2v.W2v")
    assert (w2v.member("FILES"), w2v.member("CONFIGS"), w2v.member("sparse")) == (("vectors",), (), False)
    assert described("extractors.bow.Bow").member("sparse") is True
    assert described("extractors.clip_ft.ClipFt").member("FREE") == ("frames", "stride", "fps", "rule", "level")


def capitals() -> dict[str, list[str]]:
    """Class attributes in capitals of the files of extractors/: name -> files."""
    names: dict[str, list[str]] = {}
    for file in sorted(FOLDER.glob("*.py")):
        for node in ast.parse(file.read_text(encoding="utf-8")).body:
            for item in node.body if isinstance(node, ast.ClassDef) and node.name != "Members" else []:
                targets = item.targets if isinstance(item, ast.Assign) else []
                for target in targets:
                    if isinstance(target, ast.Name) and target.id.isupper():
                        names.setdefault(target.id, []).append(file.name)
    return names


def test_every_capital_of_an_extractor_is_in_the_table() -> None:
    names = capitals()
    assert {"LAYOUTS", "FILES", "FREE"} <= names.keys()
    assert {name: files for name, files in names.items() if not hasattr(Members, name)} == {}


def test_the_table_is_read_without_torch_and_numpy() -> None:
    code = "import sys, extractors.base; print([name for name in ('torch', 'numpy') if name in sys.modules])"
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=FOLDER.parent)
    assert run.stdout.strip() == "[]"
