"""Memory that a forward frees is kept for the next one, where the C library is glibc.

By default it gives large blocks back to the system each time, which has to clear their pages when they are wanted
again: a third of the time of X3D-L and ir-CSN on a CPU (measured: 1.4 to 1.6 times as fast without, at the same peak).
"""

import ctypes

TRIM, MMAP, ARENAS = -1, -3, -8  # numbers of mallopt(3)
KEPT = (1 << 31) - 1  # bytes at the end of the heap that stay: the largest that the call takes
LARGEST = 1 << 30  # bytes; larger blocks still come from the system and go back to it


def keep() -> bool:
    """Set it for this process; False where the C library is another. To be called before there are other threads."""
    try:
        mallopt = ctypes.CDLL(None).mallopt
    except (OSError, AttributeError):
        return False
    # One heap for all threads: those that threads have of their own cannot hold such blocks.
    return all([mallopt(MMAP, LARGEST), mallopt(TRIM, KEPT), mallopt(ARENAS, 1)])


def variables() -> dict[str, str]:
    """The same for a process that is to be started, as its environment."""
    return {"MALLOC_MMAP_THRESHOLD_": str(LARGEST), "MALLOC_TRIM_THRESHOLD_": str(KEPT), "MALLOC_ARENA_MAX": "1"}
