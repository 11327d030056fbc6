"""How a thread of torch waits for the others of a step: it looks for their work a few thousand times, then it sleeps.

libgomp's own number is 300,000, which on a busy machine takes the cores from the very threads that are waited for.
Sleeping at once (OMP_WAIT_POLICY=passive alone) needs no core, but on idle cores to wake up takes longer than much of
the work. Measured by benchmarks/threads.py, ms a step of two threads, fine-tuning of `laff demo` and training:

                    on idle cores     beside two busy processes
    asleep at once      533    27           306    60
    10,000 looks        223    30           509    77
    300,000 looks       223    23         3,713   109 to 908
"""

import os

POLICY, SPINS = "OMP_WAIT_POLICY", "GOMP_SPINCOUNT"  # read when torch is imported; other libraries know the first alone
LOOKS = "10000"


def settle() -> None:
    """Set it for this process and those that it starts, unless the environment says something already."""
    if POLICY not in os.environ:
        os.environ.setdefault(SPINS, LOOKS)
        os.environ[POLICY] = "passive"
