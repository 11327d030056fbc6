"""Names the class, block or step in which a mistake was made, in a last line of the traceback.

Memory that the system refuses is no mistake in code: it becomes an error for people that names the params.
"""

import re
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from traceback import extract_tb
from typing import Any

from pipeline.errors import LaffError, Unfit
from pipeline.parts.code import ROOT

# What torch and NumPy say of memory on a CPU that the system refuses. Of a GPU's, extraction takes smaller batches.
ALLOCATION = re.compile(
    r"can't allocate memory: you tried to allocate (\d+) bytes|Unable to allocate (.+?) for an array"
)
OVERFLOW = "Storage size calculation overflowed"  # torch, where the bytes are no 64-bit number
LARGE = 1000  # params below are not named as what asks for memory


@contextmanager
def blaming(whose: str, params: Mapping[str, Any] | None = None) -> Iterator[None]:
    """Add `whose` below the traceback of an exception raised inside, unless an inner call did; not to LaffErrors.

    Raises Unfit where memory was refused; it names the large ones of `params`.
    """
    try:
        yield
    except LaffError:
        raise
    except Exception as error:
        if refused := refused_memory(error, params or {}):
            raise Unfit(f"{whose}: {refused}") from None
        if not getattr(error, "__notes__", None):
            error.add_note(whose)
        raise


def refused_memory(error: BaseException, params: Mapping[str, Any]) -> str:
    """What to tell of an error that says that the system refused memory, with the large ones of `params`; else ''."""
    if not isinstance(error, RuntimeError | MemoryError):
        return ""
    text = str(error)
    said = ALLOCATION.search(text)
    if not said and OVERFLOW not in text:
        return ""
    size = "more than 2^63 bytes" if not said else said[2] or f"{int(said[1]) / 2**30:,.1f} GiB"
    large = [f"{name}={value}" for name, value in params.items() if isinstance(value, int) and value >= LARGE]
    hint = f"; too large for it may be {', '.join(large)}" if large else ""
    return f"needs {size} of memory at once, which this machine does not give{hint}"


def line_of(error: BaseException, path: str) -> str:
    """The last line of the module of a dotted path (module.Class) that an error passed: ' (file:line)', or ''."""
    module = sys.modules.get(path.rpartition(".")[0])
    file = getattr(module, "__file__", None)
    lines = [frame.lineno for frame in extract_tb(error.__traceback__) if file and frame.filename == file]
    if not lines:
        return ""
    shown = Path(str(file))
    return f" ({shown.relative_to(ROOT) if shown.is_relative_to(ROOT) else shown}:{lines[-1]})"
