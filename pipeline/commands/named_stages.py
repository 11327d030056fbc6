"""The stages file that a command line leads to, found before it is parsed: it decides which commands there are."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from pipeline.graph.stages_file import shipped

OPTIONS = {
    **{"--stages": "stages", "-w": "work", "--work": "work", "-c": "collection", "--collection": "collection"},
    **{"--name": "name", "--package": "package"},
}


def stages_named(arguments: Sequence[str]) -> Path | None:
    """The stages file of --stages or --package, else of the workspace's last run; None if there is none of these.

    The workspace is that of -w or the nearest one. With -c the workspace does not count.
    """
    values: dict[str, str] = {}
    for argument, following in zip(arguments, [*arguments[1:], ""], strict=False):
        word, equals, attached = argument.partition("=")
        value = attached if equals else following
        if word in OPTIONS and value:
            values[OPTIONS[word]] = value
    if "stages" in values:
        return Path(values["stages"])
    if "package" in values:
        return of_package(Path(values["package"]))
    if "collection" in values:
        return None
    return _remembered(values.get("work"), values.get("name", ""))


def of_package(folder: Path) -> Path | None:
    """A package's stages file; None if it has none, which the command reports when it looks for it."""
    from pipeline.package.manifest import STAGES

    file = folder / STAGES
    return file if file.is_file() else None


def _remembered(work: str | None, name: str) -> Path | None:
    """The stages file of a workspace's run; work: as given by -w, None for the nearest workspace."""
    from pipeline.store import home

    folder = home.nearest(Path()) if work is None else home.meant(Path(work))
    if folder is None:
        return None
    from pipeline.errors import LaffError
    from pipeline.store import memory  # imports much

    try:
        run = memory.read(folder, name) or memory.read(folder)
    except (LaffError, OSError):  # the command reports it when it reads the workspace
        return None
    if run is None:
        return None
    return of_package(run.package) if run.package else run.stages or shipped()
