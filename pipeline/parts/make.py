"""A class imported by its dotted path, and an object of it."""

import importlib
from typing import Any

from pipeline.errors import Unfit
from pipeline.parts.blame import blaming


def make(where: str, path: str, params: dict[str, Any]) -> Any:
    """Import a class by its dotted path and construct it. Raises Unfit where it refuses what it is given."""
    module, _, name = path.rpartition(".")
    try:
        with blaming(f"in stage '{where}', {path}: while its file was imported"):
            part = getattr(importlib.import_module(module), name)
    except ImportError as error:
        raise Unfit(f"'{where}' cannot use {path}: {error}; is the package installed?") from error
    try:
        with blaming(f"in stage '{where}', {name}.__init__", params):
            return part(**params)
    except ValueError as error:
        raise Unfit(f"'{where}' cannot use {path}: {error}") from None
