"""A workspace: the folder where a run keeps everything, one run at a time."""

import fcntl
import os
import shlex
import socket
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from datetime import datetime
from functools import cached_property
from pathlib import Path
from typing import IO, Any

from pipeline import files, progress
from pipeline.errors import LaffError
from pipeline.store import home, log
from pipeline.store.index import Index

COMPARISONS, RUNS, MAIN = home.COMPARISONS, home.RUNS, home.MAIN


class Workspace:
    """Paths below WORK, and its lock."""

    def __init__(self, root: Path, places: Mapping[str, str] | None = None) -> None:
        """Take a folder; places: stage -> its folder below `root`, where that has another name than the stage."""
        self.root = root
        self.places = dict(places or {})
        self._indexes: dict[str, Index] = {}
        self._held = False  # whether this process holds the lock
        self._lock: IO[str] | None = None  # the open file of the lock
        self._told_of_dates = False

    def place(self, stage: str) -> str:
        """The stage's folder relative to WORK: its name, or where its run keeps it."""
        return self.places.get(stage, stage)

    def folder(self, stage: str) -> Path:
        """The stage's folder: WORK/<stage> for most."""
        return self.root / self.place(stage)

    @property
    def held(self) -> bool:
        """Whether this process holds the workspace, so that it may write there."""
        return self._held

    def index(self, stage: str) -> Index:
        """The index of the stage's finished units; read once."""
        return self.index_at(self.place(stage))

    def index_at(self, place: str) -> Index:
        """The index of a folder below WORK; read once."""
        if place not in self._indexes:
            self._indexes[place] = Index(self.root / place, self._tell_of_dates)
        return self._indexes[place]

    def _tell_of_dates(self) -> None:
        """Say once that files are read because their dates have changed."""
        if not self._told_of_dates:
            self._told_of_dates = True
            progress.say(
                f"{self.root}: dates of files have changed, as after a copy; looking whether the files have, too"
            )

    @property
    def table(self) -> Path:
        """The path of the ingest's table."""
        return self.root / "ingest" / "table.h5"

    @property
    def ledger(self) -> Path:
        """The path of the failures ledger."""
        return self.root / "failures.jsonl"

    @cached_property
    def _digests(self) -> dict[str, list[str | int]]:
        """Size, mtime_ns, sha256 and ctime_ns of files by path, and digests of weights by name."""
        known: dict[str, list[str | int]] = files.read_json(self.root / "digests.json", {})
        return known

    def sha256(self, path: Path) -> str:
        """sha256 of a file of weights or features, computed again only where its size, mtime or ctime has changed.

        The ctime tells of a change that kept the size and put the old mtime back.
        """
        status = path.stat()
        state = [status.st_size, status.st_mtime_ns]
        return self._digest(str(path), state, status.st_ctime_ns, lambda: files.sha256(path))

    def sha256_together(self, parts: Sequence[Path]) -> str:
        """sha256 of files that are one, with their names; computed again only where a size, mtime or ctime has changed.

        parts: the file that leads to the others first.
        """
        states = [path.stat() for path in parts]
        state = files.digest([[str(path), s.st_size, s.st_mtime_ns] for path, s in zip(parts, states, strict=True)])
        ctimes = files.digest([s.st_ctime_ns for s in states])
        return self._digest(
            f"all of {parts[0]}",
            [len(parts), state],
            ctimes,
            lambda: files.digest([[path.name, files.sha256(path)] for path in parts]),
        )

    def _digest(self, key: str, state: list[Any], ctime: int | str, compute: Callable[[], str]) -> str:
        """The digest of files that are in this state, computed where none is known; older notes have no ctime."""
        known = self._digests.get(key)
        if known and known[:2] == state and known[3:] in ([], [ctime]):
            return str(known[2])
        digest = compute()
        self._digests[key] = [*state, digest, ctime]
        self._save_digests()
        return digest

    def remember(self, name: str, digest: str) -> None:
        """Keep the digest of a weight file that has no published one."""
        if self.remembered(name) != digest:
            self._digests[f"weights {name}"] = [0, 0, digest]
            self._save_digests()

    def remembered(self, name: str) -> str:
        """The digest that a weight file had when it was last seen; '' where it never was."""
        return str(self._digests.get(f"weights {name}", [0, 0, ""])[2])

    def _save_digests(self) -> None:
        """Write the digests, where this process holds the workspace."""
        if self._held:  # a plan beside a run writes nothing
            files.write_json(self.root / "digests.json", self._digests)

    @contextmanager
    def lock(self) -> Iterator[None]:
        """Hold the workspace; LaffError names the holder where another has it. The lock ends with the process."""
        try:
            self.root.mkdir(parents=True, exist_ok=True)
            file = open(self.root / ".lock", "a+", opener=_own)  # noqa: SIM115 - Path.open takes no opener
        except OSError as error:
            raise LaffError(f"{self.root}: cannot be used as a workspace: {error.strerror}") from None
        with file:
            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                holder = _signed(file) or "another process"
                raise LaffError(f"{self.root} is in use by {holder}; wait for it to end, or use another -w") from None
            except OSError as error:
                raise LaffError(f"{self.root}: this file system cannot lock files ({error.strerror})") from None
            left_by = _signed(file)
            _sign(file, f"process {os.getpid()} on {socket.gethostname()} since {datetime.now():%Y-%m-%d %H:%M:%S}\n")
            files.remove_partials(self.root)
            self._held, self._lock = True, file
            try:
                with log.logged(self.root / log.NAME):
                    progress.LOG.info("laff %s", shlex.join(sys.argv[1:]))
                    if left_by:
                        progress.say(f"the last run ({left_by}) was cut off; what it finished is kept")
                    yield
            finally:
                with suppress(OSError):  # a full disk: the next run finds it out again
                    for index in self._indexes.values():
                        index.note()
                self._held, self._lock = False, None
                files.remove_partials(self.root)  # of workers that were lost
                _sign(file, "")

    def leave(self) -> None:
        """Let go of the lock in a process forked from its holder, so that it ends with the holder."""
        if self._lock is not None:
            self._lock.close()


def _own(path: str, flags: int) -> int:
    """Open a file of the workspace; OSError for a link, which may lead to somebody else's file."""
    return os.open(path, flags | os.O_NOFOLLOW, 0o666)


def _signed(file: IO[str]) -> str:
    """The process that holds the lock, or that held it and was cut off."""
    file.seek(0)
    return file.read().strip()


def _sign(file: IO[str], text: str) -> None:
    """Write into the lock file who holds it."""
    with suppress(OSError):  # on a full disk, `laff gc` must still come in
        os.ftruncate(file.fileno(), 0)
        os.write(file.fileno(), text.encode())
