"""Dask workers that are processes of this machine."""

import os
import signal
from importlib.util import find_spec
from multiprocessing import resource_tracker
from typing import Any

from pipeline.errors import Missing
from pipeline.workers import malloc

KEYS = "cryptography"  # the package by which dask makes keys
PAGES = ["distributed.http.health"]  # that dask shows on this machine to whoever asks: not what the workers are at
LOSSES = 3  # workers that one task may take with it before the run gives up


def start(workers: int) -> Any:
    """Worker processes on this machine; each sees one of its GPUs."""
    import dask
    import torch
    from distributed import LocalCluster

    security = _secured()

    gpus = torch.cuda.device_count()
    share = max(1, len(os.sched_getaffinity(0)) // workers)  # of the cores
    decoders = {"LAFF_DECODERS": os.environ.get("LAFF_DECODERS") or str(share)}

    class Local(LocalCluster):
        """A LocalCluster whose workers take the GPUs in turns."""

        def new_worker_spec(self) -> dict[Any, dict[str, Any]]:
            spec: dict[Any, dict[str, Any]] = super().new_worker_spec()
            for number, (_, worker) in enumerate(spec.items(), len(self.worker_spec)):
                worker["options"]["env"] = decoders | (
                    {"CUDA_VISIBLE_DEVICES": _visible(number % gpus)} if gpus else {}
                )
            return spec

    dask.config.set({"distributed.scheduler.allowed-failures": LOSSES - 1})
    dask.config.set({f"distributed.{which}.http.routes": PAGES for which in ("scheduler", "worker")})
    # What the C library reads when a process starts; a worker's own environment comes too late for that.
    before = dask.config.get("distributed.nanny.pre-spawn-environ", {})
    dask.config.set({"distributed.nanny.pre-spawn-environ": {**before, **malloc.variables()}})
    made: Any = Local(
        n_workers=0,
        threads_per_worker=1,
        resources={"GPU": 1} if gpus else {},
        memory_limit=0,  # the queue bounds it; dask would stop a worker by its guess
        dashboard_address="127.0.0.1:0",
        security=security,
        silence_logs=50,
        host="127.0.0.1",
    )
    # Ctrl-C is for this process alone: those that the loop's thread starts from here on inherit that it is blocked.
    _start_tracker()  # its start would lift the block
    made.loop.add_callback(signal.pthread_sigmask, signal.SIG_BLOCK, {signal.SIGINT})
    made.scale(workers)
    return made


def _start_tracker() -> None:
    """Start the process that removes semaphores of processes which ended at once; it needs not warn of them too."""
    before = os.environ.get("PYTHONWARNINGS")
    os.environ["PYTHONWARNINGS"] = "ignore::UserWarning"
    try:
        resource_tracker.ensure_running()
    finally:
        del os.environ["PYTHONWARNINGS"]
        os.environ |= {} if before is None else {"PYTHONWARNINGS": before}


def check() -> None:
    """Missing where workers could not be started safely, before any work is done."""
    if find_spec(KEYS) is None and not _own_keys():
        raise Missing(KEYS, "--workers, if dask's configuration names no TLS files of yours,")


def _secured() -> Any:
    """Keys without which nobody is let in: else every user of this machine could run code on the workers.

    Those of the user's dask configuration where it asks for encryption, else ones that are made now, are kept in memory
    alone, and end with this process.
    """
    from distributed.security import Security

    check()
    return _own_keys() or Security.temporary()


def _own_keys() -> Any:
    """The TLS files that dask's configuration names, if it asks for encryption; else None."""
    from distributed.security import Security

    own: Any = Security()
    return own if own.require_encryption and own.tls_ca_file else None


def _visible(number: int) -> str:
    """The n-th GPU among those that this process may use."""
    named = [name for name in os.environ.get("CUDA_VISIBLE_DEVICES", "").split(",") if name]
    return named[number] if named else str(number)
