"""A group's help: sections in the order of adding, names in one column, summaries whole."""

import click
from click.testing import CliRunner

from pipeline.commands.sections import UNTITLED, Sectioned, summary


def command(name: str, text: str, hidden: bool = False) -> click.Command:
    return click.Command(name, help=text, hidden=hidden)


def group() -> Sectioned:
    sectioned = Sectioned("it")
    sectioned.add("Second", command("zeta", "Do this.\n\nAnd that."), command("a-longer-name", "Make it."))
    sectioned.add("First", command("beta", "Look."), command("secret", "Hide.", hidden=True))
    return sectioned


def test_commands_are_listed_as_they_were_added() -> None:
    sectioned = group()
    context = click.Context(sectioned)
    assert sectioned.sections(context) == {"Second": ["zeta", "a-longer-name"], "First": ["beta", "secret"]}
    assert sectioned.list_commands(context) == ["zeta", "a-longer-name", "beta", "secret"]
    output = CliRunner().invoke(sectioned, ["--help"]).output
    assert output.endswith(
        "\n\nSecond:\n  zeta           Do this\n  a-longer-name  Make it\n\nFirst:\n  beta           Look\n"
    )


def test_a_command_without_a_section_is_listed_too() -> None:
    sectioned = group()
    sectioned.add_command(command("other", "Do something else."))
    assert sectioned.sections(click.Context(sectioned))[UNTITLED] == ["other"]
    assert "\n\nCommands:\n  other          Do something else\n" in CliRunner().invoke(sectioned, ["--help"]).output


def test_a_group_without_commands_has_help() -> None:
    assert CliRunner().invoke(Sectioned("none"), ["--help"]).output.endswith("Show this message and exit.\n")


def test_a_summary_is_the_first_sentence_however_long() -> None:
    long = "Read " + "very " * 40 + "much"
    assert summary(command("x", f"{long}. More.\n\nEven more.")) == long
    sectioned = Sectioned("it")
    sectioned.add("One", command("x", f"{long}."))
    lines = CliRunner().invoke(sectioned, ["--help"], terminal_width=60).output.partition("One:\n")[2].splitlines()
    assert len(lines) == 4  # 209 characters in lines of 60 - 5
    assert max(map(len, lines)) <= 60
    assert " ".join(" ".join(lines).split()) == f"x {long}"


def test_a_misspelt_command_is_guessed() -> None:
    result = CliRunner().invoke(group(), ["betta"])
    assert (result.exit_code, result.output.splitlines()[-1]) == (
        2,
        "Error: No such command 'betta'; did you mean 'beta'?",
    )
    assert CliRunner().invoke(group(), ["xyz"]).output.endswith("Error: No such command 'xyz'\n")
