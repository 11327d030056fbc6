"""What this machine, or the container in it, gives a process: cores and memory, on Linux and elsewhere."""

import os
from contextlib import suppress
from pathlib import Path

CGROUP = Path("/sys/fs/cgroup")  # the limits of a container, version 2
MEMINFO = Path("/proc/meminfo")
UNKNOWN_MEMORY = 8 << 30  # bytes: taken where the system does not say how much it has


def cores() -> int:
    """The number of cores that this process may use; elsewhere than on Linux those of the machine."""
    allowed = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    with suppress(OSError, ValueError):
        quota, period = (CGROUP / "cpu.max").read_text().split()
        return max(1, min(allowed, round(int(quota) / int(period))))
    return allowed


def memory() -> int:
    """Bytes of memory that the machine has."""
    try:
        return os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    except (AttributeError, OSError, ValueError):
        return UNKNOWN_MEMORY


def _cache() -> int:
    """Bytes of the container's memory that hold what was read from files, and are given up when they are needed."""
    with suppress(OSError, ValueError, IndexError):
        return int((CGROUP / "memory.stat").read_text().split("inactive_file ")[1].split()[0])
    return 0


def free_memory() -> int:
    """Bytes of memory that could still be taken; half of the machine's where the system does not say it."""
    free = []
    with suppress(OSError, ValueError, IndexError):
        free.append(int(MEMINFO.read_text().split("MemAvailable:")[1].split()[0]) << 10)
    with suppress(OSError, ValueError):
        limit, taken = (int((CGROUP / f"memory.{name}").read_text()) for name in ("max", "current"))
        free.append(max(0, limit - taken + _cache()))
    return min(free, default=memory() // 2)
