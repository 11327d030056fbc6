"""README.md and docs/ name every file, command, stage and make target; what their tree and make commands name exists.

The tree, in docs/architecture.md, is the fenced block with a line that starts with `cli.py`: deeper lines are indented,
folders end with a slash, a line names one file or several and goes on with words about them.
"""

from __future__ import annotations

import re
import subprocess
from pathlib import Path

import click
import pytest
import yaml

import cli
from pipeline.evaluation.results import TIES
from pipeline.ranking.ranks import RULE

ROOT = Path(__file__).resolve().parent.parent
FILE = re.compile(r"[\w.-]+(\.\w+|/)$")


@pytest.fixture(scope="module")
def pages() -> str:
    """README.md and all of docs/, as one text."""
    paths = [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))]
    return "\n".join(path.read_text(encoding="utf-8") for path in paths)


def fenced(text: str) -> list[str]:
    """The contents of the ``` blocks."""
    return re.findall(r"^```[^\n]*\n(.*?)^```", text, re.MULTILINE | re.DOTALL)


def tree(text: str) -> set[str]:
    """Paths of the tree; folders end with a slash."""
    (block,) = (block for block in fenced(text) if re.search(r"^cli\.py\b", block, re.MULTILINE))
    paths: set[str] = set()
    above: list[tuple[int, str]] = []  # indent and path of the folders that the line may be in
    for line in block.splitlines():
        indent = len(line) - len(line.lstrip())
        while above and above[-1][0] >= indent:
            above.pop()
        for word in line.split():
            if not FILE.match(word):
                break
            path = (above[-1][1] if above else "") + word
            paths.add(path)
            if word.endswith("/"):
                above.append((indent, path))
    return paths


def test_the_rule_of_ties_stands_in_the_same_words(pages: str) -> None:
    assert RULE in TIES
    assert RULE in " ".join(pages.split())


def test_the_tree_of_an_example() -> None:
    text = (
        "```\ncli.py  a command\nfusion/  vectors\n  laff.py  concat.py  two blocks.\n  deep/\n    a.py\ntests/\n```\n"
    )
    assert tree(text) == {
        "cli.py",
        "fusion/",
        "fusion/laff.py",
        "fusion/concat.py",
        "fusion/deep/",
        "fusion/deep/a.py",
        "tests/",
    }


def test_the_tree_lists_every_file_of_the_pipeline_and_nothing_else(pages: str) -> None:
    """Not so of extractors and fusion: who adds a feature or a block adds one file and edits no list."""
    listed = {path for path in tree(pages) if path.startswith("pipeline/")}
    files = {path.relative_to(ROOT).as_posix() for path in (ROOT / "pipeline").rglob("*.py")}
    assert {path for path in listed if path.endswith(".py")} == {
        path for path in files if not path.endswith("__init__.py")
    }


def test_what_the_tree_lists_exists(pages: str) -> None:
    assert [path for path in sorted(tree(pages)) if not (ROOT / path).exists()] == []


def test_every_command_is_documented_and_has_help(pages: str) -> None:
    assert isinstance(cli.main, click.Group)
    context = click.Context(cli.main)
    stages = yaml.safe_load((ROOT / "stages.yaml").read_text(encoding="utf-8"))["stages"]
    unnamed, unhelpful = [], []
    for name in cli.main.list_commands(context):
        command = cli.main.get_command(context, name)
        assert command is not None
        pattern = rf"(?<![\w-]){re.escape(name)}(?![\w-])"
        if not re.search(pattern if name in stages else f"laff {pattern}", pages):
            unnamed.append(name)
        if not command.help:
            unhelpful.append(name)
    assert (unnamed, unhelpful) == ([], [])


def test_every_stage_is_documented(pages: str) -> None:
    stages = yaml.safe_load((ROOT / "stages.yaml").read_text(encoding="utf-8"))["stages"]
    assert [name for name in stages if not re.search(rf"(?<![\w-]){re.escape(name)}(?![\w-])", pages)] == []


def test_make_targets_are_those_of_the_documents(pages: str) -> None:
    shown = subprocess.run(["make", "help"], cwd=ROOT, check=True, capture_output=True, text=True).stdout
    targets = set(re.findall(r"^make ([a-z-]+): \S", shown, re.MULTILINE))
    code = "\n".join([*fenced(pages), *re.findall(r"`([^`\n]+)`", pages)])
    assert targets == {"help", "demo", "test", "test-real", "check", "format"}
    assert set(re.findall(r"(?<![\w-])make ([a-z][a-z-]*)", code)) == targets
