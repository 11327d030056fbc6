"""What `laff plan` says of a plan besides its stages."""

import shlex
from dataclasses import replace
from pathlib import Path

from pipeline.commands.plan import fetching
from pipeline.graph import stages
from pipeline.graph.stages_file import shipped


def test_the_command_that_fetches_weights(tmp_path: Path) -> None:
    """Each name once; a stages file of the user's own is named, because it may hold the entries."""
    graph = stages.load(shipped())
    missing = {"conse": "one, two", "tf": "hf:a/b", "x3d": "two"}
    words = shlex.split(fetching(graph, missing))
    assert words[words.index("weights") :] == ["weights", "get", "one", "two", "hf:a/b"]
    mine = tmp_path / "stages.yaml"
    mine.write_text("stages: {}\n")
    assert fetching(replace(graph, path=mine), missing).endswith(f" hf:a/b --stages {mine}")
