"""A terminal in memory: what a program writes to it, and what a person then sees."""

from __future__ import annotations

import io
import re
import time

CODE = re.compile(r"\x1b\[(\d*)([A-Za-z])|\r|\n|[^\x1b\r\n]+")


class Terminal(io.StringIO):
    """A standard error that a person watches. It knows the codes that a display needs, and no others."""

    encoding = "utf-8"  # type: ignore[assignment]

    def __init__(self) -> None:
        super().__init__()
        self.rows = [""]
        self.row = self.column = 0

    def isatty(self) -> bool:
        return True

    def write(self, text: str) -> int:
        super().write(text)
        for match in CODE.finditer(re.sub(r"\x1b\[[\d;]*m", "", text)):
            number, code = int(match[1] or 1), match[2]
            if match[0] == "\r":
                self.column = 0
            elif match[0] == "\n":
                self.row, self.column = self.row + 1, 0
                self.rows += [""] * (self.row + 1 - len(self.rows))
            elif code == "A":
                self.row = max(0, self.row - number)
            elif code == "K":
                assert match[1] == "2", "the whole line"
                self.rows[self.row] = ""
            else:
                assert not code, f"an unknown code: {match[0]!r}"
                line = self.rows[self.row]
                self.rows[self.row] = line[: self.column].ljust(self.column) + match[0]
                self.column += len(match[0])
        return len(text)

    def narrow(self, columns: int) -> None:
        """Become so narrow: longer rows are broken, as most terminals do, and the cursor stays behind its letter."""
        before = self.rows
        self.rows = []
        for number, text in enumerate(before):
            if number == self.row:
                self.row = len(self.rows) + max(0, self.column - 1) // columns
                self.column = (self.column - 1) % columns + 1 if self.column else 0
            self.rows += [text[start : start + columns] for start in range(0, max(1, len(text)), columns)]

    @property
    def text(self) -> str:
        """What a person sees, without blanks at the ends of lines and without empty lines at the end."""
        return "\n".join(row.rstrip() for row in self.rows).rstrip("\n")

    def shows(self, pattern: str, patience: float = 5.0) -> bool:
        """Whether what a person sees matches, now or soon."""
        end = time.monotonic() + patience
        while not re.search(pattern, self.text):
            if time.monotonic() > end:
                return False
            time.sleep(0.01)
        return True
