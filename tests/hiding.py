"""`laff` where packages are missing, as a function for a process that `forked` starts; its decoders miss them too."""

from __future__ import annotations

import importlib
import sys
from collections.abc import Collection, Sequence
from importlib import metadata
from pathlib import Path
from typing import Any

MODULES = {  # of each package
    "av": ["av"],
    "decord": ["decord"],
    "open_clip_torch": ["open_clip"],
    "pytorchvideo": ["pytorchvideo"],
    "gensim": ["gensim"],
    "distributed": ["dask", "distributed"],
}

OWN = ("cli", "pipeline", "extractors", "fusion")
KEPT = ("pipeline", "pipeline.errors", "pipeline.parts", "pipeline.parts.code")  # the last has read all code: a second


def hide(packages: Sequence[str]) -> None:
    """Let these packages be absent from this process: they can't be imported, and have no version.

    Our own modules are imported anew, so that those show that need a package as soon as they are; but for a few that
    need nothing but the standard library.
    """
    hide_modules({module for package in packages for module in MODULES[package]})
    find_distribution = metadata.distribution

    def distribution(name: str) -> metadata.Distribution:
        if name in packages:
            raise metadata.PackageNotFoundError(name)
        return find_distribution(name)

    metadata.distribution = distribution


class Without:
    """A finder of modules that finds none of some packages."""

    def __init__(self, finder: Any, hidden: Collection[str]) -> None:
        self.finder, self.hidden = finder, hidden

    def __getattr__(self, name: str) -> Any:
        return getattr(self.finder, name)  # such as what finds the versions of other packages

    def find_spec(self, name: str, *given: Any) -> Any:
        return None if name.partition(".")[0] in self.hidden else self.finder.find_spec(name, *given)


def hide_modules(hidden: Collection[str]) -> None:
    """Let modules of these names, and all below them, not be found in this process."""
    forget([*hidden, *OWN])
    sys.meta_path[:] = [Without(finder, hidden) for finder in sys.meta_path]


def forget(packages: Collection[str]) -> None:
    """Let their modules be imported anew."""
    for name in [*sys.modules]:
        if name.partition(".")[0] in packages and name not in KEPT:
            del sys.modules[name]


def laff(packages: Sequence[str]) -> None:
    """The command of this process's line, without these packages."""
    hide(packages)
    import cli

    cli.main()


def imports(modules: Sequence[str], hidden: Sequence[str]) -> None:
    """Import these modules anew where the hidden ones are not to be found."""
    forget([module.partition(".")[0] for module in modules])
    hide_modules(hidden)
    for module in modules:
        importlib.import_module(module)


def site(folder: Path, packages: Sequence[str]) -> Path:
    """A folder for PYTHONPATH: interpreters that start with it miss the packages."""
    folder.mkdir(exist_ok=True)
    here = Path(__file__).resolve().parent
    code = f"import sys; sys.path.append({str(here)!r}); import hiding; hiding.hide({list(packages)!r})\n"
    (folder / "sitecustomize.py").write_text(code, encoding="utf-8")
    return folder
