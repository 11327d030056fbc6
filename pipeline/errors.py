"""Errors a person can act on, and the collector of everything that is wrong with one thing."""

import os
import sys
from collections.abc import Collection, Iterable, Iterator
from difflib import get_close_matches
from importlib.util import find_spec
from pathlib import Path

from pipeline.wording import number_of

OWN = ("cli", "pipeline", "extractors", "fusion")  # modules that are no package of others
PACKAGES = {"open_clip": "open_clip_torch", "PIL": "pillow", "yaml": "pyyaml"}  # whose names are not their modules'
INSTEAD = {"decord": " (wheels for Linux on x86-64 alone), or decode.decoder=pyav, which reads everything"}


class LaffError(Exception):
    """A mistake in the input or the set-up; its text says where, what, and what to do next.

    `problems` lists every mistake as a sentence of its own, with its place; an error about one thing has one, its text.
    """

    def __init__(self, text: str = "", problems: Iterable[str] = ()) -> None:
        """Say `text`; `problems` are the mistakes that it tells of, where there are several."""
        super().__init__(text)
        self.problems = list(problems) or [text]


class Diverged(LaffError):
    """A training whose loss or score is no longer a number."""


class Unfit(LaffError):
    """A class that refuses its parameters, or a model whose features cannot be learned from."""


class Missing(LaffError):
    """A package that something needs and that is not installed here."""

    def __init__(self, module: str, *who: str) -> None:
        """Say how to install what `who` needs, one or several; module: its name as it is imported."""
        top = module.partition(".")[0]
        need = f"{' and '.join(who)} {'need' if len(who) > 1 else 'needs'}"
        super().__init__(
            f"{need} the package {PACKAGES.get(top, top)}, which is not installed here ({sys.executable}): "
            f"pip install {PACKAGES.get(top, top)}{INSTEAD.get(top, '')}"
        )
        self._module, self._who = module, who

    def __reduce__(self) -> tuple[type["Missing"], tuple[str, ...]]:
        """To another process go the arguments: an exception's own way would give the text as the module."""
        return type(self), (self._module, *self._who)


def absent(error: ModuleNotFoundError) -> bool:
    """Whether a package is not installed here.

    False where the package is there and a module of it is missing, and for modules of laff's own.
    """
    top = (error.name or "").partition(".")[0]
    if not top or top in OWN:
        return False
    try:
        return find_spec(top) is None
    except ValueError:  # something stands in the package's place
        return False


class Problems:
    """Collects everything that is wrong with one thing, each mistake once, so that a person mends it in one go."""

    def __init__(self, texts: Iterable[str] = ()) -> None:
        """Begin with `texts`."""
        self._texts = dict.fromkeys(texts)  # several who ask may meet the same mistake

    def __iter__(self) -> Iterator[str]:
        return iter(self._texts)

    def __len__(self) -> int:
        return len(self._texts)

    def add(self, text: str, where: Path | str = "", line: int = 0) -> None:
        """Note a mistake, and its place: a file and the line in it, or whatever has a name.

        A name may hold anything, so a text with a place has its line ends and control characters escaped.
        """
        place = f"{where}:{line}" if line else str(where)
        self._texts[printable(f"{place}: {text}") if place else text] = None

    def extend(self, texts: Iterable[str], where: Path | str = "") -> None:
        """Note several mistakes of one place."""
        for text in texts:
            self.add(text, where)

    def error(self, where: Path | str, most: int | None = None, then: str = "") -> LaffError:
        """All mistakes as one error.

        where: what has them; most: how many of them its text lists; then: a line behind the list.
        """
        texts = list(self)
        shown = texts[:most]
        lines = [f"{where}: {number_of(texts, 'problems')}", *(f"  - {text}" for text in shown)]
        if more := len(texts) - len(shown):
            lines.append(f"  - … and {more:,} more of these")
        return LaffError("\n".join([*lines, *([then] if then else [])]), texts)

    def check(self, where: Path | str) -> None:
        """Raise LaffError where there is a mistake."""
        if self:
            raise self.error(where)


def problems(where: Path | str, texts: Iterable[str], most: int | None = None, then: str = "") -> LaffError:
    """One error for all mistakes of one place that were collected as texts; see `Problems.error`."""
    return Problems(texts).error(where, most, then)


def meant(word: str, words: Collection[str]) -> str:
    """'; did you mean X?' where one of `words` is close to `word`, else all of them: '; known: X, Y'."""
    return did_you_mean(word, words) or (f"; known: {', '.join(words)}" if words else "")


def did_you_mean(word: str, words: Collection[str]) -> str:
    """'; did you mean X?' where one of `words` is close to `word`, else ''."""
    close = get_close_matches(str(word), words, n=1)
    return f"; did you mean '{close[0]}'?" if close else ""


def near_path(path: Path) -> str:
    """'; did you mean X?' of a path that is not there: a path with a near name where it stops being there, else ''."""
    whole = path.absolute()
    for folder in whole.parents:
        if folder.is_dir():
            word, *rest = whole.relative_to(folder).parts
            try:
                close = get_close_matches(word, [entry.name for entry in folder.iterdir()], n=1)
            except OSError:  # it may not be listed
                return ""
            there = folder.joinpath(*close, *rest) if close else folder
            if close and there.exists():
                shown = there if path.is_absolute() else os.path.relpath(there)
                return printable(f"; did you mean '{shown}'?")
            return ""
    return ""


def printable(text: str) -> str:
    r"""A name of a file as one line that can be shown, with line ends and control characters as \n and \x1b."""
    return text if text.isprintable() else "".join(c if c.isprintable() else repr(c)[1:-1] for c in text)
