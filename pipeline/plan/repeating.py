"""The shell command that makes a run again, in any folder."""

import shlex
from collections.abc import Sequence
from pathlib import Path

from pipeline.graph.stages_file import default_path, is_shipped, shipped
from pipeline.store.memory import Memory
from pipeline.store.workspace import MAIN

LAFF = "laff"


def command(
    work: Path,
    settings: Memory,
    targets: Sequence[str] = (),
    trust: Sequence[str] = (),
    workers: int = 0,
    scheduler: str = "",
) -> str:
    """The command that repeats the run of these settings, quoted for a shell, with full paths.

    targets, trust, workers, scheduler: what else the run was given, which a workspace does not remember.
    """
    words = [LAFF, "run", "-c", str(settings.collection.absolute()), "-w", str(work.absolute())]
    if settings.run != MAIN:
        words += ["--name", settings.run]
    if settings.package:
        words += ["--package", str(settings.package.absolute())]
    elif settings.stages:
        words += ["--stages", str(settings.stages.absolute())]
    elif not is_shipped(default_path()):  # the stages.yaml of this folder would be taken for it
        words += ["--stages", str(shipped())]
    words += ["--profile", settings.profile] if settings.profile else []
    words += [word for text in settings.sets for word in ("--set", text)]
    words += [word for package in trust for word in ("--trust", package)]
    words += ["--workers", str(workers)] if workers else []
    words += ["--scheduler", scheduler] if scheduler else []
    return shlex.join([*words, *targets])
