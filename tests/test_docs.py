"""README.md and docs/ name every command, stage and make target; what is made from the code is up to date."""

from __future__ import annotations

import importlib.util
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


@pytest.fixture(scope="module")
def pages() -> str:
    """README.md and all of docs/, as one text."""
    paths = [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))]
    return "\n".join(path.read_text(encoding="utf-8") for path in paths)


def fenced(text: str) -> list[str]:
    """The contents of the ``` blocks."""
    return re.findall(r"^```[^\n]*\n(.*?)^```", text, re.MULTILINE | re.DOTALL)


def test_the_rule_of_ties_stands_in_the_same_words(pages: str) -> None:
    assert RULE in TIES
    assert RULE in " ".join(pages.split())


def test_pages_made_from_the_code_are_up_to_date() -> None:
    """`make docs` writes them: the commands from --help, the rooms from their docstrings."""
    spec = importlib.util.spec_from_file_location("docs_make", ROOT / "docs" / "make.py")
    assert spec
    assert spec.loader
    make = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(make)
    page = make.ARCHITECTURE.read_text(encoding="utf-8")
    assert make.COMMANDS.read_text(encoding="utf-8") == make.commands(), "run `make docs`"
    assert page == make.with_rooms(page), "run `make docs`"
    listed = set(re.findall(r"^\| \d+ \| `([^`]+)` \| \S", make.rooms(), re.MULTILINE))
    rooms = {path.parent.name + "/" for path in (ROOT / "pipeline").glob("*/__init__.py")}
    assert listed == rooms | {path.name for path in (ROOT / "pipeline").glob("[!_]*.py")}


def test_the_readme_is_short() -> None:
    assert len((ROOT / "README.md").read_text(encoding="utf-8").splitlines()) <= 150


def test_links_lead_somewhere() -> None:
    """To files, and to headings as GitHub names them."""
    broken = []
    for page in [ROOT / "README.md", ROOT / "CONTRIBUTING.md", *(ROOT / "docs").glob("*.md")]:
        text = page.read_text(encoding="utf-8")
        for target in re.findall(r"\]\(([^)\s]+)\)", re.sub(r"```.*?```|`[^`\n]*`", "", text, flags=re.DOTALL)):
            if "://" in target:
                continue
            name, _, heading = target.partition("#")
            file = page.parent / name if name else page
            linked = file.read_text(encoding="utf-8") if file.suffix == ".md" and file.is_file() else ""
            anchors = re.findall(r"^#+ (.*)$", linked, re.MULTILINE)
            names = [re.sub(r"[^\w -]", "", anchor.lower()).replace(" ", "-") for anchor in anchors]
            if not file.exists() or (heading and heading not in names):
                broken.append(f"{page.name}: {target}")
    assert broken == []


def test_every_page_is_linked_from_the_readme() -> None:
    text = (ROOT / "README.md").read_text(encoding="utf-8")
    assert [page.name for page in (ROOT / "docs").glob("*.md") if f"(docs/{page.name})" not in text] == []


def test_a_commit_is_checked_as_make_check_does() -> None:
    hooks = yaml.safe_load((ROOT / ".pre-commit-config.yaml").read_text(encoding="utf-8"))["repos"][0]["hooks"]
    recipe = (ROOT / "Makefile").read_text(encoding="utf-8").split("\ncheck:")[1].split("\n\n")[0]
    steps = [line.strip().replace("$(BIN)", ".venv/bin") for line in recipe.splitlines()[1:]]
    assert [hook["entry"] for hook in hooks] == steps


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
    output = subprocess.run(["make", "help"], cwd=ROOT, check=True, capture_output=True, text=True).stdout
    targets = set(re.findall(r"^make ([a-z-]+): \S", output, re.MULTILINE))
    code = "\n".join([*fenced(pages), *re.findall(r"`([^`\n]+)`", pages)])
    assert targets == {"help", "demo", "test", "test-real", "check", "docs", "pictures", "format"}
    assert set(re.findall(r"^make ([a-z][a-z-]*)", code, re.MULTILINE)) == targets
