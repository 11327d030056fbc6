"""Shows the progress of long work: a live display on a terminal, else lines with the time of day; and the log."""

from pipeline.progress.bars import Bar
from pipeline.progress.lines import CLOCK, LOG, heard, note, say, tell, write
from pipeline.progress.screen import SCREEN
from pipeline.progress.shown import bar, has_display, running
from pipeline.progress.stages import Stages

__all__ = [
    "CLOCK",
    "LOG",
    "SCREEN",
    "Bar",
    "Stages",
    "bar",
    "has_display",
    "heard",
    "note",
    "running",
    "say",
    "tell",
    "write",
]
