"""The last lines of a terminal, drawn anew by rich a few times a second; what is said appears above them."""

from collections.abc import Callable
from threading import RLock

from rich.cells import cell_len
from rich.console import Console, RenderableType
from rich.control import Control
from rich.live import Live
from rich.segment import ControlType
from rich.text import Text

from pipeline.progress.picture import Line
from pipeline.progress.stderr import Stderr

A_SECOND = 4  # times that the display is looked at; it is drawn only where something has changed


class _Terminal(Console):
    """A console whose cursor stays visible: a process that is killed could not bring it back."""

    def show_cursor(self, show: bool = True) -> bool:
        """Do nothing."""
        return False


class Region(Live):
    """The last lines of a terminal, until `stop` removes them."""

    def __init__(self, stream: Stderr, draw: Callable[[int, int, bool], list[Line]]) -> None:
        """Draw nothing yet; draw(columns, rows, ascii only) gives the lines."""
        self._draw = draw
        self._lines: list[Line] = []
        self._size = (0, 0)  # of the terminal when the lines were drawn
        self._gate = RLock()  # one thread at a time draws or prints, so that each knows where the cursor is
        console = _Terminal(
            file=stream,  # type: ignore[arg-type] # it has all that is asked of it
            force_terminal=True,
            legacy_windows=False,
            highlight=False,
            markup=False,
            emoji=False,
        )
        super().__init__(
            console=console,
            refresh_per_second=A_SECOND,
            transient=True,
            redirect_stdout=False,
            get_renderable=self._text,
        )

    def refresh(self) -> None:
        """Draw the lines anew where they or the terminal have changed."""
        with self._gate:
            columns, rows = self.console.size
            lines = self._draw(columns - 1, rows, self.console.options.ascii_only)  # a full line might break
            if (lines, (columns, rows)) == (self._lines, self._size) and self.is_started:
                return
            if columns < self._size[0]:
                self._erase_broken(columns)
            self._lines, self._size = lines, (columns, rows)
            super().refresh()

    def above(self, text: str) -> None:
        """Print a line above the display; the terminal breaks it where it is too long."""
        with self._gate:
            self.console.print(Text(text), soft_wrap=True)

    def _text(self) -> RenderableType:
        """The lines as one text; what is too wide ends with an ellipsis."""
        text = Text("\n").join(Text.assemble(*line) for line in self._lines)
        text.no_wrap, text.overflow = True, "ellipsis"
        return text

    def _erase_broken(self, columns: int) -> None:
        """Erase what the lines take beyond their number in a terminal that became narrower and has broken them."""
        widths = [sum(cell_len(text) for text, _ in line) for line in self._lines]
        broken = sum(max(0, width - 1) // columns for width in widths)
        for _ in range(broken):
            self.console.control(
                Control(ControlType.CARRIAGE_RETURN, (ControlType.ERASE_IN_LINE, 2), (ControlType.CURSOR_UP, 1))
            )
