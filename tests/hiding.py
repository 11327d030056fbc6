"""`laff` where packages are missing, as a function for a process that `forked` starts; its decoders miss them too."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from importlib import metadata
from pathlib import Path
from typing import Any

MODULES = {  # of each package
    "av": ["av"],
    "open_clip_torch": ["open_clip"],
    "pytorchvideo": ["pytorchvideo"],
    "gensim": ["gensim"],
    "distributed": ["dask", "distributed"],
}


def hide(packages: Sequence[str]) -> None:
    """Let these packages be absent from this process: they can't be imported, and have no version."""
    hidden = {module for package in packages for module in MODULES[package]}
    for name in [*sys.modules]:
        if name.partition(".")[0] in hidden:
            del sys.modules[name]
    known = metadata.distribution

    class Without:
        """A finder of modules that finds none of theirs."""

        def __init__(self, finder: Any) -> None:
            self.finder = finder

        def find_spec(self, name: str, *given: Any) -> Any:
            return None if name.partition(".")[0] in hidden else self.finder.find_spec(name, *given)

    def distribution(name: str) -> metadata.Distribution:
        if name in packages:
            raise metadata.PackageNotFoundError(name)
        return known(name)

    sys.meta_path[:] = [Without(finder) for finder in sys.meta_path]
    metadata.distribution = distribution


def laff(packages: Sequence[str]) -> None:
    """The command of this process's line, without these packages."""
    import cli

    hide(packages)
    cli.main()


def site(folder: Path, packages: Sequence[str]) -> Path:
    """A folder for PYTHONPATH: interpreters that start with it miss the packages."""
    folder.mkdir(exist_ok=True)
    here = Path(__file__).resolve().parent
    code = f"import sys; sys.path.append({str(here)!r}); import hiding; hiding.hide({list(packages)!r})\n"
    (folder / "sitecustomize.py").write_text(code, encoding="utf-8")
    return folder
