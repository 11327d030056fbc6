"""What this machine gives a process: cores and memory, on Linux and elsewhere."""

import os

UNKNOWN_MEMORY = 8 << 30  # bytes: taken where the system does not say how much it has


def cores() -> int:
    """The number of cores that this process may use; elsewhere than on Linux those of the machine."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def memory() -> int:
    """Bytes of memory that the machine has."""
    try:
        return os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    except (AttributeError, OSError, ValueError):
        return UNKNOWN_MEMORY
