"""Options that commands share: where the stages file is found, and that each is defined once."""

from collections.abc import Iterator
from pathlib import Path

import click
import pytest
from click.testing import CliRunner

import cli
from pipeline.commands.named_stages import stages_named
from pipeline.commands.options import STAGES, optional_workspace_options, workspace_options
from pipeline.graph.stages_file import StagesFile


@pytest.mark.parametrize(
    ("words", "named"),
    [
        ("", None),
        ("plan -c x", None),
        ("plan --stages a.yaml -c x", "a.yaml"),
        ("plan --stages=a=b.yaml", "a=b.yaml"),
        ("--stages a.yaml --help", "a.yaml"),
        ("--stages a.yaml plan --stages b.yaml", "b.yaml"),  # as click has it: the last one
        ("plan --stages", None),
        ("plan --stagesx a.yaml", None),
    ],
)
def test_the_stages_file_is_found_before_anything_is_parsed(words: str, named: str | None) -> None:
    assert stages_named(words.split()) == (Path(named) if named else None)


def test_a_command_takes_the_file_that_it_was_looked_up_in() -> None:
    seen: list[StagesFile] = []

    @click.command()
    @STAGES
    def command(stages: StagesFile) -> None:
        seen.append(stages)

    known = StagesFile(Path("a.yaml"))
    for words in ([], ["--stages", "a.yaml"], ["--stages", "b.yaml"]):
        assert CliRunner().invoke(command, words, obj=known).exit_code == 0
    assert seen[0] is seen[1] is known
    assert seen[2] == StagesFile(Path("b.yaml"))
    assert CliRunner().invoke(command, []).exit_code == 0  # a command by itself, without the group
    assert seen[3] == StagesFile()


def commands(group: click.Group, context: click.Context, prefix: str = "") -> Iterator[tuple[str, click.Command]]:
    """All commands of a group and of the groups below it, with the words that call them."""
    for name in group.list_commands(context):
        command = group.get_command(context, name)
        assert command is not None
        yield f"{prefix}{name}", command
        if isinstance(command, click.Group):
            yield from commands(command, context, f"{prefix}{name} ")


@pytest.mark.parametrize(
    "option", ["--work", "--collection", "--stages", "--profile", "--set", "--trust", "--workers", "--role", "--name"]
)
def test_a_shared_option_is_the_same_wherever_it_is_taken(option: str) -> None:
    """The same letters, type and text in the help; only whether it must be given differs."""
    descriptions = [
        {key: value for key, value in parameter.to_info_dict().items() if key not in ("required", "default")}
        for words, command in commands(cli.main, click.Context(cli.main))
        for parameter in command.params
        if option in parameter.opts and (words, option) != ("serve", "--work")  # which takes several
    ]
    assert len(descriptions) > 3
    assert all(description == descriptions[0] for description in descriptions)


def test_the_workspace_must_be_given_but_where_a_command_does_without() -> None:
    needed = {
        name: callable(parameter.default)  # which looks for a workspace, and ends the command where there is none
        for name, command in commands(cli.main, click.Context(cli.main))
        for parameter in command.params
        if parameter.name == "work"
    }
    without = {"index", "analyze cost", "reproduce", "config", "diff"}
    assert {name for name, required in needed.items() if not required} == without
    help_text = CliRunner().invoke(cli.main, ["plan", "--help"]).output
    assert "Without, the .laff" in help_text
    assert "[required]" not in help_text


def test_the_collection_is_left_to_the_person_where_the_workspace_is() -> None:
    for decorate, code in ((workspace_options, 2), (optional_workspace_options, 0)):
        result = CliRunner().invoke(click.command()(decorate(lambda **_: None)), [])
        assert result.exit_code == code


def test_a_name_that_no_folder_can_have_is_refused_at_once(tmp_path: Path) -> None:
    result = CliRunner().invoke(cli.main, ["plan", "-w", str(tmp_path), "--name", "n" * 300])
    assert result.exit_code == 2
    assert (
        "Invalid value for '--name': nnnnnnnnnnnnnnnnnnnn… has 300 letters; a run's name is a folder" in result.output
    )
    result = CliRunner().invoke(cli.main, ["plan", "-w", str(tmp_path), "--name", "n" * 80])
    assert "remembers no run" in result.output
