"""Messages between two processes over a pipe: a pickle, and its arrays as they are in memory.

A message is the number of parts, the size of each (little-endian, 64 bit), and the parts: the pickle, then the arrays.
"""

from __future__ import annotations

import os
import pickle
import select
import struct
from contextlib import suppress
from typing import Any

HOLDS = 1 << 20  # bytes that a pipe holds where Linux lets laff choose; frames are megabytes


def pickled(answer: Any) -> tuple[bytes, list[memoryview]]:
    """A pickle of `answer` without its arrays, and the arrays, not copied: the arguments of `send`."""
    buffers: list[pickle.PickleBuffer] = []
    head = pickle.dumps(answer, protocol=5, buffer_callback=buffers.append)
    return head, [buffer.raw() for buffer in buffers]


def send(pipe: int, head: bytes, buffers: list[memoryview]) -> None:
    """Write one message to a file descriptor. OSError where nobody reads any more."""
    sizes = [len(head), *(view.nbytes for view in buffers)]
    for part in (struct.pack(f"<{len(sizes) + 1}Q", len(sizes), *sizes), head, *buffers):
        view = memoryview(part)  # type: ignore[arg-type]
        while view.nbytes:
            view = view[os.write(pipe, view) :]


def receive(pipe: int, silence: float | None) -> tuple[bytearray, list[bytearray]]:
    """The message that `send` wrote: (pickle, arrays).

    TimeoutError after `silence` seconds without a byte (None: no limit), EOFError where the other end is gone.
    """
    (number,) = struct.unpack("<Q", _exactly(pipe, 8, silence))
    sizes = struct.unpack(f"<{number}Q", _exactly(pipe, 8 * number, silence))
    head, *buffers = (_exactly(pipe, size, silence) for size in sizes)
    return head, buffers


def ready(pipe: int, seconds: float | None) -> bool:
    """Whether there is something to read, or the end, within so many seconds."""
    poll = select.poll()
    poll.register(pipe, select.POLLIN)
    return bool(poll.poll(None if seconds is None else seconds * 1000))


def widen(pipe: int) -> None:
    """Let a pipe hold HOLDS bytes, where the system allows it."""
    with suppress(ImportError, AttributeError, OSError):
        import fcntl

        fcntl.fcntl(pipe, fcntl.F_SETPIPE_SZ, HOLDS)


def _exactly(pipe: int, size: int, silence: float | None) -> bytearray:
    """The next `size` bytes of a pipe; raises as `receive` does."""
    data = bytearray(size)
    rest = memoryview(data)
    while rest.nbytes:
        if not ready(pipe, silence):
            raise TimeoutError
        got = os.readv(pipe, [rest])
        if not got:
            raise EOFError
        rest = rest[got:]
    return data
