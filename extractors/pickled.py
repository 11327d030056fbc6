"""The objects that are read from a pickle besides tensors, and the names of those that are not; none is executed."""

from __future__ import annotations

import pickletools
import re
import zipfile
from argparse import Namespace
from pathlib import Path
from typing import IO, Any

import numpy as np
import torch

SCALARS = "?bhilqBHILQefdgFDGSU"  # NumPy's numbers, truth values and texts, as np.dtype names them; no objects
SCALAR: Any = np.float64().__reduce__()[0]  # the function of NumPy that makes one from its type and bytes
# A fixed list and no more: the options that trainings of torchvision and VMZ keep, and NumPy's scalars with their types
# (a training's best accuracy). The second name of the function is that of NumPy 1.
ALLOWED: tuple[Any, ...] = (
    Namespace,
    (SCALAR, "numpy._core.multiarray.scalar"),
    (SCALAR, "numpy.core.multiarray.scalar"),
    (np.dtype, "numpy.dtype"),
    *dict.fromkeys(type(np.dtype(code)) for code in SCALARS),
)
PLAIN = (  # the names that torch reads by itself, besides those of tensors; and those above
    *("collections.OrderedDict", "collections.Counter", "_codecs.encode"),
    *(f"{module}.{name}" for module in ("builtins", "__builtin__") for name in ("set", "bytearray", "complex")),
    *("argparse.Namespace", "numpy.dtype", "numpy._core.multiarray.scalar", "numpy.core.multiarray.scalar"),
)
TENSORS = re.compile(r"torch\._utils\._rebuild|torch\.\w+Storage$")
OPENERS = 4  # pickles that old files of torch have before the one of the content


def refused(path: Path) -> list[str]:
    """The classes and functions, as module.name, for which a file of pickles is not read; [] where none is known."""
    try:
        with torch.serialization.safe_globals([*ALLOWED]):
            return sorted(torch.serialization.get_unsafe_globals_in_checkpoint(str(path)))
    except Exception:  # another kind of file than torch writes now
        return sorted(name for name in _globals(path) - {*PLAIN} if not TENSORS.match(name))


def _globals(path: Path) -> set[str]:
    """All classes and functions that the pickles of a file name."""
    names: set[str] = set()
    try:
        if zipfile.is_zipfile(path):
            with zipfile.ZipFile(path) as archive:
                inside = next(name for name in archive.namelist() if name.endswith("data.pkl"))
                with archive.open(inside) as file:
                    _add(file, names)
        else:
            with path.open("rb") as file:
                for _ in range(OPENERS + 1):
                    _add(file, names)
    except Exception:  # no pickle, or one that was cut off: the names until then count
        pass
    return names


def _add(file: IO[bytes], names: set[str]) -> None:
    """Add the names in one pickle, from its opcodes."""
    texts: list[str] = []  # the last two: STACK_GLOBAL takes module and name from the stack
    memo: dict[int, str | None] = {}  # texts that the pickle refers to again
    last: str | None = None
    for opcode, argument, _ in pickletools.genops(file):
        if opcode.name == "MEMOIZE":
            memo[len(memo)] = last
            continue
        if opcode.name in ("BINPUT", "LONG_BINPUT", "PUT"):
            memo[int(str(argument))] = last
            continue
        last = None
        if opcode.name == "GLOBAL":
            names.add(str(argument).replace(" ", "."))
        elif opcode.name == "STACK_GLOBAL":
            names.add(".".join(texts))
        elif opcode.name in ("BINGET", "LONG_BINGET", "GET"):
            last = memo.get(int(str(argument)))
        elif isinstance(argument, str):
            last = argument
        texts = texts if last is None else [*texts[-1:], last]
