"""Freed memory is kept: the second time, large blocks come without the system's help."""

import os
import subprocess
import sys

import pytest

from pipeline.workers import malloc

TWICE = """
import resource, sys
import numpy as np
from concurrent.futures import ThreadPoolExecutor
from pipeline.workers import malloc
if sys.argv[1] == "kept" and not malloc.keep():
    sys.exit(77)
def faults():
    before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
    np.ones(25_000_000)  # 200 MB
    return resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before
with ThreadPoolExecutor(1) as other:
    print([other.submit(faults).result() for _ in range(2)][1])
"""


def again(how: str, **environment: str) -> int:
    """Page faults of the second time that a thread takes 200 MB."""
    plain = {key: value for key, value in os.environ.items() if not key.startswith("MALLOC_")}  # dask leaves some there
    done = subprocess.run([sys.executable, "-c", TWICE, how], capture_output=True, text=True, env=plain | environment)
    if done.returncode == 77:
        pytest.skip("the C library is not glibc")
    assert done.returncode == 0, done.stderr
    return int(done.stdout)


def test_large_blocks_are_kept() -> None:
    kept = again("kept")
    assert kept < again("plain") / 10


def test_a_process_that_is_started_gets_it_by_its_environment() -> None:
    again("kept")  # skips
    assert again("plain", **malloc.variables()) < again("plain") / 10
