"""Writes docs/commands.md and the rooms of docs/architecture.md from the code: `make docs`.

tests/test_docs.py holds that they are up to date. Commands come from what `--help` prints, rooms from their docstrings
and from the layers in pyproject.toml.
"""

from __future__ import annotations

import ast
import contextlib
import re
import sys
import tomllib
from pathlib import Path

import click
from click.testing import CliRunner

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))  # `python docs/make.py` looks for modules in docs/ only

import cli  # noqa: E402  (found by the line above)
from pipeline.graph.stages_file import StagesFile  # noqa: E402

WIDTH = 100  # columns of the help texts
COMMANDS = ROOT / "docs" / "commands.md"
ARCHITECTURE = ROOT / "docs" / "architecture.md"
BEGIN, END = "<!-- rooms: written by `make docs` -->\n", "<!-- end of rooms -->\n"
INTRODUCTION = """# Commands

Made from `--help` by `make docs`; edit the help texts in `pipeline/commands/`, not this page.

`laff COMMAND --help` prints the same. The other pages say how the commands are used together; [caching.md](caching.md)
explains what a workspace remembers, so that most commands need only `-w WORK`.

Quote arguments that hold brackets or spaces: zsh takes `[` for a pattern, and every shell splits at a space.
"""
STAGES = """## Stages

Every stage of `stages.yaml` is a command: it makes that stage and whatever that stage still needs, nothing else.
All of them take the options of `laff run`; the params below are set with `--set 'STAGE.PARAM=VALUE'`, or under
`params:` in a stages file of your own. The values shown are those without a profile; `…` stands for one that must be
given.
"""


def commands() -> str:
    """The text of docs/commands.md."""
    group = cli.main
    assert isinstance(group, click.Group)
    context = click.Context(group, obj=StagesFile(ROOT / "stages.yaml"))
    own = [name for name in group.list_commands(context) if name in group.commands]
    stages = [name for name in group.list_commands(context) if name not in group.commands]
    parts = [INTRODUCTION, _section([])]
    for name in own:
        parts.append(_section([name]))
        command = group.commands[name]
        if isinstance(command, click.Group):
            parts += [_section([name, verb]) for verb in command.list_commands(context)]
    parts += [STAGES, *(_stage(name) for name in stages)]
    return "\n".join(parts)


def rooms() -> str:
    """The table of rooms: those of pipeline by layer, from the top down, then extractors and fusion."""
    config = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    contracts = config["tool"]["importlinter"]["contracts"]
    (layers,) = (contract["layers"] for contract in contracts if contract.get("containers") == ["pipeline"])
    lines = ["| layer | in `pipeline/` | what it is |", "|---|---|---|"]
    for number, layer in enumerate(layers, 1):
        for name in layer.split(" | "):
            folder = ROOT / "pipeline" / name
            shown, file = (f"{name}/", folder / "__init__.py") if folder.is_dir() else (f"{name}.py", _module(folder))
            lines.append(f"| {number} | `{shown}` | {_first_sentence(file)} |")
    lines += ["", "| beside it | what it is |", "|---|---|"]
    for package in ("extractors", "fusion"):
        for file in sorted((ROOT / package).rglob("__init__.py")):
            lines.append(f"| `{file.parent.relative_to(ROOT).as_posix()}/` | {_first_sentence(file)} |")
    return "\n".join(lines) + "\n"


def with_rooms(page: str) -> str:
    """The text of docs/architecture.md with the table of rooms as it is now."""
    before, rest = page.split(BEGIN)
    return f"{before}{BEGIN}\n{rooms()}\n{END}{rest.split(END)[1]}"


def _help(arguments: list[str]) -> str:
    """What a command prints for --help, with the shipped stages file."""
    with contextlib.chdir(ROOT):
        result = CliRunner().invoke(cli.main, [*arguments, "--help"], prog_name="laff", terminal_width=WIDTH)
    if result.exit_code:
        raise RuntimeError(f"laff {' '.join(arguments)} --help: {result.output}")
    return result.output.rstrip()


def _section(arguments: list[str]) -> str:
    """One command under a heading."""
    name = " ".join(["laff", *arguments])
    return f"{'###' if len(arguments) > 1 else '##'} {name}\n\n```\n{_help(arguments)}\n```\n"


def _stage(name: str) -> str:
    """One stage: what its command does, and its params."""
    text = _help([name])
    what = " ".join(text.split("\n\n")[1].split())
    made = " ".join(text.split("\n\n")[2].split())
    made = made.removesuffix(", nothing else.").replace(" and what it still needs", "")
    params = re.split(r"^(?=Params of )", text, flags=re.MULTILINE)[1:]
    shown = "".join(params).split("\nChange one by")[0].rstrip()
    block = f"\n```\n{shown}\n```\n" if shown else ""
    return f"### laff {name}\n\n{what} {made}.\n{block}"


def _module(path: Path) -> Path:
    return path.with_suffix(".py")


def _first_sentence(file: Path) -> str:
    """The first line of a file's docstring."""
    text = ast.get_docstring(ast.parse(file.read_text(encoding="utf-8"))) or ""
    return text.splitlines()[0].replace("|", "\\|")


if __name__ == "__main__":
    COMMANDS.write_text(commands(), encoding="utf-8")
    ARCHITECTURE.write_text(with_rooms(ARCHITECTURE.read_text(encoding="utf-8")), encoding="utf-8")
