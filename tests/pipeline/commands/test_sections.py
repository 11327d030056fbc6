"""A group's help: sections in the order of adding, names in one column, summaries whole."""

import click
from click.testing import CliRunner

from pipeline.commands.sections import UNTITLED, Sectioned, summary


def command(name: str, text: str, hidden: bool = False) -> click.Command:
    return click.Command(name, help=text, hidden=hidden)


def group() -> Sectioned:
    made = Sectioned("it")
    made.add("Second", command("zeta", "Do this.\n\nAnd that."), command("a-longer-name", "Make it."))
    made.add("First", command("beta", "Look."), command("secret", "Hide.", hidden=True))
    return made


def test_commands_are_listed_as_they_were_added() -> None:
    made = group()
    context = click.Context(made)
    assert made.sections(context) == {"Second": ["zeta", "a-longer-name"], "First": ["beta", "secret"]}
    assert made.list_commands(context) == ["zeta", "a-longer-name", "beta", "secret"]
    shown = CliRunner().invoke(made, ["--help"]).output
    assert shown.endswith(
        "\n\nSecond:\n  zeta           Do this\n  a-longer-name  Make it\n\nFirst:\n  beta           Look\n"
    )


def test_a_command_without_a_section_is_listed_too() -> None:
    made = group()
    made.add_command(command("other", "Do something else."))
    assert made.sections(click.Context(made))[UNTITLED] == ["other"]
    assert "\n\nCommands:\n  other          Do something else\n" in CliRunner().invoke(made, ["--help"]).output


def test_a_group_without_commands_has_help() -> None:
    assert CliRunner().invoke(Sectioned("none"), ["--help"]).output.endswith("Show this message and exit.\n")


def test_a_summary_is_the_first_sentence_however_long() -> None:
    long = "Read " + "very " * 40 + "much"
    assert summary(command("x", f"{long}. More.\n\nEven more.")) == long
    made = Sectioned("it")
    made.add("One", command("x", f"{long}."))
    lines = CliRunner().invoke(made, ["--help"], terminal_width=60).output.partition("One:\n")[2].splitlines()
    assert len(lines) == 4  # 209 characters in lines of 60 - 5
    assert max(map(len, lines)) <= 60
    assert " ".join(" ".join(lines).split()) == f"x {long}"


def test_a_misspelt_command_is_guessed() -> None:
    shown = CliRunner().invoke(group(), ["betta"])
    assert (shown.exit_code, shown.output.splitlines()[-1]) == (
        2,
        "Error: No such command 'betta'; did you mean 'beta'?",
    )
    assert CliRunner().invoke(group(), ["xyz"]).output.endswith("Error: No such command 'xyz'\n")
