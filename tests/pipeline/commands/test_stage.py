"""A stage's command: what it says of itself, read from the file and from its step."""

from pathlib import Path

import click
import pytest

from pipeline.commands.stage import UNKNOWN, purpose, stage_command
from pipeline.graph.stages_file import StagesFile
from pipeline.graph.step_facts import names


@pytest.mark.parametrize("step", names())
def test_every_step_says_what_it_is_for(step: str) -> None:
    assert purpose(step) != UNKNOWN
    assert purpose(step).endswith(".")
    assert "\n" not in purpose(step)


@pytest.mark.parametrize("step", ["", "ranc", "../cli", "os.system", "import_.Options", "a b", "None"])
def test_what_is_no_step_has_a_command_all_the_same(step: str) -> None:
    assert purpose(step) == UNKNOWN


def test_its_text(tmp_path: Path) -> None:
    file = tmp_path / "s.yaml"
    file.write_text("stages: {a: {step: extract, uses: x.Y}, b: {step: rank, from: a}, c: }")
    texts = {name: getattr(stage_command(name, StagesFile(file)), "help", None) for name in ("a", "b", "c", "d")}
    assert texts == {
        "a": "Extract this feature for all videos or captions.\n\n"
        "Makes stage 'a' (step extract, x.Y) and what it still needs, nothing else.",
        "b": "Rank videos for captions and captions for videos.\n\n"
        "Makes stage 'b' (step rank) and what it still needs, nothing else.",
        "c": "Make this stage.\n\nMakes stage 'c' (step ) and what it still needs, nothing else.",
        "d": None,
    }


def test_its_help_lists_what_can_be_set(tmp_path: Path) -> None:
    """With the value that the stages file gives it, and the comment that stands beside it in the code."""
    file = tmp_path / "s.yaml"
    file.write_text("stages: {a: {step: ingest, params: {shard_videos: 7}}}")
    command = stage_command("a", StagesFile(file))
    assert command is not None
    output = " ".join(command.get_help(click.Context(command, info_name="a")).split())
    assert "Params of step ingest:" in output
    assert "shard_videos=7 videos in a shard" in output
    assert "shard_captions=8192 captions in a shard" in output
    assert "--set 'a.PARAM=VALUE'" in output
