"""Files of items, opened only while they are still those of the table: nothing else of the machine can be read."""

from __future__ import annotations

import hashlib
import os
import stat
from dataclasses import dataclass, field
from threading import Lock

from pipeline.items.catalog import Catalog, was_read
from pipeline.serve.problems import Refused

PART = 1 << 20  # bytes that are digested at once
GONE = "is not the file that was indexed any more; run the command that made this workspace again"


@dataclass
class ItemFiles:
    """The files of a collection's items."""

    catalog: Catalog
    _same: dict[tuple[int, int, int], str] = field(default_factory=dict)  # device, inode, mtime -> sha256
    _locks: dict[tuple[int, int, int], Lock] = field(default_factory=dict)  # one digests a file, the others wait for it

    def opened(self, row: int) -> tuple[int, os.stat_result]:
        """A descriptor of the file of a row, which the caller closes, and its status.

        The path is one that the collection took, by its rules for links. The file counts as the table's by its size and
        date, or, in a copy with another date, by its sha256: so a link that was put there since leads nowhere. Refused
        where it is not.
        """
        path, id_ = self.catalog.paths[row], self.catalog.videos[row]
        if not path:
            raise Refused(f"'{id_}' has no file here: its features were imported", 404)
        try:
            descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)  # a pipe must not make this wait
        except OSError as error:
            raise Refused(f"the file of '{id_}' cannot be opened ({error.strerror})", 410) from None
        try:
            status = os.fstat(descriptor)
            if not stat.S_ISREG(status.st_mode) or status.st_size != self.catalog.sizes[row]:
                raise Refused(f"the file of '{id_}' {GONE}", 410)
            if status.st_mtime_ns != self.catalog.mtimes[row] and not self._is_same(descriptor, status, row):
                raise Refused(f"the file of '{id_}' {GONE}", 410)
        except BaseException:
            os.close(descriptor)
            raise
        return descriptor, status

    def check(self, row: int) -> os.stat_result:
        """The status of the file of a row; Refused where it is not that of the table."""
        descriptor, status = self.opened(row)
        os.close(descriptor)
        return status

    def _is_same(self, descriptor: int, status: os.stat_result, row: int) -> bool:
        """Whether an open file has the digest of the table; it is read once for each date."""
        digest = self.catalog.digests[row]
        if not was_read(digest):
            return False
        key = (status.st_dev, status.st_ino, status.st_mtime_ns)
        with self._locks.setdefault(key, Lock()):
            if key not in self._same:
                sha256, place = hashlib.sha256(), 0
                while part := os.pread(descriptor, PART, place):
                    sha256.update(part)
                    place += len(part)
                self._same[key] = sha256.hexdigest()
            return self._same[key] == digest
