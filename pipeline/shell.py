"""Commands of laff as they can be typed into a shell, in any folder."""

import shlex
import shutil
import sys
from pathlib import Path


def called() -> str:
    """The command as it can be typed in any folder: `laff`, or how it was called where `laff` is not on the path."""
    if shutil.which("laff"):
        return "laff"
    program = shlex.quote(str(Path(sys.argv[0]).absolute()))
    return f"{_python()} {program}" if sys.argv[0].endswith(".py") else program


def command(*words: str | Path) -> str:
    """A command of laff with its words quoted; a path is given in full."""
    texts = [str(word.absolute()) if isinstance(word, Path) else word for word in words]
    return f"{called()} {' '.join(map(_quoted, texts))}"


def _quoted(word: str) -> str:
    """A word for a shell: a sentence in double quotes, as people type it, and others as shlex quotes them."""
    return f'"{word}"' if " " in word and word.replace(" ", "").isalnum() else shlex.quote(word)


def _python() -> str:
    """The interpreter that runs, by the short name where that leads to it."""
    found = shutil.which("python")
    return (
        "python" if found and Path(found).absolute() == Path(sys.executable).absolute() else shlex.quote(sys.executable)
    )
