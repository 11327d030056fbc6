"""The command as a process: its streams, the signals that end it, and its exit status.

Exit statuses: 0 done, 1 failed, 2 wrong usage, 3 different (`laff diff`), 128 + N ended by signal N: 130 by Ctrl-C,
143 by SIGTERM, 141 if nobody reads the output any more.
"""

from __future__ import annotations

import codecs
import io
import os
import signal
import sys
import threading
from types import FrameType

from pipeline import progress

HANDLER = "laff"  # name of the error handler for characters that an encoding lacks
PLAIN = {  # characters that laff itself writes, and how to write them in ASCII
    **{"→": "->", "←": "<-", "…": "...", "±": "+-", "×": "x", "≤": "<=", "≥": ">="},  # noqa: RUF001
    **{"–": "-", "—": "-", "‘": "'", "’": "'", "“": '"', "”": '"', "·": "-", "█": "#"},  # noqa: RUF001
}
LOCKS = threading.Condition.__enter__.__code__.co_filename  # the file with Python's own code of locks
LATER = 0.02  # seconds until a signal that came amid the code of a lock is looked at again
ENDING = (signal.SIGINT, signal.SIGTERM)  # from the keyboard; from SLURM, systemd and kill
INTERRUPTED = "interrupted; what is finished is kept, and the same command does the rest"
AGAIN = "ended at once; what is finished is kept, and the same command does the rest\n"


def settle_streams() -> None:
    """Make the three streams of this process safe to write to: open closed ones, and accept every character.

    The number of a closed stream would go to the next file that is opened, and what a library prints would end up in
    that file.
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
    r"""Replace characters that an encoding lacks: an arrow by `->`, others by \uXXXX as in JSON."""
    if not isinstance(error, UnicodeEncodeError):
        raise error
    return "".join(map(_plain, error.object[error.start : error.end])), error.end


def _plain(character: str) -> str:
    """A character in ASCII."""
    if character in PLAIN:
        return PLAIN[character]
    units = character.encode("utf-16-be", "surrogatepass")
    return "".join(f"\\u{units[place : place + 2].hex()}" for place in range(0, len(units), 2))


class Signals:
    """The signals that end a command: the first lets it clean up; a second, or one during torch's import, does not."""

    def __init__(self) -> None:
        self.came = 0  # the number of the signal that ends this command; 0: none
        self._place: tuple[FrameType, int] | None = None  # where the last one came amid Python's code of locks
        self._later = 0  # the number of the signal that is looked at again in a moment; 0: none
        self._over = False  # whether the command has ended

    def listen(self) -> None:
        """Handle the signals, except those that the caller wants ignored (nohup, `&` in a script).

        The handlers stay until the interpreter ends, so that a further signal ends it without a traceback.
        """
        for number in ENDING:
            handler = signal.getsignal(number)
            ours = isinstance(getattr(handler, "__self__", None), Signals)  # of an earlier command in this process
            if ours or handler in (signal.SIG_DFL, signal.default_int_handler):
                signal.signal(number, self._handle)

    def _handle(self, number: int, frame: FrameType | None) -> None:
        if self.came or _torch_is_half_imported():
            try:  # safe at any moment: files are complete or absent, and child processes end too
                text = AGAIN if self.came else f"Error: {INTERRUPTED}\n"
                os.write(2, f"\n{text}".encode() if progress.has_display() else text.encode())
            finally:
                os._exit(128 + number)
        place = _amid_lock(frame)
        if place and place != self._place and not self._over:
            # It may be taking a lock or giving it back: an exception would leave it taken, and whoever wants it next
            # would wait forever. Where the same call is there still a little later, it waits, and may be interrupted.
            self._place, self._later = place, number
            signal.signal(signal.SIGALRM, lambda _, later: self._handle(number, later))
            signal.setitimer(signal.ITIMER_REAL, LATER)
            return
        self.came, self._later = number, 0
        raise KeyboardInterrupt

    def status(self, end: SystemExit) -> int | str | None:
        """The exit status of the process: that of the signal that ended it, else the one of `end`."""
        self._over = True
        if self._later:
            signal.setitimer(signal.ITIMER_REAL, 0)
            self.came = self._later
        if end.code and self.came:
            return 128 + self.came
        return end.code


def _amid_lock(frame: FrameType | None) -> tuple[FrameType, int] | None:
    """The call and instruction of Python's own code of locks that is being executed; None outside of it."""
    while frame is not None:
        if frame.f_code.co_filename == LOCKS:
            return frame, frame.f_lasti
        frame = frame.f_back
    return None


def _torch_is_half_imported() -> bool:
    """Whether torch or a part of it is being imported: an exception in that moment can abort its C++ code."""
    importing = (getattr(module, "__spec__", None) for name, module in list(sys.modules.items()) if _is_torchs(name))
    return any(getattr(spec, "_initializing", False) for spec in importing)  # importlib's own mark


def _is_torchs(name: str) -> bool:
    """Whether a module belongs to torch or torchvision."""
    return name.partition(".")[0] in ("torch", "torchvision")


def reader_gone() -> int:
    """The exit status if nobody reads the output any more (`laff … | head`); the rest of the output is dropped."""
    nothing = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nothing, 1)  # the interpreter flushes its buffer at the end
    os.close(nothing)
    return 128 + signal.SIGPIPE


def has_person() -> bool:
    """Whether a person at a terminal can be asked."""
    return sys.stdin.isatty() and sys.stderr.isatty()
