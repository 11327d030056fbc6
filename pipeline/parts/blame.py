"""Names the class, block or step in which a mistake was made, in a last line of the traceback."""

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from traceback import extract_tb

from pipeline.errors import LaffError
from pipeline.parts.code import ROOT


@contextmanager
def blaming(whose: str) -> Iterator[None]:
    """Add `whose` below the traceback of an exception raised inside, unless an inner call did; not to LaffErrors."""
    try:
        yield
    except LaffError:
        raise
    except Exception as error:
        if not getattr(error, "__notes__", None):
            error.add_note(whose)
        raise


def line_of(error: BaseException, path: str) -> str:
    """The last line of the module of a dotted path (module.Class) that an error passed: ' (file:line)', or ''."""
    module = sys.modules.get(path.rpartition(".")[0])
    file = getattr(module, "__file__", None)
    lines = [frame.lineno for frame in extract_tb(error.__traceback__) if file and frame.filename == file]
    if not lines:
        return ""
    shown = Path(str(file))
    return f" ({shown.relative_to(ROOT) if shown.is_relative_to(ROOT) else shown}:{lines[-1]})"
