"""The command as a process: its streams, whatever they are, the signals that end it, and what it ends with.

Exit statuses: 0 done, 1 failed, 2 wrong usage, 128 + N ended by signal N: 130 by Ctrl-C, 143 by SIGTERM, 141 where
nobody reads the output any more.
"""

from __future__ import annotations

import codecs
import io
import os
import shutil
import signal
import sys
from types import FrameType

HANDLER = "laff"  # name of the rule by which characters are written that an encoding lacks
PLAIN = {  # what we write ourselves, and how it looks in letters that every terminal has
    **{"→": "->", "←": "<-", "…": "...", "±": "+-", "×": "x", "≤": "<=", "≥": ">="},  # noqa: RUF001
    **{"–": "-", "—": "-", "‘": "'", "’": "'", "“": '"', "”": '"', "·": "-", "█": "#"},  # noqa: RUF001
}
ENDING = (signal.SIGINT, signal.SIGTERM)  # from the keyboard; from SLURM, systemd and kill
INTERRUPTED = "interrupted; what is finished is kept, and the same command does the rest"
AGAIN = "ended at once; what is finished is kept, and the same command does the rest\n"


def settle_streams() -> None:
    """Make the three streams of this process fit to be written to: closed ones lead nowhere, no character is too much.

    A closed one would be given to the next file that is opened, and what a library prints would land in that.
    """
    for number, name in enumerate(("stdin", "stdout", "stderr")):
        try:
            os.fstat(number)
        except OSError:
            nothing = os.open(os.devnull, os.O_RDWR)
            os.dup2(nothing, number)
            if nothing != number:
                os.close(nothing)
            os.set_inheritable(number, True)
        if getattr(sys, name) is None:
            setattr(sys, name, open(os.devnull, "r+", encoding="utf-8"))  # noqa: PTH123, SIM115 - for the whole life
    codecs.register_error(HANDLER, in_plain_letters)
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors=HANDLER)


def in_plain_letters(error: UnicodeError) -> tuple[str, int]:
    r"""What stands for characters that an encoding lacks: `->` for an arrow, else \uXXXX, as JSON has it."""
    if not isinstance(error, UnicodeEncodeError):
        raise error
    return "".join(map(_plain, error.object[error.start : error.end])), error.end


def _plain(character: str) -> str:
    if character in PLAIN:
        return PLAIN[character]
    units = character.encode("utf-16-be", "surrogatepass")
    return "".join(f"\\u{units[place : place + 2].hex()}" for place in range(0, len(units), 2))


class Signals:
    """What ends a command: the first signal lets it clean up; another one, or one amid torch's import, does not."""

    def __init__(self) -> None:
        self.came = 0  # the number of the signal that ends this command; 0: none

    def listen(self) -> None:
        """Take the signals, but for those that whoever started this process wants ignored (nohup, `&` in a script).

        They are never given back: until the interpreter is gone, one more must end it without a traceback.
        """
        for number in ENDING:
            handler = signal.getsignal(number)
            ours = isinstance(getattr(handler, "__self__", None), Signals)  # of a command before, in this process
            if ours or handler in (signal.SIG_DFL, signal.default_int_handler):
                signal.signal(number, self._handle)

    def _handle(self, number: int, frame: FrameType | None) -> None:
        if self.came or _torch_is_half_imported():
            try:  # whatever it is at: files are whole or absent, and the processes it started end with it
                os.write(2, AGAIN.encode() if self.came else f"Error: {INTERRUPTED}\n".encode())
            finally:
                os._exit(128 + number)
        self.came = number
        raise KeyboardInterrupt

    def status(self, end: SystemExit) -> int | str | None:
        """What the process is to end with, by what it would end with."""
        if end.code and self.came:
            return 128 + self.came
        return end.code


def _torch_is_half_imported() -> bool:
    """Whether torch, or a part of it, is being imported: an exception raised there can end in an abort of its C++."""
    importing = (getattr(module, "__spec__", None) for name, module in list(sys.modules.items()) if _is_torchs(name))
    return any(getattr(spec, "_initializing", False) for spec in importing)  # importlib's own mark


def _is_torchs(name: str) -> bool:
    return name.partition(".")[0] in ("torch", "torchvision")


def reader_gone() -> int:
    """The exit status where nobody reads the output any more (`laff … | head`); what is left of it goes nowhere."""
    nothing = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nothing, 1)  # the interpreter flushes what it still holds
    os.close(nothing)
    return 128 + signal.SIGPIPE


def called() -> str:
    """This command as it can be typed: `laff`, or where that is not on the path, as it was called."""
    if shutil.which("laff"):
        return "laff"
    return f"python {sys.argv[0]}" if sys.argv[0].endswith(".py") else sys.argv[0]
