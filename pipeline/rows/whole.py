"""Files that were found whole, remembered by their state, so that a process hashes each once and not at every read.

A state tells of every write that goes through the system: a new inode, size, mtime, or the ctime, which nobody can
set back. Bytes that change in a mapping of the file (mmap) or rot on the disk need not change any of them: only
hashing, as `laff verify` does, finds those.
"""

import os
from pathlib import Path

SETTLED = 2.0  # seconds: a younger file may change once more within the same tick of its dates
State = tuple[int, int, int, int, int]  # device, inode, size in bytes, mtime and ctime in nanoseconds


def state(status: os.stat_result) -> State:
    """The state that the system tells of a file."""
    return status.st_dev, status.st_ino, status.st_size, status.st_mtime_ns, status.st_ctime_ns


class Whole:
    """The files that this process found whole."""

    def __init__(self) -> None:
        self._states: set[State] = set()

    def remember(self, before: State, started: float) -> None:
        """Remember that a file was whole.

        before: its state at `started`, a `time.time()`, when its bytes had not been read yet: whatever changed while
        they were read has given it another state. A file that was not settled then is not remembered.
        """
        if started - max(before[3:]) / 1e9 > SETTLED:
            self._states.add(before)

    def has(self, path: Path) -> bool:
        """Whether the file was found whole and has not changed since; False where there is none."""
        try:
            return state(path.stat()) in self._states
        except OSError:
            return False

    def forget(self) -> None:
        """Forget all files, as a new process knows none."""
        self._states.clear()


WHOLE = Whole()
