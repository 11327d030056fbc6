"""The error for a file of a package that cannot be used."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from pipeline.errors import LaffError, Missing
from pipeline.graph.graph import Package

MISFITS = (LaffError, ValueError, TypeError, LookupError, AttributeError, RuntimeError, EOFError)


@contextmanager
def intact(package: Package | None, path: Path) -> Iterator[None]:
    """Say that the package is damaged, where its file `path` cannot be read or does not fit; of other files nothing.

    Nobody can mend such a file here: it was learned elsewhere.
    """
    try:
        yield
    except MISFITS as error:
        if package is None or not path.is_relative_to(package.root) or isinstance(error, Missing):
            raise
        raise LaffError(
            f"package {package.root} is damaged or was changed: {path.relative_to(package.root)} does not fit its "
            "stages; copy the package anew from where it was made"
        ) from None
