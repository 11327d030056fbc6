"""Options that commands share: where the stages file is found, and that each is defined once."""

import re
from pathlib import Path

import click
import pytest
from click.testing import CliRunner

import cli
from pipeline.commands.named_stages import stages_named
from pipeline.commands.options import STAGES, optional_workspace_options, workspace_options
from pipeline.graph.stages_file import StagesFile
from pipeline.parts.code import ROOT


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


def test_w_and_its_companions_are_defined_once() -> None:
    files = [ROOT / "cli.py", *(ROOT / "pipeline" / "commands").glob("*.py")]
    text = "\n".join(file.read_text(encoding="utf-8") for file in files)
    for option in ("--work", "--collection", "--stages", "--profile", "--set", "--trust", "--workers", "--role"):
        assert len(re.findall(rf'option\(\s*("-\w",\s+)?"{option}"', text)) == 1, option


def test_w_is_one_option_wherever_it_is_taken() -> None:
    """Same name, type and text; only whether it must be given differs."""
    found = {}
    for name in ("run", "plan", "search", "gc", "failures", "verify", "compare", "train", "analyze cost"):
        command: click.Command | None = cli.main
        for word in name.split():
            assert isinstance(command, click.Group)
            command = command.get_command(click.Context(cli.main), word)
        assert command is not None
        (found[name],) = (option.to_info_dict() for option in command.params if option.name == "work")
    assert not found["analyze cost"].pop("required")
    assert found["analyze cost"].pop("default") is None
    assert all(
        option.pop("required") and option.pop("default") for name, option in found.items() if name != "analyze cost"
    )
    assert all(option == found["run"] for option in found.values())
    assert found["run"]["opts"] == ["-w", "--work"]


def test_the_collection_is_left_to_the_person_where_the_workspace_is() -> None:
    for decorate, code in ((workspace_options, 2), (optional_workspace_options, 0)):
        result = CliRunner().invoke(click.command()(decorate(lambda **_: None)), [])
        assert result.exit_code == code


def test_a_name_that_no_folder_can_have_is_refused_at_once(tmp_path: Path) -> None:
    done = CliRunner().invoke(cli.main, ["plan", "-w", str(tmp_path), "--name", "n" * 300])
    assert done.exit_code == 2
    assert "Invalid value for '--name': nnnnnnnnnnnnnnnnnnnn… has 300 letters; a run's name is a folder" in done.output
    done = CliRunner().invoke(cli.main, ["plan", "-w", str(tmp_path), "--name", "n" * 80])
    assert "remembers no run" in done.output
