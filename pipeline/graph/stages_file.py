"""A stages file as it stands: where it is, and what it holds, parsed once and not checked."""

from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

from pipeline import yamls
from pipeline.errors import LaffError
from pipeline.parts.code import ROOT

# What a stages file says of a stage: step, uses, from, params, on. Not checked, so a value may be of any type.
Entry = dict[str, Any]
Entries = dict[str, Entry]  # by stage


@dataclass
class StagesFile:
    """A stages file, parsed once, when its content is first needed. Copy the content before changing it."""

    given: Path | None = None  # none: `default_path`

    @cached_property
    def path(self) -> Path:
        """The file given, else `default_path`."""
        return self.given or default_path()

    @cached_property
    def content(self) -> Any:
        """The value of the YAML; LaffError where the file cannot be read or is no YAML."""
        return yamls.load(self.path)

    @property
    def entries(self) -> Entries:
        """The stages by name, unchecked, for the list of commands: it is needed fast, and for a wrong file too."""
        try:
            stages = self.content["stages"].items()
        except (LaffError, AttributeError, TypeError, KeyError):
            return {}
        return {str(name): entry if isinstance(entry, dict) else {} for name, entry in stages}


def default_path() -> Path:
    """The stages.yaml of the current folder, else the project's own."""
    here = Path("stages.yaml")
    return here if here.is_file() else shipped()


def _places() -> tuple[Path, Path]:
    """Where the project's own file is: in an installed wheel beside this one (setup.py), in a checkout at the top."""
    return Path(__file__).with_name("stages.yaml"), ROOT / "stages.yaml"


def is_shipped(file: Path) -> bool:
    """Whether a stages file is the project's own."""
    return any(place.is_file() and place.samefile(file) for place in _places())


def shipped() -> Path:
    """The project's own stages.yaml."""
    places = _places()
    for place in places:
        if place.is_file():
            return place
    raise LaffError(
        f"laff is installed without its stages.yaml (it is neither {places[0]} nor {places[1]}): "
        "install it again, or name a file by --stages"
    )
