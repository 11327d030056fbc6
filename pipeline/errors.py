"""Errors a person can act on."""

import sys
from collections.abc import Collection, Sequence
from difflib import get_close_matches
from importlib.util import find_spec

OWN = ("cli", "pipeline", "extractors", "fusion")  # modules that are no package of others
PACKAGES = {"open_clip": "open_clip_torch", "PIL": "pillow", "yaml": "pyyaml"}  # whose names are not their modules'


class LaffError(Exception):
    """A mistake in the input or the set-up; its text says where, what, and what to do next."""


class Diverged(LaffError):
    """A training whose loss or score is no longer a number."""


class Unfit(LaffError):
    """A class that refuses its parameters, or a model whose features cannot be learned from."""


class Missing(LaffError):
    """A package that something needs and that is not installed here."""

    def __init__(self, module: str, who: str = "this") -> None:
        """module: as it is imported; who: needs it."""
        top = module.partition(".")[0]
        super().__init__(
            f"{who} needs the package {PACKAGES.get(top, top)}, which is not installed here ({sys.executable}): "
            f"pip install {PACKAGES.get(top, top)}"
        )


def absent(error: ModuleNotFoundError) -> bool:
    """Whether a package is not installed here; not so where only a module of one is missing, or one of our own."""
    top = (error.name or "").partition(".")[0]
    if not top or top in OWN:
        return False
    try:
        return find_spec(top) is None
    except ValueError:  # something stands in the package's place
        return False


def problems(where: str, found: Sequence[str]) -> LaffError:
    """One error for everything found wrong in one place, each thing once, so that a person mends it in one go."""
    found = list(dict.fromkeys(found))  # several who ask may meet the same mistake
    return LaffError("\n".join([f"{where}: {len(found)} problem(s)", *(f"  - {problem}" for problem in found)]))


def meant(word: str, words: Collection[str]) -> str:
    """`did_you_mean`, and where none of `words` is close, all of them: '; known: X, Y'."""
    return did_you_mean(word, words) or (f"; known: {', '.join(words)}" if words else "")


def did_you_mean(word: str, words: Collection[str]) -> str:
    """'; did you mean X?' where one of `words` is close to `word`, else ''."""
    close = get_close_matches(str(word), words, n=1)
    return f"; did you mean '{close[0]}'?" if close else ""


def printable(text: str) -> str:
    """A name of a file as one line that can be shown: line ends and control characters as \\n, \\x1b, …"""
    return text if text.isprintable() else "".join(c if c.isprintable() else repr(c)[1:-1] for c in text)
