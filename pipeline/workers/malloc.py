"""Settings of glibc that keep the memory which a forward frees for the next one.

By default glibc gives large blocks back to the system each time, which has to clear their pages when they are needed
again: a third of the time of X3D-L and ir-CSN on a CPU (measured: 1.4 to 1.6 times as fast without, at the same peak).
"""

import ctypes

TRIM, MMAP, ARENAS = -1, -3, -8  # numbers of mallopt(3)
KEPT = (1 << 31) - 1  # bytes at the end of the heap that stay: the largest that the call takes
LARGEST = 1 << 30  # bytes; larger blocks still come from the system and go back to it


def keep() -> bool:
    """Keep freed memory in this process; False where the C library is not glibc. Call it before other threads begin."""
    try:
        mallopt = ctypes.CDLL(None).mallopt
    except (OSError, AttributeError):
        return False
    # One heap for all threads: the heaps of single threads cannot hold such blocks.
    return all([mallopt(MMAP, LARGEST), mallopt(TRIM, KEPT), mallopt(ARENAS, 1)])


def variables() -> dict[str, str]:
    """The environment variables that make a process to be started keep freed memory."""
    return {"MALLOC_MMAP_THRESHOLD_": str(LARGEST), "MALLOC_TRIM_THRESHOLD_": str(KEPT), "MALLOC_ARENA_MAX": "1"}
